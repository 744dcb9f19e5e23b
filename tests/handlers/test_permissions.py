"""A right is a duty for the class at hand, now; nothing else is one."""

from datetime import timedelta

import pytest

from handlers.errors import Forbidden
from handlers.permissions import Deed, may, require
from storage.people import ClassRoom, Duty, Speaker
from storage.vocabulary import Platform, Role

ROOM = ClassRoom(1, "计算机2301", 10, "confident", timedelta(minutes=10), None)


def somebody(*duties: Duty, person_id: int | None = 5, class_ids: tuple[int, ...] = ()) -> Speaker:
    return Speaker(Platform.QQ, "10001", person_id, "王敏", duties, class_ids)


@pytest.mark.parametrize("deed", Deed)
@pytest.mark.parametrize(
    ("speaker", "is_allowed"),
    [
        (somebody(Duty(Role.TUTOR, 1, None)), True),
        (somebody(Duty(Role.TUTOR, 2, None)), False),
        (somebody(Duty(Role.TUTOR, 2, None), Duty(Role.TUTOR, 1, None)), True),
        (somebody(Duty(Role.SUPERVISOR, None, 10)), True),
        (somebody(Duty(Role.SUPERVISOR, None, 11)), False),
        (somebody(Duty(Role.SUPERVISOR, None, None)), True),
        (somebody(class_ids=(1,)), False),
        (somebody(Duty(Role.TUTOR, 2, None), class_ids=(1,)), False),
        (somebody(), False),
        (Speaker(Platform.QQ, "99999"), False),
        (somebody(Duty(Role.TUTOR, 1, None), person_id=None), False),
    ],
    ids=[
        "tutor of the class",
        "tutor of another",
        "tutor of both",
        "supervisor of the unit",
        "supervisor of another unit",
        "supervisor of the province",
        "student",
        "student who is tutor elsewhere",
        "nobody of the class",
        "unknown account",
        "duty without a person",
    ],
)
def test_staff_of_the_class_may_and_nobody_else(
    deed: Deed, speaker: Speaker, *, is_allowed: bool
) -> None:
    assert may(speaker, deed, ROOM) is is_allowed


def test_require_gives_the_class_back() -> None:
    assert require(somebody(Duty(Role.TUTOR, 1, None)), Deed.REPLY, ROOM) is ROOM


@pytest.mark.parametrize("room", [ROOM, None], ids=["not theirs", "no class"])
def test_every_refusal_is_the_same_sentence(room: ClassRoom | None) -> None:
    """So that it tells nothing about what exists."""
    with pytest.raises(Forbidden) as caught:
        require(somebody(Duty(Role.TUTOR, 2, None)), Deed.ANNOUNCE, room)

    assert "只有本班助学教师或管理人员" in caught.value.sentence

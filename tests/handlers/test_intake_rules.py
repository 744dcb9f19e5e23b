"""Whose a complaint is by its words: in doubt not the tutor's (S13.6)."""

import pytest

from handlers.intake import category_in, course_of
from storage.questions import Category, Level
from storage.vocabulary import Topic


@pytest.mark.parametrize(
    ("text", "topic"),
    [
        ("老师收了钱不办事", Topic.FEES),
        ("问了一礼拜没人理", Topic.FEES),
        ("缴费的事推来推去", Topic.FEES),
        ("不知道说啥 太气人", Topic.NONE),
        ("电话打不通", Topic.CONTACT),
    ],
)
def test_in_doubt_the_tutor_does_not_hear_of_it(text: str, topic: Topic) -> None:
    course = course_of(Category.COMPLAINT, text, topic)

    assert (course.level, course.is_hidden) == (Level.UNIT, True)


def test_what_is_plainly_about_a_thing_is_the_tutors_to_settle() -> None:
    course = course_of(Category.COMPLAINT, "学费扣了两回", Topic.FEES)

    assert (course.level, course.is_hidden, course.is_sure) == (Level.TUTOR, False, True)


@pytest.mark.parametrize("category", [Category.REQUEST, Category.SUGGESTION])
def test_requests_and_suggestions_go_up(category: Category) -> None:
    assert course_of(category, "希望本地设考点", Topic.EXAM_SCHEDULE).level is Level.UNIT
    assert course_of(category, "想换个班主任", Topic.NONE).is_hidden


@pytest.mark.parametrize(
    ("text", "category"),
    [
        ("我要投诉乱收费", Category.COMPLAINT),
        ("诉求：设考点", Category.REQUEST),
        ("建议早点出成绩", Category.SUGGESTION),
        ("学习中心乱收费", None),
    ],
)
def test_what_it_is_counts_only_where_it_is_said(text: str, category: Category | None) -> None:
    assert category_in(text) is category

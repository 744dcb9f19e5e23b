"""The grammar of commands: what is one, what its words mean, and what a wrong one is told."""

from collections.abc import Callable
from contextlib import suppress
from datetime import date, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from handlers import commands
from handlers.commands import BadCommand, Command
from handlers.routes import BY_NAME, COMMANDS, HELP
from storage.vocabulary import SHANGHAI

USAGE = "/答复 T-12 内容"
NAMES = {name: name for name in BY_NAME}


@pytest.mark.parametrize(
    ("text", "command"),
    [
        ("/待办", Command("待办", "")),
        ("／待办", Command("待办", "")),
        ("  /待办  ", Command("待办", "")),
        ("/ 待办", Command("待办", "")),
        ("/答复 T-12 好的", Command("答复", "T-12 好的")),
        ("/答复\nT-12 好的\n明天来", Command("答复", "T-12 好的\n明天来")),
        ("/公告　明天放假", Command("公告", "明天放假")),
        ("/公告 看 http://a/b", Command("公告", "看 http://a/b")),
        ("/?", Command("?", "")),
        ("待办", None),
        ("看一下 /待办", None),
        ("/", None),
        ("//", None),
        ("", None),
    ],
)
def test_a_command_begins_with_a_slash(text: str, command: Command | None) -> None:
    assert commands.parse(text) == command


@settings(deadline=None)
@given(st.text() | st.text("/／ \n\tT-12答复待办", max_size=40))
def test_no_text_is_too_odd_to_parse(text: str) -> None:
    found = commands.parse(text)

    if found is not None:
        assert found.name
        assert found.name == found.name.strip()
        assert found.argument == found.argument.strip()
        commands.nearest(found.name, NAMES)
        commands.split_glued(found.name, NAMES)


@settings(deadline=None)
@given(st.text(max_size=60) | st.text("Tt-—_：0123456789好 \n", max_size=30))
def test_no_argument_is_too_odd_to_refuse(text: str) -> None:
    at = datetime(2026, 12, 1, tzinfo=SHANGHAI)
    readers: list[Callable[[], object]] = [
        lambda: commands.number_and_text(text, USAGE),
        lambda: commands.number_only(text, USAGE),
        lambda: commands.length(text, USAGE),
        lambda: commands.day(text, at, USAGE),
    ]

    for read in readers:
        with suppress(BadCommand):
            read()


@settings(deadline=None)
@given(
    number=st.integers(0, 10**15 - 1),
    form=st.sampled_from(["T-{} {}", "t{} {}", "{}：{}", "T—{}，{}", "Ｔ－{}\n{}"]),
    words=st.text(st.characters(exclude_categories=["Cs", "Nd"]), min_size=1).map(str.strip),
)
def test_a_number_and_its_text_come_back_as_they_were_typed(
    number: int, form: str, words: str
) -> None:
    if not words or words[0] in ":：,，":
        return

    assert commands.number_and_text(form.format(number, words), USAGE) == (number, words)


@pytest.mark.parametrize(
    "argument", ["", "T-", "好的", "T-12", "T-12 ：", "T-12　", "T-" + "9" * 16]
)
def test_a_number_without_text_or_text_without_number_is_told_the_form(argument: str) -> None:
    with pytest.raises(BadCommand) as caught:
        commands.number_and_text(argument, USAGE)

    assert caught.value.sentence == "格式：/答复 T-12 内容"


@pytest.mark.parametrize("argument", ["T-12", "t12", "12", " T - 12", "T—12", "Ｔ－１２", "T-12："])
def test_a_number_may_be_written_in_many_ways(argument: str) -> None:
    assert commands.number_only(argument, USAGE) == 12


@pytest.mark.parametrize("argument", ["", "T-12 好", "十二", "T-"])
def test_what_is_no_number_is_refused(argument: str) -> None:
    with pytest.raises(BadCommand):
        commands.number_only(argument, USAGE)


@pytest.mark.parametrize(
    ("argument", "minutes"),
    [
        ("30分钟", 30),
        ("30 分", 30),
        ("45m", 45),
        ("2小时", 120),
        ("2时", 120),
        ("2h", 120),
        ("2", 120),
        (" 1天 ", 1440),
        ("1d", 1440),
        ("30天", 30 * 1440),
        ("720", 30 * 1440),
    ],
)
def test_a_length_of_time(argument: str, minutes: int) -> None:
    assert commands.length(argument, USAGE) == timedelta(minutes=minutes)


@pytest.mark.parametrize(
    "argument", ["", "0", "0分钟", "31天", "721", "-1", "半小时", "1.5小时", "99999"]
)
def test_a_length_that_is_none_or_too_long_is_refused(argument: str) -> None:
    with pytest.raises(BadCommand):
        commands.length(argument, USAGE)


@pytest.mark.parametrize(
    ("argument", "day"),
    [
        ("", date(2026, 12, 1)),
        ("今天", date(2026, 12, 1)),
        ("今日", date(2026, 12, 1)),
        ("昨天", date(2026, 11, 30)),
        ("昨日", date(2026, 11, 30)),
        ("12-5", date(2026, 12, 5)),
        ("12.05", date(2026, 12, 5)),
        ("12/5", date(2026, 12, 5)),
        ("12月5日", date(2026, 12, 5)),
        ("2025-12-05", date(2025, 12, 5)),
        ("2025年12月5日", date(2025, 12, 5)),
        ("2024-2-29", date(2024, 2, 29)),
    ],
)
def test_a_day(argument: str, day: date, now: datetime) -> None:
    assert commands.day(argument, now, USAGE) == day


@pytest.mark.parametrize(
    "argument", ["明年", "2-30", "2026-02-29", "13-1", "0-1", "12-5-1-1", "12"]
)
def test_a_day_that_is_none_is_refused(argument: str, now: datetime) -> None:
    with pytest.raises(BadCommand):
        commands.day(argument, now, USAGE)


@pytest.mark.parametrize(
    ("typed", "meant"),
    [("代办", "待办"), ("日抱", "日报"), ("公吿", "公告"), ("tood", "todo"), ("讲个笑话", None)],
)
def test_a_mistyped_name_is_told_the_nearest(typed: str, meant: str | None) -> None:
    assert commands.nearest(typed, [name for name in BY_NAME if len(name) > 1]) == meant


@pytest.mark.parametrize(
    ("typed", "command"),
    [
        ("答复T-3", Command("答复", "T-3")),
        ("公告明天放假", Command("公告", "明天放假")),
        ("绑定班级计算机2301", Command("绑定班级", "计算机2301")),
        ("回T-3", None),
        ("笑话", None),
    ],
)
def test_a_name_may_run_into_its_argument_unless_it_is_one_letter(
    typed: str, command: Command | None
) -> None:
    assert commands.split_glued(typed, NAMES) == command


def test_no_name_belongs_to_two_commands() -> None:
    assert len(BY_NAME) == sum(len(route.names) for route in COMMANDS)


def test_every_command_somebody_is_shown_stands_in_one_group_of_help() -> None:
    shown = [route.names[0] for route in COMMANDS if route.readers]
    grouped = [name for names in HELP.values() for name in names]

    assert sorted(grouped) == sorted(shown)
    # A group on a phone: a dozen lines at most.
    assert all(len(names) <= 12 for names in HELP.values())

"""Passed on, told, put off, covered: what a scenario cannot show, because it needs the database."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import update

from bot.adapters.playground import ACCOUNT
from handlers.settings import WorkingTimeSettings
from handlers.transfers import give_back_late
from handlers.working_time import WorkingTime
from storage.cases import StepKind
from storage.imports import ClassRow
from storage.models.people import duties
from storage.people import ClassRoom
from storage.questions import Category, HandOff, Level, SolvedBy, State
from storage.reports import LedgerFilter
from storage.vocabulary import (
    Capabilities,
    Conversation,
    ConversationKind,
    Label,
    Message,
    Platform,
    Topic,
)
from tests.scenarios.player import START, Player, playing

GROUP = Conversation(Platform.PLAYGROUND, ACCOUNT, ConversationKind.GROUP, "计算机2301")
WORKING = WorkingTime(WorkingTimeSettings())
QUESTION = "食堂几点关门啊"


@pytest.fixture
async def player(tmp_path: Path) -> AsyncIterator[Player]:
    async with playing(tmp_path) as made:
        yield made


def private(who: str) -> Conversation:
    return Conversation(Platform.PLAYGROUND, ACCOUNT, ConversationKind.PRIVATE, who)


class Chat:
    """People saying things one after the other; what the bot says to that, by place."""

    def __init__(self, player: Player) -> None:
        self.player = player
        self._count = 0

    async def hear(self, *messages: Message) -> list[tuple[str, str]]:
        before = len(self.player.said)
        for message in messages:
            await self.player.app.inbox.accept(message)
        await self.player.app.inbox.drain()
        await self.player.app.outbox.drain()
        return [
            (said.conversation.id, said.text.removeprefix("【助学小助手】"))
            for said in self.player.said[before:]
            if said.sender_id == ACCOUNT
        ]

    def message(self, who: str, text: str, place: Conversation | None = None) -> Message:
        self._count += 1
        number, now = str(self._count), self.player.clock.now()
        where = place or private(who)
        is_group = where.kind is ConversationKind.GROUP
        return Message(where, who, who, number, text, now, number, mentions_bot=is_group)

    async def say(self, who: str, text: str, place: Conversation | None = None) -> dict[str, str]:
        return dict(await self.hear(self.message(who, text, place)))

    async def item(self, number: int) -> HandOff:
        async with self.player.app.database.reading() as uow:
            found = await uow.questions.get(number)
        assert found is not None
        return found

    async def room(self) -> ClassRoom:
        async with self.player.app.database.reading() as uow:
            room = await uow.people.class_named("计算机2301", self.player.clock.now())
        assert room is not None
        return room

    async def file(self, *, about_tutor: bool = False, at: datetime = START) -> int:
        """A complaint said in the group, as the intake notes it."""
        room = await self.room()
        async with self.player.app.database.unit_of_work() as uow:
            item = await uow.questions.add(
                Message(GROUP, "小李", "小李", "900", "教材发错三次", at, "900"),
                kind=Label.COMPLAINT,
                class_id=room.id,
                person_id=None,
                event_id=900,
                text="教材发错三次",
                topic=Topic.TEXTBOOK,
                is_about_tutor=about_tutor,
                surface_at=None,
                category=Category.COMPLAINT,
                level=Level.UNIT if about_tutor else Level.TUTOR,
            )
        return item.number


@pytest.fixture
def chat(player: Player) -> Chat:
    return Chat(player)


# -- to a department ------------------------------------------------------------------------------


async def test_what_a_department_leaves_goes_back_to_its_owner_once(chat: Chat) -> None:
    """S10.4: no answer within the time between two updates, and the tutor has it again."""
    await chat.say("小李", QUESTION, GROUP)
    await chat.say("王敏", "/转 学籍 T-1")
    late = START + timedelta(days=3)

    async with chat.player.app.database.unit_of_work() as uow:
        early = await give_back_late(uow, START + timedelta(hours=6), WORKING)
        cards = await give_back_late(uow, late, WORKING)
        again = await give_back_late(uow, late, WORKING)

    assert early == again == []
    assert [(card.conversation.id, card.about) for card in cards] == [("王敏", 1)]
    assert "已退回给您" in cards[0].text
    item = await chat.item(1)
    assert (item.contact_id, item.level, item.state) == (None, Level.TUTOR, State.WAITING)
    assert await chat.say("孙洁", "/待办") == {"孙洁": "没有转给您的问题。"}
    refused = await chat.say("孙洁", "/答复 T-1 晚上八点")
    assert "只有本班助学教师" in refused["孙洁"]


async def test_a_department_is_credited_and_the_tutor_stays_the_owner(chat: Chat) -> None:
    """S10.4 S13.2."""
    await chat.say("小李", QUESTION, GROUP)
    await chat.say("王敏", "/转 学籍 T-1")
    await chat.say("孙洁", "/答复 T-1 晚上八点")

    item = await chat.item(1)
    assert (item.solved_by, item.answer) == (SolvedBy.DEPARTMENT, "晚上八点")
    async with chat.player.app.database.reading() as uow:
        steps = [step.kind for step in await uow.cases.steps(1)]
        figures = await uow.reports.figures(LedgerFilter())
        rows = await uow.reports.ledger(LedgerFilter(), limit=10)
    assert steps == [StepKind.PASSED_ON, StepKind.ANSWERED]
    assert (figures.by_tutor, figures.by_department, figures.first_reply_seconds) == (0, 1, ())
    assert rows[0].tutor_name == "王敏"


async def test_a_card_to_a_department_names_no_student(chat: Chat) -> None:
    await chat.say("小李", QUESTION, GROUP)

    said = await chat.say("王敏", "/转 学籍 T-1")

    assert "小李" not in said["孙洁"]
    assert "计算机2301 同学" in said["孙洁"]


async def test_a_cry_for_help_is_neither_passed_on_nor_told(chat: Chat) -> None:
    """S13.10: sealed to those two."""
    room = await chat.room()
    async with chat.player.app.database.unit_of_work() as uow:
        await uow.questions.add(
            replace(chat.message("小李", "不想活了", GROUP)),
            kind=Label.DISTRESS,
            class_id=room.id,
            person_id=None,
            event_id=1,
            text="不想活了",
            topic=Topic.NONE,
            is_about_tutor=False,
            surface_at=None,
        )

    for command in ("/转 学籍 T-1", "/进展 T-1 已经联系上家长了", "/延期 T-1 需要时间"):
        said = await chat.say("王敏", command)
        assert list(said) == ["王敏"]
        assert "只由您当面或电话处理" in said["王敏"]


# -- complaints -----------------------------------------------------------------------------------


async def test_a_complaint_is_answered_in_private(chat: Chat) -> None:
    """S13.5: what is not everybody's is not said in the group it came from."""
    number = await chat.file()

    said = await chat.say("王敏", f"/答复 T-{number} 已换书，周五补发")

    assert set(said) == {"王敏", "小李"}
    assert "已换书，周五补发" in said["小李"]


async def test_where_no_private_chat_opens_the_group_hears_only_that_there_is_news(
    chat: Chat, monkeypatch: pytest.MonkeyPatch
) -> None:
    number = await chat.file()
    answering = chat.player.app.inbox._answering
    monkeypatch.setattr(
        answering, "_capabilities", {Platform.PLAYGROUND: Capabilities(writes_first=False)}
    )

    said = await chat.say("王敏", f"/答复 T-{number} 已换书，周五补发")

    assert set(said) == {"王敏", "计算机2301"}
    assert "已换书" not in said["计算机2301"]
    assert "请私聊我" in said["计算机2301"]


async def test_a_complaint_is_put_off_once_and_the_asker_is_told_why(chat: Chat) -> None:
    """S13.5: one extension, with a reason; the new time is counted from when it was filed."""
    number = await chat.file()

    first = await chat.say("王敏", f"/延期 T-{number} 出版社缺货，下周到")
    second = await chat.say("王敏", f"/延期 T-{number} 还是缺货，再等等")

    due = WORKING.due(START, WORKING.settings.allowance("extended_solution"))
    when = f"{due.month}月{due.day}日 {due:%H:%M}"
    assert (
        first["小李"]
        == f"T-{number} 还需要一些时间，王敏老师最晚 {when} 答复您。原因：出版社缺货，下周到"
    )
    assert list(second) == ["王敏"]
    assert "已经延期过一次" in second["王敏"]


@pytest.mark.parametrize(
    "command",
    [
        "/转 学籍 T-{}",
        "/进展 T-{} 正在和学生谈这件事",
        "/延期 T-{} 需要核实",
        "/答复 T-{} 不是这样的",
    ],
)
@pytest.mark.parametrize("place", [None, GROUP])
async def test_a_complaint_about_the_tutor_is_no_number_at_all_for_the_tutor(
    chat: Chat, command: str, place: Conversation | None
) -> None:
    """S13.6: word for word as for a number nobody was given, and not a row is written."""
    number = await chat.file(about_tutor=True)
    async with chat.player.app.database.reading() as uow:
        before = await uow.reports.count(LedgerFilter())

    about_it = await chat.say("王敏", command.format(number), place)
    of_none = await chat.say("王敏", command.format(77), place)

    assert {
        where: text.replace(f"T-{number}", "T-77") for where, text in about_it.items()
    } == of_none
    async with chat.player.app.database.reading() as uow:
        assert await uow.reports.count(LedgerFilter()) == before
        assert await uow.cases.steps(number) == []


async def test_a_list_asked_for_in_the_group_names_nobody_who_came_in_private(chat: Chat) -> None:
    await chat.file()
    await chat.file(about_tutor=True)

    of_tutor = (await chat.say("王敏", "/待办", GROUP))["计算机2301"]
    of_supervisor = (await chat.say("孙督导", "/待办", GROUP))["计算机2301"]

    assert "T-1" in of_tutor
    assert "小李" not in of_tutor + of_supervisor
    assert "教材" not in of_tutor + of_supervisor
    assert "T-2" not in of_tutor + of_supervisor


# -- owners ---------------------------------------------------------------------------------------


async def test_a_class_without_a_tutor_hands_over_to_its_unit_from_the_first_word(
    chat: Chat,
) -> None:
    """S10.6: nothing is nobody's, not for a minute."""
    async with chat.player.app.database.unit_of_work() as uow:
        await uow.write(update(duties).where(duties.c.role == "tutor").values(ends_at=START))

    said = await chat.say("小李", QUESTION, GROUP)

    item = await chat.item(1)
    assert item.level is Level.UNIT
    assert "T-1" in said["孙督导"]
    async with chat.player.app.database.reading() as uow:
        assert await uow.cases.ownerless(START) == 0
    assert "T-1" in (await chat.say("孙督导", "/待办"))["孙督导"]
    answered = await chat.say("孙督导", "/答复 T-1 晚上八点")
    assert "晚上八点" in answered["计算机2301"]
    assert (await chat.item(1)).solved_by is SolvedBy.SUPERVISOR


async def test_whoever_stands_in_keeps_it_over_an_import_of_the_class_table(chat: Chat) -> None:
    """Who only covers is in no table; reading the table again must not end it."""
    await chat.say("王敏", "/请假 今天到周五 代 赵强")

    row = ClassRow("计算机2301", Platform.PLAYGROUND, ACCOUNT, GROUP.id, "王敏", "王敏", "市开大")
    async with chat.player.app.database.unit_of_work() as uow:
        changes = await uow.imports.classes(
            [row], default_mode="confident", default_grace=10, now=START + timedelta(minutes=1)
        )

    assert changes.lines == []
    room = await chat.room()
    assert [tutor.name for tutor in room.tutors] == ["赵强", "王敏"]
    assert [tutor.name for tutor in room.on_duty] == ["赵强"]


async def test_a_cover_ends_by_itself(chat: Chat) -> None:
    await chat.say("王敏", "/请假 今天到周五 代 赵强")

    chat.player.clock.set(START.replace(day=5, hour=0))

    assert [tutor.name for tutor in (await chat.room()).on_duty] == ["王敏"]


async def test_who_is_away_cannot_stand_in(chat: Chat) -> None:
    await chat.say("赵强", "/请假 12-02 12-03 代 王敏")

    said = await chat.say("王敏", "/请假 今天到周五 代 赵强")

    assert said == {"王敏": "赵强老师这几天也请假，不能代班，没有登记。"}


async def test_a_new_leave_takes_the_place_of_the_old_one(chat: Chat) -> None:
    await chat.say("王敏", "/请假 今天到周五 代 赵强")

    said = await chat.say("王敏", "/请假 今天到周五 代 孙督导")

    assert "原来登记的代班 赵强 已取消" in said["王敏"]
    assert "代班结束" in said["赵强"]
    assert [tutor.name for tutor in (await chat.room()).on_duty] == ["孙督导"]


# -- one answer for many --------------------------------------------------------------------------


async def test_forty_who_ask_the_same_at_once_are_one_card_and_one_answer(chat: Chat) -> None:
    """In one batch, before any of them is in the database."""
    asked = [
        replace(chat.message(f"同学{number}", QUESTION, GROUP), sender_id=f"同学{number}")
        for number in range(40)
    ]

    said = await chat.hear(*asked)
    answered = await chat.hear(chat.message("王敏", "/答复 T-1 晚上八点"))

    cards = [text.partition("\n")[0] for where, text in said if where == "王敏"]
    assert cards == ["待答复 T-1", "T-1 又有 1 位同学问同样的问题："]
    assert len([text for where, text in said if where == GROUP.id]) == 40
    assert sorted(where for where, _ in answered) == sorted(["王敏", GROUP.id])
    async with chat.player.app.database.reading() as uow:
        open_now = await uow.questions.open_in([(await chat.room()).id])
        figures = await uow.reports.figures(LedgerFilter())
        rows = await uow.reports.ledger(LedgerFilter(), limit=100)
    assert open_now == {}
    assert (figures.by_tutor, figures.closed_by_tutor) == (1, 40)
    assert len(figures.first_reply_seconds) == 1
    assert {row.record.hand_off for row in rows if row.record.solved_by} == set(range(1, 41))


async def test_the_tutor_hears_of_more_askers_once_in_ten_minutes(chat: Chat) -> None:
    await chat.say("小李", QUESTION, GROUP)
    cards = []
    for minutes, who in enumerate(("小张", "甲", "乙", "丙", "丁")):
        chat.player.clock.set(START + timedelta(minutes=4 * minutes + 1))
        said = await chat.say(who, QUESTION, GROUP)
        cards.append(said.get("王敏", "").partition("：")[0])

    assert cards == ["T-1 又有 1 位同学问同样的问题", "", "", "T-1 又有 4 位同学问同样的问题", ""]


async def test_the_answer_is_timed_from_the_earliest_who_waited(chat: Chat) -> None:
    """S10.3: whoever's card is answered, the clock began with the first of them."""
    await chat.say("小李", QUESTION, GROUP)
    chat.player.clock.set(START + timedelta(minutes=30))
    await chat.say("小张", QUESTION, GROUP)
    chat.player.clock.set(START + timedelta(minutes=40))

    await chat.say("王敏", "/答复 T-2 晚上八点")

    async with chat.player.app.database.reading() as uow:
        figures = await uow.reports.figures(LedgerFilter())
    assert figures.first_reply_seconds == (2400.0,)


async def test_an_update_does_not_stop_the_clock_of_a_question(chat: Chat) -> None:
    """S10.3: told how it stands is not answered."""
    await chat.say("小李", QUESTION, GROUP)
    chat.player.clock.set(START + timedelta(minutes=5))
    await chat.say("王敏", "/进展 T-1 已经问了物业，下午给回话")
    chat.player.clock.set(START + timedelta(minutes=60))

    await chat.say("王敏", "/答复 T-1 晚上八点")

    async with chat.player.app.database.reading() as uow:
        figures = await uow.reports.figures(LedgerFilter())
    assert figures.first_reply_seconds == (3600.0,)


async def test_complaints_in_the_same_words_stay_two(chat: Chat) -> None:
    first, second = await chat.file(), await chat.file()

    await chat.say("王敏", f"/答复 T-{first} 已换书，周五补发")

    assert (await chat.item(second)).state is State.WAITING

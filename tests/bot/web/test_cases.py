"""The supervisor's desk: who sees which cases, what may be done with one, once, what is noted."""

import asyncio
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from bot import demo
from bot.adapters.playground import ACCOUNT, Said
from bot.app import App
from bot.web.cases import clock_of, query_of
from handlers.clocks import Clock, Due
from storage.cases import StepKind
from storage.questions import HandOff, Level, SolvedBy, Verdict
from storage.reports import LedgerFilter
from storage.vocabulary import (
    SHANGHAI,
    Action,
    Attachment,
    AttachmentKind,
    Conversation,
    ConversationKind,
    Message,
    Platform,
)
from tests.bot.web.conftest import (
    OTHER_CLASS,
    OTHER_GROUP,
    OTHER_UNIT,
    Visit,
    Visitor,
    add_supervisor,
    say,
)

ODD = "@助手 校门口的停车卡在哪里办？"
ABOUT_TUTOR = "我要投诉，王老师一直不回消息"
DISTRESS = "我已经写好遗书了"


async def sign_in(
    app: App, visit: Visit, unit: str | None = demo.UNIT, username: str = "boss"
) -> Visitor:
    await add_supervisor(app, username, "correct horse", unit=unit)
    visitor = await visit(app)
    assert await visitor.sign_in(username, "correct horse") == 303
    return visitor


async def tell(app: App, text: str, who: str = "student-li", name: str = "小李") -> None:
    """A student writes to the bot alone."""
    await say(app, text, who=who, name=name, group="")


async def act(visitor: Visitor, number: int, deed: str, **form: str) -> tuple[int, str]:
    token = await visitor.token("/ledger")
    return await visitor.post(f"/cases/{number}/{deed}", {"csrf": token, **form})


async def case(app: App, number: int = 1) -> HandOff:
    async with app.database.reading() as uow:
        found = await uow.questions.get(number)
    assert found is not None
    return found


async def kinds(app: App, number: int = 1) -> list[StepKind]:
    async with app.database.reading() as uow:
        return [step.kind for step in await uow.cases.steps(number)]


SAID: list[Said] = []


@pytest.fixture(autouse=True)
def said(app: App) -> list[Said]:
    """Everything said on the platform."""
    assert app.playground is not None
    SAID.clear()
    app.playground.watchers.append(SAID.append)
    return SAID


def heard(who: str) -> list[str]:
    """What the bot has said to somebody alone."""
    return [one.text for one in SAID if one.conversation.id == who and one.sender_id != who]


async def tutor_id(app: App) -> str:
    async with app.database.reading() as uow:
        room = await uow.people.class_named(demo.CLASS_NAME, app.clock.now())
    assert room is not None
    assert room.tutor is not None
    return str(room.tutor.person_id)


async def open_hearing(app: App, visitor: Visitor) -> None:
    status, _ = await act(
        visitor, 1, "hearing", tutor=await tutor_id(app), text="有同学反映消息没有人回"
    )
    assert status == 303
    await app.outbox.drain()


async def rule(app: App, visitor: Visitor, **more: str) -> tuple[int, str]:
    form = {
        "verdict": "partly",
        "tutor": await tutor_id(app),
        "reason": "查了记录，两次超过两个工作日",
        "text": "已请老师改进，今后两个工作日内回复。",
    }
    found = await act(visitor, 1, "verdict", **(form | more))
    await app.outbox.drain()
    return found


async def audited(app: App) -> list[tuple[str, str, str]]:
    async with app.database.reading() as uow:
        return await uow.audit.actions()


# -- who sees what --------------------------------------------------------------------------------


async def test_desk_lists_what_waits_with_owner_clock_and_first_words(
    app: App, visit: Visit
) -> None:
    await say(app, ODD)
    visitor = await sign_in(app, visit)

    status, body = await visitor.get("/cases")

    assert status == 200
    assert "T-1" in body
    assert "校门口的停车卡在哪里办" in body
    assert "王敏" in body
    assert "首次答复" in body
    assert "已用 0 %" in body
    assert "小*" in body
    assert "默认值，可改" in body


async def test_cases_of_another_unit_are_as_if_they_never_were(app: App, visit: Visit) -> None:
    await say(app, ODD)
    visitor = await sign_in(app, visit, OTHER_UNIT)

    _, body = await visitor.get("/cases")
    foreign, foreign_body = await visitor.get("/cases/1")
    nowhere, nowhere_body = await visitor.get("/cases/999")
    done, _ = await act(visitor, 1, "answer", text="在一号门保卫处")

    assert ">T-1<" not in body
    assert "停车卡" not in body
    assert (foreign, nowhere, done) == (404, 404, 404)
    assert foreign_body == nowhere_body
    assert (await case(app)).closed_at is None


async def test_provinces_desk_is_a_queue_of_what_came_up_to_it(app: App, visit: Visit) -> None:
    """S23.1: escalated items, on the same clocks and with the same numbers."""
    await say(app, ODD)
    await say(app, "@助手 实验室钥匙在谁那里？", who="student-zhang", name="小张")
    unit = await sign_in(app, visit)
    province = await sign_in(app, visit, None, "sheng")

    app.clock.advance(timedelta(minutes=1))  # type: ignore[attr-defined]
    status, _ = await act(unit, 1, "up", reason="本单位解决不了")
    _, queue = await province.get("/cases?level=province")
    _, whole = await province.get("/cases")

    assert status == 303
    assert (await case(app)).level is Level.PROVINCE
    assert ">T-1<" in queue
    assert ">T-2<" not in queue
    assert "首次答复" in queue
    assert whole.index(">T-1<") < whole.index(">T-2<")  # what came up last is first
    assert StepKind.ESCALATED in await kinds(app)


async def test_filters_narrow_by_kind_level_class_tutor_and_lateness(
    app: App, visit: Visit
) -> None:
    await say(app, ODD)
    await tell(app, ABOUT_TUTOR, "student-zhang", "小张")
    visitor = await sign_in(app, visit)
    shown = {}

    for query in ("kind=complaint", "kind=inquiry", "class=会计", "tutor=王敏", "overdue=1"):
        _, body = await visitor.get(f"/cases?{query}")
        shown[query] = [number for number in ("T-1", "T-2") if f">{number}<" in body]

    assert shown == {
        "kind=complaint": ["T-2"],
        "kind=inquiry": ["T-1"],
        "class=会计": [],
        "tutor=王敏": ["T-1", "T-2"],
        "overdue=1": [],
    }


@pytest.mark.parametrize(
    "query", ["page=0", "page=99999", "page=-1", "kind=x&level=y", "class=%00"]
)
async def test_odd_filters_are_a_page_not_an_error(app: App, visit: Visit, query: str) -> None:
    visitor = await sign_in(app, visit)

    assert (await visitor.get(f"/cases?{query}"))[0] == 200


async def test_years_without_holidays_raise_a_red_banner_in_time(app: App, visit: Visit) -> None:
    visitor = await sign_in(app, visit)
    _, before = await visitor.get("/cases")
    known = app.working.unknown_years(app.clock.now())
    app.clock.set(datetime(2098, 11, 10, 9, tzinfo=SHANGHAI))  # type: ignore[attr-defined]
    later = await sign_in(app, visit, demo.UNIT, "later")

    _, body = await later.get("/cases")

    assert ("年的放假和调休安排还没有" in before) == bool(known)
    assert "2098、2099 年的放假和调休安排还没有" in body
    assert "entered_years" in body


async def test_markup_in_a_case_stays_text(app: App, visit: Visit) -> None:
    await say(app, "@助手 <script>alert(1)</script> 停车卡在哪里办？")
    visitor = await sign_in(app, visit)

    for path in ("/cases", "/cases/1"):
        _, body = await visitor.get(path)
        assert "<script>alert" not in body


async def test_evidence_is_listed_by_name_with_what_was_added_later(app: App, visit: Visit) -> None:
    place = Conversation(Platform.PLAYGROUND, ACCOUNT, ConversationKind.PRIVATE, "student-li")
    await tell(app, ABOUT_TUTOR)
    await tell(app, "跳过")
    await app.inbox.accept(
        Message(
            place,
            "student-li",
            "小李",
            "file-1",
            "补充：这是当时的聊天记录",
            app.clock.now(),
            attachments=(Attachment(AttachmentKind.FILE, "聊天<b>.txt"),),
        )
    )
    await app.inbox.drain()
    visitor = await sign_in(app, visit)

    _, body = await visitor.get("/cases/1")

    assert "聊天&lt;b&gt;.txt" in body
    assert StepKind.ADDED in await kinds(app)


# -- the seal --------------------------------------------------------------------------------------


async def test_cry_for_help_is_sealed_until_somebody_opens_it_by_name(
    app: App, visit: Visit
) -> None:
    """Y8: S13.10: the province's look leaves its name too."""
    await tell(app, DISTRESS)
    province = await sign_in(app, visit, None, "sheng")

    _, listed = await province.get("/cases")
    _, closed = await province.get("/cases/1")
    _, ledger = await province.get("/ledger")
    before = await audited(app)
    _, opened = await act(province, 1, "open")

    assert "已封存" in listed
    assert "遗书" not in listed + closed + ledger
    assert "遗书" in opened
    assert ("web:sheng", "web.case_unsealed", "T-1") not in before
    assert ("web:sheng", "web.case_unsealed", "T-1") in await audited(app)


async def test_answer_to_a_cry_for_help_is_told_to_nobody(app: App, visit: Visit) -> None:
    await tell(app, DISTRESS)
    visitor = await sign_in(app, visit)
    said = len(heard("student-li"))

    status, _ = await act(visitor, 1, "answer", text="已经联系上家人", opened="1")
    await app.outbox.drain()
    _, ledger = await visitor.get("/ledger")

    assert status == 303
    assert len(heard("student-li")) == said
    assert "联系上家人" not in ledger


# -- what may be done ------------------------------------------------------------------------------


async def test_answer_goes_to_the_asker_alone_in_the_supervisors_name(
    app: App, visit: Visit
) -> None:
    await say(app, ODD)
    visitor = await sign_in(app, visit)

    status, _ = await act(visitor, 1, "answer", text="在一号门保卫处办，带学生证。")
    await app.outbox.drain()
    item = await case(app)

    assert status == 303
    assert len(heard("student-li")) == 1
    assert heard("student-li")[0].startswith(
        "【助学小助手】转达 管理人员 boss老师 对 T-1 的答复：\n"
        "在一号门保卫处办，带学生证。\nT-1 已办结。"
    )
    assert item.solved_by is SolvedBy.SUPERVISOR
    assert await kinds(app) == [StepKind.ANSWERED]
    assert (await act(visitor, 1, "answer", text="再答一次试试看"))[0] == 409
    assert len(heard("student-li")) == 1


async def test_empty_answer_stops_no_clock(app: App, visit: Visit) -> None:
    await say(app, ODD)
    visitor = await sign_in(app, visit)

    status, body = await act(visitor, 1, "answer", text="收到")

    assert status == 409
    assert "不算答复" in body
    assert (await case(app)).closed_at is None
    assert await kinds(app) == []


async def test_update_and_one_extension_with_a_reason_keep_it_open(app: App, visit: Visit) -> None:
    """S13.5: extension with a reason, once."""
    await tell(app, ABOUT_TUTOR)
    visitor = await sign_in(app, visit)

    updated, _ = await act(visitor, 1, "update", text="正在向教务核实，周三前回复您")
    bare, _ = await act(visitor, 1, "extend", reason=" ")
    extended, _ = await act(visitor, 1, "extend", reason="要等教务的记录")
    again, body = await act(visitor, 1, "extend", reason="还要再等")
    await app.outbox.drain()
    item = await case(app)

    assert (updated, bare, extended, again) == (303, 409, 303, 409)
    assert "已经延期过一次" in body
    assert item.closed_at is None
    assert item.first_replied_at == item.updated_at == app.clock.now()
    assert await kinds(app) == [StepKind.UPDATED, StepKind.EXTENDED]
    assert any("原因：要等教务的记录" in text for text in heard("student-li"))


async def test_taking_over_tells_the_tutor_who_had_it(app: App, visit: Visit) -> None:
    await say(app, ODD)
    visitor = await sign_in(app, visit)

    status, _ = await act(visitor, 1, "take")
    await app.outbox.drain()

    assert status == 303
    assert (await case(app)).level is Level.UNIT
    assert any("T-1" in text and "已由市县开大接手" in text for text in heard("tutor-wang"))
    assert (await act(visitor, 1, "take"))[0] == 409


async def test_duplicates_are_linked_and_each_is_answered_by_itself(app: App, visit: Visit) -> None:
    await tell(app, ABOUT_TUTOR)
    await tell(app, ABOUT_TUTOR, "student-zhang", "小张")
    visitor = await sign_in(app, visit)

    linked, _ = await act(visitor, 2, "link", of="T-1")
    itself, _ = await act(visitor, 1, "link", of="1")
    circle, _ = await act(visitor, 1, "link", of="2")
    nowhere, _ = await act(visitor, 1, "link", of="77")
    await act(visitor, 1, "answer", text="已经和老师谈过了")
    _, body = await visitor.get("/cases/1")

    assert (linked, itself, circle, nowhere) == (303, 409, 409, 409)
    assert (await case(app, 2)).duplicate_of == 1
    assert (await case(app, 2)).closed_at is None
    assert 'href="/cases/2"' in body


async def test_action_without_the_forms_token_does_nothing(app: App, visit: Visit) -> None:
    await say(app, ODD)
    visitor = await sign_in(app, visit)

    status, _ = await visitor.post("/cases/1/answer", {"csrf": "x", "text": "在一号门保卫处办"})

    assert status == 403
    assert (await case(app)).closed_at is None


async def test_every_look_and_every_action_is_noted(app: App, visit: Visit) -> None:
    await tell(app, ABOUT_TUTOR)
    visitor = await sign_in(app, visit)

    await visitor.get("/cases")
    await visitor.get("/cases/1")
    await act(visitor, 1, "answer", text="收到")
    await act(visitor, 1, "answer", text="已经和老师谈过了")
    found = {(action, target) for _, action, target in await audited(app)}

    assert {
        ("web.cases_viewed", "/cases"),
        ("web.case_viewed", "T-1"),
        ("case.answer_refused", "T-1"),
        ("case.answer", "T-1"),
    } <= found


async def test_unheard_of_action_is_no_page(app: App, visit: Visit) -> None:
    visitor = await sign_in(app, visit)

    assert (await act(visitor, 1, "destroy"))[0] == 404


# -- hearing and verdict ---------------------------------------------------------------------------


async def test_tutor_learns_of_a_complaint_when_the_hearing_is_opened(
    app: App, visit: Visit
) -> None:
    """S13.6: and then reads only what the supervisor has written for them."""
    await tell(app, ABOUT_TUTOR)
    visitor = await sign_in(app, visit)
    await tell(app, "/申辩 T-1 我都回了", "tutor-wang", "王敏")
    before = heard("tutor-wang")

    await open_hearing(app, visitor)
    await tell(app, "/申辩 T-1 那两天我在住院，已托同事代回", "tutor-wang", "王敏")
    cards = heard("tutor-wang")[len(before) :]
    again, _ = await act(visitor, 1, "hearing", tutor=await tutor_id(app), text="再问一次看看")

    assert "没有找到 T-1" in before[-1]
    assert "有同学反映消息没有人回" in cards[0]
    assert "王老师一直不回消息" not in "".join(cards)
    assert "小李" not in "".join(cards)
    assert "已记入案卷" in cards[1]
    assert await kinds(app) == [StepKind.HEARING, StepKind.HEARD]
    assert again == 409
    _, body = await visitor.get("/cases/1")
    assert "那两天我在住院" in body


async def test_quoted_reply_to_the_card_is_the_statement(
    app: App, visit: Visit, said: list[Said]
) -> None:
    await tell(app, ABOUT_TUTOR)
    visitor = await sign_in(app, visit)
    await open_hearing(app, visitor)
    assert app.playground is not None
    card = next(it for it in reversed(said) if "请您说明情况" in it.text)

    for text in ("收到", "那两天我在住院，已托同事代回"):
        await app.playground.say(
            user_id="tutor-wang", name="王敏", text=text, group_id="", quote=card.message_id
        )
        await app.inbox.drain()

    assert await kinds(app) == [StepKind.HEARING, StepKind.HEARD]
    assert (await case(app)).closed_at is None


async def test_tutor_cannot_close_a_complaint_about_themselves(app: App, visit: Visit) -> None:
    await tell(app, ABOUT_TUTOR)
    visitor = await sign_in(app, visit)
    await open_hearing(app, visitor)

    await tell(app, "/答复 T-1 没有这回事的", "tutor-wang", "王敏")

    assert (await case(app)).closed_at is None
    assert "不能由您答复" in heard("tutor-wang")[-1]


async def test_verdict_waits_for_the_tutor_or_three_working_days(app: App, visit: Visit) -> None:
    """S13.5: a reason always; without the tutor's word only when ticked."""
    await tell(app, ABOUT_TUTOR)
    visitor = await sign_in(app, visit)
    unheard, _ = await rule(app, visitor)
    await open_hearing(app, visitor)
    too_soon, body = await rule(app, visitor)
    no_reason, _ = await rule(app, visitor, reason="", unheard="1")
    app.clock.advance(timedelta(days=6))  # type: ignore[attr-defined]
    later = await sign_in(app, visit, demo.UNIT, "later")

    late, _ = await rule(app, later)

    assert (unheard, too_soon, no_reason, late) == (409, 409, 409, 303)
    assert "教师还没有陈述" in body
    assert "查了记录，两次超过两个工作日" in body  # what was typed is not lost
    assert (await case(app)).verdict is Verdict.PARTLY


async def test_verdict_is_told_to_both_and_stands_on_the_record(app: App, visit: Visit) -> None:
    """S13.5, S19.2: told in plain words; the dossier has it with reason and appeal."""
    await tell(app, ABOUT_TUTOR)
    visitor = await sign_in(app, visit)
    await open_hearing(app, visitor)

    status, _ = await rule(app, visitor, unheard="1")
    await tell(app, "/申辩 T-1 我不同意这个结论", "tutor-wang", "王敏")
    item = await case(app)
    tutor = int(await tutor_id(app))
    async with app.database.reading() as uow:
        rows = await uow.reports.ledger(LedgerFilter())
        whole = (item.asked_at, app.clock.now() + timedelta(days=1))
        dossier = await uow.cases.found_true(tutor, *whole)
        figures = await uow.reports.figures(LedgerFilter())

    assert status == 303
    assert "结论：部分属实" in heard("student-li")[-1]
    assert "两次超过两个工作日" not in heard("student-li")[-1]
    assert any("理由：查了记录" in text for text in heard("tutor-wang"))
    assert item.closed_at is not None
    assert Action.FOUND_PARTLY in {row.record.action for row in rows}
    assert figures.complaints == 1
    assert [(it.number, it.verdict, it.verdict_reason) for it, _ in dossier] == [
        (1, Verdict.PARTLY, "查了记录，两次超过两个工作日")
    ]
    assert [step.kind for step in dossier[0][1]][-2:] == [StepKind.VERDICT, StepKind.HEARD]


@pytest.mark.parametrize(("verdict", "counts"), [("true", 1), ("partly", 1), ("false", 0)])
async def test_only_what_is_found_true_is_in_the_dossier(
    app: App, visit: Visit, verdict: str, counts: int
) -> None:
    """S19.2"""
    await tell(app, ABOUT_TUTOR)
    visitor = await sign_in(app, visit)
    tutor = int(await tutor_id(app))
    since, until = app.clock.now() - timedelta(days=1), app.clock.now() + timedelta(days=1)
    async with app.database.reading() as uow:
        undecided = await uow.cases.found_true(tutor, since, until)

    await rule(app, visitor, verdict=verdict, unheard="1")
    async with app.database.reading() as uow:
        found = await uow.cases.found_true(tutor, since, until)
        others = await uow.cases.found_true(tutor + 1, since, until)

    assert undecided == others == []
    assert len(found) == counts


async def test_of_two_who_rule_at_once_one_wins_and_the_other_is_told(
    app: App, visit: Visit
) -> None:
    """S13.5"""
    await tell(app, ABOUT_TUTOR)
    first = await sign_in(app, visit)
    second = await sign_in(app, visit, None, "sheng")
    before = len(heard("student-li"))

    found = await asyncio.gather(
        rule(app, first, verdict="true", unheard="1"),
        rule(app, second, verdict="false", unheard="1"),
    )

    assert sorted(status for status, _ in found) == [303, 409]
    told = next(body for status, body in found if status == 409)
    assert "这次没有改动" in told
    assert "裁定为" in told
    assert len(heard("student-li")) == before + 1
    assert (await kinds(app)).count(StepKind.VERDICT) == 1


async def test_case_closed_by_an_answer_may_still_be_ruled_on_once(app: App, visit: Visit) -> None:
    await tell(app, ABOUT_TUTOR)
    visitor = await sign_in(app, visit)
    await act(visitor, 1, "answer", text="已经和老师谈过了")
    closed_at = (await case(app)).closed_at

    ruled, _ = await rule(app, visitor, unheard="1")
    again, body = await rule(app, visitor, unheard="1", verdict="true")

    assert (ruled, again) == (303, 409)
    assert "已由 boss" in body
    assert "部分属实" in body
    assert (await case(app)).closed_at == closed_at


async def test_question_is_not_ruled_on(app: App, visit: Visit) -> None:
    await say(app, ODD)
    visitor = await sign_in(app, visit)

    status, body = await rule(app, visitor, unheard="1")

    assert status == 409
    assert "不是投诉" in body


async def test_two_names_of_one_group_are_not_mixed(app: App, visit: Visit) -> None:
    """A tutor of another class cannot speak in a hearing that is not theirs."""
    await tell(app, ABOUT_TUTOR)
    visitor = await sign_in(app, visit)
    await open_hearing(app, visitor)

    await tell(app, "/申辩 T-1 我来说两句公道话", "tutor-zhao", "赵强")

    assert await kinds(app) == [StepKind.HEARING]
    assert "没有找到 T-1" in heard("tutor-zhao")[-1]
    assert OTHER_CLASS
    assert OTHER_GROUP


# -- rules ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("share", "stage", "word", "width"),
    [
        (0.2, 0, "时间充裕", 20),
        (0.5, 50, "已过半", 50),
        (0.8, 80, "快到期", 80),
        (1.7, 100, "已超时", 100),
    ],
)
def test_clock_says_in_words_what_its_colour_says(
    share: float, stage: int, word: str, width: int
) -> None:
    at = datetime(2026, 12, 1, 9, tzinfo=SHANGHAI)

    found = clock_of(Due(Clock.UPDATE, at, at, share), at)

    assert (found.stage, found.word, found.width) == (stage, word, width)


def test_address_of_filters_comes_back_as_it_went() -> None:
    query = query_of({"kind": "distress", "level": "unit", "class": "计算机", "overdue": "1"})

    assert query.is_filtered
    assert replace(query, page=2).address(2).endswith("overdue=1&page=2")
    assert not query_of({"kind": "all"}).is_filtered

"""Looking things over: what comes into the queue, who sees it, the mark it gets once, the tutor."""

import asyncio
from datetime import timedelta

import pytest
from playwright.async_api import Browser
from sqlalchemy import insert

from bot import demo
from bot.adapters.playground import ACCOUNT, Said
from bot.app import App
from storage.models.hand_offs import ratings
from storage.reviews import Mark, Review, Scope, Why, is_drawn
from storage.vocabulary import Role
from tests.bot.web import test_browser
from tests.bot.web.conftest import OTHER_GROUP, OTHER_UNIT, Visit, Visitor, add_supervisor, say
from tests.bot.web.test_appraisal import account
from tests.bot.web.test_browser import Seen

browser = test_browser.browser
open_page = test_browser.open_page

ODD = "@助手 校门口的停车卡在哪里办？"
ABOUT_TUTOR = "我要投诉，王老师一直不回消息"
EVERYBODYS = Scope(None)
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
    return [one.text for one in SAID if one.conversation.id == who and one.sender_id == ACCOUNT]


async def tutor_says(app: App, text: str, who: str = "tutor-wang", name: str = "王敏") -> None:
    await say(app, text, who=who, name=name, group="")


async def answered(app: App) -> None:
    """小李 asks in the group, and the tutor answers T-1."""
    await say(app, ODD)
    await tutor_says(app, "/答复 T-1 在一号门保卫处办，带学生证。")


async def collect(app: App, percent: float = 100, bot_percent: float = 0) -> int:
    async with app.database.unit_of_work() as uow:
        return await uow.reviews.collect(app.clock.now(), percent=percent, bot_percent=bot_percent)


async def queue(app: App) -> list[Review]:
    async with app.database.reading() as uow:
        return await uow.reviews.waiting(EVERYBODYS)


async def signed_in(
    app: App, visit: Visit, unit: str | None = demo.UNIT, name: str = "boss"
) -> Visitor:
    await add_supervisor(app, name, "correct horse", unit=unit)
    visitor = await visit(app)
    assert await visitor.sign_in(name, "correct horse") == 303
    return visitor


async def decide(visitor: Visitor, finding: str, comment: str = "", id: int = 1) -> tuple[int, str]:
    token = await visitor.token("/ledger")
    form = {"csrf": token, "finding": finding, "comment": comment}
    return await visitor.post(f"/review/{id}", form)


# -- into the queue -------------------------------------------------------------------------------


def test_the_lot_is_alike_each_time_and_takes_its_share() -> None:
    drawn = [n for n in range(10_000) if is_drawn(7, f"T-{n}", 5)]

    assert drawn == [n for n in range(10_000) if is_drawn(7, f"T-{n}", 5)]
    assert 400 < len(drawn) < 600
    assert drawn != [n for n in range(10_000) if is_drawn(8, f"T-{n}", 5)]
    assert not any(is_drawn(7, f"T-{n}", 0) for n in range(1000))
    assert all(is_drawn(7, f"T-{n}", 100) for n in range(1000))


async def test_what_was_closed_is_drawn_once_however_often_one_looks(app: App) -> None:
    """S17.7"""
    await answered(app)

    assert await collect(app) == 1
    assert await collect(app) == 0

    (item,) = await queue(app)
    assert (item.why, item.hand_off, item.is_sampled) == (Why.SAMPLE, 1, True)
    assert item.tutor_name == "王敏"


async def test_what_is_open_and_what_the_lot_passed_over_are_not_there(app: App) -> None:
    await say(app, ODD)
    assert await collect(app) == 0

    await tutor_says(app, "/答复 T-1 在一号门保卫处办，带学生证。")
    assert await collect(app, percent=0) == 0


async def test_every_complaint_comes_once_closed_and_no_cry_for_help(app: App) -> None:
    await say(app, "我已经写好遗书了", group="")
    await say(app, ABOUT_TUTOR, group="", who="student-zhang", name="小张")
    async with app.database.unit_of_work() as uow:
        for number in (1, 2):
            item = await uow.questions.get(number)
            assert item is not None
            now = app.clock.now()
            await uow.questions.close(item, at=now, solved_by=None, by=None, answer="已谈过")

    await collect(app, percent=0)

    assert [(it.why, it.is_about_tutor, it.may_return) for it in await queue(app)] == [
        (Why.COMPLAINT, True, False)
    ]
    await collect(app, percent=100)
    assert len(await queue(app)) == 1


async def test_a_low_mark_and_a_useless_answer_come_without_a_lot(app: App) -> None:
    await answered(app)
    await say(app, "@助手 期末考试什么时候报名？", who="student-zhang", name="小张")
    await say(app, "@助手 没用", who="student-zhang", name="小张")
    async with app.database.unit_of_work() as uow:
        row = {"hand_off": 1, "closure": 0, "at": app.clock.now(), "mark": 2}
        await uow.write(insert(ratings).values(row))

    await collect(app, percent=0)

    found = await queue(app)
    assert {it.why for it in found} == {Why.LOW_MARK, Why.USELESS}
    assert not any(it.is_sampled for it in found)


async def test_the_bots_answers_are_drawn_apart_and_are_no_tutors(app: App) -> None:
    await say(app, "@助手 期末考试什么时候报名？")

    await collect(app, percent=0, bot_percent=100)

    (item,) = await queue(app)
    assert (item.hand_off, item.tutor_id, item.may_return) == (None, None, False)


async def test_the_clock_fills_the_queue(app: App) -> None:
    await say(app, ABOUT_TUTOR, group="")
    async with app.database.unit_of_work() as uow:
        item = await uow.questions.get(1)
        assert item is not None
        await uow.questions.close(
            item, at=app.clock.now(), solved_by=None, by=None, answer="已谈过"
        )

    await app.alarm.run_all()

    assert [it.why for it in await queue(app)] == [Why.COMPLAINT]


# -- who sees it ----------------------------------------------------------------------------------


async def test_the_page_shows_question_answer_and_whose_it_is(app: App, visit: Visit) -> None:
    await answered(app)
    await collect(app)
    visitor = await signed_in(app, visit)

    _, listed = await visitor.get("/review")
    status, body = await visitor.get("/review/1")

    assert status == 200
    for text in (listed, body):
        assert "T-1" in text
        assert "校门口的停车卡在哪里办" in text
        assert "王敏老师" in text
        assert "小李" not in text
    assert "在一号门保卫处办" in body


async def test_another_units_items_are_as_if_they_never_were(app: App, visit: Visit) -> None:
    await answered(app)
    await collect(app)
    visitor = await signed_in(app, visit, OTHER_UNIT)

    _, listed = await visitor.get("/review")
    statuses = [(await visitor.get(f"/review/{n}"))[0] for n in (1, 2)]
    posted = [(await decide(visitor, "passed", id=n))[0] for n in (1, 2)]

    assert "停车卡" not in listed
    assert statuses == posted == [404, 404]
    assert [it.mark for it in await queue(app)] == [None]


async def test_nobody_looks_over_their_own_class(app: App, visit: Visit) -> None:
    """A supervisor who teaches the class, about whom the complaint may be."""
    await answered(app)
    await say(app, ODD, who="stranger", name="路人", group=OTHER_GROUP)
    await tutor_says(app, "/答复 T-2 在二号门。", who="tutor-zhao", name="赵强")
    await collect(app)
    own = await account(app, visit, role=Role.SUPERVISOR)

    _, listed = await own.get("/review")
    ids = {it.hand_off: it.id for it in await queue(app)}

    assert "T-2" in listed
    assert "T-1" not in listed
    assert (await own.get(f"/review/{ids[1]}"))[0] == 404
    assert (await decide(own, "passed", id=ids[1]))[0] == 404
    assert (await own.get(f"/review/{ids[2]}"))[0] == 200


async def test_tutors_and_strangers_have_no_queue(app: App, visit: Visit) -> None:
    await answered(app)
    await collect(app)
    tutor = await account(app, visit)
    stranger = await visit(app)

    assert (await tutor.get("/review"))[0] == 404
    assert (await tutor.get("/review/1"))[0] == 404
    _, body = await stranger.get("/review/1")
    assert "登录" in body
    assert "停车卡" not in body


# -- the mark -------------------------------------------------------------------------------------


async def test_one_mark_once_with_name_and_trace(app: App, visit: Visit) -> None:
    await answered(app)
    await collect(app)
    visitor = await signed_in(app, visit)

    first, _ = await decide(visitor, "passed", "说得清楚")
    second, body = await decide(visitor, "failed", "不对")

    assert (first, second) == (303, 409)
    assert "没有重复处理：boss老师已经看过了" in body
    async with app.database.reading() as uow:
        review = await uow.reviews.get(1, EVERYBODYS)
        assert ("web:boss", "review.passed", "T-1") in await uow.audit.actions()
    assert review is not None
    assert (review.mark, review.comment, review.decided_name) == (
        Mark.PASSED,
        "说得清楚",
        "boss老师",
    )


async def test_of_two_who_decide_at_once_one_wins(app: App, visit: Visit) -> None:
    await answered(app)
    await collect(app)
    one = await signed_in(app, visit, name="one")
    other = await signed_in(app, visit, name="other")

    answers = await asyncio.gather(
        decide(one, "passed"), decide(other, "returned", "地点不对，请核对")
    )

    assert sorted(status for status, _ in answers) == [303, 409]


async def test_wrong_needs_a_word_and_returned_reaches_the_tutor_alone(
    app: App, visit: Visit
) -> None:
    await answered(app)
    await collect(app)
    visitor = await signed_in(app, visit)

    silent, body = await decide(visitor, "returned")
    status, _ = await decide(visitor, "returned", "保卫处已搬到二号门，请更正")
    await app.outbox.drain()

    assert silent == 409
    assert "请写明哪里不对" in body
    assert status == 303
    assert "抽检退回 T-1" in heard("tutor-wang")[-1]
    assert "保卫处已搬到二号门" in heard("tutor-wang")[-1]
    told = [one for one in SAID if "抽检退回" in one.text]
    assert {one.conversation.id for one in told} == {"tutor-wang"}
    async with app.database.reading() as uow:
        assert ("web:boss", "review.returned", "T-1") in await uow.audit.actions()


async def test_a_complaint_about_the_tutor_never_goes_back_to_the_tutor(
    app: App, visit: Visit
) -> None:
    """Not even where the form is made up; S13.6."""
    await say(app, ABOUT_TUTOR, group="")
    async with app.database.unit_of_work() as uow:
        item = await uow.questions.get(1)
        assert item is not None
        now = app.clock.now()
        await uow.questions.close(item, at=now, solved_by=None, by=None, answer="已谈过")
    await collect(app)
    visitor = await signed_in(app, visit)
    before = len(heard("tutor-wang"))

    _, body = await visitor.get("/review/1")
    status, answer = await decide(visitor, "returned", "请老师说明")
    await app.outbox.drain()

    assert "退回王敏老师" not in body
    assert status == 409
    assert "不能退回老师" in answer
    assert len(heard("tutor-wang")) == before
    assert [it.mark for it in await queue(app)] == [None]


async def test_a_form_without_its_token_changes_nothing(app: App, visit: Visit) -> None:
    await answered(app)
    await collect(app)
    visitor = await signed_in(app, visit)

    status, _ = await visitor.post("/review/1", {"finding": "passed"})

    assert status == 403
    assert [it.mark for it in await queue(app)] == [None]


async def test_markup_stays_text(app: App, visit: Visit) -> None:
    await say(app, "@助手 <script>alert(1)</script> 校门口的停车卡在哪里办？")
    await tutor_says(app, "/答复 T-1 <img src=x onerror=a()> 在一号门办理")
    await collect(app)
    visitor = await signed_in(app, visit)
    _, refused = await decide(visitor, "returned", "x")
    await decide(visitor, "failed", "<b>不对</b><script>x</script>")

    for body in (refused, (await visitor.get("/review"))[1], (await visitor.get("/review/1"))[1]):
        assert "<script>" not in body
        assert "<img src=x" not in body
        assert "<b>" not in body


@pytest.mark.parametrize("query", ["why=nonsense", "after=-1", "after=9" * 9, "done=%3Cb%3E"])
async def test_odd_addresses_are_a_page_not_an_error(app: App, visit: Visit, query: str) -> None:
    visitor = await signed_in(app, visit)

    assert (await visitor.get(f"/review?{query}"))[0] == 200


async def test_only_the_lot_makes_the_figure_and_only_what_was_decided(
    app: App, visit: Visit
) -> None:
    """K29"""
    await answered(app)
    await say(app, "@助手 实验室的钥匙在谁那里", who="student-zhang", name="小张")
    await tutor_says(app, "/答复 T-2 在管理员那里，找他登记。")
    await collect(app)
    visitor = await signed_in(app, visit)
    now, ids = app.clock.now(), {it.hand_off: it.id for it in await queue(app)}
    (tutor_id,) = {it.tutor_id for it in await queue(app)}
    assert tutor_id is not None
    span = (now - timedelta(days=1), now + timedelta(days=1))

    async def figure() -> tuple[int, int]:
        async with app.database.reading() as uow:
            return await uow.reviews.passed(tutor_id, *span)

    assert await figure() == (0, 0)
    await decide(visitor, "passed", id=ids[1])
    assert await figure() == (1, 1)
    await decide(visitor, "failed", "答非所问", id=ids[2])
    assert await figure() == (2, 1)
    async with app.database.reading() as uow:
        assert await uow.reviews.passed(tutor_id, span[1], span[1] + timedelta(days=1)) == (0, 0)
        checked = await uow.reviews.checked(*span)
    assert [(it.hand_off, it.is_passed) for it in checked] == [(1, True), (2, False)]

    app.clock.advance(timedelta(days=1))  # type: ignore[attr-defined]
    await app.alarm.run_all()
    async with app.database.reading() as uow:
        records = await uow.appraisal.records(now.date(), now.date(), [tutor_id])
    (record,) = [it for it in records if it.indicator == "K29"]
    assert (record.numerator, record.denominator) == (1, 2)
    assert [row[0] for row in record.rows] == ["T-1", "T-2"]


@pytest.mark.parametrize("width", [390, 1280])
async def test_a_supervisor_looks_one_over_on_a_phone_and_a_desk(
    browser: Browser, open_page: Seen, app: App, width: int
) -> None:
    await answered(app)
    await collect(app)
    seen, page = open_page, open_page.page
    await page.set_viewport_size({"width": width, "height": 844})
    await seen.open("/review")
    await page.fill("#username", "demo")
    await page.fill("#password", app.demo_password)
    await page.press("#password", "Enter")

    for step in ("list", "one"):
        wide = await page.evaluate("document.documentElement.scrollWidth")
        assert wide <= width, step
        if step == "list":
            await page.get_by_role("link", name="复核 T-1").click()
    await page.fill("#comment", "保卫处已搬到二号门")
    await page.get_by_role("button", name="不合格，退回").click()

    await test_browser.expect(page.get_by_role("status")).to_contain_text("退回老师")

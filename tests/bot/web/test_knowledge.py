"""The console's knowledge: from a tutor's answer to an entry the bot answers with, step by step."""

import asyncio
import json
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from playwright.async_api import Browser, expect

from bot import demo
from bot.adapters.playground import ACCOUNT
from bot.app import App
from bot.knowledge import entries_of_rows, row_of
from handlers.faq import HEADER, MORE_COLUMNS, Knowledge
from handlers.learning import Change, Labelled, Replay, World, gate
from handlers.settings import BotSettings
from storage.imports import EntryRow
from storage.learning import Standing, Suggestion
from storage.published import SchoolFact
from storage.vocabulary import SHANGHAI, Conversation, ConversationKind, Platform
from tests.bot.web import test_browser
from tests.bot.web.conftest import (
    OTHER_CLASS,
    OTHER_GROUP,
    OTHER_UNIT,
    Visit,
    Visitor,
    add_supervisor,
    say,
)
from tests.bot.web.test_browser import Seen

# One browser, one way to watch it.
browser = test_browser.browser
open_page = test_browser.open_page

ODD = "@助手 校门口的停车卡在哪里办？"
AGAIN = "@助手 停车卡在哪办"
NOW = datetime(2026, 12, 1, 9, 0, tzinfo=SHANGHAI)
ANSWER = "在一号门保卫处办，带学生证。"
PHRASINGS = "校门口的停车卡在哪里办？\n停车卡怎么办\n停车卡去哪儿办\n车证在哪里办理"


async def _as_tutor(app: App, text: str) -> None:
    assert app.playground is not None
    await app.playground.say(user_id="tutor-wang", name="王敏", text=text, group_id="")
    await app.inbox.drain()
    await app.outbox.drain()


async def _suggested(app: App, answer: str = ANSWER) -> None:
    """小李 asks, 王敏 answers, and thinks the answer worth keeping."""
    await say(app, ODD)
    await _as_tutor(app, f"/答复 T-1 {answer}")
    await _as_tutor(app, "/收录 T-1")


async def _suggestion(app: App, suggestion_id: int = 1) -> Suggestion:
    async with app.database.reading() as uow:
        found = await uow.learning.get(suggestion_id)
    assert found is not None
    return found


async def _signed_in(
    app: App, visit: Visit, name: str = "boss", unit: str | None = None
) -> Visitor:
    await add_supervisor(app, name, "correct horse", unit=unit)
    visitor = await visit(app)
    assert await visitor.sign_in(name, "correct horse") == 303
    return visitor


async def _form(app: App, visitor: Visitor, **changes: str) -> dict[str, str]:
    draft = (await _suggestion(app)).draft
    return {
        "csrf": await visitor.token("/knowledge"),
        "version": str((await _suggestion(app)).version),
        "question": "停车卡在哪里办",
        "phrasings": PHRASINGS,
        "answer": draft["答案"],
        "topic": "other",
        "article": "第十三条",
        "scope": "class",
        "do": "try",
    } | changes


async def _tried(app: App, visitor: Visitor, **changes: str) -> str:
    """The suggestion's page, its words kept and past questions put to them."""
    status, _ = await visitor.post("/knowledge/suggestions/1", await _form(app, visitor, **changes))
    assert status == 303
    return (await visitor.get("/knowledge/suggestions/1"))[1]


async def _publish(app: App, visitor: Visitor) -> tuple[int, str]:
    form = {
        "csrf": await visitor.token("/knowledge"),
        "version": str((await _suggestion(app)).version),
    }
    return await visitor.post("/knowledge/suggestions/1/publish", form)


def _heard(app: App, user_id: str) -> list[str]:
    """What the bot said to somebody alone."""
    return _said(app, ConversationKind.PRIVATE, user_id)


def _said_in_group(app: App, group: str = demo.GROUP_ID) -> str:
    """What the bot said last in a group."""
    return _said(app, ConversationKind.GROUP, group)[-1]


def _said(app: App, kind: ConversationKind, place_id: str) -> list[str]:
    assert app.playground is not None
    place = Conversation(Platform.PLAYGROUND, ACCOUNT, kind, place_id)
    said = app.playground.transcripts[place]
    return [line.text for line in said if line.sender_id == ACCOUNT]


# -- from suggestion to answer --------------------------------------------------------------------


async def test_a_published_answer_is_given_to_the_next_who_asks(app: App, visit: Visit) -> None:
    await _suggested(app)
    visitor = await _signed_in(app, visit)

    body = await _tried(app, visitor)
    status, _ = await _publish(app, visitor)
    await app.outbox.drain()
    await say(app, AGAIN, who="student-zhang", name="小张")

    assert "重放了 1 个问题" in body
    assert "次现在能直接答" in body
    assert status == 303
    assert ANSWER in _said_in_group(app)
    assert "王敏老师答复 12月1日" in _said_in_group(app)
    assert "您收录的 T-1 已发布" in _heard(app, "tutor-wang")[-1]
    async with app.database.reading() as uow:
        assert ("web:boss", "knowledge.published", "learnt.s1") in await uow.audit.actions()


async def test_nothing_is_published_that_was_not_tried(app: App, visit: Visit) -> None:
    await _suggested(app)
    visitor = await _signed_in(app, visit)
    await visitor.post("/knowledge/suggestions/1", await _form(app, visitor, do="save"))

    status, body = await _publish(app, visitor)

    assert status == 409
    assert "还没有试过" in body
    assert "发布，给" not in body
    async with app.database.reading() as uow:
        assert await uow.published.entries() == []


async def test_words_changed_after_the_trial_must_be_tried_again(app: App, visit: Visit) -> None:
    await _suggested(app)
    visitor = await _signed_in(app, visit)
    await _tried(app, visitor)
    changed = await _form(app, visitor, do="save", answer="找保卫处。")
    await visitor.post("/knowledge/suggestions/1", changed)

    status, _ = await _publish(app, visitor)

    assert status == 409
    assert (await _suggestion(app)).draft["来源"] == "王敏老师答复 12月1日，督导整理"


async def test_a_date_or_an_amount_needs_a_last_day(app: App, visit: Visit) -> None:
    await _suggested(app, "12月20日前到一号门办，工本费 15 元。")
    visitor = await _signed_in(app, visit)

    without = await _tried(app, visitor)
    past = await _tried(app, visitor, last="2026-11-30")
    right = await _tried(app, visitor, last="2026-12-20")

    assert "请填「有效期止」" in without
    assert '<mark class="date">12月20日</mark>' in without
    assert '<mark class="amount">15 元</mark>' in without
    assert "发布，给" not in without
    assert "已经过去了" in past
    assert "发布，给" in right


async def test_too_few_phrasings_and_those_of_another_entry_are_named(
    app: App, visit: Visit
) -> None:
    await _suggested(app)
    visitor = await _signed_in(app, visit)
    taken = app.knowledge.knowledge.entries[0].variants[0]
    other = app.knowledge.knowledge.entries[1].variants[0]

    few = await _tried(app, visitor, phrasings="停车卡怎么办")
    two = await _tried(app, visitor, phrasings=f"{PHRASINGS}\n{taken}\n{other}")

    assert "现在 1 个" in few
    assert f"「{taken}」已经在" in two
    assert f"「{other}」已经在" in two
    assert "发布，给" not in two


async def test_a_class_may_have_its_own_answer_to_a_known_question(app: App, visit: Visit) -> None:
    await _suggested(app)
    visitor = await _signed_in(app, visit)
    known = app.knowledge.knowledge["exam_registration.when"]

    body = await _tried(app, visitor, question=known.question)
    await _publish(app, visitor)

    assert f"「{known.question}」已有条目：发布后，计算机2301改用这一条" in body
    found = app.knowledge.knowledge["exam_registration.when"]
    assert found.answer == known.answer
    assert [(row.class_name, row.answer) for row in found.overrides] == [("计算机2301", ANSWER)]


# -- what may not be kept, and what did not help ---------------------------------------------------


async def test_complaints_and_cries_for_help_are_never_kept(app: App) -> None:
    await say(app, "@助手 我要投诉，王老师一直不回消息")
    await say(app, "@助手 我要投诉，学校食堂太脏了", who="student-zhang", name="小张")
    await say(app, "@助手 我不想活了")
    await _as_tutor(app, "/答复 T-2 已联系后勤整改了")
    await _as_tutor(app, "/答复 T-3 已经当面谈过了")

    for number in (1, 2, 3):
        await _as_tutor(app, f"/收录 T-{number}")

    told = _heard(app, "tutor-wang")[-3:]
    assert "没有找到 T-1" in told[0]
    assert all("没有找到" in words or "只有咨询的答复能收录" in words for words in told)
    async with app.database.reading() as uow:
        assert await uow.learning.waiting(None) == []


async def test_a_useless_choice_hands_over_the_question_that_was_asked(app: App) -> None:
    """What the tutor gets is not the digit."""
    async with app.database.unit_of_work() as uow:
        await uow.imports.facts([(None, SchoolFact("联系:学籍", "二楼学籍科", "演示"))])
    await say(app, "@助手 孩子上学要我的在读证明 咋开")
    asked_back = _said_in_group(app)
    assert "1. " in asked_back, asked_back
    await say(app, "@助手 1")
    await say(app, "@助手 没用")

    async with app.database.reading() as uow:
        item = await uow.questions.get(1)
    assert item is not None
    assert "孩子上学要我的在读证明 咋开" in item.text
    assert "没帮上您" in _said_in_group(app)


# -- who may, and who is told ---------------------------------------------------------------------


async def test_supervisors_of_a_unit_publish_for_their_own_only(app: App, visit: Visit) -> None:
    await _suggested(app)
    own = await _signed_in(app, visit, "own", demo.UNIT)
    foreign = await _signed_in(app, visit, "foreign", OTHER_UNIT)

    status, _ = await foreign.get("/knowledge/suggestions/1")
    refused, _ = await _publish(app, foreign)
    _, overview = await foreign.get("/knowledge")
    page = await _tried(app, own, scope="all")

    assert (status, refused) == (404, 404)
    assert "停车卡" not in overview
    assert '<option value="all"' not in page
    # What is not theirs to choose falls back to the class.
    assert (await _suggestion(app)).draft["班级"] == "计算机2301"


async def test_what_the_province_widened_a_unit_cannot_publish(app: App, visit: Visit) -> None:
    await _suggested(app)
    province = await _signed_in(app, visit, "province")
    own = await _signed_in(app, visit, "own", demo.UNIT)
    await _tried(app, province, scope="all")

    status, body = await _publish(app, own)

    assert status == 409
    assert "超出您的单位" in body


async def test_the_province_publishes_everywhere(app: App, visit: Visit) -> None:
    await _suggested(app)
    visitor = await _signed_in(app, visit)
    await _tried(app, visitor, scope="all")
    await _publish(app, visitor)

    await say(app, AGAIN, who="stranger", name="路人", group=OTHER_GROUP)

    assert ANSWER in _said_in_group(app, OTHER_GROUP)


async def test_a_class_entry_is_not_given_to_another_class(app: App, visit: Visit) -> None:
    await _suggested(app)
    visitor = await _signed_in(app, visit)
    await _tried(app, visitor)
    await _publish(app, visitor)

    await say(app, AGAIN, who="stranger", name="路人", group=OTHER_GROUP)

    assert ANSWER not in _said_in_group(app, OTHER_GROUP)


async def test_of_two_who_publish_at_once_one_wins_and_the_other_is_told(
    app: App, visit: Visit
) -> None:
    await _suggested(app)
    first = await _signed_in(app, visit, "first")
    second = await _signed_in(app, visit, "second")
    await _tried(app, first)

    results = await asyncio.gather(_publish(app, first), _publish(app, second))

    assert sorted(status for status, _ in results) == [303, 409]
    told = next(body for status, body in results if status == 409)
    assert "没有重复处理" in told
    assert len([text for text in _heard(app, "tutor-wang") if "已发布" in text]) <= 1
    async with app.database.reading() as uow:
        assert len(await uow.published.entries()) == 1


async def test_a_rejected_suggestion_goes_back_with_its_reason(app: App, visit: Visit) -> None:
    await _suggested(app)
    visitor = await _signed_in(app, visit)
    form = {"csrf": await visitor.token("/knowledge"), "version": "1", "reason": ""}

    without, _ = await visitor.post("/knowledge/suggestions/1/reject", form)
    form["reason"] = "地点下月要搬"
    status, _ = await visitor.post("/knowledge/suggestions/1/reject", form)
    await app.outbox.drain()

    assert (without, status) == (400, 303)
    assert "地点下月要搬" in _heard(app, "tutor-wang")[-1]
    assert (await _suggestion(app)).standing is Standing.REJECTED
    await _as_tutor(app, "/收录 T-1")
    assert (await _suggestion(app, 2)).standing is Standing.WAITING


async def test_forms_without_their_token_change_nothing(app: App, visit: Visit) -> None:
    await _suggested(app)
    visitor = await _signed_in(app, visit)
    form = await _form(app, visitor) | {"csrf": "guessed"}

    statuses = [
        (await visitor.post(path, form))[0]
        for path in (
            "/knowledge/suggestions",
            "/knowledge/suggestions/1",
            "/knowledge/suggestions/1/publish",
            "/knowledge/suggestions/1/reject",
        )
    ]

    assert statuses == [403] * 4
    assert (await _suggestion(app)).version == 1


async def test_markup_from_a_chat_stays_text(app: App, visit: Visit) -> None:
    await say(app, "@助手 校门口的<b>停车卡</b>在哪里办？")
    await _as_tutor(app, "/答复 T-1 <img src=x onerror=a()>到一号门")
    await _as_tutor(app, "/收录 T-1")
    visitor = await _signed_in(app, visit)

    _, one = await visitor.get("/knowledge")
    _, two = await visitor.get("/knowledge/suggestions/1")

    for body in (one, two):
        assert "<b>" not in body
        assert "<img src=x" not in body
        assert "&lt;b&gt;" in body


# -- what nobody could answer ---------------------------------------------------------------------


async def test_unanswered_questions_of_a_kind_are_one_line_with_a_count(
    app: App, visit: Visit
) -> None:
    await say(app, ODD)
    await say(app, AGAIN, who="student-zhang", name="小张")
    await say(app, "@助手 食堂几点关门啊", who="student-zhang", name="小张")
    await say(app, "@助手 我要投诉，王老师一直不回消息")
    await _as_tutor(app, f"/答复 T-1 小李，{ANSWER}")
    visitor = await _signed_in(app, visit)

    _, body = await visitor.get("/knowledge")

    assert "<strong>2</strong>" in body
    assert "1 个还在等" in body
    assert f"小*，{ANSWER}" in body
    assert "小李" not in body
    assert "一直不回消息" not in body


async def test_one_click_makes_a_suggestion_of_a_cluster(app: App, visit: Visit) -> None:
    await say(app, ODD)
    await say(app, AGAIN, who="student-zhang", name="小张")
    await _as_tutor(app, f"/答复 T-1 小李，{ANSWER}")
    visitor = await _signed_in(app, visit)
    form = {"csrf": await visitor.token("/knowledge"), "of": "1"}

    status, _ = await visitor.post("/knowledge/suggestions", form)
    again, _ = await visitor.post("/knowledge/suggestions", form)

    assert (status, again) == (303, 303)
    found = await _suggestion(app)
    assert found.draft["答案"] == f"同学，{ANSWER}"
    assert found.draft["来源"] == "王敏老师答复 12月1日"
    assert "停车卡在哪办" in found.draft["问法"] + found.draft["问题"]
    async with app.database.reading() as uow:
        assert len(await uow.learning.waiting(None)) == 1


async def test_a_cluster_of_another_unit_cannot_be_taken(app: App, visit: Visit) -> None:
    await say(app, ODD)
    visitor = await _signed_in(app, visit, "foreign", OTHER_UNIT)
    form = {"csrf": await visitor.token("/knowledge"), "of": "1"}

    assert (await visitor.post("/knowledge/suggestions", form))[0] == 404
    assert (await visitor.post("/knowledge/suggestions", form | {"of": "x"}))[0] == 400


async def test_entries_are_found_and_show_what_students_think(app: App, visit: Visit) -> None:
    await say(app, "@助手 期末考试什么时候报名？")
    await say(app, "@助手 没用")
    visitor = await _signed_in(app, visit)

    _, body = await visitor.get("/knowledge")
    _, found = await visitor.get("/knowledge?q=准考证")
    _, nothing = await visitor.get("/knowledge?q=%3Cscript%3E")

    first = body.split('class="e-question"')[1]
    assert "exam_registration.when" in first
    assert 'aria-label="没用 1"' in first
    assert "准考证" in found
    assert "<script>" not in nothing


async def test_the_pages_are_for_the_signed_in(app: App, visit: Visit) -> None:
    visitor = await visit(app)

    for path in ("/knowledge", "/knowledge/suggestions/1"):
        assert 'name="password"' in (await visitor.get(path))[1]


# -- in a browser ---------------------------------------------------------------------------------

needs_browser = test_browser.pytestmark


async def _sign_in(seen: Seen, app: App) -> None:
    await seen.open("/login?next=/knowledge")
    await seen.page.fill("#username", "demo")
    await seen.page.fill("#password", app.demo_password)
    await seen.page.press("#password", "Enter")
    await expect(seen.page.locator("h1")).to_have_text("知识")


@needs_browser
async def test_a_supervisor_publishes_and_the_playground_answers(
    open_page: Seen, app: App, tmp_path: Path
) -> None:
    seen, page = open_page, open_page.page
    await _suggested(app)
    await say(app, AGAIN, who="student-zhang", name="小张")
    await _sign_in(seen, app)
    await seen.shoot(tmp_path / "overview.png")

    await page.locator("a.item", has_text="停车卡").first.click()
    await page.get_by_role("button", name="保存并试一试").click()
    await expect(page.locator(".todo")).to_contain_text("至少 3 个")
    await page.screenshot(path=tmp_path / "lacking.png", full_page=True)
    await page.fill("#question", "停车卡在哪里办")
    await page.fill("#phrasings", PHRASINGS)
    await page.get_by_role("button", name="保存并试一试").click()
    await expect(page.locator("#replay")).to_contain_text("重放了 2 个问题")
    await seen.shoot(tmp_path / "tried.png")
    await page.get_by_role("button", name="发布，给计算机2301用").press("Enter")
    await expect(page.locator("h1")).to_contain_text("已发布")
    await seen.shoot(tmp_path / "published.png")

    await seen.open("/playground")
    await expect(page.locator("#status")).to_have_text("在线")
    await seen.say("@助手 停车卡去哪儿办呀")
    await expect(page.locator(".line.bot").last).to_contain_text(ANSWER)
    await expect(page.locator(".line.bot").last).to_contain_text("王敏老师答复")


@needs_browser
@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_on_a_phone_and_a_desk_all_of_it_is_readable(
    browser: Browser, app: App, scheme: str, tmp_path: Path
) -> None:
    await _suggested(app, "12月20日前到一号门保卫处办，工本费 15 元，见 https://demo.invalid/card")
    await say(app, AGAIN, who="student-zhang", name="小张")
    await say(app, "@助手 食堂几点关门啊", who="student-zhang", name="小张")
    await say(app, "@助手 期末考试什么时候报名？")
    await say(app, "@助手 没用")
    problems: list[object] = []
    for width in (1280, 390):
        context = await browser.new_context(
            viewport={"width": width, "height": 844},
            color_scheme=scheme,  # type: ignore[arg-type]
        )
        seen = Seen(await context.new_page(), f"http://127.0.0.1:{app.port}")
        await _sign_in(seen, app)
        for path in ("/knowledge", "/knowledge/suggestions/1"):
            await seen.open(path)
            if path != "/knowledge":
                await seen.page.fill("#phrasings", PHRASINGS)
                await seen.page.fill('[name="last"]', "2026-12-20")
                await seen.page.get_by_role("button", name="保存并试一试").click()
                await expect(seen.page.locator("#replay")).to_contain_text("重放了")
            problems += await seen.page.evaluate(test_browser.CONTRAST)
            whole = await seen.page.evaluate("document.documentElement.scrollWidth")
            problems += [whole] if whole > width else []
            name = f"{'overview' if path == '/knowledge' else 'suggestion'}-{width}-{scheme}.png"
            await seen.page.screenshot(path=tmp_path / name, full_page=True)
        await context.close()

    assert problems == []


def test_the_other_class_is_another_units() -> None:
    """What the tests of reach stand on."""
    assert OTHER_CLASS != demo.CLASS_NAME
    assert OTHER_UNIT != demo.UNIT


# -- the gate -------------------------------------------------------------------------------------

#: Phrasings a hair's breadth from what another entry answers rightly: they draw its askers.
GREEDY = (
    "同学们问这次期末考试从哪天起能报名呀\n请问这次期末考试从哪天起能报名呢\n"
    "这次年底期末考试从哪天起能报名呀"
)
EXAM = "@助手 这次期末考试从哪天起能报名呀"


async def _voted(app: App, text: str) -> None:
    """小李 asks something the bot knows, and finds the answer useful."""
    await say(app, text)
    await say(app, "@助手 有用")


async def _audited(app: App) -> list[str]:
    async with app.database.reading() as uow:
        return [action for _, action, _ in await uow.audit.actions()]


async def _greedy(app: App, visitor: Visitor) -> str:
    """A suggestion that would take what another entry answers rightly."""
    status, _ = await visitor.post(
        "/knowledge/suggestions/1",
        await _form(
            app,
            visitor,
            question="这次期末考试从哪天起能报名呀老师",
            phrasings=GREEDY,
            answer="请看群公告。",
            scope="class",
        ),
    )
    assert status == 303
    return (await visitor.get("/knowledge/suggestions/1"))[1]


async def test_an_entry_that_takes_right_answers_away_is_stopped_with_the_list(
    app: App, visit: Visit
) -> None:
    await _suggested(app)
    await _voted(app, EXAM)
    unit = await _signed_in(app, visit, "unit", demo.UNIT)

    body = await _greedy(app, unit)
    status, refused = await _publish(app, unit)

    assert "不能发布" in body
    assert "从哪天起能报名呀 <span" in body
    assert "坚持发布" not in body
    assert status == 409
    assert "没有发布" in refused
    assert "请省校处理" in refused
    assert (await _suggestion(app)).standing is Standing.WAITING
    assert "knowledge.gate_refused" in await _audited(app)
    await say(app, EXAM, who="student-zhang", name="小张")
    assert "请看群公告。" not in _said_in_group(app)


async def test_the_province_alone_may_insist_and_says_why(app: App, visit: Visit) -> None:
    await _suggested(app)
    await _voted(app, EXAM)
    unit = await _signed_in(app, visit, "unit", demo.UNIT)
    province = await _signed_in(app, visit)
    await _greedy(app, unit)

    async def insist(visitor: Visitor, reason: str) -> int:
        form = {
            "csrf": await visitor.token("/knowledge"),
            "version": str((await _suggestion(app)).version),
            "override": reason,
        }
        return (await visitor.post("/knowledge/suggestions/1/publish", form))[0]

    statuses = [
        await insist(unit, "省里同意了，就这样发布"),
        await insist(province, "同意"),
        await insist(province, "报名改由班级群通知，原条目下周停用"),
    ]

    assert statuses == [409, 409, 303]
    async with app.database.reading() as uow:
        (line,) = await uow.audit.lines(limit=1, action="knowledge.gate_overridden")
    assert line.actor == "web:boss"
    assert line.reason == "报名改由班级群通知，原条目下周停用"


async def test_a_harmless_entry_passes_and_says_how_it_was_tried(app: App, visit: Visit) -> None:
    await _suggested(app)
    await _voted(app, EXAM)
    visitor = await _signed_in(app, visit, unit=demo.UNIT)

    body = await _tried(app, visitor)
    status, _ = await _publish(app, visitor)

    assert "没有一种变坏，可以发布" in body
    assert status == 303


def test_precision_and_what_is_worse_are_counted() -> None:
    """A question that was rightly left alone and is now answered is worse, too."""
    old = entries_of_rows(
        [_row("exam.when", "考试什么时候报名", "考试报名时间|何时报名考试|报考时间")]
    )
    new = entries_of_rows(
        [_row("learnt.s1", "停车卡在哪里办", "停车卡怎么办|停车卡去哪办|办停车卡")]
    )
    world = World({}, ())
    labelled = [
        Labelled("考试什么时候报名", "exam.when", world),
        Labelled("停车卡怎么办", "", world),
    ]

    found = gate(
        labelled,
        Replay(0, (), (), ()),
        Knowledge(old),
        Knowledge((*old, *new)),
        own=(),
        useless=(),
        settings=BotSettings(),
        now=NOW,
    )

    assert [it.text for it in found.broken] == ["停车卡怎么办"]
    assert found.precision[0] > found.precision[1]
    assert not found.is_open


def test_taking_over_what_did_not_help_is_no_theft() -> None:
    taken = Change("停车卡怎么办", 2, (), "考试什么时候报名", "停车卡在哪里办", True)
    replayed = Replay(2, (), (taken,), ())

    def stopped(useless: list[tuple[str, str]]) -> bool:
        knowledge = Knowledge(())
        found = gate(
            [],
            replayed,
            knowledge,
            knowledge,
            own=(),
            useless=useless,
            settings=BotSettings(),
            now=NOW,
        )
        return not found.is_open

    assert stopped([])
    assert stopped([("停车卡怎么办", "别的条目")])
    assert not stopped([("停车卡怎么办", "考试什么时候报名")])


async def test_s26_1_what_supersedes_an_entry_is_used_at_once_and_the_old_no_more(
    app: App, visit: Visit
) -> None:
    """Source, article, from–to travel with the answer; past its last day it is cited no more."""
    await _suggested(app)
    visitor = await _signed_in(app, visit)
    await _tried(app, visitor, article="第十三条", last="2026-12-02")
    await _publish(app, visitor)
    await say(app, AGAIN, who="student-zhang", name="小张")
    first = _said_in_group(app)

    # The same question, asked of the tutor anew, has another answer now.
    rows = [_row("learnt.s1", "停车卡在哪里办", PHRASINGS.replace("\n", "|"), "在二号门办。")]
    entry = entries_of_rows([json.dumps(json.loads(rows[0]) | {"班级": demo.CLASS_NAME})])[0]
    async with app.database.unit_of_work() as uow:
        now = app.clock.now() + timedelta(seconds=1)
        await uow.imports.entries([EntryRow(entry.key, row_of(entry), demo.CLASS_NAME)], now=now)
    await app.knowledge.refresh()
    await say(app, AGAIN, who="student-zhang", name="小张")
    second = _said_in_group(app)

    assert ANSWER in first
    assert "第十三条" in first
    assert "在二号门办" in second
    assert ANSWER not in second


async def test_s26_1_past_its_last_day_an_entry_is_cited_no_more(app: App, visit: Visit) -> None:
    await _suggested(app)
    visitor = await _signed_in(app, visit)
    await _tried(app, visitor, last=app.clock.now().date().isoformat())
    await _publish(app, visitor)
    await say(app, AGAIN, who="student-zhang", name="小张")
    assert ANSWER in _said_in_group(app)

    app.clock.advance(timedelta(days=1))  # type: ignore[attr-defined]
    await app.knowledge.refresh()
    await say(app, AGAIN, who="student-zhang", name="小张")

    assert ANSWER not in _said_in_group(app)


def _row(key: str, question: str, phrasings: str, answer: str = "请看群公告。") -> str:
    cells = {"编号": key, "主题": "other", "问题": question, "问法": phrasings, "答案": answer}
    return json.dumps(
        dict.fromkeys((*HEADER, *MORE_COLUMNS), "") | cells | {"来源": "校发〔2026〕1 号"},
        ensure_ascii=False,
    )

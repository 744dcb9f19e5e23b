"""One interaction with its conversation: what was said around it, and what is never shown."""

from bot import demo
from bot.app import App
from bot.web.row import MOST
from storage.interactions import Kind
from storage.reports import LedgerFilter, LedgerRow
from storage.vocabulary import Role, Topic
from tests.bot.web.conftest import OTHER_UNIT, Visit, Visitor, add_supervisor, say
from tests.bot.web.test_appraisal import account

ODD = "@助手 校门口的停车卡在哪里办？"
EXAM = "@助手 期末考试什么时候报名？"
DISTRESS = "我已经写好遗书了"


async def signed_in(app: App, visit: Visit, unit: str | None = demo.UNIT) -> Visitor:
    await add_supervisor(app, "boss", "correct horse", unit=unit)
    visitor = await visit(app)
    assert await visitor.sign_in("boss", "correct horse") == 303
    return visitor


async def rows(app: App) -> list[LedgerRow]:
    """The ledger, oldest first."""
    async with app.database.reading() as uow:
        return (await uow.reports.ledger(LedgerFilter()))[::-1]


async def test_what_the_student_said_before_and_after_stands_beside_it(
    app: App, visit: Visit
) -> None:
    await say(app, EXAM)
    await say(app, ODD)
    await say(app, "@助手 实验室的钥匙在谁那里")
    visitor = await signed_in(app, visit)
    middle = (await rows(app))[1]

    _, body = await visitor.get(f"/ledger/{middle.id}")

    around = body[body.index("前后的对话") :]
    assert around.index("期末考试") < around.index("停车卡") < around.index("实验室的钥匙")
    assert f'href="/ledger/{(await rows(app))[0].id}"' in around
    assert "助手答复" in around
    assert 'href="/cases/1"' in body
    assert "小李" not in body


async def test_a_classmates_words_are_not_part_of_it(app: App, visit: Visit) -> None:
    await say(app, ODD)
    await say(app, "@助手 我的准考证丢了怎么办", who="student-zhang", name="小张")
    await say(app, EXAM)
    visitor = await signed_in(app, visit)

    _, body = await visitor.get(f"/ledger/{(await rows(app))[0].id}")

    assert "期末考试" in body
    assert "准考证丢了" not in body


async def test_private_words_are_not_shown_beside_what_was_said_in_the_group(
    app: App, visit: Visit
) -> None:
    await say(app, ODD)
    await say(app, "学费怎么交", group="")
    visitor = await signed_in(app, visit)

    _, body = await visitor.get(f"/ledger/{(await rows(app))[0].id}")

    assert "学费怎么交" not in body


async def test_only_so_much_of_it(app: App, visit: Visit) -> None:
    for number in range(MOST + 3):
        await say(app, f"@助手 第{number:02}把实验室的钥匙在谁那里")
    visitor = await signed_in(app, visit)
    last = (await rows(app))[-1]

    _, body = await visitor.get(f"/ledger/{last.id}")

    around = body[body.index("前后的对话") :]
    assert around.count("<li") == MOST + 1
    assert "第00把" not in around


async def test_a_cry_for_help_shows_none_of_its_words_beside_another_row(
    app: App, visit: Visit
) -> None:
    await say(app, "学费怎么交", group="")
    await say(app, DISTRESS, group="")
    visitor = await signed_in(app, visit)
    first = (await rows(app))[0]
    sealed = next(row for row in await rows(app) if row.is_sealed)

    _, body = await visitor.get(f"/ledger/{first.id}")
    _, own = await visitor.get(f"/ledger/{sealed.id}")

    assert "遗书" not in body
    assert "已封存" in body
    assert "遗书" not in own
    assert "前后的对话" not in own


async def test_a_supervisor_who_teaches_the_class_reads_no_complaint_beside_a_question(
    app: App, visit: Visit
) -> None:
    await say(app, "学费怎么交", group="")
    await say(app, "图书馆几点关门", group="")
    await say(app, "我要投诉，王老师一直不回消息", group="")
    await say(app, "补充一下，上周也是这样", group="")
    first = (await rows(app))[0]
    own = await account(app, visit, role=Role.SUPERVISOR)
    boss = await signed_in(app, visit)

    _, mine = await own.get(f"/ledger/{first.id}")
    _, whole = await boss.get(f"/ledger/{first.id}")

    assert "图书馆几点关门" in mine
    assert "投诉" not in mine[mine.index("<main") :]
    assert "不回消息" not in mine
    assert "上周也是这样" not in mine
    assert "不回消息" in whole


async def test_another_units_supervisor_gets_no_conversation(app: App, visit: Visit) -> None:
    await say(app, EXAM)
    await say(app, ODD)
    visitor = await signed_in(app, visit, OTHER_UNIT)

    for row in await rows(app):
        status, body = await visitor.get(f"/ledger/{row.id}")

        assert status == 404
        assert "停车卡" not in body


async def test_markup_around_it_stays_text(app: App, visit: Visit) -> None:
    await say(app, ODD)
    await say(app, "@助手 <script>alert(1)</script> 学费怎么交？", name='"><img src=x>')
    visitor = await signed_in(app, visit)

    _, body = await visitor.get(f"/ledger/{(await rows(app))[0].id}")

    assert "&lt;script&gt;alert(1)" in body
    assert "<script>alert" not in body
    assert "<img src=x" not in body


async def test_entry_review_and_chain_of_corrections_are_named(app: App, visit: Visit) -> None:
    await say(app, EXAM)
    row = next(it for it in await rows(app) if it.record.kind is Kind.QUESTION)
    async with app.database.unit_of_work() as uow:
        await uow.reviews.collect(app.clock.now(), percent=0, bot_percent=100)
        await uow.interactions.correct(row.id, topic=Topic.OTHER, article="第十六条")
    visitor = await signed_in(app, visit)
    newest = (await rows(app))[-1]

    _, body = await visitor.get(f"/ledger/{row.id}")
    _, corrected = await visitor.get(f"/ledger/{newest.id}")

    assert row.record.entry in body
    assert "随程序带的" in body
    assert 'href="/review/1"' in body
    assert "待复核" in body
    assert "更正的经过" in body
    assert f'href="/ledger/{newest.id}"' in body
    assert f'href="/ledger/{row.id}"' in corrected

"""The ledger: who sees which rows, in what words, and nothing a browser would run."""

from datetime import timedelta

import pytest

from bot.app import App
from bot.web.pages import Query, bars, masked, query_of, seconds_in_words
from storage.interactions import Kind, Record
from storage.lines import Login
from storage.reports import DayFigures, LedgerFilter
from storage.vocabulary import Action, Platform
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


async def _supervisor(app: App, visit: Visit, unit: str | None = None) -> Visitor:
    await add_supervisor(app, "boss", "correct horse", unit=unit)
    visitor = await visit(app)
    assert await visitor.sign_in("boss", "correct horse") == 303
    return visitor


async def _row_ids(app: App) -> dict[str, int]:
    async with app.database.reading() as uow:
        return {row.class_name: row.id for row in await uow.reports.ledger(LedgerFilter())}


async def test_question_is_a_row_with_the_message_that_proves_it(app: App, visit: Visit) -> None:
    await say(app, ODD)
    visitor = await _supervisor(app, visit)

    _, body = await visitor.get("/ledger")

    assert "校门口的停车卡在哪里办" in body
    assert "转老师" in body
    assert "T-1" in body
    assert "小*" in body
    assert "小李" not in body


async def test_supervisor_of_a_unit_sees_only_its_classes(app: App, visit: Visit) -> None:
    await say(app, ODD)
    await say(app, ODD, who="stranger", name="路人", group=OTHER_GROUP)
    ids = await _row_ids(app)
    visitor = await _supervisor(app, visit, OTHER_UNIT)

    _, body = await visitor.get("/ledger")
    own, _ = await visitor.get(f"/ledger/{ids[OTHER_CLASS]}")
    foreign, _ = await visitor.get(f"/ledger/{ids['计算机2301']}")
    nowhere, _ = await visitor.get("/ledger/987654321")

    assert OTHER_CLASS in body
    assert "计算机2301" not in body
    assert (own, foreign, nowhere) == (200, 404, 404)


async def test_filters_cannot_reach_another_unit(app: App, visit: Visit) -> None:
    await say(app, ODD)
    visitor = await _supervisor(app, visit, OTHER_UNIT)

    _, body = await visitor.get("/ledger?class=计算机2301")

    assert "没有符合条件的记录" in body


async def test_province_sees_every_class(app: App, visit: Visit) -> None:
    await say(app, ODD)
    await say(app, ODD, who="stranger", name="路人", group=OTHER_GROUP)
    visitor = await _supervisor(app, visit)

    _, body = await visitor.get("/ledger")

    assert OTHER_CLASS in body
    assert "计算机2301" in body


async def test_complaint_about_the_tutor_is_marked_for_supervisors(app: App, visit: Visit) -> None:
    await say(app, "@助手 我要投诉，王老师一直不回消息")
    visitor = await _supervisor(app, visit)

    _, body = await visitor.get("/ledger")

    assert "涉及助学教师" in body


async def test_markup_in_a_message_stays_text(app: App, visit: Visit) -> None:
    """X2"""
    await say(app, "@助手 <script>alert(1)</script> 学费怎么交？", name='"><img src=x onerror=a()>')
    visitor = await _supervisor(app, visit)

    for path in ("/ledger", f"/ledger/{(await _row_ids(app))['计算机2301']}"):
        _, body = await visitor.get(path)

        assert "<script>alert" not in body
        assert "<img src=x" not in body
        assert "&lt;script&gt;alert(1)" in body


async def test_markup_in_a_filter_stays_text(app: App, visit: Visit) -> None:
    visitor = await _supervisor(app, visit)

    _, body = await visitor.get('/ledger?class="><script>x</script>&from=<b>')

    assert "<script>x" not in body
    assert "不是有效日期，已忽略" in body


@pytest.mark.parametrize(
    "query",
    [
        "from=0001-01-01&to=9999-12-31",
        "before=99999999999999999999",
        "before=-1",
        "kind=nonsense",
        "class=%00%25_&tutor=%ff",
        "from=2026-12-02&to=2026-12-01",
    ],
)
async def test_odd_filters_are_a_page_not_an_error(app: App, visit: Visit, query: str) -> None:
    """X7"""
    visitor = await _supervisor(app, visit)

    assert (await visitor.get(f"/ledger?{query}"))[0] == 200


async def test_fifty_rows_a_page_and_the_next_ones_behind_a_link(app: App, visit: Visit) -> None:
    now = app.clock.now()
    async with app.database.unit_of_work() as uow:
        room = await uow.people.class_named("计算机2301", now)
        assert room is not None
        for number in range(60):
            uow.interactions.add(
                Record(Kind.NOTICE, Action.ANSWER),
                key=f"test:{number}",
                at=now + timedelta(seconds=number),
                class_id=room.id,
                tutor_id=None,
                person_id=None,
                platform=Platform.PLAYGROUND,
                speaker_id="",
                event_id=None,
                message_id="",
            )
    visitor = await _supervisor(app, visit)

    _, first = await visitor.get("/ledger?kind=notice")
    _, second = await visitor.get("/ledger?kind=notice&before=11")

    assert first.count('<details class="row"') == 50
    assert 'href="/ledger?kind=notice&amp;before=11"' in first
    assert second.count('<details class="row"') == 10
    assert "没有更早的记录了" in second


async def test_empty_ledger_says_what_to_do(bare_app: App, visit: Visit) -> None:
    visitor = await visit(bare_app)
    await visitor.sign_in("province", "correct horse")

    _, body = await visitor.get("/ledger")

    assert "/绑定 班级名称" in body


async def test_tutors_answer_shows_the_tutor_by_name_and_the_student_masked(
    app: App, visit: Visit
) -> None:
    await say(app, ODD)
    await say(app, "/答复 T-1 小李，在一号门保卫处办", who="tutor-wang", name="王敏")
    visitor = await _supervisor(app, visit)

    _, body = await visitor.get("/ledger?kind=reply")

    assert "王敏（助学教师）" in body
    assert "小*，在一号门保卫处办" in body
    assert "小李" not in body


# -- rules ----------------------------------------------------------------------------------------


def test_names_are_masked_to_their_first_character() -> None:
    assert [masked("小李"), masked("欧阳修文"), masked("")] == ["小*", "欧*", "未登记"]


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(None, ""), (0.2, "不到 1 秒"), (12.4, "12 秒"), (90, "1 分钟"), (7200, "2 小时")],
)
def test_time_to_the_first_reply_in_words(seconds: float | None, words: str) -> None:
    assert seconds_in_words(seconds) == words


def test_picture_is_divided_by_who_answered() -> None:
    found = bars(DayFigures(9, 6, 3, 0, 0, 0, 0, None, ()))

    assert [(bar.solver, bar.x, bar.width) for bar in found] == [
        ("bot", 0, 66.67),
        ("tutor", 66.67, 33.33),
        ("classmate", 100.0, 0.0),
    ]


def test_dates_the_wrong_way_round_are_exchanged_and_said() -> None:
    found = query_of({"from": "2026-12-05", "to": "2026-12-01"})

    assert found.address() == "/ledger?from=2026-12-01&to=2026-12-05"
    assert found.problems == ("开始日期晚于结束日期，已对调。",)


def test_address_of_no_filter_is_the_plain_page() -> None:
    assert Query().address() == "/ledger"


async def test_lines_page_shows_the_code_to_scan_to_the_province_only(
    app: App, visit: Visit
) -> None:
    now = app.clock.now()
    async with app.database.unit_of_work() as uow:
        await uow.lines.came(Platform.QQ, "3889000001", now - timedelta(minutes=9))
        await uow.lines.went(Platform.QQ, "3889000001", now - timedelta(minutes=5))
        await uow.lines.put_login(Login(Platform.WECHAT, "scan", now, code="weixin://x"))
    province = await _supervisor(app, visit)
    await add_supervisor(app, "clerk", "correct horse", unit=OTHER_UNIT)
    clerk = await visit(app)
    assert await clerk.sign_in("clerk", "correct horse") == 303

    _, whole = await province.get("/lines")
    _, part = await clerk.get("/lines")

    assert "QQ 3889000001" in whole
    assert "已 5 分钟" in whole
    assert "微信：等扫码登录" in whole
    assert "data:image/svg+xml" in whole
    assert "data:image/svg+xml" not in part
    assert "二维码只给省校管理员看" in part
    assert "weixin://x" not in whole


async def test_lines_page_is_for_the_signed_in(app: App, visit: Visit) -> None:
    visitor = await visit(app)

    _, body = await visitor.get("/lines")

    assert 'name="password"' in body


async def test_s13_3_a_wrong_topic_is_corrected_by_name_and_both_rows_stay(
    app: App, visit: Visit
) -> None:
    await say(app, ODD)
    ids = await _row_ids(app)
    row_id = ids["计算机2301"]
    visitor = await _supervisor(app, visit)
    token = await visitor.token(f"/ledger/{row_id}")

    form = {"topic": "activities", "reason": "问的是活动"}
    status, _ = await visitor.post(f"/ledger/{row_id}/correct", {**form, "csrf": token})
    _, old = await visitor.get(f"/ledger/{row_id}")
    _, listed = await visitor.get("/ledger")
    without, _ = await visitor.post(f"/ledger/{row_id}/correct", form)

    assert (status, without) == (303, 403)
    assert "这一行已被更正" in old
    assert "活动" in listed
    async with app.database.reading() as uow:
        noted = await uow.audit.actions()
    assert ("web:boss", "web.row_corrected", f"interaction:{row_id}") in noted

"""The record on the web: who sees which, what may be argued and decided, by whom, once."""

import asyncio
import io
from datetime import date, datetime, timedelta
from decimal import Decimal

import pytest
from openpyxl import load_workbook
from sqlalchemy import insert, update
from yarl import URL

from bot import demo
from bot.app import App
from bot.web.appraisal import corrections_of, span_of_address
from handlers.errors import UserError
from handlers.formula import DEFAULT, text_of
from handlers.indicators import INDICATORS, Row, figure
from storage.appraisal import DailyRecord
from storage.models.appraisal import settled_days
from storage.models.people import duties
from storage.vocabulary import SHANGHAI, Role
from tests.bot.web.conftest import HASHER, OTHER_UNIT, Visit, Visitor, add_supervisor, say
from tests.bot.web.test_cases import ABOUT_TUTOR, act, open_hearing, rule, sign_in, tell
from tests.bot.web.test_cases import said as said

DAY = date(2026, 11, 30)


async def tutor_of(app: App, class_name: str = demo.CLASS_NAME) -> tuple[int, int]:
    """The tutor of a class, and the class."""
    async with app.database.reading() as uow:
        room = await uow.people.class_named(class_name, app.clock.now())
    assert room is not None
    assert room.tutor is not None
    return room.tutor.person_id, room.id


async def have(
    app: App, indicator: str, *rows: Row, day: date = DAY, class_name: str = demo.CLASS_NAME
) -> None:
    """A figure on the record of a class's tutor; the day is settled, the tutor long in office."""
    tutor_id, class_id = await tutor_of(app, class_name)
    made = figure(INDICATORS[indicator].how, rows)
    async with app.database.unit_of_work() as uow:
        if not await uow.appraisal.is_settled(day):
            await uow.write(
                insert(settled_days).values(day=day.isoformat(), settled_at=app.clock.now())
            )
        await uow.write(update(duties).values(starts_at=datetime(2026, 1, 1, tzinfo=SHANGHAI)))
        uow.appraisal.put(
            [
                DailyRecord(
                    tutor_id,
                    day,
                    class_id,
                    indicator,
                    made.numerator,
                    made.denominator,
                    None if made.value is None else str(made.value),
                    tuple((row.ref, row.part, row.whole) for row in rows),
                )
            ]
        )


async def account(
    app: App,
    visit: Visit,
    *,
    role: Role = Role.TUTOR,
    class_name: str = demo.CLASS_NAME,
    unit: str | None = None,
    username: str = "own",
) -> Visitor:
    """A browser signed in with an account tied to a class's tutor, perhaps a supervisor too."""
    tutor_id, _ = await tutor_of(app, class_name)
    async with app.database.unit_of_work() as uow:
        if role is Role.SUPERVISOR:
            unit_id = None if unit is None else await uow.supervisors.unit_named(unit)
            await uow.write(
                insert(duties).values(
                    person_id=tutor_id,
                    role=Role.SUPERVISOR,
                    unit_id=unit_id,
                    starts_at=app.clock.now() - timedelta(days=1),
                )
            )
        await uow.supervisors.put(
            username=username,
            name="王敏",
            password_hash=HASHER.hash("correct horse"),
            unit_id=None,
            person_id=tutor_id,
            role=role,
        )
    visitor = await visit(app)
    assert await visitor.sign_in(username, "correct horse") == 303
    return visitor


async def post(visitor: Visitor, path: str, page: str, **form: str) -> tuple[int, str]:
    return await visitor.post(path, {"csrf": await visitor.token(page), **form})


# -- roles ----------------------------------------------------------------------------------------


async def test_a_tutor_has_their_own_page_and_nothing_else(app: App, visit: Visit) -> None:
    """S5.5"""
    await have(app, "K04", Row("T-1", 1))
    visitor = await account(app, visit)

    statuses = {
        path: (await visitor.get(path, allow_redirects=False))[0]
        for path in ("/my", "/my/annual", "/ledger", "/cases", "/appraisal", "/training", "/lines")
    }

    assert statuses == {
        "/my": 200,
        "/my/annual": 200,
        "/ledger": 303,
        "/cases": 404,
        "/appraisal": 404,
        "/training": 404,
        "/lines": 404,
    }


async def test_a_role_taken_away_is_gone_at_the_next_request(app: App, visit: Visit) -> None:
    """X5: S5.5"""
    visitor = await account(app, visit)
    assert (await visitor.get("/my", allow_redirects=False))[0] == 200

    async with app.database.unit_of_work() as uow:
        await uow.write(update(duties).values(ends_at=app.clock.now()))

    status, _ = await visitor.get("/my", allow_redirects=False)
    assert status == 303
    assert await visitor.sign_in("own", "correct horse") == 401


async def test_rights_come_from_the_duties_of_the_moment(app: App, visit: Visit) -> None:
    """S5.5: a supervisor of two units sees both, then one, then only the own page."""
    visitor = await account(app, visit, role=Role.SUPERVISOR, unit=OTHER_UNIT)
    _, body = await visitor.get("/appraisal?month=2026-12")
    assert "赵强" in body
    assert "王敏" not in body.split('id="main"')[1]

    async with app.database.unit_of_work() as uow:
        await uow.write(
            update(duties).where(duties.c.role == Role.SUPERVISOR).values(ends_at=app.clock.now())
        )

    assert (await visitor.get("/appraisal", allow_redirects=False))[0] == 404
    assert (await visitor.get("/my", allow_redirects=False))[0] == 200


async def test_an_account_of_nobody_known_keeps_its_own_unit(app: App, visit: Visit) -> None:
    visitor = await sign_in(app, visit, OTHER_UNIT)

    _, body = await visitor.get("/appraisal?month=2026-12")

    assert "赵强" in body
    assert "王敏" not in body


async def test_records_of_another_unit_are_as_if_they_never_were(app: App, visit: Visit) -> None:
    """S17.2"""
    await have(app, "K04", Row("T-1", 1))
    mine, _ = await tutor_of(app)
    own = await account(app, visit)
    await post(own, "/my/appeals", f"/my?day={DAY}", day=str(DAY), text="数字不对，我答过")
    visitor = await sign_in(app, visit, OTHER_UNIT)

    for path in (
        f"/appraisal/tutors/{mine}",
        f"/appraisal/tutors/{mine}?day={DAY}",
        f"/appraisal/annual/{mine}?year=2026",
        f"/appraisal/annual/{mine}?year=2026&dossier=1",
        "/appraisal/appeals/1",
    ):
        assert (await visitor.get(path))[0] == 404, path
    _, body = await visitor.get("/appraisal/appeals")
    assert "数字不对" not in body
    status, _ = await post(
        visitor, "/appraisal/appeals/1", "/appraisal", outcome="upheld", text="成立"
    )
    assert status == 404
    status, _ = await post(
        visitor,
        f"/appraisal/annual/{mine}",
        "/appraisal",
        year="2025",
        grade="passed",
        reason="好的",
    )
    assert status == 404


async def test_a_supervisor_who_is_a_tutor_sees_no_complaint_about_themselves(
    app: App, visit: Visit
) -> None:
    """S13.6: by none of the pages; a colleague of the unit sees it."""
    visitor = await account(app, visit, role=Role.SUPERVISOR, unit=None)
    pages = ("/cases", "/ledger", "/lines", "/cases?kind=complaint", "/ledger?kind=complaint")
    before = {path: await visitor.get(path) for path in pages}
    nobody = await visitor.get("/cases/1")

    await tell(app, ABOUT_TUTOR)
    after = {path: await visitor.get(path) for path in pages}
    seen = await visitor.get("/cases/1")
    boss = await sign_in(app, visit)

    assert {path: it[0] for path, it in after.items()} == dict.fromkeys(pages, 200)
    assert after == before
    assert seen == nobody
    assert seen[0] == 404
    assert (await act(visitor, 1, "answer", text="没有这回事，已查清"))[0] == 404
    assert (await boss.get("/cases/1"))[0] == 200


# -- the record -----------------------------------------------------------------------------------


async def test_tutor_and_supervisor_read_the_same_figures(app: App, visit: Visit) -> None:
    """S17.2"""
    await say(app, "@助手 校门口的停车卡在哪里办？")
    await have(app, "K04", Row("T-1", 1), Row("T-2", 0))
    await have(app, "K03", Row("T-1", 1800))
    await have(app, "K30", Row("T-1", 5))
    mine, _ = await tutor_of(app)
    own, boss = await account(app, visit), await sign_in(app, visit)

    _, by_tutor = await own.get(f"/my?day={DAY}")
    _, by_boss = await boss.get(f"/appraisal/tutors/{mine}?day={DAY}")

    for words in ("1/2", "中位数 30 分钟", "样本不足", "未接入", "同一页"):
        assert words in by_tutor
        assert words in by_boss
    assert 'href="/cases/1"' in by_boss
    assert "/cases/" not in by_tutor


async def test_fewer_than_five_marks_show_no_average(app: App, visit: Visit) -> None:
    """S1.3: per tutor and class and month, with the sample."""
    await have(app, "K30", *(Row(f"T-{n}", 4) for n in range(4)))
    mine, _ = await tutor_of(app)
    boss = await sign_in(app, visit)

    _, few = await boss.get(f"/appraisal/tutors/{mine}?month=2026-11")
    await have(app, "K30", Row("T-9", 5), day=DAY - timedelta(days=1))
    _, enough = await boss.get(f"/appraisal/tutors/{mine}?month=2026-11")

    assert "4 条" in few
    assert "4.00" not in few
    assert "5 条" in enough
    assert "4.20" in enough


async def test_an_undecided_complaint_changes_nothing_on_the_tutors_page(
    app: App, visit: Visit
) -> None:
    """S13.6 S17.2: to the byte, before and after; the verdict is what counts."""
    await have(app, "K04", Row("T-7", 1))
    own = await account(app, visit)
    paths = ("/my", f"/my?day={DAY}", "/my?month=2026-12", "/my/annual?year=2026")
    before = [await own.get(path) for path in paths]

    await tell(app, ABOUT_TUTOR)
    waiting = [await own.get(path) for path in paths]
    boss = await sign_in(app, visit)
    await open_hearing(app, boss)
    heard = [await own.get(path) for path in paths]
    await rule(app, boss, unheard="1", verdict="true")
    ruled = [await own.get(path) for path in paths]

    assert waiting == before
    assert heard == before
    assert ruled[:3] == before[:3]
    assert "T-1" in ruled[3][1]


async def test_notes_stand_beside_the_figures(app: App, visit: Visit) -> None:
    """S17.2"""
    await have(app, "K04", Row("T-1", 0))
    mine, _ = await tutor_of(app)
    own, boss = await account(app, visit), await sign_in(app, visit)

    status, _ = await post(own, "/my/notes", f"/my?day={DAY}", day=str(DAY), text="<b>那天停电</b>")
    _, body = await boss.get(f"/appraisal/tutors/{mine}?day={DAY}")

    assert status == 303
    assert "&lt;b&gt;那天停电" in body


# -- appeals --------------------------------------------------------------------------------------


async def test_an_appeal_is_answered_by_name_and_the_correction_keeps_both_sides(
    app: App, visit: Visit
) -> None:
    """Y7: S17.2"""
    await have(app, "K04", Row("T-1", 0), Row("T-2", 1), Row("T-3", 0))
    mine, _ = await tutor_of(app)
    own, boss = await account(app, visit), await sign_in(app, visit)
    status, _ = await post(
        own, "/my/appeals", f"/my?day={DAY}", day=str(DAY), text="T-1 我电话里答过了"
    )
    assert status == 303
    again, body = await post(own, "/my/appeals", "/my", day=str(DAY), text="再说一次，我答过")
    assert again == 409
    assert "已经申诉过" in body

    form = {
        "outcome": "partly",
        "text": "查了通话记录",
        "corrections": "K04 T-1 不计\nK04 T-3 达标",
    }
    status, _ = await post(boss, "/appraisal/appeals/1", "/appraisal/appeals/1", **form)
    late, body = await post(boss, "/appraisal/appeals/1", "/appraisal", **form)

    assert status == 303
    assert late == 409
    assert "已在" in body
    async with app.database.reading() as uow:
        record = (await uow.appraisal.records(DAY, DAY, [mine]))[0]
        fixes = await uow.appraisal.corrections(mine, DAY, DAY)
        audited = await uow.audit.actions()
    assert record.rows == (("T-2", 1, 1), ("T-3", 1, 1))
    assert (record.numerator, record.denominator, record.value) == (2, 2, "1.000000")
    assert [it.before for it in fixes] == [
        (("T-1", 0, 1), ("T-2", 1, 1), ("T-3", 0, 1)),
        (("T-2", 1, 1), ("T-3", 0, 1)),
    ]
    assert fixes[-1].after == record.rows
    assert ("web:boss", "appeal.answered", "appeal:1") in audited
    _, page = await own.get(f"/my?day={DAY}")
    assert "部分成立" in page
    assert "查了通话记录" in page
    assert "boss老师" in page


async def test_a_correction_of_a_row_that_is_none_undoes_the_whole_answer(
    app: App, visit: Visit
) -> None:
    await have(app, "K04", Row("T-1", 0))
    own, boss = await account(app, visit), await sign_in(app, visit)
    await post(own, "/my/appeals", f"/my?day={DAY}", day=str(DAY), text="我电话里答过了")

    status, body = await post(
        boss,
        "/appraisal/appeals/1",
        "/appraisal",
        outcome="upheld",
        text="成立",
        corrections="K04 T-99 不计",
    )

    assert status == 409
    assert "K04 T-99" in body
    async with app.database.reading() as uow:
        found = await uow.appraisal.appeal_of(1, None)
    assert found is not None
    assert found.outcome is None


async def test_an_appeal_comes_within_seven_days(app: App, visit: Visit) -> None:
    """S17.2: the clock stands on 1 December at 09:00."""
    for days in (7, 8):
        await have(app, "K04", Row("T-1", 0), day=DAY - timedelta(days=days - 1))
    own = await account(app, visit)

    in_time, _ = await post(
        own, "/my/appeals", "/my", day=str(DAY - timedelta(days=6)), text="我答过这一条"
    )
    late, body = await post(
        own, "/my/appeals", "/my", day=str(DAY - timedelta(days=7)), text="我答过这一条"
    )
    unsettled, _ = await post(
        own, "/my/appeals", "/my", day=str(DAY + timedelta(days=1)), text="我答过这一条"
    )

    assert (in_time, late, unsettled) == (303, 409, 409)
    assert "已过" in body


async def test_nobody_answers_their_own_appeal(app: App, visit: Visit) -> None:
    """S17.2"""
    await have(app, "K04", Row("T-1", 0))
    visitor = await account(app, visit, role=Role.SUPERVISOR, unit=None)
    await post(visitor, "/my/appeals", f"/my?day={DAY}", day=str(DAY), text="我答过这一条")

    seen, _ = await visitor.get("/appraisal/appeals/1")
    status, _ = await post(
        visitor, "/appraisal/appeals/1", "/appraisal", outcome="upheld", text="成立"
    )

    assert (seen, status) == (404, 404)


# -- the formula ----------------------------------------------------------------------------------


async def test_only_the_province_changes_the_formula_after_seeing_what_it_does(
    app: App, visit: Visit
) -> None:
    """S17.3 S25.2"""
    for key in ("K04", "K05", "K06"):
        await have(app, key, *(Row(f"T-{n}", int(n % 5 > 0)) for n in range(40)))
    unit, province = await sign_in(app, visit), await sign_in(app, visit, None, "province")
    form = {"body": text_of(DEFAULT.formula).replace('"0.95"', '"0.8"'), "effective": "2027-01-01"}

    refused, _ = await post(
        unit, "/appraisal/formula", "/appraisal", **form, do="save", reason="改"
    )
    shown, body = await post(province, "/appraisal/formula", "/appraisal", **form, do="preview")
    saved, _ = await post(
        province, "/appraisal/formula", "/appraisal", **form, do="save", reason="会议决定"
    )
    twice, _ = await post(
        province, "/appraisal/formula", "/appraisal", **form, do="save", reason="会议决定"
    )
    past, _ = await post(
        province,
        "/appraisal/formula",
        "/appraisal",
        body=form["body"],
        effective="2026-12-01",
        do="save",
        reason="会议决定",
    )

    assert (refused, shown, saved, twice, past) == (403, 200, 303, 409, 409)
    async with app.database.reading() as uow:
        versions = await uow.appraisal.formulas()
        audited = [action for _, action, _ in await uow.audit.actions()]
    assert [it.effective_from for it in versions] == [date(2027, 1, 1)]
    assert {"formula.changed", "formula.refused"} <= set(audited)
    numbers = [it for it in body.split("王敏：")[1].split("</li>")[0].split() if it != "→"]
    assert Decimal(numbers[0]) < Decimal(
        numbers[1].removeprefix("<strong>").removesuffix("</strong>")
    )


# -- the year -------------------------------------------------------------------------------------


async def good_year(app: App, months: int = 6, part: int = 1) -> None:
    for month in range(1, months + 1):
        for key in ("K04", "K05", "K06"):
            rows = tuple(Row(f"T-{n}", part) for n in range(30))
            await have(app, key, *rows, day=date(2026, month, 10))
        await have(app, "K24", Row("C-1", part, 1), day=date(2026, month, 10))
        for day in range(1, 11):
            await have(app, "K25", Row(f"L-{day}", 1), day=date(2026, month, day + 10))


@pytest.fixture
async def year_over(app: App) -> None:
    app.clock.set(datetime(2026, 12, 31, 10, 0, tzinfo=SHANGHAI))  # type: ignore[attr-defined]


async def test_a_level_is_proposed_and_stored_only_when_somebody_confirms_it(
    app: App, visit: Visit, year_over: None
) -> None:
    """Y7: S17.5"""
    await good_year(app)
    mine, _ = await tutor_of(app)
    boss = await sign_in(app, visit)
    _, body = await boss.get(f"/appraisal/annual/{mine}?year=2026")
    async with app.database.reading() as uow:
        stored = await uow.appraisal.levels()
    assert "<strong>优秀</strong>" in body
    assert stored == {}

    form = {"year": "2026", "grade": "passed", "revision": "1"}
    without, _ = await post(boss, f"/appraisal/annual/{mine}", "/appraisal", **form, reason="")
    done, _ = await post(
        boss, f"/appraisal/annual/{mine}", "/appraisal", **form, reason="数据只有半年"
    )

    assert (without, done) == (409, 303)
    async with app.database.reading() as uow:
        level = (await uow.appraisal.levels([mine], 2026))[(mine, 2026)][0]
    assert (level.level, level.proposed, level.reason) == ("passed", "excellent", "数据只有半年")
    assert level.decided_name == "boss老师"


async def test_of_two_who_confirm_at_once_one_wins(app: App, visit: Visit, year_over: None) -> None:
    """S17.5"""
    await good_year(app)
    mine, _ = await tutor_of(app)
    one, other = await sign_in(app, visit), await sign_in(app, visit, None, "province")

    async def confirm(visitor: Visitor, grade: str) -> int:
        status, _ = await post(
            visitor,
            f"/appraisal/annual/{mine}",
            "/appraisal",
            year="2026",
            grade=grade,
            reason="按材料确认",
            revision="1",
        )
        return status

    found = await asyncio.gather(confirm(one, "excellent"), confirm(other, "passed"))

    assert sorted(found) == [303, 409]
    async with app.database.reading() as uow:
        assert len((await uow.appraisal.levels([mine], 2026))[(mine, 2026)]) == 1


async def test_a_complaint_found_true_leaves_the_proposal_to_people(
    app: App, visit: Visit, year_over: None
) -> None:
    """S17.5 S19.2"""
    await good_year(app)
    mine, _ = await tutor_of(app)
    boss = await sign_in(app, visit)
    await tell(app, ABOUT_TUTOR)
    await tell(app, "投诉 王老师又在群里骂人，态度很差", who="student-zhang", name="小张")
    await open_hearing(app, boss)
    await rule(app, boss, unheard="1", verdict="true")

    _, body = await boss.get(f"/appraisal/annual/{mine}?year=2026")
    _, dossier = await boss.get(f"/appraisal/annual/{mine}?year=2026&dossier=1")

    assert "转人工评议" in body
    assert "<strong>属实</strong>" in dossier
    assert "T-1" in dossier
    assert "T-2" not in dossier
    assert "解聘" not in dossier + body
    assert "建议解聘" not in dossier
    async with app.database.reading() as uow:
        assert ("web:boss", "dossier.viewed", f"person:{mine}:2026") in await uow.audit.actions()


async def test_too_few_months_propose_nothing(app: App, visit: Visit, year_over: None) -> None:
    """S17.5"""
    await good_year(app, months=5)
    mine, _ = await tutor_of(app)
    boss = await sign_in(app, visit)

    _, body = await boss.get(f"/appraisal/annual/{mine}?year=2026")

    assert "转人工评议" in body
    assert "样本不足" in body


async def test_a_year_that_is_not_over_is_not_decided(app: App, visit: Visit) -> None:
    await good_year(app)
    mine, _ = await tutor_of(app)
    boss = await sign_in(app, visit)

    status, body = await post(
        boss,
        f"/appraisal/annual/{mine}",
        "/appraisal",
        year="2026",
        grade="passed",
        reason="好的",
        revision="1",
    )

    assert status == 409
    assert "还没有过完" in body


async def test_nobody_confirms_their_own_level(app: App, visit: Visit, year_over: None) -> None:
    """S17.5"""
    await good_year(app)
    mine, _ = await tutor_of(app)
    visitor = await account(app, visit, role=Role.SUPERVISOR, unit=None)

    status, _ = await post(
        visitor,
        f"/appraisal/annual/{mine}",
        "/appraisal",
        year="2026",
        grade="excellent",
        reason="我很好",
        revision="1",
    )

    assert status == 403
    async with app.database.reading() as uow:
        assert await uow.appraisal.levels() == {}


async def test_a_confirmed_failure_opens_retraining_with_a_due_date_and_a_result(
    app: App, visit: Visit, year_over: None
) -> None:
    """S19.1"""
    await good_year(app, part=0)
    mine, _ = await tutor_of(app)
    boss = await sign_in(app, visit)
    _, body = await boss.get(f"/appraisal/annual/{mine}?year=2026")
    assert "<strong>不合格</strong>" in body
    await post(
        boss,
        f"/appraisal/annual/{mine}",
        "/appraisal",
        year="2026",
        grade="failed",
        reason="多次没有答复",
        revision="1",
    )
    async with app.database.reading() as uow:
        (opened,) = await uow.training.retrainings(is_open=True)
    assert opened.due_at == app.clock.now() + timedelta(days=30)

    other = await sign_in(app, visit, OTHER_UNIT, "elsewhere")
    foreign, _ = await post(
        other, f"/training/retrainings/{opened.id}", "/training", result="passed"
    )
    form = {"result": "passed", "certificate": "LN-2027-001"}
    done, _ = await post(boss, f"/training/retrainings/{opened.id}", "/training", **form)

    assert (foreign, done) == (404, 303)
    async with app.database.reading() as uow:
        (found,) = await uow.training.retrainings()
    assert (found.result, found.certificate) == ("passed", "LN-2027-001")


# -- training -------------------------------------------------------------------------------------


async def test_training_is_signed_in_to_with_its_code_and_credited_once(
    app: App, visit: Visit, said: list[object]
) -> None:
    """S7.1 S8.1 S9.1 S20.1"""
    boss = await sign_in(app, visit)
    await have(app, "K25", Row("L-1", 1))
    form = {"kind": "pre_job", "title": "岗前培训", "place": "一楼", "hours": "4.5"}
    now = app.clock.now()
    status, _ = await post(
        boss,
        "/training",
        "/training",
        **form,
        starts=f"{now:%Y-%m-%dT%H:%M}",
        ends=f"{now + timedelta(hours=3):%Y-%m-%dT%H:%M}",
    )
    assert status == 303
    async with app.database.reading() as uow:
        (event,) = await uow.training.events(None)

    async def tutor_says(text: str) -> str:
        # The clock may say something of its own meanwhile.
        before = len(said)
        await say(app, text, who="tutor-wang", name="王敏", group="")
        return "\n".join(str(one.text) for one in said[before + 1 :])  # type: ignore[attr-defined]

    answers = [
        await tutor_says(it)
        for it in (
            "/我的培训",
            f"/报名培训 {event.id}",
            "/签到 000000" if event.code != "000000" else "/签到 000001",
            f"/签到 {event.code}",
            f"/签到 {event.code}",
        )
    ]
    app.clock.set(now + timedelta(hours=4))  # type: ignore[attr-defined]
    late = await tutor_says(f"/签到 {event.code}")

    assert "岗前培训" in answers[0]
    assert "已报名" in answers[1]
    assert "签到码不对" in answers[2]
    assert "计 4.5 学时" in answers[3]
    assert "已经签到过" in answers[4]
    assert "签到码不对" in late
    # Half an hour idle ends a sign-in.
    assert await boss.sign_in("boss", "correct horse") == 303
    _, body = await boss.get("/training")
    assert "4.5 学时" in body
    assert "报名 1 签到 1" in body


async def test_under_thirty_hours_is_shown_and_hiring_needs_a_certificate(
    app: App, visit: Visit
) -> None:
    """S7.1"""
    boss = await sign_in(app, visit)
    mine, _ = await tutor_of(app)
    _, before = await boss.get("/training")
    now = f"{app.clock.now():%Y-%m-%dT%H:%M}"
    later = f"{app.clock.now() + timedelta(hours=1):%Y-%m-%dT%H:%M}"
    await post(
        boss,
        "/training",
        "/training",
        kind="term",
        title="期初会",
        hours="2",
        starts=now,
        ends=later,
    )
    _, after = await boss.get("/training")
    without, body = await post(boss, f"/training/hired/{mine}", "/training", certificate="")
    hired, _ = await post(boss, f"/training/hired/{mine}", "/training", certificate="LN-1")
    _, marked = await boss.get("/training")

    assert "学时未接入" in before
    assert "未满30学时" not in before
    assert "未满30学时" in after
    assert without == 409
    assert "合格证编号" in body
    assert hired == 303
    assert "已聘 LN-1" in marked


# -- rules ----------------------------------------------------------------------------------------


def test_an_address_without_sense_is_the_month_so_far() -> None:
    today = date(2026, 12, 1)

    assert span_of_address({"month": "2026-02"}, today) == (
        date(2026, 2, 1),
        date(2026, 2, 28),
        False,
    )
    assert span_of_address({"day": "2026-02-30", "month": "x"}, today)[0] == date(2026, 12, 1)
    assert span_of_address({"day": "2026-02-03"}, today) == (date(2026, 2, 3),) * 2 + (True,)


def test_corrections_are_read_line_by_line_or_refused() -> None:
    assert corrections_of("k04 t-1 不计\n\nK05 R-2 达标") == [
        ("K04", "T-1", False),
        ("K05", "R-2", True),
    ]
    with pytest.raises(UserError):
        corrections_of("K04 T-1")


# -- packs ----------------------------------------------------------------------------------------


async def test_packs_are_workbooks_of_the_readers_own_units_and_audited(
    app: App, visit: Visit
) -> None:
    """S17.5"""
    await have(app, "K04", Row("T-1", 1), Row("T-2", 0))
    tutor_id, _ = await tutor_of(app)
    await add_supervisor(app, "boss", "correct horse", unit=None)
    await add_supervisor(app, "far", "correct horse", unit=OTHER_UNIT)
    boss, far = await visit(app), await visit(app)
    assert await boss.sign_in("boss", "correct horse") == 303
    assert await far.sign_in("far", "correct horse") == 303
    packs = {
        "month.xlsx?month=2026-11": "明细",
        "awards.xlsx?year=2026": "候选人数据",
        f"certificates.xlsx?tutor={tutor_id}": "封面",
    }

    sheets = {}
    for path, name in packs.items():
        async with boss.http.get(boss.base.join(URL(f"/appraisal/pack/{path}"))) as response:
            assert response.status == 200, path
            book = load_workbook(io.BytesIO(await response.read()))
        sheets[name] = list(book[name].iter_rows(values_only=True))
    async with far.http.get(
        far.base.join(URL("/appraisal/pack/month.xlsx?month=2026-11"))
    ) as response:
        foreign = load_workbook(io.BytesIO(await response.read()))["明细"]
    refused = await far.get(f"/appraisal/pack/certificates.xlsx?tutor={tutor_id}")

    assert [row[4:] for row in sheets["明细"][1:]] == [
        ("K04", "T-1", "1", "1"),
        ("K04", "T-2", "0", "1"),
    ]
    # Every tutor, with a record or none.
    assert len(sheets["候选人数据"]) == 3
    assert ("编号", str(tutor_id)) in [row[:2] for row in sheets["封面"]]
    assert foreign.max_row == 1
    assert refused[0] == 404
    async with app.database.reading() as uow:
        lines = await uow.audit.lines(limit=100)
    done = {(it.actor, it.action, it.target) for it in lines}
    assert ("web:boss", "appraisal.month_exported", "month:2026-11") in done
    assert ("web:boss", "appraisal.certificates_exported", f"person:{tutor_id}") in done

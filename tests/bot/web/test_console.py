"""The console as a whole: who may open which page, the board, the figures, what is masked."""

import hashlib
import re
from datetime import date, timedelta
from pathlib import Path

import pytest
from sqlalchemy import insert

from bot import demo
from bot.app import App
from bot.web import figures, server
from bot.web.base import HERE
from storage.figures import Opinions, Sum
from storage.interactions import Kind
from storage.models.people import duties
from storage.questions import SolvedBy
from storage.vocabulary import Role, Topic
from tests.bot.web.conftest import HASHER, OTHER_UNIT, Visit, Visitor, add_supervisor, say

PASSWORD = "correct horse"
ABOUT_TUTOR = "我要投诉，王老师一直不回消息"
READERS = ("", "other", "own", "province", "tutor")

LIST = (303, 200, 200, 200, 404)
#: A thing of the unit `own`, by its number.
OWN = (303, 404, 200, 200, 404)
#: There is none of that number.
NONE = (303, 404, 404, 404, 404)
ALL = (200, 200, 200, 200, 200)

#: Every GET route: an address of it, and what anonymous, another unit's supervisor, the unit's
#: own, the province's and a tutor get.
MATRIX: dict[str, tuple[str, tuple[int, ...]]] = {
    "/": ("/", (302, 302, 302, 302, 302)),
    "/healthz": ("/healthz", ALL),
    # For the machine it runs on, and nobody who is signed in.
    "/metrics": ("/metrics", (200, 404, 404, 404, 404)),
    "/login": ("/login", (200, 303, 303, 303, 303)),
    "/board": ("/board", (303, 200, 200, 200, 303)),
    "/board/live": ("/board/live", LIST),
    "/figures": ("/figures", LIST),
    "/figures/months": ("/figures/months", LIST),
    "/ledger": ("/ledger", (303, 200, 200, 200, 303)),
    "/ledger/{id}": ("/ledger/1", OWN),
    "/cases": ("/cases", LIST),
    "/cases/{number}": ("/cases/1", OWN),
    "/cases/follow-ups": ("/cases/follow-ups", LIST),
    "/tasks": ("/tasks", LIST),
    "/tasks/{number}": ("/tasks/99", NONE),
    "/tasks/{number}/zip": ("/tasks/99/zip", NONE),
    "/calendar": ("/calendar", LIST),
    "/calendar/plan": ("/calendar/plan", LIST),
    "/classes": ("/classes", LIST),
    "/knowledge": ("/knowledge", LIST),
    "/knowledge/suggestions/{id}": ("/knowledge/suggestions/99", NONE),
    "/review": ("/review", LIST),
    "/review/{id}": ("/review/99", NONE),
    "/appraisal": ("/appraisal", LIST),
    "/appraisal/tutors/{id}": ("/appraisal/tutors/{tutor}", OWN),
    "/appraisal/appeals": ("/appraisal/appeals", LIST),
    "/appraisal/appeals/{id}": ("/appraisal/appeals/99", NONE),
    "/appraisal/formula": ("/appraisal/formula", LIST),
    "/appraisal/annual": ("/appraisal/annual", LIST),
    "/appraisal/annual/{id}": ("/appraisal/annual/{tutor}", OWN),
    "/appraisal/pack/{pack}.{kind}": ("/appraisal/pack/nothing.xlsx", NONE),
    "/training": ("/training", LIST),
    "/lines": ("/lines", LIST),
    "/settings": ("/settings", (303, 404, 404, 200, 404)),
    "/audit": ("/audit", LIST),
    "/export/{report}.{kind}": ("/export/nothing.xlsx", NONE),
    "/account": ("/account", (303, 200, 200, 200, 200)),
    "/my": ("/my", (303, 404, 404, 404, 200)),
    "/my/annual": ("/my/annual", (303, 404, 404, 404, 200)),
    "/feed/{token}.ics": (f"/feed/{'a' * 40}.ics", (404,) * 5),
    "/static": ("/static/site.css", ALL),
    "/playground": ("/playground", ALL),
}
#: WebSockets: they have tests of their own.
SOCKETS = {"/onebot/v11/ws", "/onebot/v11/ws/", "/playground/ws"}


async def tutor_id(app: App) -> int:
    async with app.database.reading() as uow:
        room = await uow.people.class_named(demo.CLASS_NAME, app.clock.now())
    assert room is not None
    assert room.tutor is not None
    return room.tutor.person_id


async def tutors_account(app: App, username: str, *, role: Role) -> None:
    """The class's tutor signs in: as that, or as a supervisor of the unit, too."""
    person = await tutor_id(app)
    async with app.database.unit_of_work() as uow:
        unit = await uow.supervisors.unit_named(demo.UNIT)
        if role is Role.SUPERVISOR:
            await uow.write(
                insert(duties).values(
                    person_id=person,
                    role=Role.SUPERVISOR,
                    unit_id=unit,
                    starts_at=app.clock.now() - timedelta(days=1),
                )
            )
        await uow.supervisors.put(
            username=username,
            name="王敏",
            password_hash=HASHER.hash(PASSWORD),
            unit_id=None,
            person_id=person,
            role=role,
        )


async def enter(app: App, visit: Visit, username: str, unit: str | None = demo.UNIT) -> Visitor:
    visitor = await visit(app)
    if username == "tutor":
        await tutors_account(app, "tutor", role=Role.TUTOR)
    elif username:
        await add_supervisor(app, username, PASSWORD, unit=unit)
    if username:
        assert await visitor.sign_in(username, PASSWORD) == 303
    return visitor


def figure(body: str, name: str) -> int:
    match = re.search(rf"{name}</span> <strong>(\d+)<", body)
    assert match is not None, name
    return int(match[1])


# -- who may open what -----------------------------------------------------------------------------


async def test_every_page_opens_for_whom_it_is_and_for_nobody_else(app: App, visit: Visit) -> None:
    """X1"""
    await say(app, ABOUT_TUTOR, group="")
    person = await tutor_id(app)
    units = {"other": OTHER_UNIT, "own": demo.UNIT, "province": None}

    found: dict[str, list[int]] = {route: [] for route in MATRIX}
    for reader in READERS:
        visitor = await enter(app, visit, reader, units.get(reader))
        for route, (address, _) in MATRIX.items():
            path = address.replace("{tutor}", str(person))
            status, _ = await visitor.get(path, allow_redirects=False)
            found[route].append(status)

    assert {route: tuple(seen) for route, seen in found.items()} == {
        route: expected for route, (_, expected) in MATRIX.items()
    }


async def test_every_get_route_is_in_the_matrix(app: App) -> None:
    """X1"""
    site = server.build(app)
    routes = {
        re.sub(r"(?<=.)/$", "", route.resource.canonical)
        for route in site.router.routes()
        if route.method == "GET" and route.resource is not None
    }

    assert routes - SOCKETS - {it.rstrip("/") for it in SOCKETS} == set(MATRIX)


# -- the board -------------------------------------------------------------------------------------


async def test_board_counts_what_waits_and_each_number_leads_to_its_list(
    app: App, visit: Visit
) -> None:
    await say(app, ABOUT_TUTOR, group="")
    await say(app, "我已经写好遗书了", who="student-zhang", name="小张", group="")
    app.clock.advance(timedelta(days=3))  # type: ignore[attr-defined]
    visitor = await enter(app, visit, "own")

    _, body = await visitor.get("/board")

    assert {
        name: figure(body, name) for name in ("等待办理", "已超时", "心理关怀", "无人负责")
    } == {
        "等待办理": 2,
        "已超时": 2,
        "心理关怀": 1,
        "无人负责": 0,
    }
    for name, count in (("overdue=1", 2), ("near=1", 0), ("ownerless=1", 0), ("kind=distress", 1)):
        assert f'href="/cases?{name}"' in body
        _, listed = await visitor.get(f"/cases?{name}")
        assert listed.count('<article class="case"') == count


async def test_board_of_another_unit_counts_nothing_of_ours(app: App, visit: Visit) -> None:
    await say(app, ABOUT_TUTOR, group="")
    visitor = await enter(app, visit, "other", OTHER_UNIT)

    _, body = await visitor.get("/board")

    assert figure(body, "等待办理") == 0


async def test_s13_6_board_says_nothing_to_whom_the_complaint_is_about(
    app: App, visit: Visit
) -> None:
    await tutors_account(app, "both", role=Role.SUPERVISOR)
    visitor = await visit(app)
    assert await visitor.sign_in("both", PASSWORD) == 303
    before = await visitor.get("/board")

    await say(app, ABOUT_TUTOR, group="")

    token = re.compile(r'name="csrf" value="[^"]*"')
    after = await visitor.get("/board")
    assert token.sub("", after[1]) == token.sub("", before[1])
    assert figure(after[1], "等待办理") == 0


async def test_live_part_is_sent_only_when_it_changed(app: App, visit: Visit) -> None:
    visitor = await enter(app, visit, "own")
    _, body = await visitor.get("/board")
    version = re.search(r'data-version="([^"]+)"', body)
    assert version is not None
    headers = {"If-None-Match": version[1].replace("&#34;", '"')}

    same, nothing = await visitor.get("/board/live", headers=headers)
    await say(app, ABOUT_TUTOR, group="")
    changed, piece = await visitor.get("/board/live", headers=headers)

    assert (same, nothing) == (304, "")
    assert changed == 200
    assert figure(piece, "等待办理") == 1
    assert "<html" not in piece


async def test_a_page_that_asks_by_itself_keeps_nobody_signed_in(app: App, visit: Visit) -> None:
    visitor = await enter(app, visit, "own")
    idle = timedelta(minutes=app.settings.web.session_minutes)

    app.clock.advance(idle - timedelta(minutes=1))  # type: ignore[attr-defined]
    first, _ = await visitor.get("/board/live", allow_redirects=False)
    app.clock.advance(timedelta(minutes=2))  # type: ignore[attr-defined]
    second, _ = await visitor.get("/board/live", allow_redirects=False)

    assert (first, second) == (200, 303)


async def test_front_page_leads_everybody_home(bare_app: App, visit: Visit) -> None:
    visitor = await visit(bare_app)
    async with visitor.http.get(visitor.base, allow_redirects=True) as response:
        assert response.url.path == "/login"
    assert await visitor.sign_in("province", PASSWORD) == 303
    async with visitor.http.get(visitor.base, allow_redirects=True) as response:
        assert response.url.path == "/board"


async def test_current_page_is_marked_and_a_tutor_sees_only_theirs(app: App, visit: Visit) -> None:
    own, tutor = await enter(app, visit, "own"), await enter(app, visit, "tutor")

    _, cases = await own.get("/cases")
    _, mine = await tutor.get("/my")

    assert '<a href="/cases" aria-current="page">' in cases
    assert cases.count('aria-current="page"') == 2  # the bar, and the menu of a phone
    assert 'href="/cases"' not in mine
    assert '<a href="/my" aria-current="page">' in mine


# -- figures ---------------------------------------------------------------------------------------


async def test_figures_are_tables_without_any_script(app: App, visit: Visit) -> None:
    await say(app, "@助手 期末考试什么时候报名？")
    visitor = await enter(app, visit, "own")

    _, body = await visitor.get("/figures")

    assert body.count("<table") == 3  # no reminder was due: no table of how they ended
    assert '<th scope="row">考试报名</th>' in body
    assert '<details class="numbers" open>' in body
    assert re.search(r'<script type="application/json" id="chart-data">\{', body)


async def test_s23_4_months_say_where_there_is_too_little(app: App, visit: Visit) -> None:
    await say(app, "@助手 期末考试什么时候报名？")
    visitor = await enter(app, visit, "own")

    _, body = await visitor.get("/figures/months")

    assert demo.UNIT in body
    assert "样本不足" in body
    assert "2026年12月</th><td>1</td><td>1</td><td>0</td>" in body


def test_a_month_in_words() -> None:
    month = date(2026, 12, 1)
    sums = [
        Sum(month, Kind.QUESTION, SolvedBy.BOT, -1, 30),
        Sum(month, Kind.QUESTION, None, -1, 12),
        Sum(month, Kind.REPLY, SolvedBy.TUTOR, 2, 6),
        Sum(month, Kind.REPLY, SolvedBy.TUTOR, 6, 4),
    ]

    found = figures.month_of(month, sums, Opinions(useful=9, useless=1, marks=10, total=43))

    assert (found.questions, found.answered) == (42, (30, 10, 0, 0))
    assert (found.half, found.most, found.within_day) == ("1 小时内", "2 天内", "60 %")
    assert (found.useful, found.mark) == ("90 %", "4.3")


def test_the_hottest_hour_has_the_deepest_shade() -> None:
    rows = figures.heat_of({(9, Topic.FEES): 10, (10, Topic.FEES): 1, (9, Topic.DEGREE): 5})

    assert [name for name, _, _ in rows] == ["缴费", "学位"]
    assert [rows[0][1][hour].shade for hour in (8, 9, 10)] == [0, 5, 1]


def test_chart_library_is_the_one_that_was_looked_at() -> None:
    """Chart.js 4.6.1 from npm, byte for byte; `docs/console.md` says so, too."""
    file = HERE / "static" / "vendor" / "chart.umd.min.js"
    digest = hashlib.sha256(file.read_bytes()).hexdigest()

    assert digest == "87364cc2b2a76a6684929e7d6b80b18a897794db38400caff1fcf1791c6925d2"
    assert digest in (Path(__file__).parents[3] / "docs" / "console.md").read_text("utf-8")


# -- what is masked --------------------------------------------------------------------------------


@pytest.mark.parametrize(("path", "name"), [("/ledger/1", "小李"), ("/cases/1", "小李")])
async def test_names_are_masked_until_somebody_says_why(
    app: App, visit: Visit, path: str, name: str
) -> None:
    await say(app, "投诉 老师不回消息，我是小李", group="")
    visitor = await enter(app, visit, "own")
    _, masked = await visitor.get(path)
    assert name not in masked

    token = await visitor.token(path)
    refused = await visitor.post(f"{path}/reveal", {"csrf": token, "reason": " "})
    status, shown = await visitor.post(f"{path}/reveal", {"csrf": token, "reason": "电话核实"})

    assert refused[0] == 303
    assert status == 200
    assert f"<dd>{name}</dd>" in shown
    assert "0000000000001" in shown  # the student number
    async with app.database.reading() as uow:
        lines = [it for it in await uow.audit.lines(limit=50) if it.action == "web.revealed"]
    assert [(it.actor, it.reason, it.address) for it in lines] == [
        ("web:own", "电话核实", "127.0.0.1")
    ]
    _, again = await visitor.get(path)
    assert name not in again


async def test_nothing_of_another_unit_or_about_oneself_is_revealed(app: App, visit: Visit) -> None:
    await say(app, ABOUT_TUTOR, group="")
    await tutors_account(app, "both", role=Role.SUPERVISOR)
    both = await visit(app)
    assert await both.sign_in("both", PASSWORD) == 303
    other = await enter(app, visit, "other", OTHER_UNIT)

    for visitor in (both, other):
        token = await visitor.token("/account")
        for path in ("/ledger/1/reveal", "/cases/1/reveal"):
            status, _ = await visitor.post(path, {"csrf": token, "reason": "看看"})
            assert status == 404

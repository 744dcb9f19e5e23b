"""The console's calendar: dates within one's reach, the preview, and what is confirmed."""

import re
from datetime import timedelta

from bot.app import App
from storage.calendar import Place
from storage.published import CalendarDate
from tests.bot.web.conftest import OTHER_CLASS, OTHER_UNIT, Visit, Visitor, add_supervisor

FINGERPRINT = re.compile(r'name="fingerprint" value="([0-9a-f]+)"')


async def _signed_in(app: App, visit: Visit, unit: str | None, name: str = "province") -> Visitor:
    async with app.database.unit_of_work() as uow:
        # The dates of the demo.
        for dated in await uow.calendar.listed(None):
            await uow.calendar.remove(dated.place, dated.date.matter)
    await add_supervisor(app, name, "correct horse", unit=unit)
    visitor = await visit(app)
    assert await visitor.sign_in(name, "correct horse") == 303
    return visitor


async def _send(visitor: Visitor, path: str = "/calendar", **form: str) -> tuple[int, str]:
    return await visitor.post(path, {"csrf": await visitor.token("/calendar"), **form})


def _ends(app: App) -> str:
    return f"{app.clock.now() + timedelta(days=20):%Y-%m-%dT17:00}"


async def _armed(app: App) -> list[tuple[int, str]]:
    async with app.database.reading() as uow:
        return [(item.class_id, item.matter) for item in await uow.calendar.armed()]


async def test_a_date_is_set_shown_and_armed(app: App, visit: Visit) -> None:
    visitor = await _signed_in(app, visit, None)

    status, _ = await _send(visitor, do="set", matter="报考", scope="all", ends=_ends(app))
    assert status == 303
    assert await _armed(app) == []
    _, page = await visitor.get("/calendar")
    assert "有 2 处改动还没启用" in page
    _, preview = await visitor.get("/calendar/plan")
    assert "差异 +2 −0 ~0" in preview
    assert "考试报名：7 天后截止" in preview
    found = FINGERPRINT.search(preview)
    assert found is not None
    status, _ = await _send(visitor, "/calendar/plan", fingerprint=found[1])

    assert status == 303
    assert len(await _armed(app)) == 2
    _, page = await visitor.get("/calendar")
    assert "校历都已启用" in page


async def test_a_calendar_changed_meanwhile_is_shown_again(app: App, visit: Visit) -> None:
    """The fingerprint: what is armed is what was shown."""
    visitor = await _signed_in(app, visit, None)
    await _send(visitor, do="set", matter="形考", scope="all", ends=_ends(app))
    _, preview = await visitor.get("/calendar/plan")
    found = FINGERPRINT.search(preview)
    assert found is not None
    async with app.database.unit_of_work() as uow:
        later = app.clock.now() + timedelta(days=30)
        await uow.calendar.put(Place(), CalendarDate("缴费", None, later))

    status, page = await _send(visitor, "/calendar/plan", fingerprint=found[1])

    assert status == 409
    assert "校历又变了" in page
    assert "缴费" in page
    assert await _armed(app) == []


async def test_a_supervisor_sets_dates_for_the_own_unit_only(app: App, visit: Visit) -> None:
    visitor = await _signed_in(app, visit, OTHER_UNIT, "other")
    async with app.database.reading() as uow:
        units = {name: key for key, (name, _) in (await uow.calendar.units()).items()}
        theirs = next(iter(await uow.imports.class_names() - {OTHER_CLASS}))
    another = next(key for name, key in units.items() if name != OTHER_UNIT)

    for scope in ("all", f"unit:{another}", f"class:{theirs}", "unit:x", "class:没有"):
        status, page = await _send(visitor, do="set", matter="形考", scope=scope, ends=_ends(app))
        assert status == 400, scope
        assert "不在您的管理范围内" in page
    own = (f"unit:{units[OTHER_UNIT]}", f"class:{OTHER_CLASS}")
    for scope in own:
        status, _ = await _send(visitor, do="set", matter="形考", scope=scope, ends=_ends(app))
        assert status == 303, scope
    _, preview = await visitor.get("/calendar/plan")
    found = FINGERPRINT.search(preview)
    assert found is not None
    await _send(visitor, "/calendar/plan", fingerprint=found[1])

    async with app.database.reading() as uow:
        room = await uow.people.class_named(OTHER_CLASS, app.clock.now())
    assert room is not None
    assert await _armed(app) == [(room.id, "形考")]


async def test_what_is_wrong_with_a_form_is_said_and_kept(app: App, visit: Visit) -> None:
    visitor = await _signed_in(app, visit, None)
    wrong = {
        "没有": {"matter": "形考", "scope": "unit:99", "ends": _ends(app)},
        "请写事项": {"matter": " ", "scope": "all", "ends": _ends(app)},
        "日期看不懂": {"matter": "形考", "scope": "all", "ends": "2026-02-30T10:00"},
        "离现在太远": {"matter": "形考", "scope": "all", "ends": "2062-02-20T10:00"},
        "至少填一项": {"matter": "形考", "scope": "all"},
        "截止早于开始": {
            "matter": "形考",
            "scope": "all",
            "ends": _ends(app),
            "starts": f"{app.clock.now() + timedelta(days=40):%Y-%m-%dT17:00}",
        },
    }

    for words, form in wrong.items():
        status, page = await _send(visitor, do="set", **form)
        assert status == 400
        assert words in page
    async with app.database.reading() as uow:
        assert await uow.calendar.listed(None) == []


async def test_a_date_is_taken_away_and_that_stands_in_the_audit(app: App, visit: Visit) -> None:
    visitor = await _signed_in(app, visit, None)
    await _send(visitor, do="set", matter="形考", scope="all", ends=_ends(app))

    status, _ = await _send(visitor, do="remove", matter="形考", scope="all")

    assert status == 303
    async with app.database.reading() as uow:
        assert await uow.calendar.listed(None) == []
        actions = [action for _, action, _ in await uow.audit.actions()]
    assert {"calendar.set", "calendar.removed"} <= set(actions)


async def test_a_form_without_its_token_changes_nothing(app: App, visit: Visit) -> None:
    visitor = await _signed_in(app, visit, None)
    form = {"do": "set", "matter": "形考", "scope": "all", "ends": _ends(app)}

    assert (await visitor.post("/calendar", form))[0] == 403
    assert (await visitor.post("/calendar/plan", {"fingerprint": "x"}))[0] == 403

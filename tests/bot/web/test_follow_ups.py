"""回访: which closed cases are asked about again, what is kept of it, and by whom."""

from dataclasses import replace
from datetime import timedelta

from bot.app import App
from handlers.follow_ups import drawn
from storage.cases import Case, FollowUp
from tests.bot.web.conftest import OTHER_UNIT, Visit, say
from tests.bot.web.test_cases import act, case, sign_in, tell

ODD = "@助手 校门口的停车卡在哪里办？"


async def closed(app: App, visit: Visit) -> None:
    """T-1 is a question the tutor answered, T-2 a cry for help the supervisor closed."""
    await say(app, ODD)
    await tell(app, "我已经写好遗书了")
    boss = await sign_in(app, visit)
    for number in (1, 2):
        assert (await act(boss, number, "answer", text="已经当面办好，说明了办法"))[0] == 303


async def test_a_lot_is_drawn_of_each_unit_and_every_cry_for_help(app: App, visit: Visit) -> None:
    await closed(app, visit)
    question, distress = await case(app, 1), await case(app, 2)
    cases = [Case(replace(question, number=n), "甲", n % 2, "") for n in range(1, 101)]
    cases += [Case(replace(distress, number=n), "甲", 1, "") for n in range(101, 120)]

    found = drawn(cases, "2026-11", a_month=5)

    assert found == drawn(list(reversed(cases)), "2026-11", a_month=5)[::-1]
    assert sum(it.is_lot for it in found) == 10
    assert {it.case.unit_id for it in found if it.is_lot} == {0, 1}
    assert [it.case.item.number for it in found if not it.is_lot] == list(range(101, 120))
    others = drawn(cases, "2026-12", a_month=5)
    assert [it.case.item.number for it in others] != [it.case.item.number for it in found]


async def test_what_is_to_be_asked_again_is_listed_and_written_down(app: App, visit: Visit) -> None:
    await closed(app, visit)
    app.clock.advance(timedelta(days=31))
    boss = await sign_in(app, visit, username="later")

    _, before = await boss.get("/cases/follow-ups")
    status, _ = await act(boss, 1, "followed", outcome="solved", text="车证拿到了")
    chosen, _ = await act(boss, 1, "followed", outcome="perhaps")
    _, after = await boss.get("/cases/follow-ups")
    _, page = await boss.get("/cases/1")

    assert "已回访 0 / 2" in before
    assert before.index("T-2") < before.index("T-1")
    assert (status, chosen) == (303, 409)
    assert "已回访 1 / 2" in after
    assert "本人说已解决" in after
    assert "本人说已解决。车证拿到了" in page
    async with app.database.reading() as uow:
        done = await uow.cases.followed([1, 2])
    assert {number: step.follow_up for number, step in done.items()} == {
        1: (FollowUp.SOLVED, "车证拿到了")
    }
    assert done[1].actor == "supervisor:later"


async def test_only_what_is_closed_and_ones_own_is_asked_about(app: App, visit: Visit) -> None:
    await say(app, ODD)
    boss, other = await sign_in(app, visit), await sign_in(app, visit, OTHER_UNIT, "other")

    early, body = await act(boss, 1, "followed", outcome="solved")
    foreign, _ = await act(other, 1, "followed", outcome="solved")

    assert early == 409
    assert "办结后再回访" in body
    assert foreign == 404

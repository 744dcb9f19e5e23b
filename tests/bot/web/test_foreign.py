"""What is another unit's, or about the reader: existing numbers and their neighbours, by every
road."""

import re
from collections.abc import Mapping
from datetime import timedelta
from decimal import Decimal

from sqlalchemy import select, update
from yarl import URL

from bot import demo
from bot.adapters.playground import ACCOUNT
from bot.app import App
from bot.web import server
from handlers.faq import HEADER, MORE_COLUMNS
from storage.models.hand_offs import hand_offs
from storage.models.queues import outbox
from storage.tasks import TaskKind
from storage.vocabulary import Conversation, ConversationKind, Outgoing, Platform, Role
from tests.bot.web.conftest import OTHER_CLASS, OTHER_UNIT, Visit, add_supervisor, say
from tests.bot.web.test_appraisal import account, tutor_of
from tests.bot.web.test_tasks import arm

ODD = "@助手 校门口的停车卡在哪里办？"
ABOUT_TUTOR = "我要投诉，王老师一直不回消息"

#: Every route with something in its address: what is tried, and whose number stands in it. None:
#: no number of a unit's stands in it.
ROADS: dict[tuple[str, str], tuple[str, dict[str, str]] | None] = {
    ("GET", "/ledger/{id}"): ("/ledger/{row}", {}),
    ("POST", "/ledger/{id}/correct"): (
        "/ledger/{row}/correct",
        {"topic": "other", "reason": "不对"},
    ),
    ("POST", "/ledger/{id}/reveal"): ("/ledger/{row}/reveal", {"reason": "看看"}),
    ("GET", "/cases/{number}"): ("/cases/{case}", {}),
    ("POST", "/cases/{number}/reveal"): ("/cases/{case}/reveal", {"reason": "看看"}),
    ("POST", "/cases/{number}/{deed}"): ("/cases/{case}/answer", {"text": "已经和老师谈过"}),
    ("GET", "/tasks/{number}"): ("/tasks/{task}", {}),
    ("GET", "/tasks/{number}/zip"): ("/tasks/{task}/zip", {}),
    ("POST", "/tasks/{number}/{deed}"): ("/tasks/{task}/open", {"reason": "看看"}),
    ("GET", "/review/{id}"): ("/review/{review}", {}),
    ("POST", "/review/{id}"): ("/review/{review}", {"finding": "passed"}),
    ("GET", "/knowledge/suggestions/{id}"): ("/knowledge/suggestions/{suggestion}", {}),
    ("POST", "/knowledge/suggestions/{id}"): (
        "/knowledge/suggestions/{suggestion}",
        {"version": "1", "answer": "x", "do": "try"},
    ),
    ("POST", "/knowledge/suggestions/{id}/publish"): (
        "/knowledge/suggestions/{suggestion}/publish",
        {"version": "1"},
    ),
    ("POST", "/knowledge/suggestions/{id}/reject"): (
        "/knowledge/suggestions/{suggestion}/reject",
        {"version": "1", "reason": "不采用"},
    ),
    ("GET", "/appraisal/appeals/{id}"): ("/appraisal/appeals/{appeal}", {}),
    ("POST", "/appraisal/appeals/{id}"): (
        "/appraisal/appeals/{appeal}",
        {"outcome": "upheld", "text": "成立，改过来"},
    ),
    ("GET", "/appraisal/tutors/{id}"): ("/appraisal/tutors/{tutor}", {}),
    ("GET", "/appraisal/annual/{id}"): ("/appraisal/annual/{tutor}?year=2026", {}),
    ("POST", "/appraisal/annual/{id}"): (
        "/appraisal/annual/{tutor}",
        {"year": "2026", "grade": "excellent", "reason": "一年都很好", "revision": "1"},
    ),
    ("GET", "/appraisal/pack/{pack}.{kind}"): (
        "/appraisal/pack/certificates.xlsx?tutor={tutor}",
        {},
    ),
    ("POST", "/classes/{id}/contacts"): ("/classes/{room}/contacts", {}),
    ("POST", "/training/{id}/minutes"): ("/training/{event}/minutes", {"minutes": "x"}),
    ("POST", "/training/retrainings/{id}"): (
        "/training/retrainings/{retraining}",
        {"result": "passed"},
    ),
    ("POST", "/training/hired/{id}"): ("/training/hired/{tutor}", {"certificate": "2026-1"}),
    ("POST", "/lines/{queue}/{id}/{deed}"): ("/lines/outbox/{message}/retry", {}),
    # The filters of a list; what stands in the rows is compared in test_firewall.py.
    ("GET", "/export/{report}.{kind}"): None,
    ("GET", "/feed/{token}.ics"): None,
    ("POST", "/account/{deed}"): None,
}


async def things(app: App) -> dict[str, int]:
    """One of everything a unit has, in the demo class, by number."""
    await say(app, ABOUT_TUTOR, group="")
    await say(app, ODD)
    await say(
        app, "/答复 T-2 在一号门保卫处办，带学生证。", who="tutor-wang", name="王敏", group=""
    )
    tutor, room = await tutor_of(app)
    task = await arm(app, demo.CLASS_NAME, TaskKind.COLLECTION)
    assert app.playground is not None
    await app.playground.say(
        user_id="student-li", name="小李", text="", files=(("作业.pdf", b"%PDF-1.7 x"),)
    )
    await app.inbox.drain()
    now = app.clock.now()
    async with app.database.unit_of_work() as uow:
        await uow.reviews.collect(now, percent=100, bot_percent=0)
        suggestion = await uow.learning.add(
            class_id=room,
            hand_off=2,
            draft=dict.fromkeys((*HEADER, *MORE_COLUMNS), "")
            | {"问题": "停车卡在哪里办", "主题": "other", "班级": demo.CLASS_NAME},
            given_answer="",
            source="",
            made_by="王敏",
            tell=None,
            now=now,
        )
        appeal = await uow.appraisal.appeal(
            tutor_id=tutor,
            day=now.date(),
            class_id=room,
            text="我电话里答过了",
            at=now,
            due_at=now + timedelta(days=3),
            event_id=None,
        )
        event = await uow.training.add(
            kind="term",
            title="学期培训",
            unit_id=await uow.supervisors.unit_named(demo.UNIT),
            starts_at=now + timedelta(days=1),
            ends_at=now + timedelta(days=1, hours=2),
            place="一号楼",
            hours=Decimal(4),
            code="A1B2",
            by="web:own",
            now=now,
        )
        await uow.training.open(tutor, 2026, due_at=now + timedelta(days=30), by="web:own", now=now)
        retraining = (await uow.training.retrainings(person_ids=[tutor]))[0].id
        # A message about the complaint that the platform never took.
        place = Conversation(Platform.PLAYGROUND, ACCOUNT, ConversationKind.PRIVATE, "student-li")
        told = Outgoing(key="test:unsent", conversation=place, text="有回音了", about=1)
        uow.outbox.add(told, now=now)
        await uow.flush()
        await uow.write(
            update(outbox)
            .where(outbox.c.key == "test:unsent")
            .values(state="dead", attempts=12, error="retcode 120")
        )
        statement = select(outbox.c.id).where(outbox.c.key == "test:unsent")
        message = int((await uow.read(statement)).scalar_one())
    assert event is not None
    return {
        "row": 1,
        "case": 1,
        "task": task,
        "review": 1,
        "suggestion": suggestion,
        "appeal": appeal,
        "tutor": tutor,
        "room": room,
        "event": event,
        "retraining": retraining,
        "message": message,
    }


async def _of_other_unit(app: App) -> dict[str, set[int]]:
    """Numbers the neighbour may open: their own class and its tutor."""
    tutor, room = await tutor_of(app, OTHER_CLASS)
    return {"tutor": {tutor}, "room": {room}}


def _number_of(path: str) -> str:
    found = re.search(r"\{(\w+)\}", path)
    assert found is not None, path
    return found[1]


async def test_every_road_is_on_the_list(app: App) -> None:
    """X1: A new route with a number in it: write into ROADS how somebody outside would try it."""
    found = {
        (route.method, route.resource.canonical)
        for route in server.build(app).router.routes()
        if route.resource is not None and "{" in route.resource.canonical
    }

    assert {road for road in found if road[0] != "HEAD"} == set(ROADS)


async def test_what_is_another_units_is_as_what_never_was(app: App, visit: Visit) -> None:
    """X1"""
    made, theirs = await things(app), await _of_other_unit(app)
    for name, unit in (("other", OTHER_UNIT), ("own", demo.UNIT)):
        await add_supervisor(app, name, "correct horse", unit=unit)
    other, own = await visit(app), await visit(app)
    assert await other.sign_in("other", "correct horse") == 303
    assert await own.sign_in("own", "correct horse") == 303
    token = await other.token("/account")

    bodies: dict[tuple[str, str], set[tuple[int, str]]] = {}
    for (method, route), road in ROADS.items():
        if road is None:
            continue
        what = _number_of(road[0])
        number = made[what]
        tried = {number - 1, number, number + 1, 10**9} - theirs.get(what, set()) - {-1}
        for n in tried:
            path = road[0].replace(f"{{{what}}}", str(n))
            if method == "GET":
                status, body = await other.get(path, allow_redirects=False)
            else:
                status, body = await other.post(path, {"csrf": token, **road[1]})
            bodies.setdefault((method, route), set()).add((status, body))

    # One answer to all of them, that of a number nobody was ever given.
    assert {road: [status for status, _ in seen] for road, seen in bodies.items()} == {
        road: [404] for road in bodies
    }
    # The unit's own supervisor opens every one of them: they are there.
    for (method, _), road in ROADS.items():
        if method == "GET" and road is not None and "/pack/" not in road[0]:
            path = road[0].format(**made)
            async with own.http.get(own.base.join(URL(path)), allow_redirects=False) as answer:
                await answer.read()
                assert answer.status == 200, path


async def test_numbers_in_a_form_are_no_road_either(app: App, visit: Visit) -> None:
    """X1"""
    made = await things(app)
    await add_supervisor(app, "other", "correct horse", unit=OTHER_UNIT)
    other = await visit(app)
    assert await other.sign_in("other", "correct horse") == 303
    token = await other.token("/account")

    status, _ = await other.post("/knowledge/suggestions", {"csrf": token, "of": "2"})
    linked, _ = await other.post("/cases/2/link", {"csrf": token, "of": str(made["case"])})

    assert (status, linked) == (404, 404)


async def test_who_is_complained_about_finds_nothing_of_it(app: App, visit: Visit) -> None:
    """S13.6: the province's supervisor who is the class's tutor, too."""
    made = await things(app)
    both = await account(app, visit, role=Role.SUPERVISOR, username="both")
    async with app.database.unit_of_work() as uow:
        # A suggestion was made of something that turned out to be about the tutor.
        await uow.write(
            update(hand_offs).where(hand_offs.c.number == 2).values(is_about_tutor=True)
        )
    token = await both.token("/account")

    pages: Mapping[str, str] = {
        path: (await both.get(path))[1]
        for path in ("/board", "/cases", "/classes", "/tasks", "/knowledge", "/lines", "/review")
    }
    hidden = [
        (await both.get(f"/knowledge/suggestions/{made['suggestion']}"))[0],
        (await both.get("/cases/1"))[0],
        (await both.get("/cases/2"))[0],
    ]
    message = made["message"]
    retried, _ = await both.post(f"/lines/outbox/{message}/retry", {"csrf": token})
    nowhere, _ = await both.post(f"/lines/outbox/{message + 1000}/retry", {"csrf": token})

    for path, body in pages.items():
        assert re.search(r"T-[12]\b|/cases/[12]\b", body) is None, path
        assert "停车卡" not in body, path
        assert f"/lines/outbox/{message}/" not in body, path
    assert hidden == [404, 404, 404]
    assert retried == nowhere == 303
    async with app.database.reading() as uow:
        (dead,) = await uow.outbox.set_aside()
        assert dead.id == message

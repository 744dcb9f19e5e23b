"""The console's knowledge: what people suggest, what nobody could answer, what helped; and the one
way a suggestion becomes an entry of the school."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from hmac import compare_digest
from pathlib import Path
from typing import TYPE_CHECKING

from aiohttp import web

from bot import evaluating
from bot.knowledge import entries_of_rows, in_force, indexed, row_of, usable
from bot.web import session
from bot.web.base import APP, page, plain
from bot.web.kept import KEPT
from bot.web.pages import masked, units_of
from handlers import learning, texts, texts_learning
from handlers.decision import called_by_name
from handlers.faq import Entry, Knowledge, KnowledgeError
from handlers.imports import TableError
from handlers.learning import Change, Cluster, Gate, Labelled, Names, Replay, World
from handlers.published import facts_in_words, scope_of
from handlers.settings import BotSettings
from handlers.wording import fold
from storage.imports import EntryRow
from storage.learning import Asked, Place, Standing, Suggestion, Unanswered, Voted, Votes
from storage.published import Owner, UnitName
from storage.vocabulary import Action, Outgoing, Topic

if TYPE_CHECKING:
    from bot.app import App
    from storage.unit_of_work import UnitOfWork

#: A page shows so many; what is asked less often can wait.
CLUSTERS, ENTRIES, EXAMPLES, CHANGES = 20, 30, 3, 20
MOST_ANSWER, MOST_LINES = 2000, 40
ASKED_SECONDS = 60
#: A reason to publish against the gate says more than 「同意」.
MIN_REASON = 5
#: 「第 2 行（learnt.s1）「问法」列：…」: a form has no rows.
_ROW = re.compile(r"^第 \d+ 行（[^）]*）")
TOPICS = {topic: name for topic, name in texts.TOPIC_NAMES.items() if topic is not Topic.NONE}
STANDING_NAMES = {
    Standing.WAITING: "待审",
    Standing.PUBLISHED: "已发布",
    Standing.REJECTED: "未采用",
}


@dataclass(frozen=True, slots=True)
class Shown:
    """A cluster as the page shows it, students' names masked."""

    number: int
    question: str
    count: int
    waiting: int
    class_names: tuple[str, ...]
    examples: tuple[str, ...]
    answers: tuple[tuple[str, str], ...]
    covered_by: str
    lacks: str
    suggestion: int | None


@dataclass(frozen=True, slots=True)
class Row:
    """An entry in use, and what became of it."""

    key: str
    question: str
    topic: str
    owner: str
    asked: int
    votes: Votes


@dataclass(frozen=True, slots=True)
class Scope:
    """For whom an entry may be published; `value` as the form sends it."""

    value: str
    name: str
    unit: str = ""
    class_name: str = ""


# -- rules ----------------------------------------------------------------------------------------


def scopes(place: Place, suggestion: Suggestion, reach: Collection[int] | None) -> list[Scope]:
    """The class, the units it belongs to, everybody: as far as the supervisor's unit reaches."""
    name = suggestion.class_name
    found = [Scope("class", f"只给 {name}", class_name=name)]
    for unit_id in place.chain(suggestion.unit_id):
        if reach is None or unit_id in reach:
            unit = place.units[unit_id][0]
            found.append(Scope(f"unit:{unit_id}", f"{unit}（含下级）", unit=unit))
    if reach is None:
        found.append(Scope("all", "全部班级"))
    return found


def scope_in_words(draft: Mapping[str, str]) -> str:
    """For whom, for people."""
    return draft["班级"] or draft["单位"] or "全部班级"


def owner_of(draft: Mapping[str, str]) -> Owner:
    """For whom, as entries are stored."""
    return UnitName(draft["单位"]) if draft["单位"] else draft["班级"] or None


def rows_of(knowledge: Knowledge, own: Iterable[Entry]) -> list[Entry]:
    """Every row there is: those in use, and the school's own as they stand in the database."""
    used = [row for entry in knowledge.entries for row in (entry, *entry.overrides)]
    return [*used, *own]


def refusals(draft: Mapping[str, str], key: str) -> list[str]:
    """What the table refuses of a draft, in sentences for a form."""
    try:
        entries_of_rows([json.dumps(dict(draft) | {"编号": key}, ensure_ascii=False)])
    except KnowledgeError as error:
        return [f"{_ROW.sub('', problem)}。" for problem in error.problems]
    return []


def typed(form: Mapping[str, str], kept: Suggestion, allowed: Sequence[Scope]) -> dict[str, str]:
    """A draft as the form has it; where the words are not the tutor's own, its source says so."""
    answer = lines(form.get("answer", ""), MOST_ANSWER)
    more = [value for name, value in form.items() if name.startswith("more-")]
    said = [plain(line.replace("|", " "), 200) for line in form.get("phrasings", "").splitlines()]
    said += [plain(line.replace("|", " "), 200) for line in more]
    topic = form.get("topic", "")
    scope = next((item for item in allowed if item.value == form.get("scope")), allowed[0])
    is_as_given = not kept.given_answer or answer == kept.given_answer
    return dict(kept.draft) | {
        "问题": plain(form.get("question", "").replace("|", " "), 200),
        "问法": "|".join(dict.fromkeys(text for text in said[:MOST_LINES] if text)),
        "答案": answer,
        "主题": topic if topic in TOPICS else kept.draft["主题"],
        "条款": plain(form.get("article", ""), 20),
        "来源": kept.given_source if is_as_given else texts_learning.edited(kept.given_source),
        "有效期起": plain(form.get("first", ""), 10).replace("/", "-"),
        "有效期止": plain(form.get("last", ""), 10).replace("/", "-"),
        "单位": scope.unit,
        "班级": scope.class_name,
    }


def lines(text: str, limit: int) -> str:
    """What was typed into a large field: its lines without what a database would choke on."""
    found = (plain(line, limit) for line in text.splitlines()[:MOST_LINES])
    return "\n".join(line for line in found if line)[:limit]


def words_of_gate(gate: Gate, *, is_whole: bool) -> str:
    """Why it was not published, and the next step."""
    parts = (
        f"{len(gate.broken)} 种已知的问法会答错或答不上" if gate.broken else "",
        f"{sum(it.count for it in gate.taken)} 次别的条目答着的问题会被它抢走"
        if gate.taken
        else "",
    )
    step = "或写明理由后坚持发布" if is_whole else "或请省校处理"
    return f"没有发布：{'，'.join(it for it in parts if it)}。请改问法再试，{step}。"


# -- reading --------------------------------------------------------------------------------------


async def _clusters(
    app: App, uow: UnitOfWork, reach: Collection[int] | None
) -> tuple[Cluster, ...]:
    items = await uow.learning.unanswered(app.clock.now() - learning.LOOKS_BACK, unit_ids=reach)
    return await asyncio.to_thread(
        lambda: learning.clusters(learning.unaddressed(items, app.settings.bot))
    )


async def _worlds(uow: UnitOfWork, class_ids: Collection[int], now: datetime) -> dict[int, World]:
    rooms = await uow.people.classes(class_ids, now)
    published = await uow.published.for_classes(class_ids)
    return {
        class_id: World(
            facts_in_words(published.get(class_id), room, now),
            scope_of(published.get(class_id), room),
        )
        for class_id, room in rooms.items()
    }


async def _shown(app: App, uow: UnitOfWork, reach: Collection[int] | None) -> list[Shown]:
    now = app.clock.now()
    found = (await _clusters(app, uow, reach))[:CLUSTERS]
    class_ids = {item.class_id for cluster in found for item in cluster.items}
    names = Names(
        await uow.learning.names_in(class_ids)
        | {item.asker_name for cluster in found for item in cluster.items}
    )
    worlds = await _worlds(uow, class_ids, now)
    numbers = [item.number for cluster in found for item in cluster.items]
    suggested = await uow.learning.suggested_from(numbers)
    shown: list[Shown] = []
    for cluster in found:
        decision = learning.decided(
            cluster.lead.text,
            app.knowledge.knowledge,
            worlds[cluster.lead.class_id],
            is_addressed=True,
            settings=app.settings.bot,
            now=now,
        )
        known = decision.entry.question if decision.entry else ""
        is_answered = decision.action is Action.ANSWER
        missing = "、".join(texts.slot_in_words(slot) for slot in decision.missing)
        shown.append(
            Shown(
                cluster.lead.number,
                names.replaced(cluster.lead.text, masked),
                len(cluster.items),
                cluster.waiting,
                cluster.class_names,
                tuple(names.replaced(text, masked) for text in cluster.phrasings[1 : EXAMPLES + 1]),
                tuple(
                    (_whose(it), names.replaced(it.answer, masked)) for it in cluster.answers[:2]
                ),
                known if is_answered else "",
                missing,
                next(
                    (suggested[it.number] for it in cluster.items if it.number in suggested), None
                ),
            )
        )
    # What the bot answers by now is no longer the work of anybody.
    return sorted(shown, key=lambda it: bool(it.covered_by))


def _whose(item: Unanswered) -> str:
    return f"{item.answered_by or '管理人员'} · T-{item.number}"


async def _times_asked(app: App) -> Mapping[str, int]:
    async with app.database.reading() as uow:
        return await uow.published.times_asked(app.clock.now() - learning.LOOKS_BACK)


async def _rows(
    app: App,
    uow: UnitOfWork,
    reach: Collection[int] | None,
    place: Place,
    query: str,
    asked: Mapping[str, int],
) -> tuple[list[Row], int]:
    """The entries this supervisor's classes may see, most in need of a look first; how many."""
    votes = await uow.learning.votes(reach)
    units = set(place.units) if reach is None else set(reach)
    above = {up for unit_id in units for up in place.chain(unit_id)}
    owners = {
        "",
        *(f"单位:{place.units[unit_id][0]}" for unit_id in above if unit_id in place.units),
    }
    owners |= {f"班级:{name}" for name in place.class_names}
    knowledge = app.knowledge.knowledge
    entries = [
        row
        for entry in knowledge.entries
        for row in (entry, *entry.overrides)
        if row.owner in owners
    ]
    if query:
        wanted = [
            row
            for row in entries
            if any(query in text for text in (row.key, row.answer, row.question, *row.variants))
        ]
        if not wanted:
            keys = [match.entry.key for match in knowledge.search(query, limit=5)]
            wanted = [row for row in entries if row.key in keys]
        entries = wanted
    rows = [
        Row(
            entry.key,
            entry.question,
            texts.TOPIC_NAMES[entry.topic],
            entry.class_name or entry.unit,
            asked.get(entry.key, 0),
            votes.get(entry.key, Votes()),
        )
        for entry in entries
    ]
    rows.sort(key=lambda row: (-row.votes.useless, -row.votes.useful, -row.asked, row.key))
    return rows[:ENTRIES], len(rows)


@dataclass(frozen=True, slots=True)
class Trial:
    """Past questions put to the knowledge with the suggestion in it, and what stands in its way."""

    replay: Replay
    gate: Gate
    #: What it was tried against: it holds while nobody publishes anything else.
    version: object


async def _try(app: App, suggestion: Suggestion, reach: Collection[int] | None) -> Trial:
    """Put to the test, with students' names masked."""
    now = app.clock.now()
    async with app.database.reading() as uow:
        version = await uow.published.entries_version()
        asked = await uow.learning.asked(now - learning.LOOKS_BACK, unit_ids=reach)
        voted = await uow.learning.voted(now - learning.LOOKS_BACK, unit_ids=reach)
        class_ids = {it.class_id for it in asked} | {it.class_id for it in voted}
        worlds = await _worlds(uow, class_ids | {suggestion.class_id}, now)
        rows = await uow.published.entries()
        names = Names(await uow.learning.names_in(class_ids))
    replayed, gate = await asyncio.to_thread(
        _replay, app, suggestion, rows, asked, voted, worlds, now
    )

    def masked_in(changes: Iterable[Change]) -> tuple[Change, ...]:
        return tuple(replace(it, text=names.replaced(it.text, masked)) for it in changes)

    return Trial(
        Replay(
            replayed.asked,
            *(masked_in(it) for it in (replayed.newly, replayed.changed, replayed.lost)),
        ),
        replace(gate, broken=masked_in(gate.broken), taken=masked_in(gate.taken)),
        version,
    )


def _replay(
    app: App,
    suggestion: Suggestion,
    rows: list[str],
    asked: Sequence[Asked],
    voted: Sequence[Voted],
    worlds: Mapping[int, World],
    now: datetime,
) -> tuple[Replay, Gate]:
    today, bot = now.date(), app.settings.bot
    first = suggestion.draft["有效期起"]
    # An entry for later is tried on the day it begins.
    day = max(today, date.fromisoformat(first)) if first else today
    before = indexed(in_force(rows, day))
    key = _key(suggestion, rows_of(before, ()))
    own = json.dumps(dict(suggestion.draft) | {"编号": key}, ensure_ascii=False)
    after = indexed(in_force([*rows, own], day))
    replayed = learning.replay(asked, before, after, worlds=worlds, settings=bot, now=now)
    questions = {entry.key: entry.question for entry in before.entries}
    judged = [(it, _bare(it.text, bot)) for it in voted if it.class_id in worlds]
    labelled = learning.phrasings_in(before, worlds[suggestion.class_id])
    labelled += [
        Labelled(text, it.entry, worlds[it.class_id])
        for it, text in judged
        if it.is_useful and it.entry in questions
    ]
    try:
        labelled += _labelled(bot, worlds[suggestion.class_id])
    except TableError as error:
        # What cannot be tried is not let through.
        unread = tuple(Change(problem, 1, (), "", "") for problem in error.problems)
        return replayed, Gate(0, (0, 0), (0, 0), unread, ())
    gate = learning.gate(
        labelled,
        replayed,
        before,
        after,
        own=(suggestion.draft["问题"], *learning.phrasings_of(suggestion.draft)),
        useless=[(text, questions.get(it.entry, "")) for it, text in judged if not it.is_useful],
        settings=bot,
        now=now,
    )
    return replayed, gate


def _labelled(settings: BotSettings, world: World) -> list[Labelled]:
    """
    The school's own labelled questions; those without an entry are to stay unanswered.

    Raises:
        TableError: the file cannot be read.
    """
    if not settings.labelled_questions:
        return []
    cases = evaluating.read_cases(Path(settings.labelled_questions))
    return [
        Labelled(_bare(it.text, settings), it.entry or "", world)
        for it in cases
        if it.entry or it.should_answer is False
    ]


def _bare(text: str, settings: BotSettings) -> str:
    """Without the bot's name in front."""
    called = called_by_name(text, settings)
    return text if called is None else called


def _key(suggestion: Suggestion, others: Sequence[Entry]) -> str:
    """The entry's key: that of the entry it replaces for its unit or class, else a new one."""
    replaced = learning.stands_for(suggestion.draft, others)
    return suggestion.key if replaced is None else replaced.key


# -- GET ------------------------------------------------------------------------------------------


async def overview(request: web.Request) -> web.Response:
    """`GET /knowledge`: what waits for a decision, what nobody could answer, what is in use."""
    reader = await session.require(request)
    app, query = request.app[APP], plain(request.query.get("q", ""), 60)
    # Counted over months: not for everybody anew.
    asked = await request.app[KEPT].get("times asked", ASKED_SECONDS, lambda: _times_asked(app))
    async with app.database.reading() as uow:
        reach = await units_of(uow, reader.supervisor)
        place = await uow.learning.place(reach)
        waiting = await uow.learning.waiting(reach)
        decided = await uow.learning.decided(reach)
        found = await _shown(app, uow, reach)
        rows, count = await _rows(app, uow, reach, place, query, asked)
    await session.note(app, reader, "web.knowledge_viewed", "knowledge")
    return page(
        request,
        "knowledge.html",
        reader=reader,
        waiting=waiting,
        decided=decided,
        clusters=found,
        rows=rows,
        row_count=count,
        query=query,
        names=STANDING_NAMES,
        said=texts,
        now=app.clock.now(),
    )


async def suggestion_page(request: web.Request) -> web.Response:
    """`GET /knowledge/suggestions/{id}`."""
    reader = await session.require(request)
    app, suggestion_id = request.app[APP], int(request.match_info["id"])
    return await _page_of(request, app, reader, suggestion_id)


async def _page_of(
    request: web.Request,
    app: App,
    reader: session.SignedIn,
    suggestion_id: int,
    *,
    notice: str = "",
    override: str = "",
    status: int = 200,
) -> web.Response:
    now = app.clock.now()
    async with app.database.reading() as uow:
        suggestion, reach = await _seen(uow, reader, suggestion_id)
        place = await uow.learning.place(reach)
        own = usable(await uow.published.entries())
        found = await _clusters(app, uow, reach) if suggestion.hand_off else ()
    allowed = scopes(place, suggestion, reach)
    draft = suggestion.draft
    others = rows_of(app.knowledge.knowledge, own)
    is_open = suggestion.standing is Standing.WAITING
    problems = _problems(suggestion, others, allowed, now) if is_open else []
    replaced = learning.stands_for(draft, others) if is_open else None
    is_ready = is_open and suggestion.is_tried and not problems
    trial = await _try(app, suggestion, reach) if is_ready else None
    chosen = learning.owner_of(draft)
    return page(
        request,
        "knowledge_suggestion.html",
        status=status,
        reader=reader,
        suggestion=suggestion,
        draft=draft,
        phrasings=learning.phrasings_of(draft),
        more=_more(suggestion, found),
        pieces=learning.pieces(draft["答案"]),
        source_line=texts.source_line((), draft["来源"], draft["条款"]),
        scopes=allowed,
        chosen=next((it.value for it in allowed if _owner(it) == chosen), ""),
        scope_name=scope_in_words(draft),
        topics=TOPICS,
        problems=problems,
        replaced=replaced,
        replay=trial.replay if trial else None,
        gate=trial.gate if trial else None,
        is_whole=reach is None,
        override=override,
        changes=CHANGES,
        is_open=is_open,
        standing=STANDING_NAMES[suggestion.standing],
        said=texts,
        now=now,
        notice=notice,
        expires=learning.expires(draft["答案"]),
    )


def _owner(scope: Scope) -> str:
    return learning.owner_of({"班级": scope.class_name, "单位": scope.unit})


def _problems(
    suggestion: Suggestion, others: Sequence[Entry], allowed: Sequence[Scope], now: datetime
) -> list[str]:
    draft = suggestion.draft
    found = refusals(draft, suggestion.key)
    found += learning.problems(draft, others, now.date())
    if learning.owner_of(draft) not in {_owner(scope) for scope in allowed}:
        found.append(f"范围「{scope_in_words(draft)}」超出您的单位，请改小，或请省校发布。")
    return list(dict.fromkeys(found))


def _more(suggestion: Suggestion, found: Sequence[Cluster]) -> list[str]:
    """Other wordings of the same question, for the form to offer."""
    known = {
        fold(text) for text in (suggestion.draft["问题"], *learning.phrasings_of(suggestion.draft))
    }
    for cluster in found:
        if any(item.number == suggestion.hand_off for item in cluster.items):
            names = Names(item.asker_name for item in cluster.items)
            said = (names.replaced(text) for text in cluster.phrasings)
            return [text for text in said if fold(text) not in known][:10]
    return []


async def _seen(
    uow: UnitOfWork, reader: session.SignedIn, suggestion_id: int
) -> tuple[Suggestion, Collection[int] | None]:
    """The suggestion, and how far the supervisor's own unit reaches.

    Raises:
        HTTPNotFound: there is none, or it is another unit's.
    """
    reach = await units_of(uow, reader.supervisor)
    suggestion = await uow.learning.get(suggestion_id)
    if suggestion is None or (reach is not None and suggestion.unit_id not in reach):
        raise web.HTTPNotFound
    return suggestion, reach


# -- POST -----------------------------------------------------------------------------------------


async def create(request: web.Request) -> web.Response:
    """`POST /knowledge/suggestions`: a cluster becomes a suggestion to be worded."""
    reader, form = await _form(request)
    app, now = request.app[APP], request.app[APP].clock.now()
    number = form.get("of", "")
    if not re.fullmatch(r"[0-9]{1,15}", number):
        raise web.HTTPBadRequest
    async with app.database.reading() as uow:
        reach = await units_of(uow, reader.supervisor)
        item = await uow.learning.question(int(number), reach)
        if item is None:
            raise web.HTTPNotFound
        known = await uow.learning.of_hand_off(item.number)
        found = await _clusters(app, uow, reach)
    if known is not None:
        raise web.HTTPSeeOther(f"/knowledge/suggestions/{known.id}")
    cluster = next(
        (it for it in found if any(one.number == item.number for one in it.items)),
        Cluster(item, (item,)),
    )
    async with app.database.unit_of_work() as uow:
        names = Names(
            await uow.learning.names_in({it.class_id for it in cluster.items})
            | {it.asker_name for it in cluster.items}
        )
        said = [names.replaced(text) for text in cluster.phrasings]
        given = cluster.answers[0] if cluster.answers else None
        answer = names.replaced(given.answer) if given else ""
        source = (
            texts_learning.answer_of_tutor(given.answered_by, given.answered_at or now)
            if given and given.answered_by
            else texts_learning.answer_of_unit(now)
        )
        draft = learning.drafted(said[0], said, answer, source, item) | {"班级": item.class_name}
        suggestion_id = await uow.learning.add(
            class_id=item.class_id,
            hand_off=item.number,
            draft=draft,
            given_answer=answer,
            source=source,
            made_by=reader.supervisor.name,
            tell=None,
            now=now,
        )
        uow.audit.add(
            at=now,
            actor=reader.actor,
            action="knowledge.suggested",
            target=f"suggestion:{suggestion_id}",
            detail=f"T-{item.number}",
        )
    raise web.HTTPSeeOther(f"/knowledge/suggestions/{suggestion_id}")


async def save(request: web.Request) -> web.Response:
    """`POST /knowledge/suggestions/{id}`: keep the words; with `do=try`, put them to the test."""
    reader, form = await _form(request)
    app, suggestion_id = request.app[APP], int(request.match_info["id"])
    version = _version(form)
    async with app.database.unit_of_work() as uow:
        suggestion, reach = await _seen(uow, reader, suggestion_id)
        allowed = scopes(await uow.learning.place(reach), suggestion, reach)
        draft = typed(form, suggestion, allowed)
        is_kept = True
        if draft != suggestion.draft or version != suggestion.version:
            is_kept = await uow.learning.save(suggestion_id, version, draft)
            version += 1
        if is_kept and form.get("do") == "try":
            await uow.learning.mark_tried(suggestion_id, version)
    if not is_kept:
        return await _too_late(request, app, reader, suggestion_id)
    anchor = "#replay" if form.get("do") == "try" else ""
    raise web.HTTPSeeOther(f"/knowledge/suggestions/{suggestion_id}{anchor}")


async def publish(request: web.Request) -> web.Response:
    """`POST /knowledge/suggestions/{id}/publish`: the entry is the school's, all or nothing."""
    reader, form = await _form(request)
    app, suggestion_id = request.app[APP], int(request.match_info["id"])
    now, version = app.clock.now(), _version(form)
    override = plain(form.get("override", ""), 300)
    async with app.database.reading() as uow:
        suggestion, reach = await _seen(uow, reader, suggestion_id)
        is_ready = await _is_ready(app, uow, suggestion, reach, now)
    if not is_ready or suggestion.version != version:
        return await _too_late(request, app, reader, suggestion_id)
    # Seconds with many questions: before the transaction, which then looks that nothing has moved.
    trial = await _try(app, suggestion, reach)
    is_forced = not trial.gate.is_open and reach is None and len(override) >= MIN_REASON
    if not trial.gate.is_open and not is_forced:
        await session.note(app, reader, "knowledge.gate_refused", f"suggestion:{suggestion_id}")
        words = words_of_gate(trial.gate, is_whole=reach is None)
        return await _page_of(
            request, app, reader, suggestion_id, notice=words, override=override, status=409
        )
    async with app.database.unit_of_work() as uow:
        await uow.learning.one_at_a_time()
        suggestion, reach = await _seen(uow, reader, suggestion_id)
        own = usable(await uow.published.entries())
        others = rows_of(app.knowledge.knowledge, own)
        is_same = await uow.published.entries_version() == trial.version
        is_ready = is_same and await _is_ready(app, uow, suggestion, reach, now)
        is_mine = is_ready and await uow.learning.decide(
            suggestion_id, version, Standing.PUBLISHED, by=reader.supervisor.id, at=now
        )
        if is_mine:
            key = _key(suggestion, others)
            cells = dict(suggestion.draft) | {"编号": key}
            entry = entries_of_rows([json.dumps(cells, ensure_ascii=False)])[0]
            await uow.imports.entries([EntryRow(key, row_of(entry), owner_of(cells))], now=now)
            uow.audit.add(
                at=now,
                actor=reader.actor,
                action="knowledge.published",
                target=key,
                detail=f"suggestion:{suggestion_id} {entry.owner or '全部班级'}",
            )
            if is_forced:
                uow.audit.add(
                    at=now,
                    actor=reader.actor,
                    action="knowledge.gate_overridden",
                    target=key,
                    detail=f"suggestion:{suggestion_id}"
                    f" broken {len(trial.gate.broken)}, taken {len(trial.gate.taken)}",
                    reason=override,
                )
            sentence = texts_learning.suggestion_published(
                suggestion.hand_off, entry.question, scope_in_words(cells)
            )
            _tell(app, uow, suggestion, sentence, now)
    if not is_mine:
        return await _too_late(request, app, reader, suggestion_id)
    await app.knowledge.refresh()
    app.outbox.wake()
    raise web.HTTPSeeOther(f"/knowledge/suggestions/{suggestion_id}")


async def _is_ready(
    app: App,
    uow: UnitOfWork,
    suggestion: Suggestion,
    reach: Collection[int] | None,
    now: datetime,
) -> bool:
    """Tried as it stands, nothing missing, and for nobody the supervisor does not answer for."""
    if not suggestion.is_tried or suggestion.standing is not Standing.WAITING:
        return False
    allowed = scopes(await uow.learning.place(reach), suggestion, reach)
    own = usable(await uow.published.entries())
    others = rows_of(app.knowledge.knowledge, own)
    return not _problems(suggestion, others, allowed, now)


async def reject(request: web.Request) -> web.Response:
    """`POST /knowledge/suggestions/{id}/reject`: not published, for a reason its maker is told."""
    reader, form = await _form(request)
    app, suggestion_id = request.app[APP], int(request.match_info["id"])
    now, reason = app.clock.now(), plain(form.get("reason", ""), 200)
    if not reason:
        return await _page_of(
            request,
            app,
            reader,
            suggestion_id,
            notice="请写明不采用的理由，老师会看到。",
            status=400,
        )
    async with app.database.unit_of_work() as uow:
        suggestion, _ = await _seen(uow, reader, suggestion_id)
        is_mine = await uow.learning.decide(
            suggestion_id,
            _version(form),
            Standing.REJECTED,
            by=reader.supervisor.id,
            at=now,
            reason=reason,
        )
        if is_mine:
            uow.audit.add(
                at=now,
                actor=reader.actor,
                action="knowledge.rejected",
                target=f"suggestion:{suggestion_id}",
            )
            sentence = texts_learning.suggestion_rejected(
                suggestion.hand_off, suggestion.draft["问题"], reason
            )
            _tell(app, uow, suggestion, sentence, now)
    if not is_mine:
        return await _too_late(request, app, reader, suggestion_id)
    app.outbox.wake()
    raise web.HTTPSeeOther(f"/knowledge/suggestions/{suggestion_id}")


def _tell(app: App, uow: UnitOfWork, suggestion: Suggestion, sentence: str, now: datetime) -> None:
    if suggestion.tell is None:
        return
    words = texts.signed(app.settings.bot.name, sentence)
    key = f"suggestion:{suggestion.id}"
    uow.outbox.add(Outgoing(key=key, conversation=suggestion.tell, text=words), now=now)


async def _too_late(
    request: web.Request, app: App, reader: session.SignedIn, suggestion_id: int
) -> web.Response:
    """What was not done and why; the page as it is now."""
    async with app.database.reading() as uow:
        suggestion, _ = await _seen(uow, reader, suggestion_id)
    if suggestion.standing is Standing.WAITING:
        notice = "没有做：这条建议刚被别人改过，或者还没有试过。下面是现在的内容，请再看一遍。"
    else:
        when = texts.instant(suggestion.decided_at or suggestion.made_at, app.clock.now())
        state = STANDING_NAMES[suggestion.standing]
        notice = f"没有重复处理：{suggestion.decided_by}已在 {when} 处理，结果是「{state}」。"
    return await _page_of(request, app, reader, suggestion_id, notice=notice, status=409)


async def _form(request: web.Request) -> tuple[session.SignedIn, dict[str, str]]:
    """Who is signed in, and the form they sent from a page of ours.

    Raises:
        HTTPForbidden: from elsewhere, or from a page that is too old.
    """
    reader = await session.require(request)
    form = {key: value for key, value in (await request.post()).items() if isinstance(value, str)}
    given, expected = form.get("csrf", ""), reader.csrf
    is_same = compare_digest(expected.encode(), given.encode("utf-8", "replace"))
    if not session.is_same_site(request) or not is_same:
        raise web.HTTPForbidden(text=session.STALE_FORM)
    return reader, form


def _version(form: Mapping[str, str]) -> int:
    version = form.get("version", "")
    return int(version) if re.fullmatch(r"[0-9]{1,9}", version) else 0

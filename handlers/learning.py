"""Learning from people: a tutor's answer suggested as an entry, what nobody could answer brought
together by meaning, what helped and what did not, and what a new entry would have changed."""

import math
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from enum import StrEnum

import numpy as np

from handlers import texts_commands, texts_hand_offs, texts_learning
from handlers.attention import understanding_of
from handlers.commands import BadCommand
from handlers.context import SILENCE, Context, Outcome, Reply
from handlers.decision import Decision, Stance, article_of, called_by_name, decide
from handlers.errors import UserError
from handlers.faq import HEADER, MIN_VARIANTS, MORE_COLUMNS, Entry, Knowledge, Scope
from handlers.hand_offs import answer_due, cards_for, hand_off, is_hidden_from, private_chat
from handlers.permissions import Deed, require
from handlers.settings import BotSettings
from handlers.understanding import mask
from handlers.wording import concepts, fold, kinds
from storage.interactions import Kind, Record
from storage.learning import Answered, Asked, Unanswered
from storage.questions import Category, HandOff, Level, SolvedBy, State
from storage.vocabulary import (
    Action,
    Conversation,
    ConversationKind,
    Label,
    Message,
    Platform,
    Role,
)

#: So far back questions still say what is asked now.
LOOKS_BACK = timedelta(days=90)
#: So soon after an answer 「没用」 means it.
VERDICT_WITHIN = timedelta(minutes=3)
#: A choice is answered within ten minutes.
CHOICE_WITHIN = timedelta(minutes=10)
MOST_PHRASINGS = 20
#: An answer is chosen among so many.
_CANDIDATES = 5

# -- rules: what an answer holds -------------------------------------------------------------------


class Perishable(StrEnum):
    """What in an answer may be wrong one day."""

    DATE = "date"
    AMOUNT = "amount"
    LINK = "link"


_CHINESE = "一二两三四五六七八九十"
_PERISHABLE = re.compile(
    r"(?P<link>https?://[^\s，。；、）]+|www\.[^\s，。；、）]+"
    r"|[a-z0-9-]+(?:\.[a-z0-9-]+)*\.(?:com|cn|net|org|edu)\b[^\s，。；、）]*)"
    rf"|(?P<amount>[¥￥]\s*\d[\d,.]*|\d[\d,.]*\s*(?:万?元|块|圆)|[{_CHINESE}百千]+(?:元|块钱))"
    r"|(?P<date>\d{4}\s*[-/.年]\s*\d{1,2}(?:\s*[-/.月]\s*\d{1,2}[日号]?|月)?"
    r"|\d{1,2}\s*月(?:份|底|初|[上中下]旬|\s*\d{1,2}\s*[日号]?)?|\d{1,2}\s*[日号](?![楼门线机窗教])"
    rf"|[{_CHINESE}]{{1,3}}月(?:[{_CHINESE}]{{1,3}}[日号]|份|底|初)?"
    r"|(?<![\d.-])\d{1,2}[-/.]\d{1,2}(?![\d.-]|\s*[个天元块分年%门本页])"
    r"|今[天晚年]|[明后昨]天|明年|年底|[本这下]个?(?:周|星期|礼拜|月|学期)|月[底初末]"
    r"|(?<![每至到])(?:周|星期|礼拜)[一二三四五六日天末](?![至到]))",
    re.IGNORECASE,
)
_FULL_WIDTH = {ord("０") + digit: str(digit) for digit in range(10)}


@dataclass(frozen=True, slots=True)
class Piece:
    """A stretch of an answer; `what` where it may be wrong one day."""

    text: str
    what: Perishable | None = None


def pieces(answer: str) -> tuple[Piece, ...]:
    """The answer cut where dates, amounts and links begin and end."""
    found: list[Piece] = []
    start = 0
    for match in _PERISHABLE.finditer(answer.translate(_FULL_WIDTH)):
        if start < match.start():
            found.append(Piece(answer[start : match.start()]))
        found.append(Piece(answer[match.start() : match.end()], Perishable(match.lastgroup or "")))
        start = match.end()
    return (*found, Piece(answer[start:])) if start < len(answer) else tuple(found)


def expires(answer: str) -> tuple[str, ...]:
    """What in an answer holds for a time only: its dates and amounts, once each."""
    timed = (Perishable.DATE, Perishable.AMOUNT)
    return tuple(dict.fromkeys(piece.text for piece in pieces(answer) if piece.what in timed))


class Names:
    """Students' names, to be found in many texts; a nickname that is a word of the trade is none.

    The work goes by the length of the text, not by how many students a province has.
    """

    def __init__(self, names: Iterable[str]) -> None:
        self._names = frozenset(name for name in names if len(name) > 1)
        self._longest = max(map(len, self._names), default=0)

    def within(self, text: str) -> list[str]:
        """The names a text holds, once each, the longest first."""
        spans = (
            text[start:end]
            for start in range(len(text) - 1)
            for end in range(start + 2, min(start + self._longest, len(text)) + 1)
        )
        found = {span for span in spans if span in self._names}
        named = (name for name in found if not concepts(fold(name)))
        return sorted(named, key=lambda name: (-len(name), name))

    def replaced(self, text: str, by: Callable[[str], str] = lambda _: "同学") -> str:
        """The text with each of them replaced."""
        for name in self.within(text):
            text = text.replace(name, by(name))
        return text


# -- rules: what means the same --------------------------------------------------------------------

#: Texts this near are one question, and these where both name the same matters and ask the same of
#: them; found on the questions of `faq_queries.jsonl`.
_NEAR, _NEAR_OF_A_KIND = 0.45, 0.2
#: With few texts to count in, no word is rare.
_FEW = 50


@dataclass(frozen=True, slots=True)
class Cluster:
    """Questions that mean the same, the newest first; `lead` is worded as most of them are."""

    lead: Unanswered
    items: tuple[Unanswered, ...]

    @property
    def waiting(self) -> int:
        """How many still wait for an answer."""
        return sum(item.is_waiting for item in self.items)

    @property
    def class_names(self) -> tuple[str, ...]:
        return tuple(sorted({item.class_name for item in self.items}))

    @property
    def phrasings(self) -> tuple[str, ...]:
        """Every wording once, the lead's first."""
        by_fold: dict[str, str] = {}
        for item in (self.lead, *self.items):
            by_fold.setdefault(fold(item.text), item.text)
        return tuple(by_fold.values())

    @property
    def answers(self) -> tuple[Unanswered, ...]:
        """Those a tutor or a supervisor has answered, the newest first."""
        return tuple(item for item in self.items if item.answer)


def clusters(items: Sequence[Unanswered]) -> tuple[Cluster, ...]:
    """
    Questions by meaning, the most asked first; the same questions always give the same.

    Takes a second for 5,000 of them, so it belongs in a thread.
    """
    by_fold: dict[str, list[Unanswered]] = defaultdict(list)
    folds: dict[str, str] = {}
    for item in items:
        text = item.text.strip()
        if text not in folds:
            folds[text] = "" if text == texts_commands.recalled() else fold(text)
        if folds[text]:
            by_fold[folds[text]].append(item)
    # The most usual wording leads, the newest among equals.
    wordings = sorted(by_fold, key=lambda key: (-len(by_fold[key]), -by_fold[key][0].number))
    groups = _grouped(wordings)
    found = [
        Cluster(
            by_fold[wordings[group[0]]][0],
            tuple(
                sorted(
                    (item for n in group for item in by_fold[wordings[n]]),
                    key=lambda item: -item.number,
                )
            ),
        )
        for group in groups
    ]
    return tuple(sorted(found, key=lambda it: (-len(it.items), -it.items[0].number)))


def unaddressed(items: Iterable[Unanswered], settings: BotSettings) -> list[Unanswered]:
    """The questions without the bot's name in front of them, each on one line."""
    found: list[Unanswered] = []
    for item in items:
        called = called_by_name(item.text, settings)
        text = " ".join((item.text if called is None else called).split())
        found.append(item if text == item.text else replace(item, text=text))
    return found


def _grouped(wordings: Sequence[str]) -> list[list[int]]:
    """Numbers of wordings that mean the same, the leader first."""
    grams = [_grams(wording) for wording in wordings]
    count = len(wordings)
    spread = Counter(gram for found in grams for gram in found)
    weight = {gram: math.log(1 + max(count, _FEW) / n) for gram, n in spread.items()}
    norms = np.sqrt([sum(weight[gram] ** 2 for gram in found) for found in grams])
    where: dict[str, list[int]] = defaultdict(list)
    for number, found in enumerate(grams):
        for gram in found:
            where[gram].append(number)
    postings = {gram: np.array(numbers) for gram, numbers in where.items() if len(numbers) > 1}
    about = [concepts(wording) for wording in wordings]
    asks = [kinds(wording) for wording in wordings]
    is_taken = np.zeros(count, dtype=bool)
    groups: list[list[int]] = []
    for leader in range(count):
        if is_taken[leader]:
            continue
        is_taken[leader] = True
        likeness = np.zeros(count)
        for gram in grams[leader]:
            if gram in postings:
                likeness[postings[gram]] += weight[gram] ** 2
        likeness /= norms[leader] * norms
        group = [leader]
        for number in np.flatnonzero((likeness >= _NEAR_OF_A_KIND) & ~is_taken).tolist():
            is_of_a_kind = bool(about[leader]) and about[leader] == about[number]
            if is_of_a_kind and asks[leader] and asks[leader] == asks[number]:
                is_same = True
            else:
                is_same = likeness[number] >= _NEAR and _agree(about[leader], about[number])
                is_same = is_same and _overlap(asks[leader], asks[number])
            if is_same:
                is_taken[number] = True
                group.append(number)
        groups.append(group)
    return groups


def _grams(folded: str) -> frozenset[str]:
    return frozenset(folded) | {folded[n : n + 2] for n in range(len(folded) - 1)}


def _agree(one: frozenset[str], other: frozenset[str]) -> bool:
    return one <= other or other <= one


def _overlap(one: frozenset[object], other: frozenset[object]) -> bool:
    return not one or not other or bool(one & other)


# -- rules: what a new entry would have changed ----------------------------------------------------


@dataclass(frozen=True, slots=True)
class World:
    """What holds for a class: the slots of its answers, and whose entries it may see."""

    facts: Mapping[str, str]
    scope: Scope


@dataclass(frozen=True, slots=True)
class Change:
    """A question that would be treated otherwise; `before` and `after` are entries' questions."""

    text: str
    count: int
    class_names: tuple[str, ...]
    before: str
    after: str
    #: Another entry answered it, and not for a bad mark.
    is_taken: bool = False


@dataclass(frozen=True, slots=True)
class Replay:
    """Questions of the past, put to the knowledge as it is and as it would be."""

    asked: int
    newly: tuple[Change, ...]
    changed: tuple[Change, ...]
    lost: tuple[Change, ...]


_PLACE = Conversation(Platform.PLAYGROUND, "replay", ConversationKind.GROUP, "replay")


def replay(
    asked: Sequence[Asked],
    before: Knowledge,
    after: Knowledge,
    *,
    worlds: Mapping[int, World],
    settings: BotSettings,
    now: datetime,
) -> Replay:
    """
    What would be answered now, answered otherwise, and no longer answered.

    A question without a pair of characters or a matter in common with what is new is not asked
    again. Blocks, for seconds with 5,000 questions.
    """
    once: dict[tuple[str, int, bool], list[Asked]] = defaultdict(list)
    for question in asked:
        if question.class_id in worlds:
            called = called_by_name(question.text, settings)
            text = question.text if called is None else called
            is_addressed = question.is_addressed or called is not None
            once[text, question.class_id, is_addressed].append(question)
    found: dict[tuple[str, str, str, bool], list[Asked]] = defaultdict(list)
    known = set(before.entries)
    touched = _Touched(entry for entry in after.entries if entry not in known)
    for (text, class_id, is_addressed), same in once.items():
        if not touched.has(text):
            continue
        decisions = [
            decided(
                text,
                knowledge,
                worlds[class_id],
                is_addressed=is_addressed,
                settings=settings,
                now=now,
            )
            for knowledge in (before, after)
        ]
        old, new = (it.entry if it.action is Action.ANSWER else None for it in decisions)
        if (old and (old.key, old.answer)) != (new and (new.key, new.answer)):
            is_other = old is not None and new is not None and old.key != new.key
            slot = (text, old.question if old else "", new.question if new else "", is_other)
            found[slot] += same
    changes = sorted(
        (
            Change(text, len(same), tuple(sorted({it.class_name for it in same})), old, new, other)
            for (text, old, new, other), same in found.items()
        ),
        key=lambda change: (-change.count, change.text),
    )
    return Replay(
        len(asked),
        tuple(change for change in changes if not change.before),
        tuple(change for change in changes if change.before and change.after),
        tuple(change for change in changes if not change.after),
    )


@dataclass(frozen=True, slots=True)
class Labelled:
    """A question whose entry is known: a phrasing of the table, or one a student found useful."""

    text: str
    key: str
    world: World


@dataclass(frozen=True, slots=True)
class Gate:
    """
    Whether a new entry may be published: questions whose entry is known, before and with it.

    `broken` are those it would take the right answer from, or give a wrong one; `taken` the past
    questions that another entry answered and this one would. `asked` are those that have a word in
    common with it; `answered` and `right` count, before and after, those it is a candidate for:
    all others are answered as they were.
    """

    asked: int
    answered: tuple[int, int]
    right: tuple[int, int]
    broken: tuple[Change, ...]
    taken: tuple[Change, ...]

    @property
    def is_open(self) -> bool:
        return not self.broken and not self.taken

    @property
    def precision(self) -> tuple[float, float]:
        """Of those answered the share answered right, before and with it; 1 where none was."""
        before, after = (
            right / answered if answered else 1.0
            for right, answered in zip(self.right, self.answered, strict=True)
        )
        return before, after


def phrasings_in(knowledge: Knowledge, world: World) -> list[Labelled]:
    """Every phrasing of the table with its entry; what is another class's, as that class asks."""
    found: list[Labelled] = []
    for entry in knowledge.entries:
        for row in (entry, *entry.overrides):
            is_seen = not row.owner or row.owner in world.scope
            place = world if is_seen else World({}, (row.owner,))
            used = row.within(place.scope) if not is_seen else entry.within(place.scope)
            if used is not None:
                found += [Labelled(text, row.key, place) for text in (row.question, *row.variants)]
    return found


def gate(
    labelled: Iterable[Labelled],
    replayed: Replay,
    before: Knowledge,
    after: Knowledge,
    *,
    own: Iterable[str],
    useless: Iterable[tuple[str, str]],
    settings: BotSettings,
    now: datetime,
) -> Gate:
    """
    What stands in the way of publishing what is new in `after`.

    `own` are its phrasings: a person says that they are its. `useless` are questions with the
    question of the entry that did not help: to take those over is no harm. Blocks for seconds.
    """
    known = set(before.entries)
    fresh = [entry for entry in after.entries if entry not in known]
    touched, keys = _Touched(fresh), {entry.key for entry in fresh}
    once = {(it.text, it.key, it.world.scope): it for it in labelled if touched.has(it.text)}
    # Where what is new is no candidate it changes nothing, and deciding is the dear part.
    near = [
        it
        for it in once.values()
        if any(match.entry.key in keys for match in after.search(it.text, limit=_CANDIDATES))
    ]
    answered, right, broken = [0, 0], [0, 0], []
    for item in near:
        old = _chosen(item, before, settings, now)
        new = _chosen(item, after, settings, now)
        for number, entry in enumerate((old, new)):
            answered[number] += entry is not None
            right[number] += entry is not None and entry.key == item.key
        was_right, is_right = (it is not None and it.key == item.key for it in (old, new))
        was_wrong, is_wrong = old is not None and not was_right, new is not None and not is_right
        if (was_right and not is_right) or (is_wrong and not was_wrong):
            was, now_is = (it.question if it else "" for it in (old, new))
            broken.append(Change(item.text, 1, (), was, now_is))
    excused = {fold(text) for text in own}
    bad = {(fold(text), question) for text, question in useless}
    taken = tuple(
        it
        for it in replayed.changed
        if it.is_taken and fold(it.text) not in excused and (fold(it.text), it.before) not in bad
    )
    return Gate(
        len(once),
        (answered[0], answered[1]),
        (right[0], right[1]),
        tuple(sorted(broken, key=lambda it: it.text)),
        taken,
    )


def _chosen(
    item: Labelled, knowledge: Knowledge, settings: BotSettings, now: datetime
) -> Entry | None:
    """The entry a question is taken to; a date the school has not filled in changes nothing."""
    found = decided(item.text, knowledge, item.world, is_addressed=True, settings=settings, now=now)
    return found.entry if found.action is Action.ANSWER or found.missing else None


class _Touched:
    """Which questions have anything to do with some entries."""

    def __init__(self, entries: Iterable[Entry]) -> None:
        said = [fold(text) for it in entries for text in (it.question, *it.variants)]
        self._pairs = {gram for text in said for gram in _grams(text) if len(gram) > 1}
        self._matters = {matter for text in said for matter in concepts(text)}

    def has(self, text: str) -> bool:
        """Whether new entries may change what is made of the text."""
        folded = fold(text)
        return not self._pairs.isdisjoint(_grams(folded)) or not self._matters.isdisjoint(
            concepts(folded)
        )


def decided(
    text: str,
    knowledge: Knowledge,
    world: World,
    *,
    is_addressed: bool,
    settings: BotSettings,
    now: datetime,
) -> Decision:
    """What the bot would do with a question of a class."""
    called = called_by_name(text, settings)
    words = text if called is None else called
    is_spoken_to = is_addressed or called is not None
    return decide(
        Message(_PLACE, "replay", "", "replay", words, now, mentions_bot=is_spoken_to),
        understanding_of(text),
        stance=Stance.ADDRESSED if is_spoken_to else Stance.EAVESDROPPING,
        facts=world.facts,
        knowledge=knowledge,
        settings=settings,
        scope=world.scope,
    )


# -- rules: what stands in the way of an entry -----------------------------------------------------


def problems(draft: Mapping[str, str], others: Sequence[Entry], today: date) -> list[str]:
    """
    What the table alone does not refuse, a sentence each; empty if it may be published.

    `others` are the rows there are already, everybody's and those of units and classes.
    """
    phrasings, timed, last = phrasings_of(draft), expires(draft["答案"]), draft["有效期止"]
    found: list[str] = []
    if len(phrasings) < MIN_VARIANTS:
        found.append(f"问法要至少 {MIN_VARIANTS} 个，现在 {len(phrasings)} 个。")
    if timed and not last:
        found.append(
            f"答案里有「{'」「'.join(timed)}」，请填「有效期止」，过了那天就不再用它回答。"
        )
    if last and last < today.isoformat():
        found.append("「有效期止」已经过去了。")
    if stands_for(draft, others) is None:
        found += [
            f"「{text}」已经在「{entry.question}」里了，请删去或换个说法。"
            for text, entry in _taken(draft, others)
        ]
    return found


def stands_for(draft: Mapping[str, str], others: Sequence[Entry]) -> Entry | None:
    """
    The entry that this one would replace for its unit or class, as it is asked the same.

    None where it is asked nothing that is there, or things of several entries, or where the
    entry has a row for just these already.
    """
    keys = {entry.key for _, entry in _taken(draft, others)}
    rows = [entry for entry in others if entry.key in keys]
    if len(keys) != 1 or owner_of(draft) in {entry.owner for entry in rows}:
        return None
    return rows[0]


def owner_of(draft: Mapping[str, str]) -> str:
    """For whom a draft is, as a member of a `Scope`; empty for everybody."""
    if draft["班级"]:
        return f"班级:{draft['班级']}"
    return f"单位:{draft['单位']}" if draft["单位"] else ""


def _taken(draft: Mapping[str, str], others: Sequence[Entry]) -> list[tuple[str, Entry]]:
    taken = {fold(text): it for it in others for text in (it.question, *it.variants)}
    said = dict.fromkeys(text for text in (draft["问题"], *phrasings_of(draft)) if text)
    return [(text, taken[fold(text)]) for text in said if fold(text) in taken]


def phrasings_of(draft: Mapping[str, str]) -> tuple[str, ...]:
    """The phrasings of a draft, each once, without the question itself."""
    parts = dict.fromkeys(part.strip() for part in draft["问法"].split("|"))
    return tuple(part for part in parts if part and part != draft["问题"])


def drafted(
    question: str, phrasings: Iterable[str], answer: str, source: str, item: Unanswered | HandOff
) -> dict[str, str]:
    """An entry as a table row, by column; for nobody yet."""
    cells = dict.fromkeys((*HEADER, *MORE_COLUMNS), "")
    kept = {fold(text): text.replace("|", " ") for text in reversed(list(phrasings))}
    kept.pop(fold(question), None)
    topic = "other" if item.topic == "none" else item.topic.value
    return cells | {
        "主题": topic,
        "问题": question.replace("|", " "),
        "问法": "|".join(list(reversed(kept.values()))[:MOST_PHRASINGS]),
        "答案": answer,
        "条款": article_of(item.topic),
        "来源": source,
    }


# -- chat handlers: /收录 --------------------------------------------------------------------------

_NUMBER = re.compile(r"\s*[TtＴ]?\s*[-－—_]?\s*(\d{1,15})(?!\d)\s*[:：,，]?\s*(.*)", re.DOTALL)
USAGE = "/收录 T-12 或 /收录 T-12 标准问法"


async def suggest(context: Context, argument: str) -> Outcome:
    """「/收录 T-12 [标准问法]」: a tutor's answer becomes a suggested entry."""
    match = _NUMBER.fullmatch(argument)
    if match is None:
        raise BadCommand(texts_commands.usage(USAGE))
    number, words = int(match[1]), mask(" ".join(match[2].split()))[:100]
    item = await context.uow.questions.get(number)
    if item is None or is_hidden_from(context.speaker, item):
        require(context.speaker, Deed.SUGGEST, context.room)
        raise UserError(texts_hand_offs.no_such_number(number))
    room = await context.uow.people.get_class(item.class_id, context.now)
    require(context.speaker, Deed.SUGGEST, room)
    await _require_suggestible(context, item)
    asked = await context.uow.learning.question(number)
    assert asked is not None
    names = Names(await context.uow.learning.names_in({room.id}) | {item.asker_name})
    since = context.now - LOOKS_BACK
    near = await context.uow.learning.unanswered(since, class_ids=[room.id])
    family = _family(item, unaddressed(near, context.settings))
    own = unaddressed([asked], context.settings)[0].text
    said = [names.replaced(text) for text in (own, *family)]
    answer = names.replaced(mask(item.answer or ""))
    question = words or said[0]
    source = texts_learning.answer_of_tutor(
        asked.answered_by or context.speaker.name, asked.answered_at or context.now
    )
    draft = drafted(question, said, answer, source, item) | {"班级": room.name}
    place = context.message.conversation
    await context.uow.learning.add(
        class_id=room.id,
        hand_off=item.number,
        draft=draft,
        given_answer=answer,
        source=source,
        made_by=context.speaker.name,
        tell=place if context.is_private else private_chat(place, context.message.sender_id),
        now=context.now,
    )
    marked = [piece.text for piece in pieces(answer) if piece.what]
    record = Record(
        Kind.COMMAND,
        Action.ANSWER,
        topic=item.topic,
        article="第十七条",
        hand_off=item.number,
        class_id=item.class_id,
    )
    return Outcome((Reply(texts_learning.suggested(number, tuple(dict.fromkeys(marked)))),), record)


async def _require_suggestible(context: Context, item: HandOff) -> None:
    # What went past the tutor from its first moment is not there for the tutor.
    went_past = item.level is not Level.TUTOR and item.level_since is None
    if item.is_about_tutor or (went_past and context.speaker.tutored):
        raise UserError(texts_hand_offs.no_such_number(item.number))
    if item.kind is not Label.QUESTION or item.category is not Category.INQUIRY:
        raise UserError(texts_learning.only_questions_are_kept(item.number))
    if item.state is not State.CLOSED or not item.answer:
        raise UserError(texts_learning.answer_first(item.number))
    if item.solved_by not in (SolvedBy.TUTOR, SolvedBy.SUPERVISOR):
        raise UserError(texts_learning.classmates_answer(item.number))
    if item.text.strip() == texts_commands.recalled() or not fold(item.text):
        raise UserError(texts_learning.question_is_gone(item.number))
    known = await context.uow.learning.of_hand_off(item.number)
    if known is not None:
        raise UserError(texts_learning.suggested_already(item.number, known.standing))


def _family(item: HandOff, questions: Sequence[Unanswered]) -> list[str]:
    """The other wordings of what a hand-off asks."""
    # What a class asks in a term is a few hundred questions, a matter of milliseconds.
    for cluster in clusters(questions[:500]):
        if any(it.number == item.number for it in cluster.items):
            return list(cluster.phrasings)
    return []


# -- chat handlers: 有用, 没用 ---------------------------------------------------------------------

_USEFUL = frozenset(
    ("有用", "很有用", "有用的", "有用了", "有帮助", "有用谢谢", "谢谢有用", "有用谢谢老师")
)
_USELESS = frozenset(
    ("没用", "没有用", "没啥用", "没用啊", "没什么用", "没帮助", "没有帮助", "不管用", "没用处")
)


def verdict_of(text: str) -> bool | None:
    """Whether a text says that an answer was useful, or (False) useless; None: neither."""
    if "用" not in text and "帮助" not in text:
        # Nearly every message; each of the words has one of the two.
        return None
    bare = "".join(char for char in text if char.isalnum())
    if bare in _USEFUL:
        return True
    return False if bare in _USELESS else None


async def judge(context: Context, *, is_useful: bool, is_called: bool) -> Outcome | None:
    """
    What a student thinks of the bot's answer; None where it is about no answer of ours.

    It is the answer quoted, or else the one to the last thing they said, three minutes ago at most.
    """
    answer = await _answer_meant(context, is_called=is_called)
    if answer is None:
        return None
    message = context.message
    place = message.conversation
    uow, speaker_id = context.uow, message.sender_id
    if await uow.learning.has_voted(answer.event_id, place.platform, speaker_id):
        return Outcome((Reply(texts_learning.noted_already()),)) if context.is_private else SILENCE
    await uow.learning.vote(
        answer,
        event_id=context.event_id,
        speaker_id=speaker_id,
        is_useful=is_useful,
        now=context.now,
    )
    if is_useful:
        return Outcome((Reply(texts_learning.glad()),)) if context.is_private else SILENCE
    if (answer.platform, answer.speaker_id) != (place.platform, speaker_id):
        # A classmate's view is counted; to hand a question over is for whoever asked it.
        return SILENCE
    return await _hand_over(context, answer)


async def _answer_meant(context: Context, *, is_called: bool) -> Answered | None:
    message = context.message
    place = message.conversation
    learning = context.uow.learning
    if message.reply_to:
        ours = await context.uow.outbox.quoted(
            place.platform, place.account, place.id, message.reply_to
        )
        if ours is None or ours.event_id is None:
            return None
        return await learning.answered(ours.event_id)
    if not (context.is_private or message.mentions_bot or is_called):
        return None
    since = context.now - VERDICT_WITHIN
    return await learning.last_answered(place.platform, message.sender_id, since)


async def _hand_over(context: Context, answer: Answered) -> Outcome:
    """The question that was answered badly goes to the tutor after all."""
    room = context.room
    if room is None or room.id != answer.class_id:
        room = await context.uow.people.get_class(answer.class_id, context.now)
    event_id = answer.event_id
    asked = (await context.uow.inbox.messages([event_id])).get(event_id)
    if asked is not None and _is_choice(asked.text, context.settings):
        since = context.now - CHOICE_WITHIN - VERDICT_WITHIN
        event_id = await context.uow.learning.asked_back_before(answer, since) or event_id
        asked = (await context.uow.inbox.messages([event_id])).get(event_id, asked)
    asked = asked or context.message
    tutor = room.tutor.name if room.tutor else None
    text = mask(asked.text).strip()
    waiting = next((it for it in context.waiting if it.text.strip() == text), None)
    item = waiting or await hand_off(
        replace(
            context,
            message=asked,
            event_id=event_id,
            room=room,
            understanding=replace(context.understanding, topic=answer.topic),
        ),
        Label.QUESTION,
        surface_at=None,
    )
    record = Record(
        kind=Kind.QUESTION,
        action=Action.HAND_OFF,
        topic=answer.topic,
        article=article_of(answer.topic),
        hand_off=item.number,
        class_id=room.id,
    )
    sentence = texts_learning.handed_off_as_useless(item.number, tutor, answer_due(context, item))
    cards = () if waiting else await cards_for(context, item, room)
    return Outcome((Reply(sentence, about=item.number),), record, cards)


def _is_choice(text: str, settings: BotSettings) -> bool:
    called = called_by_name(text, settings)
    return (text if called is None else called).strip() in {"1", "2", "3"}


def is_students(context: Context) -> bool:
    """Whether the speaker's word on an answer counts: staff have other ways to say it."""
    return context.role not in (Role.TUTOR, Role.SUPERVISOR) and not context.speaker.tutored

"""The supervisor's desk: what may be done with a case from the console, each thing once.

Of two who do the same at once one wins, and the other is told by a `UserError`. Nothing is sent:
each use case gives back the messages that follow from it, unsigned, for the caller's transaction.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from handlers import texts, texts_desk, texts_intake
from handlers.clocks import next_level
from handlers.decision import article_of
from handlers.errors import UserError
from handlers.hand_offs import is_empty_reply, private_chat, private_with, seconds_between
from handlers.hearings import may_be_ruled, person
from handlers.marks import ask_for_mark
from handlers.understanding import mask
from handlers.working_time import WorkingTime
from storage.cases import Case, FollowUp, Step, StepKind
from storage.interactions import Kind, Record
from storage.people import ClassRoom, Tutor
from storage.questions import Category, HandOff, Level, SolvedBy, Verdict
from storage.unit_of_work import UnitOfWork
from storage.vocabulary import Action, ConversationKind, Label, Outgoing, Platform

FINDINGS: dict[Verdict, Action] = {
    Verdict.TRUE: Action.FOUND_TRUE,
    Verdict.PARTLY: Action.FOUND_PARTLY,
    Verdict.FALSE: Action.FOUND_FALSE,
}

Messages = tuple[Outgoing, ...]


@dataclass(frozen=True, slots=True)
class Official:
    """Who acts: a supervisor's account, as the history writes it, and the name the asker reads."""

    username: str
    name: str

    @property
    def actor(self) -> str:
        """As a step has it."""
        return f"supervisor:{self.username}"


@dataclass(slots=True)
class Desk:
    """
    One case on a supervisor's desk, in an open transaction.

    `writes_first` are the platforms where the bot may open a private chat; `reach` the units whose
    cases the official may see, None is all of them.
    """

    uow: UnitOfWork
    case: Case
    room: ClassRoom
    official: Official
    now: datetime
    working: WorkingTime
    writes_first: Collection[Platform]
    reach: Collection[int] | None
    #: The official's own as a tutor: what is about the tutor there is not theirs to see.
    own_classes: Collection[int] = ()

    @property
    def item(self) -> HandOff:
        return self.case.item

    @property
    def kind_name(self) -> str:
        """In a word; a cry for help is none of the categories."""
        return kind_name(self.item)

    async def answer(self, text: str) -> Messages:
        """The answer, to the asker alone; closes the case."""
        if is_empty_reply(text):
            raise UserError(texts_desk.desk_empty_answer())
        if not await self._close(text):
            raise UserError(texts_desk.desk_closed(self.item.number))
        self._note(StepKind.ANSWERED, text)
        if self.item.kind is Label.DISTRESS:
            # What was done is between people and the record.
            return ()
        words = texts_desk.answered_by_supervisor(self.official.name, self.item.number, text)
        return await self._to_asker("answer", words, closes=True)

    async def update(self, text: str) -> Messages:
        """How it stands; the case stays open."""
        if is_empty_reply(text):
            raise UserError(texts_desk.desk_empty_answer())
        if not await self.uow.cases.update_told(self.item, self.now):
            raise UserError(texts_desk.desk_closed(self.item.number))
        self._note(StepKind.UPDATED, text)
        if self.item.kind is Label.DISTRESS:
            return ()
        words = texts_desk.updated_by_supervisor(self.official.name, self.item.number, text)
        return await self._to_asker("update", words)

    async def follow_up(self, outcome: FollowUp, words: str) -> Messages:
        """What came of asking again after it was closed; nobody is written to."""
        if self.item.closed_at is None:
            raise UserError(texts_desk.desk_not_closed(self.item.number))
        self._note(StepKind.FOLLOWED, f"{outcome}\n{words}")
        return ()

    async def extend(self, reason: str) -> Messages:
        """More time for the solution, once, with a reason the asker is told."""
        if len(reason.strip()) < 2:
            raise UserError(texts_desk.desk_reason_missing())
        if self.item.closed_at is not None:
            raise UserError(texts_desk.desk_closed(self.item.number))
        if not await self.uow.cases.extend(self.item, self.now):
            raise UserError(texts_desk.desk_extended_already(self.item.number))
        self._note(StepKind.EXTENDED, reason)
        since = self.item.level_since or self.item.asked_at
        length = self.working.settings.allowance("extended_solution")
        blind = await self.uow.lines.blind([self.item.account], since, self.now)
        due = self.working.due(since, length, blind.get(self.item.account, ()))
        words = texts_desk.extended_by_supervisor(
            self.item.number, reason, texts.instant(due, self.now)
        )
        return await self._to_asker("extend", words)

    async def move_up(self, reason: str, *, to: Level) -> Messages:
        """To the unit's desk (接手) or the province's; whoever had it is told."""
        upwards = next_level(self.item.level)
        if upwards is None or (to is Level.UNIT and self.item.level is not Level.TUTOR):
            raise UserError(texts_desk.desk_moved_already(self.item.number))
        if not await self.uow.cases.escalate(self.item, to, self.now):
            raise UserError(texts_desk.desk_moved_already(self.item.number))
        self._note(
            StepKind.ESCALATED,
            f"{texts.LEVEL_NAMES[to]}：{reason}" if reason else texts.LEVEL_NAMES[to],
        )
        told: list[Outgoing] = []
        number, class_name = self.item.number, self.room.name
        if self.item.level is Level.TUTOR and not self.item.is_about_tutor:
            words = texts_desk.taken_over(number, class_name, texts.LEVEL_NAMES[to])
            told += self._to_people(self.room.tutors, "taken", words)
        if to is Level.PROVINCE:
            found = await self.uow.people.supervisors_of([None], self.now)
            accused = {it.person_id for it in self.room.tutors} if self.item.is_about_tutor else ()
            people = [it for it in found.get(None, ()) if it.person_id not in accused]
            words = texts_desk.came_up(number, class_name, self.kind_name, reason)
            told += self._to_people(people, "came", words)
        return tuple(told)

    async def link(self, other: Case | None, number: int) -> Messages:
        """The same matter as another's; both stay, each asker gets an own answer."""
        root = number if other is None else other.item.duplicate_of or number
        if other is None or self.item.number in (number, root):
            raise UserError(texts_desk.desk_link_unknown(number))
        if not await self.uow.cases.link(self.item, root):
            raise UserError(texts_desk.desk_link_unknown(number))
        self._note(StepKind.LINKED, f"T-{root}")
        return ()

    async def open_hearing(self, person_ids: Collection[int], words: str) -> Messages:
        """
        Some of the class's tutors may see and speak from now on; they read only `words`.

        A tutor without a reachable account stands in the history all the same: a supervisor can
        ask them in person.
        """
        if not self.item.is_about_tutor:
            raise UserError(texts_desk.desk_no_hearing(self.item.number))
        tutors = [tutor for tutor in self.room.tutors if tutor.person_id in person_ids]
        if not tutors or len(words.strip()) < 2:
            raise UserError(texts_desk.desk_hearing_whom())
        if not await self.uow.cases.open_hearing(self.item, self.now):
            raise UserError(texts_desk.desk_hearing_open(self.item.number))
        for tutor in tutors:
            self._note(StepKind.HEARING, f"{person(tutor.person_id)}\n{mask(words)}")
        card = texts_desk.hearing_card(self.item.number, self.room.name, mask(words))
        return self._to_people(tutors, "hearing", card, key="hearing")

    async def rule(
        self,
        verdict: Verdict,
        *,
        reason: str,
        words: str,
        about: int | None,
        is_unheard_wanted: bool,
    ) -> Messages:
        """
        The verdict, once: `reason` for the file and the tutor heard, `words` for the complainant.

        `about` is the tutor on whose record it stands. Closes the case if it is open still.
        """
        item = self.item
        if Category.COMPLAINT is not item.category and item.kind is not Label.COMPLAINT:
            raise UserError(texts_desk.desk_no_verdict(item.number))
        if item.verdict is not None:
            raise UserError(self._ruled(item))
        if len(reason.strip()) < 2 or is_empty_reply(words):
            raise UserError(texts_desk.desk_reason_missing())
        steps = await self.uow.cases.steps(item.number)
        if not is_unheard_wanted and not may_be_ruled(item, steps, self.working, self.now):
            raise UserError(texts_desk.desk_not_heard())
        if not await self.uow.cases.decide(
            item, verdict, reason=reason, by=self.official.actor, at=self.now
        ):
            first = await self.uow.questions.get(item.number)
            assert first is not None
            raise UserError(self._ruled(first))
        self._note(StepKind.VERDICT, f"{texts_desk.VERDICT_NAMES[verdict]}：{reason}")
        self._record_finding(verdict, about)
        told = texts_desk.verdict_told(item.number, verdict, words)
        closes = item.closed_at is None and await self._close(told)
        messages = await self._to_asker("verdict", told, closes=closes)
        if item.hearing_since is not None:
            to_tutor = texts_desk.verdict_told_to_tutor(item.number, verdict, reason)
            heard = {
                step.text.partition("\n")[0] for step in steps if step.kind is StepKind.HEARING
            }
            tutors = [it for it in self.room.tutors if person(it.person_id) in heard]
            messages += self._to_people(tutors, "verdict", to_tutor, key="verdict")
        return messages

    # -- parts -------------------------------------------------------------------------------------

    async def _close(self, text: str) -> bool:
        item = self.item
        is_mine = await self.uow.questions.close(
            item, at=self.now, solved_by=SolvedBy.SUPERVISOR, by=None, answer=mask(text)
        )
        if not is_mine:
            return False
        blind = await self.uow.lines.blind([item.account], item.asked_at, self.now)
        seconds = seconds_between(item.asked_at, self.now, blind.get(item.account, ()))
        self._record(
            Record(
                Kind.REPLY,
                Action.ANSWER,
                topic=item.topic,
                article=article_of(item.topic),
                solved_by=SolvedBy.SUPERVISOR,
                first_reply_seconds=seconds if item.first_replied_at is None else None,
                hand_off=item.number,
                is_about_tutor=item.is_about_tutor,
            ),
            f"desk:{item.number}:{item.reopened}:answer",
            self.room.tutor.person_id if self.room.tutor else None,
        )
        return True

    def _record_finding(self, verdict: Verdict, about: int | None) -> None:
        tutors = [tutor.person_id for tutor in self.room.tutors]
        accused = about if about in tutors else next(iter(tutors), None)
        self._record(
            Record(
                Kind.COMPLAINT,
                FINDINGS[verdict],
                topic=self.item.topic,
                article="第十三条",
                hand_off=self.item.number,
                is_about_tutor=self.item.is_about_tutor,
            ),
            f"desk:{self.item.number}:verdict",
            accused,
        )

    def _record(self, record: Record, key: str, tutor_id: int | None) -> None:
        self.uow.interactions.add(
            record,
            key=key,
            at=self.now,
            class_id=self.item.class_id,
            tutor_id=tutor_id,
            person_id=self.item.person_id,
            platform=self.item.conversation.platform,
            speaker_id="",
            event_id=None,
            message_id="",
        )

    def _note(self, kind: StepKind, text: str) -> None:
        step = Step(self.item.number, self.now, kind, self.official.actor, mask(text))
        self.uow.cases.note(step)

    def _ruled(self, item: HandOff) -> str:
        by = item.verdict_by.removeprefix("supervisor:")
        when = texts.instant(item.verdict_at or self.now, self.now)
        assert item.verdict is not None
        return texts_desk.desk_ruled_already(item.number, item.verdict, by, when)

    async def _to_asker(self, what: str, text: str, *, closes: bool = False) -> Messages:
        """
        In private; where that cannot be opened, a word in the group that there is something.

        What closes a case asks for a mark.
        """
        item = self.item
        place = item.conversation
        key = f"desk:{item.number}:{what}:{self.now:%Y%m%d%H%M%S%f}"
        is_private = place.kind is ConversationKind.PRIVATE
        alone = place if is_private else private_chat(place, item.asker_id)
        if await self.reaches_asker():
            if closes:
                await ask_for_mark(self.uow, item, alone, self.now)
                text = f"{text}\n{texts_intake.mark_invited(item.number)}"
            return (Outgoing(key=key, conversation=alone, text=text, about=item.number),)
        if item.is_about_tutor:
            # The tutor reads the group along.
            return ()
        words = texts_desk.answer_waits(item.number)
        return (
            Outgoing(
                key=key,
                conversation=place,
                text=words,
                mention=(item.asker_id,),
                about=item.number,
            ),
        )

    async def reaches_asker(self) -> bool:
        """Whether the asker can be written to alone."""
        place = self.item.conversation
        if place.kind is ConversationKind.PRIVATE or place.platform in self.writes_first:
            return True
        return await self.uow.inbox.has_heard(private_chat(place, self.item.asker_id))

    def _to_people(
        self, people: Sequence[Tutor], what: str, text: str, *, key: str = "desk"
    ) -> Messages:
        stamp = f"{what}:{self.now:%Y%m%d%H%M%S%f}" if key == "desk" else "card"
        places = [
            (it.person_id, private_with(it, self.room, self.item.conversation)) for it in people
        ]
        return tuple(
            Outgoing(
                key=f"{key}:{self.item.number}:{stamp}:{person_id}",
                conversation=place,
                text=text,
                about=self.item.number,
            )
            for person_id, place in places
            if place is not None
        )


def kind_name(item: HandOff) -> str:
    """投诉, 诉求, …, or 关怀 for a cry for help."""
    if item.kind is Label.DISTRESS:
        return "关怀"
    category = Category.COMPLAINT if item.kind is Label.COMPLAINT else item.category
    return texts.CATEGORY_NAMES[category]

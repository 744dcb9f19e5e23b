"""What the roster answers: whose tutor it is, what is known of oneself, the tutor's class."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace

from handlers import texts_commands, texts_intake, texts_roster
from handlers.binding import account_in_words, own_student
from handlers.classes import own_rooms
from handlers.context import Context, Outcome, Reply
from handlers.decision import Decision, article_of
from handlers.errors import UserError
from handlers.faq import fill
from handlers.hand_offs import seconds_between
from handlers.permissions import Deed, require
from storage.interactions import Kind, Record
from storage.people import ClassRoom
from storage.questions import SolvedBy
from storage.roster import Fact, FileRow, Student
from storage.vocabulary import Action, Topic

#: The entry that says who the tutor is: its words are made from the appointment in force.
TUTOR_ENTRY = "contact.tutor"
_POST = "(?:助学教师|助学老师|班主任|辅导员|导员|导学老师|导学教师|带班老师)"
_MINE = "(?:请问)?(?:我们?|咱们?)?(?:本班|我们班|咱们?班|这个?班|班级?)?的?"
_WHO = "(?:是|叫)?(?:谁|哪位|哪个|哪一位|啥名字?|什么名字|什么)(?:老师)?"
_ASKS_TUTOR = re.compile(
    rf"(?:{_MINE}{_POST}(?:现在)?{_WHO}|谁是{_MINE}{_POST}|我的老师是(?:谁|哪位))"
    r"[啊呀呢吗吧？?。.!！~\s]*"
)
_OWN = re.compile(
    r"(?:请|帮我?|麻烦)?(?:查一?下?|看一?下?|问一?下?)?我的(?P<name>[^\s？?。！!，,]{1,30}?)"
    r"(?:是多少|是什么|怎么样|多少|呢|情况)?[啊呀呢？?。.!！\s]*"
)

# -- rules ----------------------------------------------------------------------------------------


def asks_tutor(text: str) -> bool:
    """「我的助学教师是谁」 and the like, and nothing else besides."""
    return _ASKS_TUTOR.fullmatch(text.strip()) is not None


def slots_of(facts: Sequence[Fact], file: FileRow | None) -> Mapping[str, str]:
    """Slot → words with day and source: 「个人:成绩」 → 「英语 85（截至 …，来源：…）」."""
    own = {
        f"个人:{name}": value
        for name, value in (
            ("学号", file.student_no if file else ""),
            ("专业", file.major if file else ""),
            ("层次", file.level if file else ""),
            ("年级", file.grade if file else ""),
        )
        if value
    }
    told = {fact.slot: texts_roster.fact(fact.value, fact.as_of, fact.source) for fact in facts}
    return own | told


def tutors_in_words(room: ClassRoom) -> list[str]:
    """Who answers for a class now; whoever has somebody stand in is named with them."""
    names = {tutor.person_id: tutor.name for tutor in room.tutors}
    return [
        texts_roster.tutor_in_office(
            tutor.name, [names[away] for away in tutor.covers if away in names]
        )
        for tutor in room.on_duty
    ]


# -- whose tutor ----------------------------------------------------------------------------------


async def my_tutor(context: Context) -> Outcome:
    """「我的助学教师是谁」, from the appointment in force (S5.3); who it is without one."""
    room = context.room
    if room is None:
        return Outcome((Reply(texts_roster.tutor_of_unknown_class()),))
    record = Record(
        Kind.QUESTION,
        Action.ANSWER,
        topic=Topic.CONTACT,
        article=article_of(Topic.CONTACT),
        solved_by=SolvedBy.BOT,
        first_reply_seconds=seconds_between(context.message.sent_at, context.now, context.blind),
        entry=TUTOR_ENTRY,
    )
    return Outcome((Reply(await tutor_words(context, room)),), record)


async def tutor_words(context: Context, room: ClassRoom) -> str:
    """Name, duty hours, how to reach; what the school has published only if it names the tutor."""
    tutors = tutors_in_words(room)
    if not tutors:
        people = await context.uow.people.supervisors_of([room.unit_id, None], context.now)
        found = people.get(room.unit_id) or people.get(None) or []
        return texts_roster.no_tutor_now(room.name, [person.name for person in found])
    published = context.facts.get("联系:助学教师", "")
    # A number published for whoever held the post before would reach the wrong person.
    is_current = any(
        tutor.name in published and published != f"{tutor.name}老师" for tutor in room.on_duty
    )
    hours = context.working.settings.hours
    return texts_roster.my_tutor(room.name, tutors, hours, published if is_current else "")


# -- what is known of oneself ---------------------------------------------------------------------


async def own_slots(context: Context) -> Mapping[str, str]:
    """The speaker's own slots; of somebody unbound, or behind a shared id, nothing (S16.4)."""
    person_id = context.speaker.person_id
    if person_id is None or context.message.is_anonymous:
        return {}
    kept = await context.uow.roster.file_of(person_id)
    return slots_of(await context.uow.roster.facts_of(person_id), kept[0] if kept else None)


async def completed(context: Context, decision: Decision) -> Decision:
    """
    The answer with what only the database of today knows: the tutor in office.

    Personal slots are not filled here: whoever calls this may be about to speak in a group.
    """
    entry = decision.entry
    if entry is None or entry.key != TUTOR_ENTRY or context.room is None:
        return decision
    return replace(decision, text=await tutor_words(context, context.room))


async def private_words(context: Context, decision: Decision) -> str:
    """A personal answer with the speaker's own facts in it: to be said to nobody else."""
    entry = decision.entry
    if entry is None or not entry.is_personal:
        return decision.text
    own = await own_slots(context)
    if not any(slot in own for slot in entry.slots):
        return decision.text
    return fill(entry, {**context.facts, **own}).text


async def own_fact(context: Context, text: str) -> Outcome | None:
    """「我的形考」: a fact the school has told of the speaker; None where there is no such fact."""
    match = _OWN.fullmatch(text.strip())
    if match is None or context.speaker.person_id is None or context.room is None:
        return None
    own = await own_slots(context)
    name = match["name"]
    found = own.get(f"个人:{name}")
    if found is None:
        return None
    record = Record(
        Kind.QUESTION,
        Action.ANSWER,
        topic=context.understanding.topic,
        article="第十三条",
        solved_by=SolvedBy.BOT,
        first_reply_seconds=seconds_between(context.message.sent_at, context.now, context.blind),
    )
    if not context.is_private:
        return Outcome((Reply(texts_intake.ask_in_private(f"我的{name}")),), record)
    return Outcome((Reply(texts_roster.own_fact(name, found)),), record)


# -- the tutor's own class ------------------------------------------------------------------------


async def class_list(context: Context, argument: str) -> Outcome:
    """「/花名册」 in private: who is in the class and who is bound."""
    parts = []
    for room, students in await _own_students(context):
        lines = [
            texts_roster.class_list_line(
                one.student_no,
                one.name,
                (one.major, one.level, one.grade),
                is_bound=bool(one.accounts),
            )
            for one in students
        ]
        bound = sum(bool(one.accounts) for one in students)
        parts.append(texts_roster.class_list(room.name, lines, bound))
    return Outcome((Reply("\n\n".join(parts)),), _record())


async def contacts(context: Context, argument: str) -> Outcome:
    """
    「/通讯录」 in private: the tutor's own classes, numbers masked (S13.11).

    「/通讯录 张三」 is one number in full, and leaves an audit row.
    """
    if argument.strip():
        student, room = await own_student(context, argument, Deed.SEE_STUDENTS, "/通讯录 姓名")
        context.uow.audit.add(
            at=context.now,
            actor=f"{context.speaker.platform}:{context.speaker.user_id}",
            action="roster.phone_seen",
            target=f"person:{student.person_id}",
        )
        words = texts_roster.contact_of(room.name, student.name, student.student_no, student.phone)
        return Outcome((Reply(words),), _record())
    parts = []
    for room, students in await _own_students(context):
        lines = [
            texts_roster.contact_line(one.name, texts_roster.masked_phone(one.phone))
            for one in students
        ]
        parts.append(texts_roster.contacts(room.name, lines))
    return Outcome((Reply("\n\n".join(parts)),), _record())


async def standing(context: Context, argument: str) -> Outcome:
    """「/学情 张三」 in private: what lists say, with day and source, and no score (S13.8)."""
    student, room = await own_student(context, argument, Deed.SEE_STUDENTS, "/学情 姓名")
    facts = await context.uow.roster.facts_of(student.person_id)
    kept = await context.uow.roster.file_of(student.person_id)
    file = ""
    if kept is not None and kept[2] is not None:
        words = " ".join(word for word in (kept[0].major, kept[0].level, kept[0].grade) if word)
        file = texts_roster.fact_line("学籍信息", words or "—", kept[2], kept[1])
    accounts = "、".join(account_in_words(account) for account in student.accounts)
    words = texts_roster.standing(
        room.name,
        student.name,
        student.student_no,
        file,
        f"账号：{accounts}" if accounts else "账号：未绑定",
        [
            texts_roster.fact_line(
                fact.slot.removeprefix("个人:"), fact.value, fact.as_of, fact.source
            )
            for fact in facts
        ],
    )
    context.uow.audit.add(
        at=context.now,
        actor=f"{context.speaker.platform}:{context.speaker.user_id}",
        action="roster.standing_seen",
        target=f"person:{student.person_id}",
    )
    return Outcome((Reply(words),), _record())


# -- parts ----------------------------------------------------------------------------------------


async def _own_students(context: Context) -> list[tuple[ClassRoom, list[Student]]]:
    """Every class of the tutor with its students; in private only."""
    if not context.is_private:
        raise UserError(texts_commands.only_in_private())
    rooms = await own_rooms(context)
    for room in rooms:
        require(context.speaker, Deed.SEE_STUDENTS, room)
    students = await context.uow.roster.students_of([room.id for room in rooms])
    return [(room, [one for one in students if one.class_id == room.id]) for room in rooms]


def _record() -> Record:
    return Record(Kind.COMMAND, Action.ANSWER, article="第十三条")

"""Every table, in the order of the topics.

SQLAlchemy Core, no ORM: the hot path writes hundreds of rows a transaction, where an ORM session
a message was measured at sixteen times the cost; and rows come back as the frozen dataclasses of
each repository, so one set of classes is enough.
"""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    UniqueConstraint,
    and_,
)

from storage.columns import CleanText, ShanghaiDateTime

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "pk": "pk_%(table_name)s",
    }
)

# SQLite only counts rows up by itself in a column declared INTEGER.
Id = BigInteger().with_variant(Integer, "sqlite")

# -- people and classes ---------------------------------------------------------------------------

units = Table(
    "units",
    metadata,
    Column("id", Id, primary_key=True),
    Column("name", String(200), nullable=False, unique=True),
    Column("parent_id", ForeignKey("units.id")),
)

classes = Table(
    "classes",
    metadata,
    Column("id", Id, primary_key=True),
    Column("name", String(200), nullable=False, unique=True),
    Column("unit_id", ForeignKey("units.id")),
    Column("speak_mode", String(20), nullable=False),
    Column("grace_minutes", Integer, nullable=False),
    Column("quiet_until", ShanghaiDateTime),
)

class_groups = Table(
    "class_groups",
    metadata,
    Column("id", Id, primary_key=True),
    Column("platform", String(20), nullable=False),
    Column("account", String(100), nullable=False),
    Column("group_id", String(100), nullable=False),
    Column("class_id", ForeignKey("classes.id"), nullable=False, index=True),
    Column("muted_until", ShanghaiDateTime),
    # Since when the bot is no longer in it; a group that never took the bot in has none.
    Column("left_at", ShanghaiDateTime),
    UniqueConstraint("platform", "account", "group_id"),
)

group_members = Table(
    "group_members",
    metadata,
    Column("id", Id, primary_key=True),
    Column("class_group_id", ForeignKey("class_groups.id"), nullable=False),
    Column("user_id", String(100), nullable=False),
    # None: was there before the bot first looked.
    Column("joined_at", ShanghaiDateTime),
    Column("left_at", ShanghaiDateTime),
    UniqueConstraint("class_group_id", "user_id"),
)

persons = Table(
    "persons",
    metadata,
    Column("id", Id, primary_key=True),
    Column("name", CleanText, nullable=False),
    Column("student_no", String(40), unique=True),
)

identities = Table(
    "identities",
    metadata,
    Column("id", Id, primary_key=True),
    Column("platform", String(20), nullable=False),
    Column("user_id", String(100), nullable=False),
    Column("person_id", ForeignKey("persons.id"), nullable=False, index=True),
    UniqueConstraint("platform", "user_id"),
)

binding_codes = Table(
    "binding_codes",
    metadata,
    # The code itself is told to one person and stored nowhere.
    Column("code_hash", String(64), primary_key=True),
    Column("person_id", ForeignKey("persons.id"), nullable=False, unique=True),
    Column("expires_at", ShanghaiDateTime, nullable=False),
    # Who gave it out, `qq:10001`; None: its own person, from an account that is theirs already.
    Column("given_by", String(120)),
)

duties = Table(
    "duties",
    metadata,
    Column("id", Id, primary_key=True),
    Column("person_id", ForeignKey("persons.id"), nullable=False, index=True),
    Column("role", String(20), nullable=False),
    Column("class_id", ForeignKey("classes.id"), index=True),
    Column("unit_id", ForeignKey("units.id")),
    Column("starts_at", ShanghaiDateTime, nullable=False),
    Column("ends_at", ShanghaiDateTime),
    # Whom a tutor stands in for, from `starts_at` to `ends_at`.
    Column("covers_id", ForeignKey("persons.id")),
)

enrolments = Table(
    "enrolments",
    metadata,
    Column("id", Id, primary_key=True),
    Column("class_id", ForeignKey("classes.id"), nullable=False),
    Column("person_id", ForeignKey("persons.id"), nullable=False, index=True),
    UniqueConstraint("class_id", "person_id"),
)

# -- the bot's own accounts -----------------------------------------------------------------------

account_lines = Table(
    "account_lines",
    metadata,
    Column("platform", String(20), primary_key=True),
    Column("account", String(100), primary_key=True),
    Column("is_online", Boolean, nullable=False),
    Column("since", ShanghaiDateTime, nullable=False),
    # While online, moved on every few seconds: where a process died, this is when it was last up.
    Column("seen_at", ShanghaiDateTime, nullable=False),
)

logins = Table(
    "logins",
    metadata,
    Column("platform", String(20), primary_key=True),
    Column("standing", String(20), nullable=False),
    Column("since", ShanghaiDateTime, nullable=False),
    Column("account", String(100), nullable=False),
    Column("name", CleanText, nullable=False),
    # What the QR code to scan says, only while it is to be scanned.
    Column("code", CleanText, nullable=False),
)

blind_windows = Table(
    "blind_windows",
    metadata,
    Column("id", Id, primary_key=True),
    Column("platform", String(20), nullable=False),
    Column("account", String(100), nullable=False),
    Column("starts_at", ShanghaiDateTime, nullable=False),
    Column("ends_at", ShanghaiDateTime, nullable=False),
    Index("ix_blind_windows_account_ends_at", "platform", "account", "ends_at"),
)

# -- what the school has published ----------------------------------------------------------------
# Scope: `class_id` is one class's row, `unit_id` that of a unit and all below it, neither is
# everybody's; never both.

calendar_dates = Table(
    "calendar_dates",
    metadata,
    Column("id", Id, primary_key=True),
    Column("class_id", ForeignKey("classes.id")),
    Column("unit_id", ForeignKey("units.id")),
    Column("matter", String(50), nullable=False),
    Column("starts_at", ShanghaiDateTime),
    Column("ends_at", ShanghaiDateTime),
    Column("note", CleanText, nullable=False),
    Column("source", CleanText, nullable=False),
    UniqueConstraint("class_id", "matter"),
    UniqueConstraint("unit_id", "matter"),
)

school_facts = Table(
    "school_facts",
    metadata,
    Column("id", Id, primary_key=True),
    Column("class_id", ForeignKey("classes.id")),
    Column("unit_id", ForeignKey("units.id")),
    Column("slot", String(100), nullable=False),
    Column("value", CleanText, nullable=False),
    Column("source", CleanText, nullable=False),
    UniqueConstraint("class_id", "slot"),
    UniqueConstraint("unit_id", "slot"),
)

knowledge_entries = Table(
    "knowledge_entries",
    metadata,
    Column("id", Id, primary_key=True),
    Column("key", String(100), nullable=False, index=True),
    Column("class_id", ForeignKey("classes.id")),
    Column("unit_id", ForeignKey("units.id")),
    Column("row", CleanText, nullable=False),
    Column("updated_at", ShanghaiDateTime, nullable=False),
    UniqueConstraint("class_id", "key"),
    UniqueConstraint("unit_id", "key"),
)

# -- the two durable queues -----------------------------------------------------------------------

inbound_events = Table(
    "inbound_events",
    metadata,
    Column("id", Id, primary_key=True),
    Column("dedup_key", String(40), nullable=False, unique=True),
    Column("kind", String(20), nullable=False),
    Column("payload", CleanText, nullable=False),
    Column("received_at", ShanghaiDateTime, nullable=False),
    Column("platform", String(20), nullable=False),
    Column("account", String(100), nullable=False),
    Column("conversation_id", String(100), nullable=False),
    Column("message_id", String(100), nullable=False),
    Column("state", String(10), nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("not_before", ShanghaiDateTime, nullable=False),
    Column("leased_by", String(40)),
    Column("leased_until", ShanghaiDateTime),
    Column("error", CleanText),
    Index("ix_inbound_events_conversation", "platform", "account", "conversation_id", "message_id"),
)
# Only what is still to do is in the queue's index: it stays small however long the history.
Index(
    "ix_inbound_events_ready",
    inbound_events.c.not_before,
    sqlite_where=inbound_events.c.state == "ready",
    postgresql_where=inbound_events.c.state == "ready",
)
Index(
    "ix_inbound_events_dead",
    inbound_events.c.id,
    sqlite_where=inbound_events.c.state == "dead",
    postgresql_where=inbound_events.c.state == "dead",
)

outbox = Table(
    "outbox",
    metadata,
    Column("id", Id, primary_key=True),
    Column("key", String(120), nullable=False, unique=True),
    Column("platform", String(20), nullable=False),
    Column("account", String(100), nullable=False),
    Column("conversation_id", String(100), nullable=False),
    Column("payload", CleanText, nullable=False),
    Column("event_id", Id, index=True),
    Column("about", Id),
    Column("created_at", ShanghaiDateTime, nullable=False),
    Column("sent_at", ShanghaiDateTime),
    Column("sent_id", String(100)),
    Column("state", String(10), nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("not_before", ShanghaiDateTime, nullable=False),
    Column("leased_by", String(40)),
    Column("leased_until", ShanghaiDateTime),
    # A push whose sending has begun cannot be taken back any more.
    Column("begun_at", ShanghaiDateTime),
    Column("error", CleanText),
)
Index(
    "ix_outbox_ready",
    outbox.c.not_before,
    sqlite_where=outbox.c.state == "ready",
    postgresql_where=outbox.c.state == "ready",
)
Index(
    "ix_outbox_dead",
    outbox.c.id,
    sqlite_where=outbox.c.state == "dead",
    postgresql_where=outbox.c.state == "dead",
)
# Finds the message of ours that somebody quotes.
Index("ix_outbox_sent", outbox.c.platform, outbox.c.account, outbox.c.sent_id)

# -- questions that wait --------------------------------------------------------------------------

hand_offs = Table(
    "hand_offs",
    metadata,
    # The n of T-n. Given by `counters`, not by the database, so that a rolled-back batch leaves
    # no hole and a reply can name the number before the row is written.
    Column("number", Id, primary_key=True, autoincrement=False),
    Column("kind", String(20), nullable=False),
    Column("state", String(20), nullable=False),
    Column("class_id", ForeignKey("classes.id"), nullable=False),
    Column("platform", String(20), nullable=False),
    Column("account", String(100), nullable=False),
    Column("conversation_kind", String(10), nullable=False),
    Column("conversation_id", String(100), nullable=False),
    Column("via_group", String(100), nullable=False),
    Column("asker_id", String(100), nullable=False),
    Column("asker_name", CleanText, nullable=False),
    Column("person_id", ForeignKey("persons.id")),
    Column("event_id", Id, nullable=False),
    Column("message_id", String(100), nullable=False),
    Column("text", CleanText, nullable=False),
    Column("topic", String(40), nullable=False),
    Column("is_about_tutor", Boolean, nullable=False),
    Column("asked_at", ShanghaiDateTime, nullable=False),
    Column("surface_at", ShanghaiDateTime),
    Column("closed_at", ShanghaiDateTime),
    Column("closed_by", ForeignKey("persons.id")),
    Column("solved_by", String(20)),
    Column("answer", CleanText),
    Column("category", String(20), nullable=False, server_default="inquiry"),
    # Whose it is: the tutor's, the unit's or the province's; and since when it is theirs.
    Column("level", String(10), nullable=False, server_default="tutor"),
    Column("level_since", ShanghaiDateTime),
    Column("wants", CleanText),
    Column("first_replied_at", ShanghaiDateTime),
    Column("updated_at", ShanghaiDateTime),
    Column("extended_at", ShanghaiDateTime),
    # How far, in percent, the running clock had gone when somebody was last warned.
    Column("alarm", Integer, nullable=False, server_default="0"),
    Column("contact_id", ForeignKey("contacts.id", name="fk_hand_offs_contact_id")),
    Column("contact_since", ShanghaiDateTime),
    Column("duplicate_of", Id),
    Column("reopened", Integer, nullable=False, server_default="0"),
    Column("hearing_since", ShanghaiDateTime),
    Column("verdict", String(20)),
    Column("verdict_reason", CleanText),
    Column("verdict_by", String(120)),
    Column("verdict_at", ShanghaiDateTime),
)
Index(
    "ix_hand_offs_open",
    hand_offs.c.class_id,
    hand_offs.c.asked_at,
    sqlite_where=hand_offs.c.closed_at.is_(None),
    postgresql_where=hand_offs.c.closed_at.is_(None),
)
Index(
    "ix_hand_offs_duplicate_of",
    hand_offs.c.duplicate_of,
    sqlite_where=hand_offs.c.duplicate_of.is_not(None),
    postgresql_where=hand_offs.c.duplicate_of.is_not(None),
)
Index("ix_hand_offs_message", hand_offs.c.class_id, hand_offs.c.message_id)
Index(
    "ix_hand_offs_closed_at",
    hand_offs.c.closed_at,
    sqlite_where=hand_offs.c.closed_at.is_not(None),
    postgresql_where=hand_offs.c.closed_at.is_not(None),
)

hand_off_steps = Table(
    "hand_off_steps",
    metadata,
    Column("id", Id, primary_key=True),
    Column("hand_off", ForeignKey("hand_offs.number"), nullable=False, index=True),
    Column("at", ShanghaiDateTime, nullable=False),
    Column("kind", String(20), nullable=False),
    # `person:7`, `supervisor:zhao`, or `clock`.
    Column("actor", String(120), nullable=False),
    Column("text", CleanText, nullable=False),
    Column("event_id", Id),
)

ratings = Table(
    "ratings",
    metadata,
    Column("id", Id, primary_key=True),
    Column("hand_off", ForeignKey("hand_offs.number"), nullable=False),
    # Which closure is rated: 0 the first, 1 the one after the first reopening.
    Column("closure", Integer, nullable=False),
    Column("at", ShanghaiDateTime, nullable=False),
    Column("mark", Integer, nullable=False),
    UniqueConstraint("hand_off", "closure"),
)

contacts = Table(
    "contacts",
    metadata,
    Column("id", Id, primary_key=True),
    # What tutors call the department: 学籍, 教务, 财务.
    Column("name", String(50), nullable=False),
    Column("unit_id", ForeignKey("units.id")),
    Column("person_id", ForeignKey("persons.id"), nullable=False),
    UniqueConstraint("name", "unit_id", "person_id"),
)

counters = Table(
    "counters",
    metadata,
    Column("name", String(40), primary_key=True),
    Column("value", BigInteger, nullable=False),
)

prompts = Table(
    "prompts",
    metadata,
    Column("id", Id, primary_key=True),
    Column("platform", String(20), nullable=False),
    Column("account", String(100), nullable=False),
    Column("conversation_id", String(100), nullable=False),
    Column("user_id", String(100), nullable=False),
    Column("kind", String(20), nullable=False),
    Column("detail", CleanText, nullable=False),
    Column("expires_at", ShanghaiDateTime, nullable=False),
    # A patient prompt, as JSON, that comes up again once this one is over.
    Column("beneath", CleanText),
    UniqueConstraint("platform", "account", "conversation_id", "user_id"),
)

# -- what is to be done until when, and who was reminded of it ------------------------------------

tasks = Table(
    "tasks",
    metadata,
    # The n of R-n; given by `counters` like that of a hand-off.
    Column("number", Id, primary_key=True, autoincrement=False),
    Column("kind", String(20), nullable=False),
    Column("state", String(20), nullable=False),
    Column("class_id", ForeignKey("classes.id"), nullable=False, index=True),
    # Whose own reminder it is; None: the class's.
    Column("person_id", ForeignKey("persons.id"), index=True),
    # What the term calendar calls it; empty where it does not stand there.
    Column("matter", String(50), nullable=False),
    Column("title", CleanText, nullable=False),
    # What to say; empty: the words of the matter's template.
    Column("text", CleanText, nullable=False),
    Column("audience", String(20), nullable=False),
    Column("is_private", Boolean, nullable=False),
    Column("opens_at", ShanghaiDateTime),
    Column("deadline", ShanghaiDateTime),
    # When it comes round again, as JSON of `handlers.sentences`; None: the steps of a ladder.
    Column("rule", CleanText),
    Column("origin", String(20), nullable=False),
    Column("made_by", String(120), nullable=False),
    Column("made_at", ShanghaiDateTime, nullable=False),
    Column("event_id", Id),
    Column("ended_at", ShanghaiDateTime),
    Column("ended_by", String(120)),
)
# One armed task a matter and class: the calendar's next date moves it or follows it.
Index(
    "ix_tasks_matter",
    tasks.c.class_id,
    tasks.c.matter,
    unique=True,
    sqlite_where=and_(tasks.c.state == "armed", tasks.c.origin == "calendar"),
    postgresql_where=and_(tasks.c.state == "armed", tasks.c.origin == "calendar"),
)

reminders = Table(
    "reminders",
    metadata,
    Column("id", Id, primary_key=True),
    Column("task", ForeignKey("tasks.number"), nullable=False),
    # `T-7`, `T-2h`, `changed`, or the instant of one occurrence.
    Column("step", String(40), nullable=False),
    Column("due_at", ShanghaiDateTime, nullable=False),
    # Later than this it would only annoy: it expires, and the tutor is told.
    Column("useful_until", ShanghaiDateTime, nullable=False),
    Column("state", String(20), nullable=False),
    Column("ended_at", ShanghaiDateTime),
    Column("ended_by", String(120)),
    Column("late_minutes", Integer),
    UniqueConstraint("task", "step", "due_at"),
)
Index(
    "ix_reminders_planned",
    reminders.c.due_at,
    sqlite_where=reminders.c.state == "planned",
    postgresql_where=reminders.c.state == "planned",
)

obligations = Table(
    "obligations",
    metadata,
    Column("id", Id, primary_key=True),
    Column("reminder", ForeignKey("reminders.id"), nullable=False),
    Column("task", ForeignKey("tasks.number"), nullable=False),
    Column("class_id", ForeignKey("classes.id"), nullable=False),
    # `person:7` or `group:qq:10001:20001`: with the reminder, what is owed once and only once.
    Column("recipient", String(220), nullable=False),
    Column("person_id", ForeignKey("persons.id")),
    Column("due_at", ShanghaiDateTime, nullable=False),
    Column("useful_until", ShanghaiDateTime, nullable=False),
    # Held back until then: night, a muted group, a full day.
    Column("not_before", ShanghaiDateTime, nullable=False),
    Column("state", String(20), nullable=False),
    # Several may be brought by one message, a digest.
    Column("outbox_key", String(120), index=True),
    Column("ended_at", ShanghaiDateTime),
    Column("ended_by", String(120)),
    Column("late_minutes", Integer),
    # `down`, `muted` …: what held it back, made it late or was the end of it.
    Column("why", String(20)),
    # When the tutor was told that it reached nobody.
    Column("told_at", ShanghaiDateTime),
    UniqueConstraint("reminder", "recipient"),
    Index("ix_obligations_task_person", "task", "person_id"),
    Index("ix_obligations_class_due_at", "class_id", "due_at"),
)
Index(
    "ix_obligations_planned",
    obligations.c.class_id,
    obligations.c.not_before,
    obligations.c.useful_until,
    sqlite_where=obligations.c.state == "planned",
    postgresql_where=obligations.c.state == "planned",
)
Index(
    "ix_obligations_queued",
    obligations.c.outbox_key,
    sqlite_where=obligations.c.state == "queued",
    postgresql_where=obligations.c.state == "queued",
)
Index(
    "ix_obligations_untold",
    obligations.c.class_id,
    sqlite_where=and_(obligations.c.state == "expired", obligations.c.told_at.is_(None)),
    postgresql_where=and_(obligations.c.state == "expired", obligations.c.told_at.is_(None)),
)

completions = Table(
    "completions",
    metadata,
    Column("id", Id, primary_key=True),
    Column("task", ForeignKey("tasks.number"), nullable=False),
    Column("person_id", ForeignKey("persons.id"), nullable=False, index=True),
    Column("is_done", Boolean, nullable=False),
    # `list`, `said`, `tutor`, `file`, `console`.
    Column("how", String(20), nullable=False),
    # Which list of which day, or which words.
    Column("source", CleanText, nullable=False),
    Column("by", String(120), nullable=False),
    Column("at", ShanghaiDateTime, nullable=False),
    UniqueConstraint("task", "person_id"),
)

submissions = Table(
    "submissions",
    metadata,
    Column("id", Id, primary_key=True),
    Column("task", ForeignKey("tasks.number"), nullable=False),
    Column("person_id", ForeignKey("persons.id"), nullable=False, index=True),
    Column("name", CleanText, nullable=False),
    Column("sha256", String(64), nullable=False),
    # Bytes.
    Column("size", BigInteger, nullable=False),
    Column("path", CleanText, nullable=False),
    Column("at", ShanghaiDateTime, nullable=False),
    Column("event_id", Id),
    UniqueConstraint("task", "person_id", "sha256"),
)

group_days = Table(
    "group_days",
    metadata,
    # How often the bot has spoken unasked in a group on a day of Shanghai, `2026-12-05`.
    Column("platform", String(20), primary_key=True),
    Column("account", String(100), primary_key=True),
    Column("group_id", String(100), primary_key=True),
    Column("day", String(10), primary_key=True),
    Column("pushed", Integer, nullable=False),
)

# -- what the school knows about its students -----------------------------------------------------

student_files = Table(
    "student_files",
    metadata,
    Column("person_id", ForeignKey("persons.id"), primary_key=True),
    Column("major", String(100), nullable=False),
    Column("level", String(50), nullable=False),
    Column("grade", String(50), nullable=False),
    Column("phone", String(40), nullable=False),
    Column("source", CleanText, nullable=False),
    Column("updated_at", ShanghaiDateTime, nullable=False),
)

student_facts = Table(
    "student_facts",
    metadata,
    Column("id", Id, primary_key=True),
    Column("person_id", ForeignKey("persons.id"), nullable=False),
    # What an answer calls it, 「个人:成绩」.
    Column("slot", String(100), nullable=False),
    Column("value", CleanText, nullable=False),
    Column("as_of", ShanghaiDateTime, nullable=False),
    Column("source", CleanText, nullable=False),
    UniqueConstraint("person_id", "slot"),
)

class_offices = Table(
    "class_offices",
    metadata,
    # 班委: a student's few rights in their own class; no duty, which staff alone hold.
    Column("id", Id, primary_key=True),
    Column("class_id", ForeignKey("classes.id"), nullable=False, index=True),
    Column("person_id", ForeignKey("persons.id"), nullable=False, index=True),
    Column("office", String(50), nullable=False),
    Column("starts_at", ShanghaiDateTime, nullable=False),
    Column("ends_at", ShanghaiDateTime),
    Column("given_by", String(120), nullable=False),
)

study_groups = Table(
    "study_groups",
    metadata,
    Column("id", Id, primary_key=True),
    Column("class_id", ForeignKey("classes.id"), nullable=False),
    # Told to join it: 「加入小组 3」.
    Column("number", Integer, nullable=False),
    Column("name", CleanText, nullable=False),
    Column("limit", Integer, nullable=False),
    Column("made_by", ForeignKey("persons.id"), nullable=False),
    Column("made_at", ShanghaiDateTime, nullable=False),
    Column("ended_at", ShanghaiDateTime),
    UniqueConstraint("class_id", "number"),
)

study_group_members = Table(
    "study_group_members",
    metadata,
    Column("id", Id, primary_key=True),
    Column("group_id", ForeignKey("study_groups.id"), nullable=False),
    Column("person_id", ForeignKey("persons.id"), nullable=False, index=True),
    Column("joined_at", ShanghaiDateTime, nullable=False),
    Column("left_at", ShanghaiDateTime),
    UniqueConstraint("group_id", "person_id"),
)

lessons = Table(
    "lessons",
    metadata,
    Column("id", Id, primary_key=True),
    Column("class_id", ForeignKey("classes.id"), nullable=False),
    Column("course", String(200), nullable=False),
    Column("teacher", CleanText, nullable=False),
    Column("place", CleanText, nullable=False),
    Column("starts_at", ShanghaiDateTime, nullable=False),
    Column("ends_at", ShanghaiDateTime, nullable=False),
    Column("note", CleanText, nullable=False),
    UniqueConstraint("class_id", "course", "starts_at"),
)

course_registrations = Table(
    "course_registrations",
    metadata,
    Column("id", Id, primary_key=True),
    Column("person_id", ForeignKey("persons.id"), nullable=False),
    Column("course", String(200), nullable=False),
    UniqueConstraint("person_id", "course"),
)

feeds = Table(
    "feeds",
    metadata,
    # The secret of a calendar feed's address is told to one person and stored nowhere.
    Column("token_hash", String(64), primary_key=True),
    Column("person_id", ForeignKey("persons.id"), nullable=False, unique=True),
    Column("made_at", ShanghaiDateTime, nullable=False),
)

orientations = Table(
    "orientations",
    metadata,
    # 入学教育 of one member of one class; the welcome is said once however often they join.
    Column("id", Id, primary_key=True),
    Column("class_id", ForeignKey("classes.id"), nullable=False),
    Column("platform", String(20), nullable=False),
    Column("account", String(100), nullable=False),
    Column("user_id", String(100), nullable=False),
    Column("group_id", String(100), nullable=False),
    Column("welcomed_at", ShanghaiDateTime),
    # How many of the steps have been shown.
    Column("step", Integer, nullable=False),
    Column("standing", String(20), nullable=False),
    Column("next_at", ShanghaiDateTime),
    Column("finished_at", ShanghaiDateTime),
    UniqueConstraint("class_id", "platform", "user_id"),
)
Index(
    "ix_orientations_next_at",
    orientations.c.next_at,
    sqlite_where=orientations.c.next_at.is_not(None),
    postgresql_where=orientations.c.next_at.is_not(None),
)

# -- the record -----------------------------------------------------------------------------------

interactions = Table(
    "interactions",
    metadata,
    Column("id", Id, primary_key=True),
    # One row per interaction: `event:<id>` for what somebody said, else what the clock did.
    Column("key", String(120), nullable=False, unique=True),
    Column("at", ShanghaiDateTime, nullable=False),
    Column("class_id", ForeignKey("classes.id"), nullable=False),
    Column("tutor_id", ForeignKey("persons.id")),
    Column("person_id", ForeignKey("persons.id")),
    Column("platform", String(20), nullable=False),
    Column("speaker_id", String(100), nullable=False),
    Column("kind", String(20), nullable=False),
    Column("topic", String(40), nullable=False),
    Column("article", String(20), nullable=False),
    Column("action", String(20), nullable=False),
    Column("solved_by", String(20)),
    Column("first_reply_seconds", Float),
    Column("hand_off", Id),
    Column("entry", String(100)),
    Column("event_id", Id),
    Column("message_id", String(100), nullable=False),
    Column("is_about_tutor", Boolean, nullable=False),
    # A correction is a new row that points to the old one; rows are never changed.
    Column("corrects", ForeignKey("interactions.id")),
    # The R-n that brought it about or that it is about.
    Column("task", Id),
    Index("ix_interactions_class_at", "class_id", "at"),
    Index("ix_interactions_tutor_at", "tutor_id", "at"),
    Index("ix_interactions_speaker", "platform", "speaker_id"),
    # By itself it answers what is asked over a span of time: which entries, at which hour.
    Index("ix_interactions_at", "at", "class_id", "kind", "topic", "entry", "is_about_tutor"),
)

Index(
    "ix_interactions_corrects",
    interactions.c.corrects,
    unique=True,
    sqlite_where=interactions.c.corrects.is_not(None),
    postgresql_where=interactions.c.corrects.is_not(None),
)

summed_days = Table("summed_days", metadata, Column("day", String(10), primary_key=True))

day_sums = Table(
    "day_sums",
    metadata,
    Column("day", String(10), primary_key=True),
    # 0: of a class without a unit.
    Column("unit_id", Id, primary_key=True, autoincrement=False),
    Column("kind", String(20), primary_key=True),
    # "" is nobody yet.
    Column("solved_by", String(20), primary_key=True),
    # How long until a person first replied, as a step of `storage.figures.STEPS`; -1 is unknown.
    Column("step", Integer, primary_key=True, autoincrement=False),
    Column("count", Integer, nullable=False),
)

search_words = Table(
    "search_words",
    metadata,
    # What can be looked for of a row, as tokens; an index over it, `search_index`, is made by the
    # migration: each database has its own kind.
    Column("interaction_id", ForeignKey("interactions.id"), primary_key=True, autoincrement=False),
    Column("event_id", Id, index=True),
    Column("words", CleanText, nullable=False),
)

# -- supervisors and what they did ----------------------------------------------------------------

supervisors = Table(
    "supervisors",
    metadata,
    Column("id", Id, primary_key=True),
    Column("username", String(100), nullable=False, unique=True),
    Column("name", CleanText, nullable=False),
    Column("password_hash", String(200), nullable=False),
    Column("unit_id", ForeignKey("units.id")),
    # Of whom it is: what they may see is then read from their duties, at every request.
    Column("person_id", ForeignKey("persons.id", name="fk_supervisors_person_id")),
    # `supervisor`, or `tutor`: sees their own page alone.
    Column("role", String(20), nullable=False, server_default="supervisor"),
    # The second step of signing in, where somebody wants one; a code is good for one use.
    Column("totp_secret", String(64)),
    Column("totp_used", BigInteger),
)

sign_in_failures = Table(
    "sign_in_failures",
    metadata,
    Column("id", Id, primary_key=True),
    Column("username", String(100), nullable=False),
    Column("address", String(100), nullable=False),
    Column("at", ShanghaiDateTime, nullable=False),
    Index("ix_sign_in_failures_at", "at"),
)

web_sessions = Table(
    "web_sessions",
    metadata,
    Column("token_hash", String(64), primary_key=True),
    Column("supervisor_id", ForeignKey("supervisors.id"), nullable=False),
    Column("csrf", String(64), nullable=False),
    Column("created_at", ShanghaiDateTime, nullable=False),
    Column("seen_at", ShanghaiDateTime, nullable=False),
    # Where it was opened and with what, so that its owner knows it again.
    Column("address", String(100), nullable=False, server_default=""),
    Column("browser", String(200), nullable=False, server_default=""),
)

audit = Table(
    "audit",
    metadata,
    Column("id", Id, primary_key=True),
    Column("at", ShanghaiDateTime, nullable=False),
    Column("actor", String(120), nullable=False),
    Column("action", String(60), nullable=False),
    Column("target", String(200), nullable=False),
    Column("detail", CleanText, nullable=False),
    Column("address", String(100), nullable=False, server_default=""),
    Column("reason", CleanText, nullable=False, server_default=""),
)

audit_seals = Table(
    "audit_seals",
    metadata,
    # Counted without holes; each hash stands on the one before.
    Column("number", Id, primary_key=True, autoincrement=False),
    Column("audit_id", ForeignKey("audit.id"), nullable=False, unique=True),
    Column("hash", String(64), nullable=False),
    Column("sealed_at", ShanghaiDateTime, nullable=False),
)

# -- what the bot learns from people --------------------------------------------------------------

suggestions = Table(
    "suggestions",
    metadata,
    Column("id", Id, primary_key=True),
    Column("standing", String(20), nullable=False),
    # Counts the changes: whoever decides must have seen the newest words.
    Column("version", Integer, nullable=False),
    # The version that past questions were tried on.
    Column("tried", Integer, nullable=False),
    Column("class_id", ForeignKey("classes.id"), nullable=False, index=True),
    Column("hand_off", ForeignKey("hand_offs.number")),
    # The entry as it is to be, the JSON of a table row; and the words it began with.
    Column("draft", CleanText, nullable=False),
    Column("given_answer", CleanText, nullable=False),
    Column("given_source", CleanText, nullable=False),
    Column("made_by", CleanText, nullable=False),
    Column("made_at", ShanghaiDateTime, nullable=False),
    # Where its maker is told what became of it; nothing for one written in the console.
    Column("tell", CleanText),
    Column("decided_by", ForeignKey("supervisors.id")),
    Column("decided_at", ShanghaiDateTime),
    Column("reason", CleanText, nullable=False),
)
# A refused answer may be suggested again, better worded; one that waits or was published may not.
Index(
    "ix_suggestions_hand_off",
    suggestions.c.hand_off,
    unique=True,
    sqlite_where=suggestions.c.standing != "rejected",
    postgresql_where=suggestions.c.standing != "rejected",
)

feedback = Table(
    "feedback",
    metadata,
    Column("id", Id, primary_key=True),
    Column("at", ShanghaiDateTime, nullable=False),
    # What said it, and the question whose answer it is about.
    Column("event_id", Id, nullable=False, unique=True),
    Column("asked_event_id", Id, nullable=False),
    Column("entry", String(100), nullable=False, index=True),
    Column("class_id", ForeignKey("classes.id"), nullable=False),
    Column("platform", String(20), nullable=False),
    Column("speaker_id", String(100), nullable=False),
    Column("is_useful", Boolean, nullable=False),
    UniqueConstraint("asked_event_id", "platform", "speaker_id"),
)

# -- what supervisors look over --------------------------------------------------------------------

reviews = Table(
    "reviews",
    metadata,
    Column("id", Id, primary_key=True),
    # What is looked over: something closed, or (`interaction`) an answer of the bot's; one of both.
    Column("hand_off", ForeignKey("hand_offs.number")),
    Column("interaction", ForeignKey("interactions.id")),
    Column("class_id", ForeignKey("classes.id"), nullable=False),
    # Whose answer it is; None: no tutor's.
    Column("tutor_id", ForeignKey("persons.id")),
    # `sample`, `low_mark`, `useless`, `complaint`.
    Column("why", String(20), nullable=False),
    # Drawn by lot, whatever else it is here for: only these say how many answers are right.
    Column("is_sampled", Boolean, nullable=False),
    Column("at", ShanghaiDateTime, nullable=False),
    # `passed` or `failed`; None: to be looked at.
    Column("mark", String(20)),
    Column("comment", CleanText, nullable=False),
    # The tutor was told to put it right.
    Column("is_returned", Boolean, nullable=False),
    Column("decided_by", String(120)),
    Column("decided_name", CleanText),
    Column("decided_at", ShanghaiDateTime),
    UniqueConstraint("hand_off", "why"),
    UniqueConstraint("interaction", "why"),
    Index("ix_reviews_at", "at"),
    Index("ix_reviews_decided_at", "decided_at"),
)
Index(
    "ix_reviews_open",
    reviews.c.id,
    sqlite_where=reviews.c.mark.is_(None),
    postgresql_where=reviews.c.mark.is_(None),
)

# -- appraisal ------------------------------------------------------------------------------------

settled_days = Table(
    "settled_days",
    metadata,
    # A day of Shanghai, `2026-12-05`, whose figures are made and are not made again.
    Column("day", String(10), primary_key=True),
    Column("settled_at", ShanghaiDateTime, nullable=False),
)

settling_days = Table(
    "settling_days",
    metadata,
    # The day that is being settled, and the last class that is done.
    Column("day", String(10), primary_key=True),
    Column("class_id", Id, nullable=False),
)

daily_records = Table(
    "daily_records",
    metadata,
    Column("id", Id, primary_key=True),
    Column("tutor_id", ForeignKey("persons.id"), nullable=False),
    Column("day", String(10), nullable=False),
    Column("class_id", ForeignKey("classes.id"), nullable=False),
    # `K04`; see `handlers.indicators`.
    Column("indicator", String(20), nullable=False),
    Column("numerator", BigInteger, nullable=False),
    Column("denominator", BigInteger, nullable=False),
    # Exact, as a decimal; None: nothing to make one of.
    Column("value", String(40)),
    # What it was made of, as JSON: [["T-12", 1, 1], …]: which row, its part, its whole.
    Column("rows", CleanText, nullable=False),
    UniqueConstraint("tutor_id", "day", "class_id", "indicator"),
    # A month's sums come from here alone, without the rows.
    Index(
        "ix_daily_records_sums",
        "tutor_id",
        "class_id",
        "indicator",
        "day",
        "numerator",
        "denominator",
    ),
)

silences = Table(
    "silences",
    metadata,
    Column("id", Id, primary_key=True),
    # Who had answered nobody since then, for two working days, while students waited (article 19).
    Column("tutor_id", ForeignKey("persons.id"), nullable=False),
    Column("since", ShanghaiDateTime, nullable=False),
    Column("noticed_at", ShanghaiDateTime, nullable=False),
    UniqueConstraint("tutor_id", "since"),
)

record_notes = Table(
    "record_notes",
    metadata,
    # What a tutor has to say to a day of theirs.
    Column("id", Id, primary_key=True),
    Column("tutor_id", ForeignKey("persons.id"), nullable=False),
    Column("day", String(10), nullable=False),
    Column("text", CleanText, nullable=False),
    Column("at", ShanghaiDateTime, nullable=False),
    Index("ix_record_notes_tutor_day", "tutor_id", "day"),
)

appeals = Table(
    "appeals",
    metadata,
    # The n of 申诉 n 号.
    Column("id", Id, primary_key=True),
    Column("tutor_id", ForeignKey("persons.id"), nullable=False, index=True),
    Column("day", String(10), nullable=False),
    # The class whose unit answers it.
    Column("class_id", ForeignKey("classes.id"), nullable=False),
    Column("text", CleanText, nullable=False),
    Column("at", ShanghaiDateTime, nullable=False),
    Column("event_id", Id),
    # The last instant at which an answer is on time; and how far, in percent, they were warned.
    Column("due_at", ShanghaiDateTime, nullable=False),
    Column("alarm", Integer, nullable=False),
    # `upheld`, `partly`, `rejected`; None: not answered yet.
    Column("outcome", String(20)),
    Column("answer", CleanText),
    Column("answered_by", String(120)),
    Column("answered_name", CleanText),
    Column("answered_at", ShanghaiDateTime),
)

record_corrections = Table(
    "record_corrections",
    metadata,
    # What a figure was made of before and after; rows are never changed here.
    Column("id", Id, primary_key=True),
    Column("record", ForeignKey("daily_records.id"), nullable=False, index=True),
    Column("appeal", ForeignKey("appeals.id")),
    Column("before", CleanText, nullable=False),
    Column("after", CleanText, nullable=False),
    Column("reason", CleanText, nullable=False),
    Column("by", String(120), nullable=False),
    Column("by_name", CleanText, nullable=False),
    Column("at", ShanghaiDateTime, nullable=False),
)

formulas = Table(
    "formulas",
    metadata,
    Column("version", Id, primary_key=True),
    # The first day it counts from, always the first of a month to come: `2026-12-01`.
    Column("effective_from", String(10), nullable=False, unique=True),
    Column("body", CleanText, nullable=False),
    Column("reason", CleanText, nullable=False),
    Column("made_by", String(120), nullable=False),
    Column("made_name", CleanText, nullable=False),
    Column("made_at", ShanghaiDateTime, nullable=False),
)

annual_levels = Table(
    "annual_levels",
    metadata,
    Column("id", Id, primary_key=True),
    Column("tutor_id", ForeignKey("persons.id"), nullable=False),
    Column("year", Integer, nullable=False),
    # 1 the first decision, 2 one in its place; the highest holds. Of two at once one is refused.
    Column("revision", Integer, nullable=False),
    Column("level", String(20), nullable=False),
    # What the figures proposed, and all that was on the table, as JSON.
    Column("proposed", String(20), nullable=False),
    Column("evidence", CleanText, nullable=False),
    Column("reason", CleanText, nullable=False),
    Column("decided_by", String(120), nullable=False),
    Column("decided_name", CleanText, nullable=False),
    Column("decided_at", ShanghaiDateTime, nullable=False),
    UniqueConstraint("tutor_id", "year", "revision"),
)

daily_wishes = Table(
    "daily_wishes",
    metadata,
    # Who wants the day's figures at 21:00, and where: the private chat they asked in.
    Column("person_id", ForeignKey("persons.id"), primary_key=True),
    Column("platform", String(20), nullable=False),
    Column("account", String(100), nullable=False),
    Column("user_id", String(100), nullable=False),
    Column("via_group", String(100), nullable=False),
    Column("since", ShanghaiDateTime, nullable=False),
)

trainings = Table(
    "trainings",
    metadata,
    # 重新培训 (article 19): opened by a confirmed 不合格, ended by a result.
    Column("id", Id, primary_key=True),
    Column("person_id", ForeignKey("persons.id"), nullable=False, index=True),
    Column("year", Integer, nullable=False),
    Column("opened_at", ShanghaiDateTime, nullable=False),
    Column("opened_by", String(120), nullable=False),
    Column("due_at", ShanghaiDateTime, nullable=False),
    # `passed` or `failed`; None: still to be done.
    Column("result", String(20)),
    Column("certificate", CleanText, nullable=False),
    Column("note", CleanText, nullable=False),
    Column("result_by", String(120)),
    Column("result_at", ShanghaiDateTime),
    UniqueConstraint("person_id", "year"),
)

training_events = Table(
    "training_events",
    metadata,
    Column("id", Id, primary_key=True),
    # `pre_job`, `term`, `year`, `course`.
    Column("kind", String(20), nullable=False),
    Column("title", CleanText, nullable=False),
    # Whose tutors are asked; None: the whole province's.
    Column("unit_id", ForeignKey("units.id")),
    Column("starts_at", ShanghaiDateTime, nullable=False),
    Column("ends_at", ShanghaiDateTime, nullable=False),
    Column("place", CleanText, nullable=False),
    # 学时, as a decimal.
    Column("hours", String(10), nullable=False),
    # Said aloud at the event: signing in with it credits the hours.
    Column("code", String(10), nullable=False, unique=True),
    Column("minutes", CleanText, nullable=False),
    Column("made_by", String(120), nullable=False),
    Column("made_at", ShanghaiDateTime, nullable=False),
)

attendances = Table(
    "attendances",
    metadata,
    Column("id", Id, primary_key=True),
    Column("event", ForeignKey("training_events.id"), nullable=False),
    Column("person_id", ForeignKey("persons.id"), nullable=False, index=True),
    Column("signed_up_at", ShanghaiDateTime),
    # From then on the hours are theirs.
    Column("signed_in_at", ShanghaiDateTime),
    UniqueConstraint("event", "person_id"),
)

tutor_files = Table(
    "tutor_files",
    metadata,
    # 聘任: only with a certificate's number (article 7).
    Column("person_id", ForeignKey("persons.id"), primary_key=True),
    Column("certificate", CleanText, nullable=False),
    Column("hired_at", ShanghaiDateTime, nullable=False),
    Column("by", String(120), nullable=False),
)

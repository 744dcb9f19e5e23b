"""What the school knows about its students."""

from sqlalchemy import Column, ForeignKey, Index, Integer, String, Table, UniqueConstraint

from storage.columns import CleanText, ShanghaiDateTime
from storage.models.base import Id, metadata

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

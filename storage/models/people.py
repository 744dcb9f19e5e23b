"""Units, classes, groups, persons and their accounts, duties and enrolments."""

from sqlalchemy import Column, ForeignKey, Integer, String, Table, UniqueConstraint

from storage.columns import CleanText, ShanghaiDateTime
from storage.models.base import Id, metadata

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

consents = Table(
    "consents",
    metadata,
    Column("platform", String(20), primary_key=True),
    Column("user_id", String(100), primary_key=True),
    # Which wording of the notice they were given at their first contact, and when.
    Column("version", Integer, nullable=False),
    Column("told_at", ShanghaiDateTime, nullable=False),
    # Since when they want nothing kept of what they say; None: they have not refused.
    Column("refused_at", ShanghaiDateTime),
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

"""Every table, one module a topic; importing the package makes the metadata complete.

SQLAlchemy Core, no ORM: the hot path writes hundreds of rows a transaction, where an ORM session
a message was measured at sixteen times the cost; and rows come back as the frozen dataclasses of
each repository, so one set of classes is enough.
"""

from storage.models import (
    accounts,
    alarms,
    appraisal,
    hand_offs,
    learning,
    people,
    published,
    queues,
    record,
    reviews,
    students,
    supervisors,
    tasks,
)
from storage.models.base import metadata

__all__ = [
    "accounts",
    "alarms",
    "appraisal",
    "hand_offs",
    "learning",
    "metadata",
    "people",
    "published",
    "queues",
    "record",
    "reviews",
    "students",
    "supervisors",
    "tasks",
]

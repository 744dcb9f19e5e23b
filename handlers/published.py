"""What the school has published, in the words answers are filled with. Pure."""

from collections.abc import Mapping
from datetime import datetime

from handlers import texts
from handlers.faq import Scope
from storage.people import ClassRoom
from storage.published import PublishedFacts


def facts_in_words(
    published: PublishedFacts | None, room: ClassRoom | None, now: datetime
) -> Mapping[str, str]:
    """Slot → text: 「时间:考试报名」 → 「12月5日 09:00 至 12月12日 17:00」.

    Only what is configured is in it. A date with nothing but a note is the note.
    """
    facts: dict[str, str] = {}
    if published is not None:
        for date in published.dates:
            words = texts.span(date.starts_at, date.ends_at, now)
            words = f"{words}（{date.note}）" if words and date.note else words or date.note
            if words:
                facts[f"时间:{date.matter}"] = words
        for fact in published.facts:
            if fact.value:
                facts[fact.slot] = fact.value
    if room is not None:
        facts.setdefault("班级", room.name)
        if room.tutor is not None:
            facts.setdefault("联系:助学教师", f"{room.tutor.name}老师")
    return facts


def sources_of(published: PublishedFacts | None) -> Mapping[str, str]:
    """Slot → the document it was published in, else that it is the calendar or the school's own."""
    if published is None:
        return {}
    dates = {
        f"时间:{date.matter}": date.source or texts.CALENDAR
        for date in published.dates
        if date.starts_at or date.ends_at or date.note
    }
    facts = {
        fact.slot: fact.source or texts.OF_THE_SCHOOL for fact in published.facts if fact.value
    }
    return dates | facts


def scope_of(published: PublishedFacts | None, room: ClassRoom | None) -> Scope:
    """Whose entries the class may see: its own first, then its unit's, then those above."""
    own = () if room is None else (f"班级:{room.name}",)
    return (*own, *(f"单位:{unit}" for unit in (published.units if published else ())))

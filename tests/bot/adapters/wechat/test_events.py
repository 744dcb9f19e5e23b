"""Event and message payloads of every shape: read if they can be, never an error."""

import asyncio
import json
from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.adapters.wechat import events, reading
from bot.adapters.wechat.events import Alive, Dirty, LoggedOut, Moved, Odd, Outdated, Said, Scan
from bot.adapters.wechat.lookups import CurrentLine, Lookups
from bot.adapters.wechat.memory import Memory
from bot.adapters.wechat.payloads import RawEvent, RawMessage
from bot.adapters.wechat.puppet import _LenientEvent
from storage.vocabulary import MAX_TEXT, SHANGHAI, Message, Recall

NOW = datetime(2026, 11, 23, 9, 15, tzinfo=SHANGHAI)
MILLISECONDS = int(NOW.timestamp() * 1000)

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=10,
)
fields = st.sampled_from(
    [
        *("messageId", "friendshipId", "roomInvitationId", "roomId", "inviteeIdList"),
        *("removeeIdList", "timestamp", "qrcode", "status", "contactId", "payloadType"),
        *("payloadId", "data", "gerror"),
    ]
)


def clock():
    return NOW


def read(kind, payload):
    return events.read_event(RawEvent(kind, json.dumps(payload)), clock)


@given(st.integers(-5, 40), st.dictionaries(fields, json_values).map(json.dumps) | st.text())
def test_no_event_is_an_error(kind, payload):
    """A4"""
    assert isinstance(events.read_event(RawEvent(kind, payload), clock), events.Event)


@given(st.binary(max_size=200))
def test_no_bytes_on_the_stream_are_an_error(data):
    """A4"""
    raw = _LenientEvent.FromString(data)

    assert isinstance(events.read_event(raw, clock), events.Event)


@pytest.mark.parametrize(
    ("kind", "payload", "event"),
    [
        (1, {}, Alive()),
        (2, {"messageId": "m1"}, Said("m1")),
        (2, {"messageId": 25984984710827869}, Said("25984984710827869")),
        (3, {"data": "x"}, Alive("x")),
        (16, {"gerror": "{}"}, Odd("error event")),
        (
            19,
            {"roomId": "r", "inviteeIdList": ["a", "a", "b"], "timestamp": MILLISECONDS},
            Moved("r", ("a", "b"), True, NOW),
        ),
        (
            20,
            {"roomId": "r", "removeeIdList": ["a"], "timestamp": MILLISECONDS // 1000},
            Moved("r", ("a",), False, NOW),
        ),
        (20, {"roomId": "r", "removeeIdList": ["a"]}, Moved("r", ("a",), False, NOW)),
        (22, {"qrcode": "https://x", "status": 2}, Scan("https://x", "waiting")),
        (22, {}, Scan("", "")),
        (26, {"contactId": "c", "data": "bye"}, LoggedOut()),
        (27, {"payloadType": 3, "payloadId": "r"}, Outdated(Dirty.ROOM, "r")),
        (99, {}, Odd("unknown event type")),
        (2, [], Odd("broken payload")),
    ],
    ids=str,
)
def test_event_means_what_it_says(kind, payload, event):
    assert read(kind, payload) == event


raw_messages = st.builds(
    RawMessage,
    id=st.text(min_size=1, max_size=5),
    kind=st.sampled_from([7, 7, 7, 5, 6, 13]),
    talker_id=st.sampled_from(["bot", "ann", ""]),
    room_id=st.sampled_from(["room", ""]),
    listener_id=st.sampled_from(["bot", "ann", ""]),
    text=st.text()
    | st.builds("「{}：{}」\n- - - - - -\n{}".format, st.text(), st.text(), st.text()),
    filename=st.text(),
    timestamp=st.integers(0, 2**64 - 1),
    mention_ids=st.lists(st.text(max_size=4) | st.just("bot"), max_size=3).map(tuple),
)


class NamesByHeart(Lookups):
    """Asks nobody: everybody is called 小安, the bot 助手, and all are people."""

    async def is_official(self, contact_id):
        return False

    async def names(self, room_id, contact_id):
        return ("助手",) if contact_id == "bot" else ("小安",)


@given(raw_messages)
def test_no_message_is_an_error(raw):
    heard = reading.place(raw, "bot", clock)
    if heard is None:
        return
    memory = Memory()
    if raw.kind == 13:
        result = reading.read_recall(heard, memory)
        assert result is None or isinstance(result, Recall)
        return

    words = reading.resolve_and_remember(heard, memory)
    message = asyncio.run(reading.read_message(heard, words, NamesByHeart(CurrentLine(), 1)))

    assert message is None or isinstance(message, Message)
    if message is not None:
        message.text.encode()
        assert len(message.text) <= MAX_TEXT
        assert "bot" not in message.mentions


@pytest.mark.parametrize(
    ("text", "message_id"),
    [
        ("msg_1", "msg_1"),
        ("<sysmsg><revokemsg><newmsgid>123</newmsgid></revokemsg></sysmsg>", "123"),
        ("<sysmsg>?</sysmsg>", None),
        ("", None),
    ],
)
def test_recall_names_its_message_in_either_form(text, message_id):
    raw = RawMessage("1", 13, "ann", "room", "", text, "", MILLISECONDS, ())
    heard = reading.place(raw, "bot", clock)
    assert heard is not None

    recall = reading.read_recall(heard, Memory())

    assert (recall and recall.message_id) == message_id


@pytest.mark.parametrize("words", ["@所有人\u2005明天上课", "@所有人 明天上课"])
def test_everybody_listed_by_the_gateway_is_not_the_bot(words):
    raw = RawMessage("1", 7, "ann", "room", "", words, "", MILLISECONDS, ("bot", "ben", "cat"))
    heard = reading.place(raw, "bot", clock)
    assert heard is not None
    read_words = reading.resolve_and_remember(heard, Memory())

    message = asyncio.run(reading.read_message(heard, read_words, NamesByHeart(CurrentLine(), 1)))

    assert message is not None
    assert (message.mentions_bot, message.mentions) == (False, ())

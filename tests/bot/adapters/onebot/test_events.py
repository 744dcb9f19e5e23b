"""Frames as the implementations send them, and frames as nobody should."""

import json
from dataclasses import asdict
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.adapters.onebot.events import Ignored, OwnMessage, Status, read_event
from bot.adapters.onebot.frames import decode
from bot.adapters.onebot.segments import write_segments
from storage.vocabulary import (
    MAX_TEXT,
    SHANGHAI,
    ContactRequest,
    ConversationKind,
    MembershipChange,
    Message,
    MuteChange,
    Outgoing,
    Recall,
)

ACCOUNT = "3889000001"
NOW = datetime(2026, 11, 23, 9, 30, tzinfo=SHANGHAI)
FRAMES = Path(__file__).with_name("frames")
OURS = Message | Recall | MembershipChange | MuteChange | ContactRequest


def clock():
    return NOW


def read(frame):
    return read_event(frame, ACCOUNT, clock)


def recorded():
    for path in sorted(FRAMES.glob("*.json")):
        for case in json.loads(path.read_text(encoding="utf-8")):
            yield pytest.param(case["frame"], case["expect"], id=f"{path.stem}: {case['name']}")


def told(event):
    """The event in the words of the JSON files."""
    words = {"is": type(event).__name__}
    for name, value in asdict(event).items():
        if name == "conversation":
            parts = (value["kind"], value["id"], value["via_group"])
            words[name] = ":".join(part for part in parts if part)
        elif name == "attachments":
            words["attachments"] = [f"{one['kind']}:{one['name']}" for one in value]
            words["refs"] = [one["ref"] for one in value]
        elif isinstance(value, datetime):
            words[name] = value.isoformat()
        elif isinstance(value, timedelta):
            words[name] = value.total_seconds()
        else:
            words[name] = list(value) if isinstance(value, tuple) else value
    return words


@pytest.mark.parametrize(("frame", "expected"), list(recorded()))
def test_recorded_frame_is_understood(frame, expected):
    event = told(read(frame))

    assert {name: event.get(name) for name in expected} == expected


def group_message(**over):
    frame = {
        "post_type": "message",
        "message_type": "group",
        "sub_type": "normal",
        "self_id": int(ACCOUNT),
        "user_id": 7,
        "group_id": 600000001,
        "message_id": 99,
        "time": 1795396500,
        "sender": {"user_id": 7, "nickname": "小李", "card": ""},
        "message": [{"type": "text", "data": {"text": "怎么请假"}}],
        "raw_message": "怎么请假",
    }
    frame.update(over)
    return {name: value for name, value in frame.items() if value is not ...}


@pytest.mark.parametrize(
    "over",
    [
        {"sender": ...},
        {"sender": None},
        {"sender": 3},
        {"sender": {"nickname": 5, "card": []}},
        {"font": ..., "raw_message": ...},
        {"message": None},
        {"message": ...},
        {"message": {"type": "text", "data": {"text": "怎么请假"}}},
        {"message": "怎么请假", "message_format": "array"},
        {
            "message": [
                {"type": "face", "data": None},
                {"type": "text", "data": {"text": "怎么请假"}},
            ]
        },
        {"message": [{"type": "shake"}, "x", None, {"type": "text", "data": {"text": "怎么请假"}}]},
        {"user_id": "7", "group_id": "600000001", "message_id": "99"},
        {"user_id": ...},
        {"user_id": 7.0},
        {"time": "2026-01-01"},
        {"time": None},
        {"time": 10**400},
        {"time": float("nan")},
        {"message_type": ...},
        {"anonymous": None},
    ],
    ids=str,
)
def test_message_with_a_flaw_is_still_heard(over):
    message = read(group_message(**over))

    assert isinstance(message, Message)
    assert (message.sender_id, message.conversation.id, message.text) == (
        "7",
        "600000001",
        "怎么请假",
    )


@pytest.mark.parametrize(
    "over",
    [
        {"user_id": {"a": 1}},
        {"user_id": ..., "sender": None},
        {"user_id": True},
        {"group_id": ...},
        {"group_id": [1]},
        {"group_id": 0},
        {"post_type": "telepathy"},
        {"post_type": None},
        {"post_type": {}},
    ],
    ids=str,
)
def test_message_from_nobody_or_nowhere_is_odd(over):
    event = read(group_message(**over))

    assert isinstance(event, Ignored)
    assert event.is_odd


@pytest.mark.parametrize("message", [[], "", None, [{"type": "shake"}], 42, True])
def test_message_without_contents_is_ignored(message):
    event = read(group_message(message=message, raw_message=""))

    assert event == Ignored("empty message")


def test_number_as_text_is_text():
    message = read(group_message(message=[{"type": "text", "data": {"text": 12345}}]))

    assert message.text == "12345"


def test_huge_ids_are_kept_whole():
    message = read(group_message(message_id=2**70, user_id=2**80))

    assert (message.message_id, message.sender_id) == (str(2**70), str(2**80))


def test_message_without_an_id_gets_the_same_one_when_redelivered():
    first, again = (read(group_message(message_id=...)) for _ in range(2))
    other = read(group_message(message_id=..., user_id=8))

    assert first.message_id == again.message_id != other.message_id
    answer = Outgoing("k", first.conversation, "好", quote=first.message_id)
    assert write_segments(answer) == [{"type": "text", "data": {"text": "好"}}]


@pytest.mark.parametrize("time", ["2026-01-01", None, 1, -5, 10**30, {"a": 1}, float("inf")])
def test_unusable_time_becomes_the_time_of_receipt(time):
    message = read(group_message(time=time))

    assert message.sent_at == NOW


@pytest.mark.parametrize("time", [1795396500, 1795396500000, "1795396500", 1795396500.0])
def test_time_is_understood_in_seconds_milliseconds_and_text(time):
    message = read(group_message(time=time))

    assert message.sent_at.isoformat() == "2026-11-23T09:15:00+08:00"
    assert message.native_time == str(time).removesuffix(".0") + (
        ".0" if isinstance(time, float) else ""
    )


def test_text_is_clean_and_bounded():
    frame = json.dumps(group_message(message="啊\0" * MAX_TEXT)).replace("啊", "\\ud83d", 1)
    message = read(decode(frame.encode("utf-8", "surrogatepass")))

    assert "\0" not in message.text
    assert len(message.text) == MAX_TEXT
    message.text.encode()


def test_cq_code_in_a_nickname_stays_a_name():
    """A4"""
    message = read(group_message(sender={"nickname": "[CQ:at,qq=all]\n\u202e小李", "card": ""}))

    assert message.sender_name.startswith("[CQ:at,qq=all]")
    assert "\n" not in message.sender_name
    assert message.mentions == ()


def test_own_message_is_not_heard_as_a_message():
    """A7"""
    assert isinstance(read(group_message(user_id=int(ACCOUNT))), OwnMessage)
    assert isinstance(read(group_message(post_type="message_sent")), OwnMessage)


def words(text):
    return st.sampled_from(text.split())


KEYS = words(
    "post_type message_type sub_type subType self_id user_id group_id message_id time sender "
    "message raw_message notice_type request_type meta_event_type flag duration operator_id "
    "anonymous target_id interval status comment nickname card type data text qq id"
)
WORDS = words(
    "message message_sent notice request meta_event group private friend text at reply image "
    "group_ban group_recall group_increase group_decrease friend_recall heartbeat lifecycle all "
    "ban kick_me invite normal anonymous 3889000001"
)
ANYTHING = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.builds(pow, st.just(10), st.sampled_from([70, 400, 5000]))
    | st.floats()
    | st.text(st.characters(exclude_categories=[]))
    | WORDS,
    lambda inside: (
        st.lists(inside, max_size=4) | st.dictionaries(KEYS | st.text(), inside, max_size=8)
    ),
    max_leaves=25,
)
# Half of the fields in their places, so that the depths are reached too.
LIKELY = st.builds(
    lambda post_type, kind, frame: group_message(post_type=post_type, notice_type=kind, **frame),
    WORDS,
    WORDS,
    st.dictionaries(KEYS.filter(lambda key: key not in ("post_type", "notice_type")), ANYTHING),
)


@given(st.dictionaries(KEYS, ANYTHING, max_size=10) | LIKELY)
def test_any_object_is_an_event_or_ignored_and_never_an_error(frame):
    """A2, A4"""
    event = read(frame)

    assert isinstance(event, OURS | OwnMessage | Status | Ignored)
    if isinstance(event, Message):
        (event.text + event.sender_name + event.message_id + event.sender_id).encode()
        assert len(event.text) <= MAX_TEXT
        assert event.conversation.id
        assert event.conversation.kind in ConversationKind

"""The calls of the Wechaty puppet service, by name.

The only file that knows the generated messages; what leaves it are our own types.
"""

import ssl
import struct
import warnings
from collections.abc import Awaitable, Callable, Iterator
from typing import Any, Final

from grpclib.client import Stream
from grpclib.exceptions import StreamTerminatedError

from bot.adapters.wechat.payloads import (
    File,
    RawContact,
    RawEvent,
    RawFriendship,
    RawInvitation,
    RawMember,
    RawMessage,
    RawRoom,
)
from bot.adapters.wechat.settings import WeChatSettings
from bot.adapters.wechat.wire import FileTooLarge, Wire

with warnings.catch_warnings():
    # Two string literals of stringcase 1.2.0 (betterproto needs it) warn when first compiled.
    warnings.simplefilter("ignore")
    from wechaty_grpc.wechaty import puppet as pb

_OFFICIAL: Final = 2


class _LenientEvent:
    """Reads an event whatever is in it: a message grpclib cannot read ends its stream."""

    @staticmethod
    def FromString(data: bytes) -> RawEvent:  # noqa: N802 - grpclib calls it by this name
        try:
            event = pb.EventResponse().parse(data)
            return RawEvent(int(event.type), event.payload)
        except Exception:
            return RawEvent(0, "", is_broken=True)


class Puppet:
    """A gateway, over one connection."""

    def __init__(self, settings: WeChatSettings, context: ssl.SSLContext | None) -> None:
        self._settings = settings
        self._wire = Wire(settings, context)

    async def close(self) -> None:
        """Hang up; whatever is under way is lost."""
        await self._wire.close()

    def hang_up(self) -> None:
        """End the connection at once, from outside any call; `listen` raises `LineLost`."""
        self._wire.hang_up()

    # -- events -----------------------------------------------------------------------------------

    async def listen(self, take: Callable[[RawEvent], Awaitable[None]]) -> None:
        """Hand over every event in order; returns when the gateway ends the stream well.

        Raises:
            CallError: it ended otherwise.
        """
        await self._wire.run(self._listen(take))

    async def _listen(self, take: Callable[[RawEvent], Awaitable[None]]) -> None:
        async with self._wire.open(
            "Event", pb.EventRequest, _LenientEvent, is_stream=True
        ) as stream:
            await stream.send_message(pb.EventRequest(), end=True)
            try:
                while (event := await stream.recv_message()) is not None:
                    await take(event)
            except StreamTerminatedError:
                for event in _left_over(stream):
                    await take(event)
                raise

    # -- the gateway itself -----------------------------------------------------------------------

    async def start(self) -> None:
        """Have the account log in, if it is not; safe to repeat."""
        await self._wire.call("Start", pb.StartRequest(), pb.StartResponse)

    async def stop(self) -> None:
        """Have the gateway drop its event stream, whoever has it, and the account log out."""
        await self._wire.call("Stop", pb.StopRequest(), pb.StopResponse)

    async def ding(self, data: str) -> None:
        """Ask for a `dong` event."""
        await self._wire.call(
            "Ding",
            pb.DingRequest(data=data),
            pb.DingResponse,
            seconds=self._settings.ding_limit_seconds,
        )

    # -- payloads: safe to repeat -----------------------------------------------------------------

    async def message(self, message_id: str, seconds: float) -> RawMessage:
        got = await self._wire.call(
            "MessagePayload",
            pb.MessagePayloadRequest(id=message_id),
            pb.MessagePayloadResponse,
            seconds=seconds,
        )
        return RawMessage(
            id=got.id or message_id,
            kind=int(got.type),
            talker_id=got.from_id,
            room_id=got.room_id,
            listener_id=got.to_id,
            text=got.text,
            filename=got.filename,
            timestamp=got.timestamp,
            mention_ids=tuple(got.mention_ids),
        )

    async def contact(self, contact_id: str, seconds: float) -> RawContact:
        got = await self._wire.call(
            "ContactPayload",
            pb.ContactPayloadRequest(id=contact_id),
            pb.ContactPayloadResponse,
            seconds=seconds,
        )
        return RawContact(
            contact_id,
            got.name,
            got.alias,
            is_friend=bool(got.friend),
            is_official=int(got.type) == _OFFICIAL,
        )

    async def room_ids(self, seconds: float) -> tuple[str, ...]:
        got = await self._wire.call(
            "RoomList", pb.RoomListRequest(), pb.RoomListResponse, seconds=seconds
        )
        return tuple(got.ids)

    async def room(self, room_id: str, seconds: float) -> RawRoom:
        got = await self._wire.call(
            "RoomPayload",
            pb.RoomPayloadRequest(id=room_id),
            pb.RoomPayloadResponse,
            seconds=seconds,
        )
        return RawRoom(
            room_id, got.topic, got.owner_id, tuple(got.admin_ids), tuple(got.member_ids)
        )

    async def member(self, room_id: str, contact_id: str, seconds: float) -> RawMember:
        got = await self._wire.call(
            "RoomMemberPayload",
            pb.RoomMemberPayloadRequest(id=room_id, member_id=contact_id),
            pb.RoomMemberPayloadResponse,
            seconds=seconds,
        )
        return RawMember(contact_id, got.name, got.room_alias)

    async def friendship(self, friendship_id: str, seconds: float) -> RawFriendship:
        got = await self._wire.call(
            "FriendshipPayload",
            pb.FriendshipPayloadRequest(id=friendship_id),
            pb.FriendshipPayloadResponse,
            seconds=seconds,
        )
        return RawFriendship(friendship_id, got.contact_id, got.hello, int(got.type))

    async def invitation(self, invitation_id: str, seconds: float) -> RawInvitation:
        got = await self._wire.call(
            "RoomInvitationPayload",
            pb.RoomInvitationPayloadRequest(id=invitation_id),
            pb.RoomInvitationPayloadResponse,
            seconds=seconds,
        )
        return RawInvitation(invitation_id, got.inviter_id, got.topic, got.timestamp)

    async def link(self, message_id: str, seconds: float) -> str:
        """The JSON of a link card."""
        got = await self._wire.call(
            "MessageUrl",
            pb.MessageUrlRequest(id=message_id),
            pb.MessageUrlResponse,
            seconds=seconds,
        )
        return str(got.url_link)

    async def mini_program(self, message_id: str, seconds: float) -> str:
        """The JSON of a mini-program card."""
        got = await self._wire.call(
            "MessageMiniProgram",
            pb.MessageMiniProgramRequest(id=message_id),
            pb.MessageMiniProgramResponse,
            seconds=seconds,
        )
        return str(got.mini_program)

    async def name_card(self, message_id: str, seconds: float) -> str:
        """The id of the contact on a name card."""
        got = await self._wire.call(
            "MessageContact",
            pb.MessageContactRequest(id=message_id),
            pb.MessageContactResponse,
            seconds=seconds,
        )
        return str(got.id)

    async def file(self, message_id: str) -> File:
        """The whole file of a message.

        Raises:
            CallError: it could not be fetched.
        """
        file: File = await self._wire.run(self._file(message_id))
        return file

    async def _file(self, message_id: str) -> File:
        limit = self._settings.max_file_mb * 2**20
        name, size, chunks = "", 0, []
        async with self._wire.open(
            "MessageFileStream",
            pb.MessageFileStreamRequest,
            pb.MessageFileStreamResponse,
            is_stream=True,
            seconds=self._settings.file_seconds,
        ) as stream:
            await stream.send_message(pb.MessageFileStreamRequest(id=message_id), end=True)
            while (got := await stream.recv_message()) is not None:
                chunk = got.file_box_chunk
                name = name or chunk.name
                size += len(chunk.data)
                if size > limit:
                    raise FileTooLarge
                chunks.append(chunk.data)
        return File(name, b"".join(chunks))

    # -- commands: never repeated here ------------------------------------------------------------

    async def send_text(self, to: str, text: str, mention: tuple[str, ...]) -> str:
        """The id of the message sent, "" if the gateway does not tell."""
        got = await self._wire.call(
            "MessageSendText",
            pb.MessageSendTextRequest(conversation_id=to, text=text, mentonal_ids=list(mention)),
            pb.MessageSendTextResponse,
        )
        return got.id or ""

    async def recall(self, message_id: str) -> bool:
        got = await self._wire.call(
            "MessageRecall", pb.MessageRecallRequest(id=message_id), pb.MessageRecallResponse
        )
        return bool(got.success)

    async def accept_friend(self, friendship_id: str) -> None:
        await self._wire.call(
            "FriendshipAccept",
            pb.FriendshipAcceptRequest(id=friendship_id),
            pb.FriendshipAcceptResponse,
        )

    async def accept_invitation(self, invitation_id: str) -> None:
        await self._wire.call(
            "RoomInvitationAccept",
            pb.RoomInvitationAcceptRequest(id=invitation_id),
            pb.RoomInvitationAcceptResponse,
        )


def _left_over(stream: Stream[Any, Any]) -> Iterator[RawEvent]:
    """Events that came whole before the break, but that grpclib does not hand out after it."""
    buffer = stream._stream.buffer
    parts = [bytes(piece.data) for piece in buffer._acked]
    while not buffer._unacked.empty():
        parts.append(bytes(buffer._unacked.get_nowait().data))
    data = b"".join(parts)
    start = 0
    while len(data) >= start + 5:
        (length,) = struct.unpack_from(">I", data, start + 1)
        if len(data) < start + 5 + length:
            return
        yield _LenientEvent.FromString(data[start + 5 : start + 5 + length])
        start += 5 + length

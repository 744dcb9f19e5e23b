"""WeChat by a Wechaty gateway: events in, texts out, and where the account stands."""

import asyncio
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Final

import structlog

from bot.adapters.base import (
    Accept,
    NoFile,
    NotConnected,
    Presence,
    Refused,
    TooLarge,
    Uncertain,
)
from bot.adapters.oddities import Oddities
from bot.adapters.wechat import events, reading, words
from bot.adapters.wechat.evidence import Evidence, OwnMessage
from bot.adapters.wechat.fields import Clock, read_id, read_name, read_text, read_time
from bot.adapters.wechat.intake import Intake, Place, Placed
from bot.adapters.wechat.link import Link
from bot.adapters.wechat.lookups import CurrentLine, Lookups, NoAnswer
from bot.adapters.wechat.memory import Memory
from bot.adapters.wechat.payloads import File
from bot.adapters.wechat.puppet import Puppet
from bot.adapters.wechat.sending import Sender, command
from bot.adapters.wechat.settings import WeChatSettings
from bot.adapters.wechat.state import Standing, State, StateBoard
from bot.adapters.wechat.wire import FileTooLarge
from storage.vocabulary import (
    Attachment,
    Capabilities,
    ContactRequest,
    Conversation,
    ConversationKind,
    Incoming,
    MembershipChange,
    Message,
    Outgoing,
    Platform,
)

log = structlog.get_logger(__name__)

#: The longest a `send` takes whatever happens; a lease must be longer.
SEND_LIMIT: Final = timedelta(seconds=50)
_MAX_SEEN: Final = 10_000
_MAX_NOTE: Final = 500
#: A friendship that somebody asks for, as opposed to one confirmed.
_RECEIVED: Final = 2


@dataclass(frozen=True, slots=True)
class Member:
    """Somebody in a group: what they are called there, and their own name."""

    id: str
    shown_name: str
    name: str


class WeChat:
    """The WeChat adapter: one account on one gateway."""

    platform = Platform.WECHAT
    #: A member of a group who is no friend cannot be written to; it is they who add the bot.
    capabilities = Capabilities(writes_first=False, recall=True)

    def __init__(self, settings: WeChatSettings, clock: Clock) -> None:
        self._settings = settings
        self._clock = clock
        #: What came that should not have, by kind; for the status page.
        self.oddities = Oddities("wechat")
        self._board = StateBoard(clock)
        self._line = CurrentLine()
        self._lookups = Lookups(self._line, settings.lookup_seconds)
        self._memory = Memory()
        self._evidence = Evidence()
        self._sender = Sender(
            settings, clock, self._lookups, self._memory, self._evidence, self._puppet_of
        )
        self._seen: OrderedDict[str, None] = OrderedDict()
        #: Kept while the line is down: what comes first on the next one is still for it.
        self._account = ""
        self._is_online = False
        self._presence: Presence | None = None
        self._intake: Intake | None = None
        self._naming: asyncio.Task[None] | None = None

    @property
    def state(self) -> State:
        """Where WeChat stands: off, connecting, to be scanned, online …"""
        return self._board.now

    @property
    def on_state(self) -> list[Callable[[State], None]]:
        """Whoever is in this list is told each new state."""
        return self._board.listeners

    def connected(self) -> frozenset[str]:
        """The account that can send now, if it can."""
        return frozenset({self._account} if self._is_online else ())

    async def run(self, accept: Accept, presence: Presence) -> None:
        """Keep the line to the gateway and hand over what comes, until cancelled."""
        if not self._settings.is_on:
            await asyncio.Event().wait()
        self._presence = presence
        self._intake = Intake(accept, self._line, self.oddities, self._settings.lookup_seconds)
        link = Link(
            self._settings,
            self._line,
            self._board,
            self.oddities,
            self._clock,
            self._take,
            self._go_offline,
        )
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._intake.run(), name="wechat.intake")
                group.create_task(link.run(), name="wechat.link")
        finally:
            self._board.set(Standing.OFF)
            await self._lookups.close()
            if self._naming is not None:
                self._naming.cancel()
                await asyncio.gather(self._naming, return_exceptions=True)

    # -- events -----------------------------------------------------------------------------------

    async def _take(self, event: events.Event) -> None:
        match event:
            case events.Said(message_id):
                await self._take_message(message_id)
            case events.Moved():
                self._lookups.forget_room(event.room_id)
                await self._put(partial(self._place_move, event))
            case events.Befriended(friendship_id):
                await self._put(partial(self._place_friendship, friendship_id))
            case events.Invited(invitation_id):
                await self._put(partial(self._place_invitation, invitation_id))
            case events.Renamed(room_id):
                self._lookups.forget_room(room_id)
            case events.Outdated(kind, outdated_id):
                self._forget(kind, outdated_id)
            case events.LoggedIn(account):
                self._go_online(account)
            case events.LoggedOut():
                self._go_offline()
                self._board.set(Standing.LOGGED_OUT)
            case events.Scan(qr, status):
                if not self._is_online:
                    self._board.set(Standing.SCAN, qr=qr, scan_status=status)
            case events.Odd(kind_of_odd):
                self.oddities.note(kind_of_odd)

    async def _take_message(self, message_id: str) -> None:
        # The echo of what we have sent; it would cost a call to learn no more than that.
        if message_id in self._seen or self._evidence.is_ours(message_id):
            return
        self._seen[message_id] = None
        if len(self._seen) > _MAX_SEEN:
            self._seen.popitem(last=False)
        await self._put(partial(self._place_message, message_id))

    async def _place_message(self, message_id: str) -> Placed | None:
        try:
            raw = await self._lookups.message(message_id)
        except NoAnswer:
            # Should the gateway announce it again, it may be able to tell by then.
            self._seen.pop(message_id, None)
            raise
        if not reading.is_known_type(raw):
            self.oddities.note("unknown message type")
            return None
        heard = reading.place(raw, self._account, self._clock) if self._account else None
        if heard is None:
            self.oddities.note("message without ids")
            return None
        if heard.is_own:
            self._note_own(heard)
            return None
        if not reading.is_for_us(raw) or heard.is_from_wechat:
            return None
        return Placed(heard.conversation.id, partial(self._read, heard))

    def _note_own(self, heard: reading.Heard) -> None:
        raw, room = heard.raw, heard.conversation.id
        if raw.kind == words.TEXT:
            own = OwnMessage(room, raw.id, words.bare(raw.text), heard.at)
            self._evidence.add_echo(own)
            self._memory.add(room, raw.id, heard.sender_id, raw.text)

    async def _read(self, heard: reading.Heard) -> tuple[Incoming, ...]:
        if heard.raw.kind == words.RECALLED:
            recall = reading.read_recall(heard, self._memory)
            if recall is None:
                self.oddities.note("recall without an id")
            return () if recall is None else (recall,)
        # Before the first wait: what quotes this message may be read at the same time.
        quoted = reading.resolve_and_remember(heard, self._memory)
        message = await reading.read_message(heard, quoted, self._lookups)
        return () if message is None else (message,)

    async def _put(self, place: Place) -> None:
        assert self._intake is not None
        await self._intake.put(place)

    async def _place_move(self, moved: events.Moved) -> Placed:
        room = self._conversation(ConversationKind.GROUP, moved.room_id)
        return _placed(
            room,
            *(
                MembershipChange(room, member, moved.joined, member == self._account, moved.at)
                for member in moved.member_ids
            ),
        )

    async def _place_friendship(self, friendship_id: str) -> Placed | None:
        raw = await self._lookups.friendship(friendship_id)
        requester = read_id(raw.contact_id)
        if raw.kind != _RECEIVED or not requester:
            return None
        conversation = self._conversation(ConversationKind.PRIVATE, requester)
        request = ContactRequest(
            conversation,
            requester_id=requester,
            token=f"friend:{friendship_id}",
            note=read_text(raw.hello, _MAX_NOTE),
            at=self._clock(),
        )
        return _placed(conversation, request)

    async def _place_invitation(self, invitation_id: str) -> Placed | None:
        raw = await self._lookups.invitation(invitation_id)
        requester = read_id(raw.inviter_id)
        if not requester:
            return None
        # Which room it is comes out only once the bot is in it.
        conversation = self._conversation(ConversationKind.GROUP, invitation_id)
        request = ContactRequest(
            conversation,
            requester_id=requester,
            token=f"room:{invitation_id}",
            note=read_text(raw.topic, _MAX_NOTE),
            at=read_time(raw.timestamp, self._clock),
        )
        return _placed(conversation, request)

    def _conversation(self, kind: ConversationKind, conversation_id: str) -> Conversation:
        return Conversation(Platform.WECHAT, self._account, kind, conversation_id)

    def _forget(self, kind: int, outdated_id: str) -> None:
        match kind:
            case events.Dirty.CONTACT:
                self._lookups.forget_contact(outdated_id)
            case events.Dirty.ROOM:
                self._lookups.forget_room(outdated_id)
            case events.Dirty.ROOM_MEMBER:
                self._lookups.forget_members()

    # -- the account ------------------------------------------------------------------------------

    def _go_online(self, account: str) -> None:
        if self._is_online and account != self._account:
            self._go_offline()
        if account != self._account:
            self._lookups.forget_all()
            self._account = account
        if not self._is_online:
            self._is_online = True
            self._tell()
        if self._naming is not None:
            self._naming.cancel()
        self._board.set(Standing.ONLINE, account=account, name=self._board.now.name)
        self._naming = asyncio.create_task(self._learn_name(account))

    async def _learn_name(self, account: str) -> None:
        names = await self._lookups.names("", account)
        if names and self._is_online and account == self._account:
            self._board.set(Standing.ONLINE, account=account, name=read_name(names[0]))

    def _go_offline(self) -> None:
        if self._is_online:
            self._is_online = False
            self._tell()

    def _tell(self) -> None:
        assert self._presence is not None
        self._presence(Platform.WECHAT, self._account, self._is_online)

    # -- sending ----------------------------------------------------------------------------------

    async def send(self, message: Outgoing, earlier: datetime | None = None) -> str:
        """WeChat's id of the message sent, "" if the gateway does not tell it.

        A message whose earlier attempt was left uncertain is first looked for among the
        account's own messages that came in since. Takes at most `SEND_LIMIT`.

        Raises:
            SendError: one of its four kinds.
        """
        try:
            async with asyncio.timeout(SEND_LIMIT.total_seconds()):
                return await self._sender.send(message, earlier)
        except TimeoutError as exc:
            raise Uncertain("no end within the limit of a send") from exc

    async def recall(self, conversation: Conversation, message_id: str) -> None:
        """Take a message of the bot back; WeChat allows it for two minutes.

        Raises:
            SendError: it was not taken back, as far as is known.
        """
        puppet = self._puppet_of(conversation.account)
        if not await command(conversation.account, puppet.recall(message_id)):
            raise Refused("not taken back")

    async def answer_request(self, request: ContactRequest, *, approve: bool) -> None:
        """Accept a friend or an invitation into a room; to decline is to leave it alone.

        Raises:
            SendError: the request stands, as far as is known.
        """
        if not approve:
            return
        account = request.conversation.account
        kind, _, request_id = request.token.partition(":")
        puppet = self._puppet_of(account)
        if kind == "friend":
            await command(account, puppet.accept_friend(request_id))
        else:
            await command(account, puppet.accept_invitation(request_id))

    def _puppet_of(self, account: str) -> Puppet:
        if not self._is_online or account != self._account or self._line.puppet is None:
            raise NotConnected(account)
        return self._line.puppet

    # -- looking around ---------------------------------------------------------------------------

    async def groups(self, account: str) -> frozenset[str] | None:
        """The ids of the groups the account is in; None where the gateway does not tell."""
        try:
            return frozenset(await self._lookups.room_ids())
        except NoAnswer:
            return None

    async def member_ids(self, group: Conversation) -> frozenset[str] | None:
        """Who is in a group, the account aside: one call, however large; None if not told."""
        # Asked for because something may have been missed: what is remembered does not count.
        self._lookups.forget_room(group.id)
        try:
            room = await self._lookups.room(group.id)
        except NoAnswer:
            return None
        return frozenset(room.member_ids) - {group.account}

    async def members(self, room_id: str) -> tuple[Member, ...]:
        """Everybody in a group by name: a call for each whom we have not met lately.

        Raises:
            NoAnswer: the gateway does not tell who is in it.
        """
        room = await self._lookups.room(room_id)
        names = await asyncio.gather(
            *(self._lookups.names(room_id, person) for person in room.member_ids)
        )
        return tuple(
            Member(person, *(read_name(name) for name in (found[0], found[-1])))
            if found
            else Member(person, "", "")
            for person, found in zip(room.member_ids, names, strict=True)
        )

    async def file(self, message_id: str) -> File:
        """What was sent with a message: `ref` of its attachment.

        Raises:
            FileTooLarge: it is larger than the settings allow.
            NoAnswer: it cannot be fetched.
        """
        try:
            return await self._lookups.persist(
                lambda puppet, _: puppet.file(message_id), self._settings.file_seconds
            )
        except FileTooLarge:
            log.warning("wechat.file_too_large", limit_mb=self._settings.max_file_mb)
            raise

    async def attached(self, message: Message, attachment: Attachment, limit: int) -> bytes:
        """A picture or a file that came with a message, at most `limit` bytes.

        Raises:
            NoFile: it cannot be fetched, or is larger.
        """
        try:
            file = await self.file(attachment.ref)
        except FileTooLarge as exc:
            raise TooLarge(type(exc).__name__) from exc
        except NoAnswer as exc:
            raise NoFile(type(exc).__name__) from exc
        if len(file.data) > limit:
            raise TooLarge(f"{len(file.data)} bytes")
        return file.data

    async def transcript(self, message: Message) -> str:
        """Empty: Wechaty has no call for WeChat's own transcripts."""
        return ""


def _placed(conversation: Conversation, *told: Incoming) -> Placed:
    """Events about which nothing more is to be found out."""

    async def finish() -> tuple[Incoming, ...]:
        return told

    return Placed(conversation.id, finish)

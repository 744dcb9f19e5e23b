"""Slow work: what takes seconds to find out about a message before it can be answered well.

Reading a picture, having a voice message written down, asking a language model. Done beside the
inbox, a few messages at a time; whatever fails or takes too long leaves the message as it was.
"""

import asyncio
from collections.abc import Mapping
from datetime import timedelta
from typing import Final

import structlog

from bot.adapters.base import Adapter
from bot.answering import Answering
from bot.collecting import HandedInFiles
from bot.language_model import LanguageModel
from bot.pictures import Pictures
from handlers import texts_done
from handlers.attention import understanding_of
from handlers.context import NOTHING_FOUND, Found, HandedIn
from handlers.decision import called_by_name
from handlers.files import shown_name
from handlers.settings import BotSettings
from handlers.understanding import mask
from storage.inbox import InboundEvent
from storage.vocabulary import (
    AttachmentKind,
    ConversationKind,
    Incoming,
    Label,
    Message,
    Platform,
)

log = structlog.get_logger()

#: The longest one message is held up, whatever happens.
PATIENCE: Final = timedelta(seconds=20)
_AT_A_TIME: Final = 3


class SlowWork:
    """Finds things out; `pictures` and `model` are None where the school has switched them off."""

    def __init__(
        self,
        *,
        adapters: Mapping[Platform, Adapter],
        answering: Answering,
        settings: BotSettings,
        pictures: Pictures | None,
        model: LanguageModel | None,
        files: HandedInFiles | None = None,
        patience: timedelta = PATIENCE,
    ) -> None:
        self._adapters = adapters
        self._answering = answering
        self._settings = settings
        self._pictures = pictures
        self._model = model
        self._files = files
        self._patience = patience.total_seconds()
        self._few = asyncio.Semaphore(_AT_A_TIME)

    def is_needed(self, event: Incoming) -> bool:
        """Whether an event is one to be found out about. Only what was said to the bot is."""
        if not isinstance(event, Message) or not self._is_to_us(event):
            return False
        kinds = {item.kind for item in event.attachments}
        if self._pictures is not None and AttachmentKind.IMAGE in kinds:
            return True
        if AttachmentKind.VOICE in kinds and event.conversation.platform is Platform.QQ:
            return True
        if self._files is not None and _is_handed_in(event):
            return True
        if self._model is None or not self._model.is_available or not event.text:
            return False
        return understanding_of(event.text).label is Label.QUESTION

    async def find(self, event: InboundEvent) -> Found:
        """What could be found out in time. Raises nothing but a cancellation."""
        message = event.incoming
        assert isinstance(message, Message)
        if self._files is not None and _is_handed_in(message):
            return await self._take_in(event, message, self._files)
        try:
            async with asyncio.timeout(self._patience):
                return await self._find(event, message)
        except TimeoutError:
            log.warning("slow_work.too_slow", event_id=event.id)
        except Exception:
            log.exception("slow_work.failed", event_id=event.id)
        return NOTHING_FOUND

    async def _take_in(self, event: InboundEvent, message: Message, files: HandedInFiles) -> Found:
        """The file of somebody of whom one is expected; it may take its time."""
        try:
            if not await self._answering.awaits_file(message):
                return NOTHING_FOUND
            items = [it for it in message.attachments if it.kind is AttachmentKind.FILE]
            async with self._few:
                found = await files.receive(message, items[0])
        except Exception:
            log.exception("slow_work.file_not_kept", event_id=event.id)
            name = shown_name(message.attachments[0].name)
            return Found(files=(HandedIn(name, problem=texts_done.NOT_FETCHED),))
        return Found(files=(found,), more_files=len(items) > 1)

    async def close(self) -> None:
        """Let go of processes and connections."""
        if self._pictures is not None:
            await self._pictures.close()
        if self._model is not None:
            await self._model.close()

    async def _find(self, event: InboundEvent, message: Message) -> Found:
        kinds = {item.kind for item in message.attachments}
        if AttachmentKind.VOICE in kinds:
            adapter = self._adapters[message.conversation.platform]
            async with self._few:
                return Found(heard=mask(await adapter.transcript(message)))
        if self._pictures is not None and AttachmentKind.IMAGE in kinds:
            async with self._few:
                return Found(seen=await self._pictures.lines(message))
        if self._model is None:
            return NOTHING_FOUND
        doubt = await self._answering.doubt(event, message)
        if doubt is None:
            return NOTHING_FOUND
        async with self._few:
            return Found(phrased=await self._model.phrase(doubt))

    def _is_to_us(self, message: Message) -> bool:
        is_private = message.conversation.kind is ConversationKind.PRIVATE
        is_called = called_by_name(message.text, self._settings) is not None
        return is_private or message.mentions_bot or is_called


def _is_handed_in(message: Message) -> bool:
    """A file, sent to the bot alone."""
    is_private = message.conversation.kind is ConversationKind.PRIVATE
    return is_private and any(it.kind is AttachmentKind.FILE for it in message.attachments)

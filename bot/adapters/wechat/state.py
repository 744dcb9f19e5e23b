"""Where the adapter stands: what the console and the status page show about WeChat."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

import structlog

from bot.adapters.onebot.fields import Clock

log = structlog.get_logger(__name__)


class Standing(StrEnum):
    """How far we are on the way to a WeChat account that can speak."""

    OFF = "off"
    #: No line to the gateway; trying again.
    CONNECTING = "connecting"
    #: The gateway refuses our token; a person has to mend it.
    TOKEN_REFUSED = "token_refused"  # noqa: S105 - names a state
    #: Another client is on the gateway, which takes one at a time; waiting for it to go.
    OCCUPIED = "occupied"
    #: Connected, but nobody is logged in.
    LOGGED_OUT = "logged_out"
    #: Connected; somebody has to scan `qr` with the phone of the account.
    SCAN = "scan"
    ONLINE = "online"


@dataclass(frozen=True, slots=True)
class State:
    """
    A snapshot. `since` is when `standing` began.

    `qr` is what the QR code to scan says; whoever has it can log in, so it belongs on the
    operator's screen and into no log. `scan_status` is the gateway's word about the scan.
    """

    standing: Standing
    since: datetime
    account: str = ""
    name: str = ""
    qr: str = ""
    scan_status: str = ""


class StateBoard:
    """Keeps the state and tells whoever wants to know about each change."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.now = State(Standing.OFF, clock())
        self.listeners: list[Callable[[State], None]] = []

    def set(
        self,
        standing: Standing,
        *,
        account: str = "",
        name: str = "",
        qr: str = "",
        scan_status: str = "",
    ) -> None:
        """Take a new stand; saying the same again changes nothing."""
        old = self.now
        new = State(standing, old.since, account, name, qr, scan_status)
        if new == old:
            return
        if standing is not old.standing:
            new = replace(new, since=self._clock())
            log.info("wechat.state", standing=standing, account=account)
        self.now = new
        for listener in self.listeners:
            try:
                listener(new)
            except Exception:
                log.exception("wechat.state_listener_failed")

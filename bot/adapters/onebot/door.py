"""Who may open a reverse connection, and what its headers say about it."""

import hmac

import structlog
from aiohttp import web

from bot.adapters.oddities import Oddities
from bot.adapters.onebot.fields import read_account
from bot.adapters.onebot.line import LineRole
from bot.adapters.onebot.settings import OneBotSettings

log = structlog.get_logger(__name__)


class Door:
    """The check before the handshake. It takes no time, for implementations do not wait."""

    def __init__(self, settings: OneBotSettings) -> None:
        self._token = settings.access_token.get_secret_value().strip().encode()
        self._is_warned = False
        self._oddities = Oddities("onebot")

    def refusal(self, request: web.Request) -> web.Response | None:
        """Why the request may not connect, or None if it may."""
        if not self._token:
            if not self._is_warned:
                self._is_warned = True
                log.error("onebot.no_token", cure="set onebot.access_token here and in the client")
            return web.Response(status=403, text="no access token is configured here")
        if "Origin" in request.headers:
            # Only browsers send it, on behalf of whatever page somebody opened.
            return self._refuse(403, "browsers may not connect", request)
        token = _token(request)
        if not token:
            return self._refuse(401, "access token missing", request)
        if not hmac.compare_digest(token.encode("utf-8", "replace"), self._token):
            return self._refuse(403, "access token wrong", request)
        if request.headers.get("Upgrade", "").lower() != "websocket":
            return web.Response(status=426, text="WebSocket only", headers={"Upgrade": "websocket"})
        return None

    def account(self, request: web.Request) -> str:
        """The bot's own id by the headers, "" when the first event must tell."""
        return read_account(request.headers.get("X-Self-ID"))

    def role(self, request: web.Request) -> LineRole:
        """What the connection carries; anything unknown is taken to carry everything."""
        try:
            return LineRole(request.headers.get("X-Client-Role", "").strip().lower())
        except ValueError:
            return LineRole.UNIVERSAL

    def _refuse(self, status: int, reason: str, request: web.Request) -> web.Response:
        self._oddities.note(reason, remote=request.remote or "")
        headers = {"WWW-Authenticate": "Bearer"} if status == 401 else None
        return web.Response(status=status, text=reason, headers=headers)


def _token(request: web.Request) -> str:
    scheme, _, token = request.headers.get("Authorization", "").strip().partition(" ")
    if scheme.lower() in ("bearer", "token") and token.strip():
        return token.strip()
    return request.query.get("access_token", "").strip()

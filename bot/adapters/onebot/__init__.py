"""QQ by OneBot v11: reverse WebSocket in, forward WebSocket out, calls and their answers.

`segments`, `events` and `answers` read and write what implementations say; `line` is one
connection, `door` and `forward` make them, `accounts` chooses among them; `evidence` finds out
whether an unanswered message was sent; `adapter` puts them together.
"""

from bot.adapters.onebot.adapter import SEND_LIMIT, OneBot
from bot.adapters.onebot.settings import ForwardLink, OneBotSettings

__all__ = ["SEND_LIMIT", "ForwardLink", "OneBot", "OneBotSettings"]

"""WeChat by the Wechaty puppet service: a gateway has the account, we have the gateway.

`wire` is one connection, `puppet` and `payloads` what can be asked on it, `link` keeps it alive,
`lookups` asks for what events only name; `events`, `reading`, `words` read what comes, `intake`
keeps it in order, `memory` and `evidence` know what was said and sent, `sending` sends; `adapter`
puts them together.
"""

from bot.adapters.wechat.adapter import SEND_LIMIT, Member, WeChat
from bot.adapters.wechat.lookups import NoAnswer, Room
from bot.adapters.wechat.payloads import File
from bot.adapters.wechat.settings import WeChatSettings
from bot.adapters.wechat.state import Standing, State
from bot.adapters.wechat.wire import FileTooLarge

__all__ = [
    "SEND_LIMIT",
    "File",
    "FileTooLarge",
    "Member",
    "NoAnswer",
    "Room",
    "Standing",
    "State",
    "WeChat",
    "WeChatSettings",
]

"""What an implementation answered to a call, and what its refusals mean."""

from dataclasses import dataclass
from typing import Any, Final

from bot.adapters.base import Refused, RetryLater, SendError
from bot.adapters.onebot.fields import read_id, read_number, read_text

_BAD_REQUEST: Final = 1400
_NO_SUCH_ACTION: Final = 1404
TOKEN_REFUSED: Final = 1403

# The wording is all there is: every implementation answers 1200 or 100 for everything.
_TIMEOUT_WORDS: Final = ("timeout", "timed out", "超时")
_GONE_WORDS: Final = (
    "群不存在",
    "不在群",
    "不是群成员",
    "已退出该群",
    "被移出",
    "被踢",
    "已解散",
    "不是好友",
    "非好友",
    "不是你的好友",
    "好友不存在",
    "不能发送临时",
    "not friend",
    "not a friend",
    "group not found",
    "not in group",
    "not in the group",
    "removed from",
)


@dataclass(frozen=True, slots=True)
class Answer:
    """The answer to one call."""

    is_ok: bool
    retcode: int
    data: Any
    wording: str

    @property
    def message_id(self) -> str:
        """The id of the message sent, "" when the answer has none."""
        return read_id(self.data.get("message_id")) if isinstance(self.data, dict) else ""

    @property
    def may_have_worked(self) -> bool:
        """Whether it failed only by waiting too long for the platform."""
        if self.is_ok:
            return False
        wording = self.wording.lower()
        return any(word in wording for word in _TIMEOUT_WORDS)

    @property
    def is_unsupported(self) -> bool:
        return self.retcode == _NO_SUCH_ACTION


def read_answer(frame: dict[str, Any]) -> Answer:
    """The answer in a frame that `is_answer`."""
    status, retcode = frame.get("status"), read_number(frame.get("retcode"))
    # 1 is "accepted, working on it", which only the _async actions are meant to say.
    is_ok = status in ("ok", "async") if isinstance(status, str) else retcode in (0, 1)
    wording = read_text(frame.get("wording"), 500)
    message = read_text(frame.get("message"), 500)
    if message != wording:
        wording = f"{wording} {message}"
    code = int(retcode) if retcode is not None else (0 if is_ok else -1)
    return Answer(is_ok=is_ok, retcode=code, data=frame.get("data"), wording=wording)


def failure(answer: Answer) -> SendError:
    """What a failed send means for the message."""
    # The wording may quote people, so only what kind it is goes into the log and the row.
    wording = answer.wording.lower()
    if answer.retcode in (_BAD_REQUEST, _NO_SUCH_ACTION):
        return Refused(f"retcode {answer.retcode}: the call was not understood")
    if any(word in wording for word in _GONE_WORDS):
        return Refused(f"retcode {answer.retcode}: the conversation is gone")
    if "禁言" in wording:
        return RetryLater(f"retcode {answer.retcode}: perhaps muted")
    return RetryLater(f"retcode {answer.retcode}")

"""The settings of the QQ adapter: who may connect to us, where we connect to, how long we wait."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, SecretStr, StringConstraints

WebSocketUrl = Annotated[str, StringConstraints(strip_whitespace=True, pattern=r"^wss?://[^\s/]+")]


class ForwardLink(BaseModel):
    """A OneBot server that we connect to, such as NapCat's "WebSocket server"."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    url: WebSocketUrl
    access_token: SecretStr = SecretStr("")


class OneBotSettings(BaseModel):
    """How QQ reaches us. Without `access_token` the reverse endpoint refuses everybody.

    An API call is given `call_timeout_seconds` until the implementation's pace is known, and
    then five times its usual answering time, within the floor and the ceiling.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    access_token: SecretStr = SecretStr("")
    forward: tuple[ForwardLink, ...] = ()
    max_frame_mb: int = Field(default=64, ge=1, le=1024)
    call_timeout_seconds: float = Field(default=10, gt=0, le=60)
    call_timeout_floor_seconds: float = Field(default=3, gt=0, le=60)
    call_timeout_ceiling_seconds: float = Field(default=30, gt=0, le=60)
    ping_seconds: float = Field(default=30, gt=0)
    silence_seconds: float = Field(default=60, gt=0)
    reconnect_first_seconds: float = Field(default=1, gt=0)
    reconnect_longest_seconds: float = Field(default=60, gt=0)
    line_wait_seconds: float = Field(default=8, ge=0, le=60)

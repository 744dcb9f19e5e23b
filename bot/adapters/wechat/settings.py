"""The settings of the WeChat adapter: where the gateway is, what we show it, how long we wait."""

from pathlib import Path
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, SecretStr, StringConstraints, model_validator

Endpoint = Annotated[
    str,
    StringConstraints(
        strip_whitespace=True, pattern=r"^(|(\[[0-9A-Fa-f:.]+\]|[^\s:/\[\]@]+):[0-9]{1,5})$"
    ),
]


class WeChatSettings(BaseModel):
    """The Wechaty gateway that WeChat reaches us through. Without `endpoint` WeChat is off.

    A line that has gone dead is noticed after `keepalive_seconds` and `keepalive_limit_seconds`
    at worst, a gateway that takes calls but reports nothing after the two of `ding`.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    #: `host:port`, such as `127.0.0.1:8788`
    endpoint: Endpoint = ""
    token: SecretStr = SecretStr("")
    tls: bool = False
    #: The PEM file of the authority that signed the gateway's certificate; none: the system's.
    ca_file: Path | None = None
    #: The name in that certificate, where it is not the endpoint's host.
    server_name: str = ""
    #: The gateway puts `@name` before the text itself; most leave that to us.
    gateway_writes_mentions: bool = False
    max_file_mb: int = Field(default=50, ge=1, le=1024)

    first_event_seconds: float = Field(default=6, gt=0, le=60)
    keepalive_seconds: float = Field(default=8, gt=0, le=600)
    keepalive_limit_seconds: float = Field(default=4, gt=0, le=60)
    ding_seconds: float = Field(default=15, gt=0, le=600)
    ding_limit_seconds: float = Field(default=5, gt=0, le=60)
    #: How long one message whose contents do not come may hold up those behind it.
    lookup_seconds: float = Field(default=8, gt=0, le=60)
    call_seconds: float = Field(default=20, gt=0, le=60)
    file_seconds: float = Field(default=60, gt=0, le=600)
    #: How long a message sent without an answer is looked for among what comes in.
    echo_seconds: float = Field(default=4, ge=0, le=30)
    reconnect_first_seconds: float = Field(default=0.3, gt=0)
    reconnect_longest_seconds: float = Field(default=15, gt=0)

    @property
    def is_on(self) -> bool:
        return bool(self.endpoint)

    @property
    def address(self) -> tuple[str, int]:
        """Host and port."""
        host, _, port = self.endpoint.rpartition(":")
        return host.strip("[]"), int(port)

    @model_validator(mode="after")
    def _is_complete(self) -> Self:
        if not self.is_on:
            return self
        if not 0 < self.address[1] < 65536:
            raise ValueError("endpoint 的端口应在 1 到 65535 之间")
        if not self.token.get_secret_value().strip():
            raise ValueError("填了 endpoint 就要有 token（写在环境变量 ZHUXUE_WECHAT__TOKEN 里）")
        if self.ca_file is not None and not self.tls:
            raise ValueError("填了 ca_file 就要把 tls 设为 true")
        if self.ca_file is not None and not self.ca_file.is_file():
            raise ValueError(f"找不到证书文件 {self.ca_file}")
        return self

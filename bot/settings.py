"""Settings: every section of every folder put together, read once, checked whole.

`zhuxue.toml` first, then the environment over it: `ZHUXUE_ONEBOT__ACCESS_TOKEN=…` is the key
`onebot.access_token`. A `.env` file beside it counts as environment. Secrets belong there.
"""

import os
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    SecretStr,
    StringConstraints,
    ValidationError,
)
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)
from pydantic_settings import SettingsError as UnreadableVariable

from bot.adapters.onebot.settings import OneBotSettings
from bot.adapters.wechat.settings import WeChatSettings
from handlers.settings import BotSettings, ReminderSettings, WorkingTimeSettings
from storage.settings import DatabaseSettings

DEFAULT_FILE = Path("zhuxue.toml")
PREFIX = "ZHUXUE_"
HttpAddress = Annotated[
    str, StringConstraints(strip_whitespace=True, pattern=r"^(https?://[^\s/@]+[^\s@]*)?$")
]
_NOT_SETTINGS = frozenset({"ZHUXUE_PASSWORD"})
#: Where a wrong value is a failed number, switch or choice. An address may hold a password, and
#: what stands behind a mistyped key may be anything, so neither is ever shown.
_SHOWN = frozenset({"int_parsing", "float_parsing", "bool_parsing", "literal_error"})


class WebSettings(BaseModel):
    """Where pages and the reverse WebSocket listen."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    #: Loopback until a supervisor has a password: `run` refuses another address before that.
    host: str = "127.0.0.1"
    port: int = Field(default=8080, ge=0, le=65535)
    #: Set behind a TLS proxy, so that the sign-in cookie only travels encrypted.
    secure_cookies: bool = False
    session_minutes: int = Field(default=30, ge=5, le=24 * 60)
    #: Under which address the pages are reached from outside, `https://zhuxue.example.edu.cn`;
    #: empty: nowhere, and no calendar feeds are given out.
    base_url: HttpAddress = ""
    #: Whoever has it reads `/metrics` from elsewhere; without one only this machine does.
    metrics_token: SecretStr = SecretStr("")


class OutboxSettings(BaseModel):
    """How fast messages leave, per account."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    #: Answers to people who asked; 0 means as fast as the platform takes them.
    replies_per_minute: int = Field(default=0, ge=0)
    #: Messages nobody asked for (notices): a burst of these is what gets accounts banned.
    pushes_per_minute: int = Field(default=20, ge=1)
    max_attempts: int = Field(default=12, ge=1)
    in_flight: int = Field(default=256, ge=1, le=10_000)


class CollectionsSettings(BaseModel):
    """Where files handed in are kept, and how large one may be."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    #: Empty: `collections` beside the SQLite file, else `data/collections`.
    folder: str = ""
    max_file_mb: int = Field(default=50, ge=1, le=500)

    @property
    def max_file_bytes(self) -> int:
        return self.max_file_mb * 2**20


class BackupSettings(BaseModel):
    """Where backups go, how often the bot takes one by itself, and how long they are kept."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    #: Empty: `backups` beside the SQLite file, else `data/backups`. Better another disk.
    folder: str = ""
    #: 0: only when somebody asks for one.
    every_minutes: int = Field(default=0, ge=0, le=24 * 60)
    keep: int = Field(default=6, ge=1, le=1000)
    #: The last one of each of so many days; what a student had erased is in them until then.
    keep_days: int = Field(default=14, ge=0, le=35)


class AlarmSettings(BaseModel):
    """
    The second road: whom to tell, outside the chats, that the bot needs somebody.

    Addresses of robots hold their key, so `webhook` is a secret: `ZHUXUE_ALARMS__WEBHOOK`.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    webhook: SecretStr = SecretStr("")
    #: `json` says what is wrong in fields of its own; the others are what those robots read.
    webhook_kind: Literal["json", "dingtalk", "wecom", "feishu"] = "json"
    mail_server: str = ""
    mail_port: int = Field(default=465, ge=1, le=65535)
    mail_security: Literal["tls", "starttls", "none"] = "tls"
    mail_user: str = ""
    mail_password: SecretStr = SecretStr("")
    mail_from: str = ""
    mail_to: tuple[str, ...] = ()
    #: An account unheard of for longer than this is worth a message.
    offline_seconds: int = Field(default=120, ge=30, le=24 * 3600)
    #: From here on the disk is full: files handed in are not taken any more.
    disk_percent: int = Field(default=95, ge=50, le=99)

    @property
    def is_on(self) -> bool:
        return bool(self.webhook.get_secret_value() or (self.mail_server and self.mail_to))


class LanguageModelSettings(BaseModel):
    """
    Whom to ask to choose among entries and phrase them; off unless both address and model are set.

    `key` is read from the environment only: `ZHUXUE_LANGUAGE_MODEL__KEY`.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    #: An OpenAI-compatible endpoint up to and with `/v1`.
    base_url: HttpAddress = ""
    model: str = ""
    key: SecretStr = SecretStr("")
    timeout_seconds: float = Field(default=4, gt=0, le=10)

    @property
    def is_on(self) -> bool:
        return bool(self.base_url and self.model)


class Settings(BaseSettings):
    """The whole configuration."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, env_nested_delimiter="__", env_file=".env", extra="forbid", frozen=True
    )

    bot: BotSettings = BotSettings()
    working_time: WorkingTimeSettings = WorkingTimeSettings()
    reminders: ReminderSettings = ReminderSettings()
    database: DatabaseSettings = DatabaseSettings()
    web: WebSettings = WebSettings()
    outbox: OutboxSettings = OutboxSettings()
    onebot: OneBotSettings = OneBotSettings()
    wechat: WeChatSettings = WeChatSettings()
    language_model: LanguageModelSettings = LanguageModelSettings()
    collections: CollectionsSettings = CollectionsSettings()
    backup: BackupSettings = BackupSettings()
    alarms: AlarmSettings = AlarmSettings()

    @property
    def collections_folder(self) -> Path:
        """Where files handed in are kept."""
        if self.collections.folder:
            return Path(self.collections.folder)
        return self._beside / "collections"

    @property
    def spool_folder(self) -> Path:
        """Where what is said is kept while the database is away."""
        return self._beside / "spool"

    @property
    def backup_folder(self) -> Path:
        """Where backups are kept."""
        return Path(self.backup.folder or self._beside / "backups")

    @property
    def kept_folders(self) -> dict[str, Path]:
        """Where something is written, by what it is: what can run full."""
        data = {"data": self._beside} if self.database.file is not None else {}
        return data | {"collections": self.collections_folder, "backup": self.backup_folder}

    @property
    def erasure_journal(self) -> Path:
        """The list of who was erased: outside the database, so that no backup undoes it."""
        return self._beside / "erasures.jsonl"

    @property
    def _beside(self) -> Path:
        file = self.database.file
        return file.parent if file is not None else Path("data")

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        return (
            init_settings,
            env_settings,
            dotenv_settings,
            _File(settings_cls),
        )


class _File(TomlConfigSettingsSource):
    """The file, in which the language model's key has no place: files are copied and shown."""

    def __call__(self) -> dict[str, Any]:
        found = super().__call__()
        section = found.get("language_model")
        if isinstance(section, dict) and "key" in section:
            raise SettingsError(
                ["language_model.key：密钥不写在文件里，请用环境变量 ZHUXUE_LANGUAGE_MODEL__KEY"]
            )
        return found


class SettingsError(ValueError):
    """What is wrong, one Chinese sentence a key."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


def load_settings(path: Path = DEFAULT_FILE, **overrides: Any) -> Settings:
    """Read, join and check.

    Raises:
        SettingsError: every problem at once, with the key's path.
    """
    if path != DEFAULT_FILE and not path.exists():
        raise SettingsError([f"找不到配置文件 {path}"])
    unknown = sorted(
        name
        for name in os.environ
        if name.startswith(PREFIX)
        and name not in _NOT_SETTINGS
        and name[len(PREFIX) :].split("__")[0].lower() not in Settings.model_fields
    )
    if unknown:
        raise SettingsError([f"环境变量 {name}：没有这个配置项，请检查拼写" for name in unknown])

    class SettingsOfFile(Settings):
        model_config = SettingsConfigDict(toml_file=path, env_file=path.parent / ".env")

    try:
        return SettingsOfFile(**overrides)
    except ValidationError as error:
        raise SettingsError([_in_chinese(item) for item in error.errors()]) from error
    except SettingsError:
        raise
    except UnreadableVariable as error:
        section = str(error).partition('"')[2].partition('"')[0].upper()
        raise SettingsError(
            [f'环境变量 {PREFIX}{section}…：列表应写成 JSON，例如 ["甲", "乙"]']
        ) from error
    except ValueError as error:
        # tomllib's own error: the line is in it.
        raise SettingsError([f"{path} 不是合法的 TOML：{error}"]) from error


def _in_chinese(item: Any) -> str:
    key = ".".join(str(part) for part in item["loc"])
    value = item.get("input")
    reasons = {
        "extra_forbidden": "没有这个配置项，请检查拼写",
        "missing": "缺少这一项",
        "model_type": "应为一节配置，写成 [节名] 再换行写各项",
        "tuple_type": "应为列表",
        "string_pattern_mismatch": "格式不对",
        "int_parsing": "应为整数",
        "int_type": "应为整数",
        "int_from_float": "应为整数",
        "float_parsing": "应为数字",
        "float_type": "应为数字",
        "bool_parsing": "应为 true 或 false",
        "bool_type": "应为 true 或 false",
        "string_type": "应为文字",
        "greater_than": f"应大于 {item.get('ctx', {}).get('gt')}",
        "greater_than_equal": f"不能小于 {item.get('ctx', {}).get('ge')}",
        "less_than_equal": f"不能大于 {item.get('ctx', {}).get('le')}",
        "literal_error": f"只能是 {item.get('ctx', {}).get('expected')}",
    }
    reason = reasons.get(item["type"], item["msg"].removeprefix("Value error, "))
    may_be_shown = item["type"] in _SHOWN or isinstance(value, int | float)
    is_secret = (
        any(word in key for word in ("token", "password", "key"))
        or item["type"] == "extra_forbidden"
    )
    shown = f"（现为 {value!r}）" if may_be_shown and not is_secret else ""
    return f"{key}：{reason}{shown}"

"""The `[database]` section."""

from datetime import timedelta
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy.engine import make_url


class DatabaseSettings(BaseModel):
    """Where the truth is kept and how long a claim on a piece of work lasts."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    #: `sqlite+aiosqlite:///data/zhuxue.db` or `postgresql+asyncpg://user:password@host/name`
    url: str = "sqlite+aiosqlite:///data/zhuxue.db"
    #: What another leaves is found within five seconds more, so it is taken over within thirty.
    lease_seconds: int = Field(default=20, ge=5, le=600)

    @property
    def file(self) -> Path | None:
        """The SQLite file; None where the database is no file."""
        url = make_url(self.url)
        is_file = url.get_backend_name() == "sqlite" and url.database not in (None, "", ":memory:")
        return Path(str(url.database)) if is_file else None

    @property
    def lease(self) -> timedelta:
        """How long a claim holds without a heartbeat."""
        return timedelta(seconds=self.lease_seconds)

"""What every page needs: the App behind a request, its clock, and a template turned into HTML."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jinja2
from aiohttp import web

if TYPE_CHECKING:
    from bot.app import App

HERE = Path(__file__).parent

APP: web.AppKey[App] = web.AppKey("app")
TEMPLATES: web.AppKey[jinja2.Environment] = web.AppKey("templates", jinja2.Environment)


def open_templates() -> jinja2.Environment:
    """The pages of `templates/`; whatever is put into one is escaped, a missing name is a bug."""
    return jinja2.Environment(
        loader=jinja2.FileSystemLoader(HERE / "templates"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )


def page(request: web.Request, template: str, *, status: int = 200, **values: Any) -> web.Response:
    """`template` filled with `values`."""
    app = request.app[APP]
    html = (
        request.app[TEMPLATES]
        .get_template(template)
        .render(
            bot_name=app.settings.bot.name,
            has_playground=app.playground is not None,
            path=request.path,
            **values,
        )
    )
    return web.Response(text=html, content_type="text/html", charset="utf-8", status=status)


def plain(text: str, limit: int) -> str:
    """What somebody typed, without what a database or a log would choke on, cut to `limit`."""
    clean = "".join(char for char in text if char >= " " and char != "\x7f")
    return clean.encode("utf-8", "replace").decode().strip()[:limit]


def typed(form: Mapping[str, str], key: str, limit: int) -> str:
    """What somebody typed into a large field: its lines as `plain` leaves them, empty ones gone."""
    lines = (plain(line, limit) for line in form.get(key, "").splitlines()[:100])
    return "\n".join(line for line in lines if line)[:limit]

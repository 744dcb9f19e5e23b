"""Every setting is shown with its name and its variable; a secret only by whether there is one."""

from bot import demo
from bot.app import App
from bot.setting_names import NAMES, SECTIONS, in_words, shown
from bot.settings import Settings, load_settings
from tests.bot.web.conftest import Visit, add_supervisor


def test_every_setting_has_a_name() -> None:
    keys = {
        f"{section}.{name}"
        for section, field in Settings.model_fields.items()
        for name in field.annotation.model_fields  # type: ignore[union-attr]
    }

    assert keys == set(NAMES)
    assert set(Settings.model_fields) == set(SECTIONS)


def test_secrets_and_passwords_in_addresses_are_not_shown() -> None:
    settings = load_settings(
        database={
            "url": "postgresql+asyncpg://zhuxue:s3cret@db.example:5432/zhuxue?password=s3cret"
        },
        onebot={
            "access_token": "s3cret",
            "forward": [
                {"url": "ws://127.0.0.1:3001/?access_token=s3cret", "access_token": "s3cret"}
            ],
        },
        wechat={"endpoint": "127.0.0.1:8788", "token": "s3cret"},
        language_model={"base_url": "http://llm.example/v1?key=s3cret", "model": "m"},
    )

    words = str(shown(settings))

    assert "s3cret" not in words
    assert "zhuxue:" not in words
    assert "postgresql+asyncpg://db.example:5432/zhuxue" in words
    assert in_words(settings.onebot.access_token) == "已设置"


def test_what_was_changed_is_told_from_a_default() -> None:
    found = {
        it.key: it
        for _, _, items in shown(load_settings(bot={"grace_minutes": 25}))
        for it in items
    }

    assert (found["bot.grace_minutes"].value, found["bot.grace_minutes"].default) == ("25", "10")
    assert found["bot.grace_minutes"].variable == "ZHUXUE_BOT__GRACE_MINUTES"
    assert not found["bot.review_percent"].is_changed


async def test_the_province_reads_them_and_who_may_change_what(app: App, visit: Visit) -> None:
    """S25.2"""
    await add_supervisor(app, "boss", "correct horse", unit=None)
    visitor = await visit(app)
    await visitor.sign_in("boss", "correct horse")

    status, body = await visitor.get("/settings")

    assert status == 200
    assert "默认值，可改" in body
    assert "bot.review_percent" in body
    assert "谁可以改什么" in body
    assert "考核公式" in body
    assert "<form" not in body[body.index("<main") :]
    async with app.database.reading() as uow:
        assert ("web:boss", "web.settings_viewed", "settings") in await uow.audit.actions()


async def test_a_unit_does_not(app: App, visit: Visit) -> None:
    await add_supervisor(app, "boss", "correct horse", unit=demo.UNIT)
    visitor = await visit(app)
    await visitor.sign_in("boss", "correct horse")

    assert (await visitor.get("/settings"))[0] == 404
    assert "/settings" not in (await visitor.get("/ledger"))[1]

"""A typo does not start: the key is named in Chinese, and no secret is ever shown."""

from pathlib import Path

import pytest

from bot.settings import Settings, SettingsError, load_settings

SECRET = "very-secret-token"


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty working directory and nothing of ours in the environment."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def load(toml: str, folder: Path) -> Settings:
    (folder / "zhuxue.toml").write_text(toml, encoding="utf-8")
    return load_settings()


def problems(toml: str, folder: Path) -> list[str]:
    with pytest.raises(SettingsError) as caught:
        load(toml, folder)
    return caught.value.problems


def test_without_a_file_everything_has_a_default() -> None:
    settings = load_settings()

    assert settings.bot.name == "助学小助手"
    assert settings.web.host == "127.0.0.1"
    assert settings.database.url == "sqlite+aiosqlite:///data/zhuxue.db"
    assert settings.onebot.access_token.get_secret_value() == ""


def test_the_file_is_read(folder: Path) -> None:
    settings = load('[bot]\nname = "开小放"\ngrace_minutes = 5\n[web]\nport = 9000\n', folder)

    assert (settings.bot.name, settings.bot.grace_minutes, settings.web.port) == (
        "开小放",
        5,
        9000,
    )


@pytest.mark.parametrize(
    ("toml", "key"),
    [
        ("[bott]\nname = 'x'", "bott"),
        ("[bot]\nnam = 'x'", "bot.nam"),
        ("[web]\nhots = 'x'", "web.hots"),
        ("[database]\nurll = 'x'", "database.urll"),
        ("[outbox]\nper_minute = 1", "outbox.per_minute"),
        ("[onebot]\ntoken = 'x'", "onebot.token"),
        ("[[onebot.forward]]\nurl = 'ws://x'\ntokn = 'x'", "onebot.forward.0.tokn"),
        ("name = 'x'", "name"),
    ],
)
def test_a_typo_in_the_file_is_named_by_its_key(toml: str, key: str, folder: Path) -> None:
    assert problems(toml, folder) == [f"{key}：没有这个配置项，请检查拼写"]


@pytest.mark.parametrize(
    ("toml", "problem"),
    [
        ("[web]\nport = 'x'", "web.port：应为整数（现为 'x'）"),
        ("[web]\nport = 70000", "web.port：不能大于 65535（现为 70000）"),
        ("[bot]\ngrace_minutes = 0", "bot.grace_minutes：不能小于 1（现为 0）"),
        ("[bot]\nname = 5", "bot.name：应为文字（现为 5）"),
        (
            "[web]\nsecure_cookies = 'perhaps'",
            "web.secure_cookies：应为 true 或 false（现为 'perhaps'）",
        ),
        ("[bot]\nanswer_floor = 'high'", "bot.answer_floor：应为数字（现为 'high'）"),
        ("[[onebot.forward]]\naccess_token = 'x'", "onebot.forward.0.url：缺少这一项"),
    ],
)
def test_a_wrong_value_is_named_with_what_it_should_be(
    toml: str, problem: str, folder: Path
) -> None:
    assert problems(toml, folder) == [problem]


def test_a_choice_names_what_may_be_chosen(folder: Path) -> None:
    (problem,) = problems("[bot]\nspeak_mode = 'loud'", folder)

    assert problem.startswith("bot.speak_mode：只能是 ")
    assert "confident" in problem
    assert "mention" in problem


def test_every_problem_is_told_at_once(folder: Path) -> None:
    found = problems("[bot]\nnam = 'x'\n[web]\nport = 'x'\n[oneboot]\n", folder)

    assert sorted(problem.partition("：")[0] for problem in found) == [
        "bot.nam",
        "oneboot",
        "web.port",
    ]


def test_a_file_that_is_no_toml_is_told_with_its_line(folder: Path) -> None:
    (problem,) = problems("[bot]\nname = \n", folder)

    assert "zhuxue.toml 不是合法的 TOML" in problem
    assert "line 2" in problem


def test_a_file_asked_for_must_be_there(folder: Path) -> None:
    with pytest.raises(SettingsError, match=r"找不到配置文件 .*other\.toml"):
        load_settings(folder / "other.toml")


def test_another_file_may_be_asked_for(folder: Path) -> None:
    (folder / "other.toml").write_text("[web]\nport = 1234\n", encoding="utf-8")

    assert load_settings(folder / "other.toml").web.port == 1234


# -- the environment ------------------------------------------------------------------------------


def test_the_environment_comes_before_the_file(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ZHUXUE_WEB__PORT", "9001")

    settings = load("[web]\nport = 9000\nhost = '0.0.0.0'\n", folder)

    assert (settings.web.port, settings.web.host) == (9001, "0.0.0.0")


def test_a_dotenv_file_counts_as_environment(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / ".env").write_text(
        f"ZHUXUE_ONEBOT__ACCESS_TOKEN={SECRET}\nZHUXUE_WEB__PORT=9002\n", encoding="utf-8"
    )
    monkeypatch.setenv("ZHUXUE_WEB__PORT", "9003")

    settings = load("[web]\nport = 9000\n", folder)

    assert settings.onebot.access_token.get_secret_value() == SECRET
    assert settings.web.port == 9003


@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("ZHUXUE_BOTT__NAME", "ZHUXUE_BOTT__NAME"),
        ("ZHUXUE_ONEBOT_ACCESS_TOKEN", "ZHUXUE_ONEBOT_ACCESS_TOKEN"),
        ("ZHUXUE_ONEBOT__ACCESS_TOKN", "onebot.access_tokn"),
        ("ZHUXUE_DATABASE__URI", "database.uri"),
    ],
)
def test_a_typo_in_the_environment_is_named(
    name: str, key: str, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, SECRET)

    (problem,) = problems("", folder)

    assert key in problem
    assert "没有这个配置项，请检查拼写" in problem
    assert SECRET not in problem


def test_a_typo_in_the_dotenv_file_is_named(folder: Path) -> None:
    (folder / ".env").write_text(f"ZHUXUE_ONEBOOT__ACCESS_TOKEN={SECRET}\n", encoding="utf-8")

    (problem,) = problems("", folder)

    assert "oneboot" in problem.lower()
    assert "没有这个配置项" in problem
    assert SECRET not in problem


def test_the_password_for_add_supervisor_is_no_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ZHUXUE_PASSWORD", SECRET)

    assert load_settings().web.port == 8080


@pytest.mark.parametrize("name", ["ZHUXUE_BOT", "ZHUXUE_BOT__ALIASES", "ZHUXUE_ONEBOT__FORWARD"])
def test_a_list_in_the_environment_that_is_no_json_is_told_by_its_name(
    name: str, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, f"[{SECRET}")

    (problem,) = problems("", folder)

    assert "TOML" not in problem
    assert name.removeprefix("ZHUXUE_").split("__")[0].lower() in problem.lower()
    assert SECRET not in problem


# -- secrets --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "toml",
    [
        f"[onebot]\naccess_token = ['{SECRET}']",
        f"[onebot]\nacces_tokn = '{SECRET}'",
        f"[onebot]\npasswd = '{SECRET}'",
        f"[database]\nurll = 'postgresql+asyncpg://school:{SECRET}@db/zhuxue'",
        f"[database]\nurl = ['postgresql+asyncpg://school:{SECRET}@db/zhuxue']",
        f"[onebot]\nforward = 'ws://x/?access_token={SECRET}'",
        f"[[onebot.forward]]\nurl = 'http://x/?access_token={SECRET}'",
        f"[[onebot.forward]]\nurl = 'ws://x'\naccess_token = ['{SECRET}']",
        f"onebot = '{SECRET}'",
    ],
)
def test_no_message_shows_a_secret(toml: str, folder: Path) -> None:
    found = problems(toml, folder)

    assert found
    assert SECRET not in "\n".join(found)


def test_the_settings_print_no_secret(folder: Path) -> None:
    """X9"""
    settings = load(f"[onebot]\naccess_token = '{SECRET}'", folder)

    assert SECRET not in repr(settings)


def test_the_language_models_key_has_no_place_in_the_file(folder: Path) -> None:
    (problem,) = problems(f"[language_model]\nkey = '{SECRET}'", folder)

    assert "ZHUXUE_LANGUAGE_MODEL__KEY" in problem
    assert SECRET not in problem


def test_a_language_model_is_on_with_an_address_and_a_name(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ZHUXUE_LANGUAGE_MODEL__KEY", SECRET)
    section = "[language_model]\nbase_url = 'https://llm.example.edu.cn/v1'\n"

    assert not load("", folder).language_model.is_on
    assert not load(section, folder).language_model.is_on
    settings = load(f"{section}model = 'm'", folder)
    assert settings.language_model.is_on
    assert settings.language_model.key.get_secret_value() == SECRET
    assert SECRET not in repr(settings)


@pytest.mark.parametrize("url", ["file:///etc/passwd", "llm.example.edu.cn", "https://a:b@c/v1"])
def test_a_language_models_address_is_a_plain_http_one(url: str, folder: Path) -> None:
    (problem,) = problems(f"[language_model]\nbase_url = '{url}'", folder)

    assert problem.startswith("language_model.base_url：")
    assert url not in problem

"""Which settings of the WeChat section are taken."""

import pytest
from pydantic import ValidationError

from bot.adapters.wechat import WeChatSettings


def test_nothing_set_means_off():
    assert not WeChatSettings().is_on


@pytest.mark.parametrize(
    ("endpoint", "address"),
    [
        ("127.0.0.1:8788", ("127.0.0.1", 8788)),
        (" gateway.school.example:443 ", ("gateway.school.example", 443)),
        ("[::1]:8788", ("::1", 8788)),
    ],
)
def test_endpoint_is_host_and_port(endpoint, address):
    settings = WeChatSettings(endpoint=endpoint, token="t")

    assert settings.is_on
    assert settings.address == address


@pytest.mark.parametrize(
    "values",
    [
        {"endpoint": "127.0.0.1"},
        {"endpoint": "http://127.0.0.1:8788"},
        {"endpoint": "127.0.0.1:99999"},
        {"endpoint": "127.0.0.1:0"},
        {"endpoint": "a b:1"},
        {"endpoint": "::1:8788"},
        {"token": ""},
        {"token": "  "},
        {"ca_file": "/nowhere/ca.pem", "tls": True},
        {"ca_file": __file__},
        {"endpiont": "127.0.0.1:8788"},
    ],
    ids=str,
)
def test_what_cannot_work_is_refused(values):
    with pytest.raises(ValidationError):
        WeChatSettings.model_validate({"endpoint": "127.0.0.1:8788", "token": "t"} | values)


def test_token_is_not_shown():
    settings = WeChatSettings(endpoint="127.0.0.1:8788", token="very-secret")

    assert "very-secret" not in repr(settings)

"""Settings refuse what would fail later, and keep their secrets."""

import pytest
from pydantic import ValidationError

from bot.adapters.onebot import OneBotSettings


@pytest.mark.parametrize(
    "wrong",
    [
        {"acces_token": "x"},
        {"forward": [{"url": "http://127.0.0.1:3001"}]},
        {"forward": [{"url": "ws://"}]},
        {"forward": [{"url": "ws://a", "token": "x"}]},
        {"max_frame_mb": 0},
        {"call_timeout_seconds": 0},
    ],
    ids=str,
)
def test_mistake_in_the_settings_is_found_at_the_start(wrong):
    with pytest.raises(ValidationError):
        OneBotSettings.model_validate(wrong)


def test_tokens_are_not_shown():
    settings = OneBotSettings.model_validate(
        {"access_token": "geheim", "forward": [{"url": "ws://a:1", "access_token": "geheim"}]}
    )

    assert "geheim" not in repr(settings)

"""Conversations as anybody at the school can read and correct them, played on the whole bot.

Every file on every platform, unchanged: QQ through a WebSocket, WeChat through a genuine gateway.
"""

from pathlib import Path

import pytest

from tests.scenarios.on_playground import OnPlayground
from tests.scenarios.on_qq import OnQQ
from tests.scenarios.on_wechat import OnWeChat
from tests.scenarios.player import playing
from tests.scenarios.stage import Stage

FILES = sorted((Path(__file__).parent / "scenarios").glob("*.chat"))


@pytest.fixture(params=["playground", "qq", "wechat"])
async def stage(request: pytest.FixtureRequest) -> Stage:
    """A platform with nobody on it yet."""
    match request.param:
        case "playground":
            return OnPlayground()
        case "qq":
            return OnQQ()
    gateway = request.getfixturevalue("shared_gateway")
    await gateway.renew()
    return OnWeChat(gateway)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
async def test_the_bot_says_exactly_what_the_transcript_says(
    path: Path, stage: Stage, tmp_path: Path
) -> None:
    async with playing(tmp_path, stage) as player:
        await player.play(path)


async def test_a_wrong_transcript_fails_and_shows_both_sides(stage: Stage, tmp_path: Path) -> None:
    path = tmp_path / "wrong.chat"
    path.write_text(
        "[2026-12-01 20:15] 小李@计算机2301: @助手 食堂几点关门啊\n"
        "助手@计算机2301> 已转助学教师，编号 T-1。…\n"
        "助手@王敏> 待答复 T-2\n"
        "  …\n"
        "助手@小李> 请稍等。\n"
        "台账> 答复·… 机器人已答\n",
        encoding="utf-8",
    )

    async with playing(tmp_path, stage) as player:
        with pytest.raises(AssertionError) as failure:
            await player.play(path)

    told = str(failure.value)
    assert told.startswith(f"wrong.chat:1 on {stage.ids.platform}, after\n")
    assert "  = 助手@计算机2301> 已转助学教师，编号 T-1。" in told
    assert "    - 待答复 T-2\n" in told
    assert "    + 待答复 T-1\n" in told
    assert "  - 助手@小李> 请稍等。" in told
    assert "  - 台账> 答复·… 机器人已答\n  + 台账> 咨询·" in told

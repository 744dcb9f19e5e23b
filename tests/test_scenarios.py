"""Conversations as anybody at the school can read and correct them, played on the whole bot."""

from pathlib import Path

import pytest

from tests.scenarios.player import playing

FILES = sorted((Path(__file__).parent / "scenarios").glob("*.chat"))


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
async def test_the_bot_says_exactly_what_the_transcript_says(path: Path, tmp_path: Path) -> None:
    async with playing(tmp_path) as player:
        await player.play(path)

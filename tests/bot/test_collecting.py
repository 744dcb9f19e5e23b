"""Files handed in (S15.4, A11): what is taken, what is refused, the receipt, the zip."""

import hashlib
import io
import os
import zipfile
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from bot import collecting
from bot.adapters.base import NoFile, TooLarge
from handlers import files, texts_done
from storage.reports import LedgerFilter
from storage.vocabulary import (
    Attachment,
    AttachmentKind,
    Conversation,
    ConversationKind,
    Message,
    Platform,
)
from tests.scenarios.player import Player, playing

LIMIT = 50 * 2**20
JPEG = bytes.fromhex("ffd8")


def docx(**more: bytes) -> bytes:
    """The least that is a .docx."""
    return zipped({"[Content_Types].xml": b"<Types/>", "word/document.xml": b"<w/>", **more})


def zipped(inside: dict[str, bytes]) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in inside.items():
            # With a time of its own: the same contents are the same file.
            archive.writestr(zipfile.ZipInfo(name), data, zipfile.ZIP_DEFLATED)
    return stream.getvalue()


# -- what is refused ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "data", "why"),
    [
        ("作业.docx", b"MZ\x90\0 this program cannot be run", texts_done.IS_PROGRAM),
        ("作业.exe", b"MZ", texts_done.IS_PROGRAM),
        ("作业.docx", b"%PDF-1.7", texts_done.NOT_WHAT_IT_SAYS),
        ("作业.docx", zipped({"a.txt": b"x"}), texts_done.NOT_WHAT_IT_SAYS),
        ("作业.docx", b"PK\x03\x04 cut off", texts_done.NOT_WHAT_IT_SAYS),
        ("作业.docm", docx(), texts_done.HAS_MACROS),
        ("作业.docx", docx(**{"word/vbaProject.bin": b"x"}), texts_done.HAS_MACROS),
        (
            "作业.doc",
            b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + "_VBA_PROJECT".encode("utf-16-le"),
            texts_done.HAS_MACROS,
        ),
        ("作业.zip", zipped({"../../x.txt": b"x"}), texts_done.UNSAFE_INSIDE),
        ("作业.zip", zipped({"C:\\x.txt": b"x"}), texts_done.UNSAFE_INSIDE),
        ("作业.zip", zipped({"run/me.exe": b"MZ"}), texts_done.UNSAFE_INSIDE),
        ("作业.html", b"<script>", texts_done.NOT_ALLOWED),
        ("作业", b"x", texts_done.NOT_ALLOWED),
        ("作业.pdf", b"", texts_done.EMPTY),
        ("作业.txt", b"\0\0\0", texts_done.NOT_WHAT_IT_SAYS),
    ],
)
def test_what_may_do_harm_is_refused_with_the_reason(name: str, data: bytes, why: str) -> None:
    """A11"""
    assert files.problem_of(name, data, LIMIT) == why


def test_a_zip_bomb_is_refused_without_being_unpacked() -> None:
    """A11: 600 MB of nothing in half a megabyte."""
    bomb = zipped({"a.txt": bytes(600 * 2**20)})

    assert len(bomb) < 2**20
    assert files.problem_of("作业.zip", bomb, LIMIT) == texts_done.IS_BOMB


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("作业.docx", docx()),
        ("作业.PDF", b"%PDF-1.7 x"),
        ("作业.txt", "作业".encode("gbk")),
        ("作业.zip", zipped({"一/二.txt": b"x"})),
        ("照片.heic", b"\0\0\0\x18ftypheic"),
    ],
)
def test_what_students_hand_in_is_taken(name: str, data: bytes) -> None:
    assert files.problem_of(name, data, LIMIT) == ""


def test_a_name_leads_nowhere_and_turns_nothing_around() -> None:
    """A11: `../../x`, and U+202E, behind which 「gpj.exe」 reads 「exe.jpg」."""
    assert files.shown_name("../../etc/passwd") == "passwd"
    assert files.shown_name("..\\..\\x.docx") == "x.docx"
    assert files.shown_name("作业\u202egpj.exe") == "作业gpj.exe"
    assert files.safe_name("2430", "张/三:*") == "2430_三"


def test_the_place_a_photo_was_taken_at_is_dropped_and_the_rest_is_kept() -> None:
    """A11: EXIF."""
    tiff = b"MM\0*\0\0\0\x08\0\x02" + b"\x01\x12\0\x03\0\0\0\x01\0\x06\0\0"
    tiff += b"\x88\x25\0\x04\0\0\0\x01\0\0\0\x26" + b"\0\0\0\0" + b"41.8N 123.4E"
    exif = b"Exif\0\0" + tiff
    picture = b"\xff\xd8\xff\xe1" + (len(exif) + 2).to_bytes(2) + exif
    picture += b"\xff\xdb\0\x04\x01\x02\xff\xda\0\x02scan\xff\xd9"

    kept = files.without_place("照片.jpg", picture)

    assert b"41.8N" not in kept
    assert kept.endswith(b"\xff\xdb\0\x04\x01\x02\xff\xda\0\x02scan\xff\xd9")
    # Six: which way is up.
    assert b"\x01\x12\0\x03\0\0\0\x01\0\x06" in kept
    assert files.without_place("作业.pdf", b"%PDF") == b"%PDF"


# -- handing in -----------------------------------------------------------------------------------


@pytest.fixture
async def player(tmp_path: Path) -> AsyncIterator[Player]:
    async with playing(tmp_path) as made:
        yield made


async def send_file(
    player: Player, who: str, name: str, data: bytes | Exception, text: str = ""
) -> str:
    """Somebody sends a file to the bot alone; what the bot answers."""
    playground = player.app.playground
    assert playground is not None
    before = len(player.said)
    await playground.say(user_id=who, name=who, text=text, files=((name, data),))
    await player._settle()
    return "\n".join(one.text for one in player.said[before:] if one.sender_id != who)


async def say(player: Player, who: str, text: str, group: str = "") -> str:
    before = len(player.said)
    await player._say(who, group or "私聊", "", text)
    await player._settle()
    return "\n".join(one.text for one in player.said[before:] if one.sender_id != who)


async def test_a_file_is_taken_with_a_receipt_and_the_newest_counts(player: Player) -> None:
    """S15.4"""
    told = await say(player, "王敏", "/收作业 计算机2301 第一次作业 到 12月5日 17:00")
    assert "R-1" in told
    assert "12月4日 09:00、12月5日 15:00" in told

    first = await send_file(player, "小李", "作业.docx", docx())
    assert "已收到 R-1「第一次作业」" in first
    assert hashlib.sha256(docx()).hexdigest()[:12] in first
    assert "2026-12-01" in first
    again = await send_file(player, "小李", "作业.docx", docx())
    assert "同一个文件" in again
    second = await send_file(player, "小李", "作业改.docx", docx(x=b"2"))
    assert "第 2 版" in second

    missing = await say(player, "王敏", "/未交 R-1")
    assert "已交 1 人" in missing
    assert "未交（1）：小张" in missing
    rows = await ledger(player)
    assert rows.count("submission") == 3


async def ledger(player: Player) -> list[str]:
    async with player.app.database.reading() as uow:
        found = await uow.reports.ledger(LedgerFilter(), limit=50)
    return [row.record.kind.value for row in found if row.record.task == 1]


async def test_the_zip_has_a_file_a_student_and_says_who_is_missing(
    player: Player, tmp_path: Path
) -> None:
    """S15.4"""
    await say(player, "王敏", "/收作业 计算机2301 第一次作业 到 12月5日 17:00")
    await send_file(player, "小李", "../../=x.docx", docx())
    await send_file(player, "小李", "=x.docx", docx(x=b"2"))
    async with player.app.database.reading() as uow:
        found = await collecting.parcel(uow, 1, "计算机2301")
    assert found is not None

    collecting.write(found, player.app.files.folder, tmp_path / "out.zip")

    with zipfile.ZipFile(tmp_path / "out.zip") as archive:
        assert archive.testzip() is None
        assert sorted(archive.namelist()) == ["2430000000000_小李.docx", "index.csv"]
        assert archive.read("2430000000000_小李.docx") == docx(x=b"2")
        index = archive.read("index.csv").decode("utf-8-sig")
    assert "2430000000001,小张,未交" in index
    assert "'=x.docx" in index
    kept = [path for path in player.app.files.folder.rglob("*") if path.is_file()]
    assert len(kept) == 2
    assert all(path.name == hashlib.sha256(path.read_bytes()).hexdigest() for path in kept)


async def test_with_two_collections_open_the_student_is_asked_which(player: Player) -> None:
    await say(player, "王敏", "/收作业 计算机2301 第一次作业 到 12月5日 17:00")
    await say(player, "王敏", "/收作业 计算机2301 实践报告 到 12月6日")

    asked = await send_file(player, "小李", "a.docx", docx())
    assert "1 第一次作业（R-1）\n2 实践报告（R-2）" in asked
    assert "已收到 R-2「实践报告」" in await say(player, "小李", "2")
    assert "已收到 R-1" in await send_file(player, "小李", "a.docx", docx(), "R-1")


async def test_what_is_refused_is_told_and_not_kept(player: Player) -> None:
    """A11: told at once what to do; 2 GB are never read."""
    await say(player, "王敏", "/收作业 计算机2301 第一次作业 到 12月5日 17:00")

    assert texts_done.IS_PROGRAM in await send_file(player, "小李", "作业.docx", b"MZ\0")
    too_large = await send_file(player, "小李", "作业.zip", TooLarge("2147483648 bytes"))
    assert "50 MB" in too_large
    lost = await send_file(player, "小李", "作业.zip", NoFile("gone"))
    assert texts_done.NOT_FETCHED in lost
    assert not player.app.files.folder.exists()
    assert "还差 2 人" in await say(player, "王敏", "/未交 R-1")


async def test_a_file_of_whom_nothing_is_awaited_is_not_even_fetched(player: Player) -> None:
    told = await send_file(player, "小李", "作业.docx", AssertionError("was fetched"))

    assert "已收到" not in told
    assert not player.app.files.folder.exists()


async def test_what_belongs_to_nothing_is_swept_after_a_day(player: Player) -> None:
    await say(player, "王敏", "/收作业 计算机2301 第一次作业 到 12月5日 17:00")
    await send_file(player, "小李", "作业.docx", docx())
    player.app.files.keep("没人要.txt", b"stray")
    now = player.clock.now()
    for path in player.app.files.folder.glob("??/*"):
        old = (now - timedelta(days=2)).timestamp()
        os.utime(path, (old, old))

    gone = await player.app.files.sweep(player.app.database, now)

    assert gone == 1
    assert [path.read_bytes() for path in player.app.files.folder.glob("??/*")] == [docx()]


def test_a_file_is_written_whole_under_its_hash(tmp_path: Path) -> None:
    kept = collecting.HandedInFiles({}, tmp_path, LIMIT).keep("作业.docx", docx())

    assert (tmp_path / kept.path).read_bytes() == docx()
    assert kept.path == f"{kept.sha256[:2]}/{kept.sha256}"
    assert [path.name for path in tmp_path.rglob("*") if path.is_file()] == [kept.sha256]


async def test_f15_a_full_disk_refuses_files_and_still_takes_words(player: Player) -> None:
    """F15: attachments first, text last; the student reads why."""
    player.app.files._full_at = 0
    item = Attachment(AttachmentKind.FILE, "a.docx", "x")
    now = player.clock.now()
    message = Message(PLACE, "7", "小李", "1", "", now, attachments=(item,))

    found = await player.app.files.receive(message, item)

    assert "存不下文件" in found.problem
    assert "文字照常收" in found.problem
    assert not player.app.files.folder.exists()


PLACE = Conversation(Platform.QQ, "1", ConversationKind.PRIVATE, "7")


async def test_only_files_sent_to_the_bot_alone_are_taken(player: Player) -> None:
    message = Message(
        PLACE,
        "7",
        "小李",
        "1",
        "",
        player.clock.now(),
        attachments=(Attachment(AttachmentKind.FILE, "a.docx", "x"),),
    )
    group = replace(PLACE, kind=ConversationKind.GROUP)

    assert player.app.slow_work.is_needed(message)
    assert not player.app.slow_work.is_needed(replace(message, conversation=group))

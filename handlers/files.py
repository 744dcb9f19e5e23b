"""Whether a file handed in may be kept: by its name, its first bytes, what is packed in it.

Pure. Nothing is ever unpacked or opened here; a list of contents is read, no more.
"""

import io
import re
import struct
import unicodedata
import zipfile
from pathlib import PurePosixPath
from typing import Final

from handlers import texts_done

_ZIP = (b"PK\x03\x04", b"PK\x05\x06")
_OLE = (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1",)
_TEXT: tuple[bytes, ...] = ()
#: What is taken, and how such a file begins; nothing: any text.
ALLOWED: Final[dict[str, tuple[bytes, ...]]] = {
    "docx": _ZIP,
    "xlsx": _ZIP,
    "pptx": _ZIP,
    "odt": _ZIP,
    "ods": _ZIP,
    "odp": _ZIP,
    "doc": (*_OLE, b"{\\rtf"),
    "xls": _OLE,
    "ppt": _OLE,
    "wps": (*_OLE, *_ZIP),
    "et": (*_OLE, *_ZIP),
    "dps": (*_OLE, *_ZIP),
    "rtf": (b"{\\rtf",),
    "pdf": (b"%PDF-",),
    "jpg": (b"\xff\xd8\xff",),
    "jpeg": (b"\xff\xd8\xff",),
    "png": (b"\x89PNG\r\n\x1a\n",),
    "gif": (b"GIF87a", b"GIF89a"),
    "bmp": (b"BM",),
    "zip": _ZIP,
    "rar": (b"Rar!\x1a\x07",),
    "7z": (b"7z\xbc\xaf\x27\x1c",),
    "txt": _TEXT,
    "md": _TEXT,
    "csv": _TEXT,
    "py": _TEXT,
    "java": _TEXT,
    "c": _TEXT,
    "cpp": _TEXT,
    "sql": _TEXT,
}
#: Four bytes in, `ftyp`: photos and films of phones.
_ISO: Final = frozenset({"mp4", "m4a", "mov", "heic", "heif"})
_RIFF: Final = frozenset({"webp", "wav"})
_OFFICE: Final = frozenset({"docx", "xlsx", "pptx"})
_WITH_MACROS: Final = frozenset({"docm", "xlsm", "pptm", "dotm", "xltm", "potm", "xlam", "ppam"})
_PROGRAMS: Final = (b"MZ", b"\x7fELF", b"#!", b"\xca\xfe\xba\xbe", b"\xcf\xfa\xed\xfe", b"L\0\0\0")
_PROGRAM_NAMES: Final = frozenset(
    (
        *("exe", "com", "scr", "bat", "cmd", "ps1", "vbs", "vbe", "js", "jse", "wsf", "msi"),
        *("lnk", "dll", "jar", "apk", "sh", "hta", "reg", "pif", "cpl"),
    )
)
#: Unpacked, it may be so many times the limit for one file, and hold so many files.
_BLOWS_UP: Final = 10
_MOST_INSIDE: Final = 5000
#: The streams of an old Office file in which macros live; names there are UTF-16.
_OLE_MACROS: Final = tuple(
    word.encode("utf-16-le") for word in ("_VBA_PROJECT", "Macros", "_VBA_PROJECT_CUR")
)
_EXIF, _TIFF_ORIENTATION = b"Exif\0\0", 0x0112
_BAD_IN_NAMES = re.compile(r'[\x00-\x1f\x7f<>:"/\\|?*]')


def suffix_of(name: str) -> str:
    """The extension in lower case, without the dot."""
    return PurePosixPath(name.strip().rstrip(".")).suffix.lstrip(".").lower()


def shown_name(name: str) -> str:
    """
    A name without folders, controls and what turns text around: for people, never for a path.
    """
    bare = unicodedata.normalize("NFC", name).replace("\\", "/").rsplit("/", 1)[-1]
    bare = "".join(char for char in bare if unicodedata.category(char) not in ("Cc", "Cf", "Cs"))
    return bare.strip(" .")[-80:] or "未命名"


def safe_name(*parts: str) -> str:
    """Words that may be a file's name on any system, joined with 「_」."""
    clean = (_BAD_IN_NAMES.sub("", shown_name(part)).strip(" .") for part in parts)
    return "_".join(part for part in clean if part)[:100] or "未命名"


def problem_of(name: str, data: bytes, limit: int) -> str:
    """
    Why a file is not taken, as a sentence for its sender; "" where it is.

    `limit` is the largest size of one file, in bytes.
    """
    suffix = suffix_of(shown_name(name))
    if not data:
        return texts_done.EMPTY
    if len(data) > limit:
        return texts_done.TOO_LARGE.format(limit=limit // 2**20)
    if suffix in _WITH_MACROS:
        return texts_done.HAS_MACROS
    if data.startswith(_PROGRAMS[:2]) or suffix in _PROGRAM_NAMES:
        return texts_done.IS_PROGRAM
    if suffix not in ALLOWED and suffix not in _ISO | _RIFF:
        return texts_done.NOT_ALLOWED
    if not _begins_as(suffix, data):
        return texts_done.NOT_WHAT_IT_SAYS
    if data.startswith(_ZIP):
        return _problem_inside(suffix, data, limit)
    if data.startswith(_OLE) and any(word in data for word in _OLE_MACROS):
        return texts_done.HAS_MACROS
    return ""


def _begins_as(suffix: str, data: bytes) -> bool:
    if suffix in _ISO:
        return data[4:8] == b"ftyp"
    if suffix in _RIFF:
        return data[:4] == b"RIFF"
    begins = ALLOWED[suffix]
    if begins:
        return data.startswith(begins)
    return not data.startswith(_PROGRAMS[2:]) and b"\0" not in data[:65536]


def _problem_inside(suffix: str, data: bytes, limit: int) -> str:
    """What the list of contents says; nothing is unpacked."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as packed:
            inside = packed.infolist()
    except (zipfile.BadZipFile, ValueError, OSError, NotImplementedError, struct.error):
        return texts_done.NOT_WHAT_IT_SAYS
    names = [item.filename for item in inside]
    if suffix in _OFFICE and "[Content_Types].xml" not in names:
        return texts_done.NOT_WHAT_IT_SAYS
    if len(inside) > _MOST_INSIDE or sum(it.file_size for it in inside) > _BLOWS_UP * limit:
        return texts_done.IS_BOMB
    if any(name.lower().endswith(("vbaproject.bin", "vbadata.xml")) for name in names):
        return texts_done.HAS_MACROS
    if any(_is_unsafe(name) for name in names):
        return texts_done.UNSAFE_INSIDE
    return ""


def _is_unsafe(name: str) -> bool:
    parts = name.replace("\\", "/").split("/")
    is_outside = ".." in parts or name.startswith(("/", "\\")) or name[1:2] == ":"
    return is_outside or suffix_of(name) in _PROGRAM_NAMES


def without_place(name: str, data: bytes) -> bytes:
    """
    A JPEG without what the camera wrote into it, where it was taken above all; the rest unchanged.

    Which way is up is kept.
    """
    if suffix_of(name) not in ("jpg", "jpeg") or not data.startswith(b"\xff\xd8"):
        return data
    kept, at, turned = bytearray(data[:2]), 2, b""
    while at + 4 <= len(data) and data[at] == 0xFF and data[at + 1] != 0xDA:
        marker, length = data[at + 1], int.from_bytes(data[at + 2 : at + 4])
        if length < 2:
            return data
        segment = data[at : at + 2 + length]
        if marker == 0xE1 and segment[4:10] == _EXIF:
            turned = turned or _orientation(segment[10:])
        elif marker not in (0xE1, 0xED):
            kept += segment
        at += 2 + length
    if turned:
        kept[2:2] = turned
    return bytes(kept) + data[at:]


def _orientation(tiff: bytes) -> bytes:
    """An Exif segment that only says which way is up; empty where that is not said."""
    order = {b"II": "<", b"MM": ">"}.get(tiff[:2])
    if order is None or len(tiff) < 10:
        return b""
    first = struct.unpack_from(f"{order}I", tiff, 4)[0]
    if first + 2 > len(tiff):
        return b""
    for i in range(min(struct.unpack_from(f"{order}H", tiff, first)[0], 100)):
        entry = first + 2 + 12 * i
        if entry + 12 > len(tiff):
            return b""
        tag, _, _, value = struct.unpack_from(f"{order}HHIH", tiff, entry)
        if tag == _TIFF_ORIENTATION:
            body = struct.pack(">2sHIHHHIHHI", b"MM", 42, 8, 1, tag, 3, 1, value, 0, 0)
            return b"\xff\xe1" + (len(body) + 8).to_bytes(2) + _EXIF + body
    return b""

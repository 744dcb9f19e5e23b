"""A process of its own that reads pictures: `python -m bot.ocr`, pictures in, lines of text out.

Apart because pictures come from strangers and are decoded by C libraries, because the models take
300 MB that are given back when it ends, and because a reading that hangs can be killed. It starts
no thread and opens no connection; the models are in the wheel. Ends with its standard input.
"""

import io
import json
import os
import struct
import sys
from typing import Any, BinaryIO, Final

import numpy as np
from PIL import Image, ImageOps

LENGTH: Final = struct.Struct(">I")
#: Formats that chat clients send; every other decoder of the library stays shut.
_FORMATS: Final = ("PNG", "JPEG", "WEBP", "GIF", "BMP")
_MOST_PIXELS: Final = 40_000_000
#: The longer side as the models see it: larger costs seconds and memory, and finds no more.
_SIDE: Final = 1280
#: A long screenshot is read in pieces of at most so many widths; the end of a longer one is not.
_TALL: Final = 2
_MOST_PIECES: Final = 3
#: Below this a line is guesswork.
_SURE: Final = 0.6


def main() -> None:
    """Answer one picture after the other until the other side closes."""
    # What a library prints must not get between the answers.
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    if hasattr(os, "nice"):
        os.nice(10)
    engine = _engine()
    pictures: BinaryIO = sys.stdin.buffer
    while len(head := pictures.read(LENGTH.size)) == LENGTH.size:
        data = pictures.read(LENGTH.unpack(head)[0])
        try:
            lines = read(engine, data)
        except Exception as error:  # whatever a broken picture makes a decoder do
            print(f"not read: {type(error).__name__}", file=sys.stderr)
            lines = []
        answers.write(json.dumps(lines).encode() + b"\n")
        answers.flush()


def read(engine: Any, data: bytes) -> list[str]:
    """The lines on a picture, from top to bottom."""
    lines: list[str] = []
    for piece in _pieces(data):
        found = engine(np.asarray(piece)[:, :, ::-1])
        scored = zip(found.txts or (), found.scores or (), strict=True)
        lines += [text.strip() for text, score in scored if score >= _SURE and text.strip()]
    return lines


def _pieces(data: bytes) -> list[Image.Image]:
    picture = Image.open(io.BytesIO(data), formats=_FORMATS)
    width, height = picture.size
    if width * height > _MOST_PIXELS or min(width, height) < 16:
        return []
    # A JPEG is decoded small at once.
    picture.draft("RGB", (_SIDE, _SIDE * max(1, height // width)))
    upright = ImageOps.exif_transpose(picture).convert("RGB")
    width, height = upright.size
    part = height if height <= width * (_TALL + 1) else width * _TALL
    tops = range(0, height, part)[:_MOST_PIECES]
    return [upright.crop((0, top, width, min(height, top + part))) for top in tops]


def _engine() -> Any:
    from rapidocr import RapidOCR

    return RapidOCR(
        params={
            "Global.log_level": "error",
            "Global.max_side_len": _SIDE,
            "Det.limit_type": "max",
            "Det.limit_side_len": _SIDE,
            "Rec.rec_batch_num": 1,
            "EngineConfig.onnxruntime.intra_op_num_threads": 1,
            "EngineConfig.onnxruntime.inter_op_num_threads": 1,
        }
    )


if __name__ == "__main__":
    main()

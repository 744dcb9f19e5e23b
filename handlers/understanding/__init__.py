"""Understanding: what kind of message it is, what it is about, and what in it is private.

Pure functions over text. `understand` judges, `mask` hides private numbers before anything is
stored, `normalise` gives the plain form that every comparison of texts should start from.
"""

from handlers.understanding.gate import Understanding, understand
from handlers.understanding.normalise import normalise
from handlers.understanding.rules import mask

__all__ = ["Understanding", "mask", "normalise", "understand"]

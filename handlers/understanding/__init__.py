"""Understanding: what kind of message it is, what it is about, and what in it is private.

Pure functions over text. `understand` judges, `questions_in` takes a message with several
questions apart, `is_fragment` tells the beginning of one that comes in pieces, `mask` hides private
numbers before anything is stored, `normalise` gives the plain form that every comparison of texts
should start from.
"""

from handlers.understanding.gate import Understanding, questions_in, understand
from handlers.understanding.normalise import normalise
from handlers.understanding.rules import mask
from handlers.understanding.turns import (
    is_follow_up,
    is_fragment,
    is_only_a_call,
    split_questions,
)

__all__ = [
    "Understanding",
    "is_follow_up",
    "is_fragment",
    "is_only_a_call",
    "mask",
    "normalise",
    "questions_in",
    "split_questions",
    "understand",
]

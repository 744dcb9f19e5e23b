"""Refusals: errors that are speech, and become the reply."""


class UserError(Exception):
    """Cannot be done, and why: carries the Chinese sentence that says so and what to do next."""

    def __init__(self, sentence: str) -> None:
        super().__init__(sentence)
        self.sentence = sentence


class Forbidden(UserError):
    """The speaker may not do this here; besides the polite sentence it leaves an audit row."""

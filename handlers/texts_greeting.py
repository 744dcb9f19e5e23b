"""Sentences to whoever only asks whether anybody is there."""


def here() -> str:
    """The bot was called and not yet asked anything."""
    return "在，请直接说问题。"

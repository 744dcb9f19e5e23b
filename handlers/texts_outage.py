"""What is said while the database is away: once a chat, and never more than is known."""


def busy() -> str:
    return "系统忙，稍后自动补答，不用重发。"


def not_kept() -> str:
    """There is no room left to keep it in."""
    return "系统忙，这条没能记下，请过十分钟再发一次。"

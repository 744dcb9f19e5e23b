"""What is said to somebody who writes faster than anybody reads."""


def too_fast() -> str:
    """Once a minute; the rest is noted."""
    return (
        "您发得太快了。这一分钟里再发的我都记下，但不逐条答复；请稍等一分钟，把要问的合成一条再发。"
    )

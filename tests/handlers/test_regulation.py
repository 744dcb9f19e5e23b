"""The regulation: complete, in order, as printed, and never interpreted by a program."""

import pytest

from handlers import regulation


def test_all_articles_are_there_in_order() -> None:
    titles = list(regulation.articles())

    assert len(titles) == 26
    assert titles[0] == "第一条"
    assert titles[-1] == "第二十六条"
    assert all(text.endswith("。") for text in regulation.articles().values())


def test_a_page_break_is_no_new_paragraph() -> None:
    assert "爱心、耐心、诚心地履行职责" in regulation.articles()["第三条"]
    assert regulation.articles()["第四条"].count("\n") == 4


def test_the_ratio_is_words_and_a_slip_is_shown_as_one() -> None:
    assert "生师比不超过200:1。" in regulation.quoted("第五条")
    assert "$" not in "".join(regulation.articles().values())
    assert "workflows（原文如此）" in regulation.quoted("第七条")
    assert "进行管理和服（原文如此）。" in regulation.quoted("第一条")


@pytest.mark.parametrize("number", range(1, 27))
def test_every_article_is_found_by_its_number(number: int) -> None:
    title = list(regulation.articles())[number - 1]

    assert regulation.name(number) == title
    assert regulation.article_asked(f"管理办法第{number}条") == title
    assert regulation.article_asked(f"{title}是怎么规定的") == title
    assert regulation.article_asked(f"{title}怎么理解") == title
    assert regulation.article_asked(f"{title}写的啥") == title


@pytest.mark.parametrize(
    "text",
    ["第三条链接打不开", "管理办法第二十七条", "管理办法第0条", "管理办法第99条", "规定是啥", ""],
)
def test_what_is_no_article_of_it_is_not_taken_for_one(text: str) -> None:
    assert regulation.article_asked(text) is None


@pytest.mark.parametrize(
    ("text", "is_meaning"),
    [
        ("这条规定怎么理解", True),
        ("班会算不算班级活动", True),
        ("第五条是什么意思", True),
        ("师生比规定是多少", False),
        ("一个助学教师最多带多少学生", False),
    ],
)
def test_who_asks_for_the_meaning_is_told_apart(text: str, is_meaning: bool) -> None:
    assert regulation.asks_meaning(text) is is_meaning

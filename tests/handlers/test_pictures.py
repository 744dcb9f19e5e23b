"""Out of all that stands on a screenshot, what is looked up."""

from handlers.pictures import gist, understood
from storage.vocabulary import Label, Topic


def test_the_line_that_tells_of_trouble_is_looked_up_without_what_to_do_about_it() -> None:
    lines = ["我的课程", "提示", "该课程未开放，请联系任课教师或班主任。", "确定", "忘记密码？"]

    assert gist(lines) == ("该课程未开放",)


def test_a_page_without_trouble_is_known_by_its_first_lines() -> None:
    assert gist(["9:41", "网上报考系统", "课程列表", "高等数学基础"]) == (
        "网上报考系统",
        "课程列表",
    )


def test_an_empty_page_has_no_gist() -> None:
    assert gist([]) == ()


def test_the_students_words_name_the_topic_before_the_picture_does() -> None:
    page = ["统一身份认证", "用户名或密码错误"]

    assert understood("", page).topic is Topic.PLATFORM_LOGIN
    assert understood("这咋回事", page).topic is Topic.PLATFORM_LOGIN
    assert understood("学费交不上", page).topic is Topic.FEES
    assert understood("", page).label is Label.QUESTION

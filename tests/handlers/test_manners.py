"""What is rude and what is only angry, tired or loud (S13.9)."""

import pytest

from handlers.attention import understanding_of
from handlers.manners import is_rude


@pytest.mark.parametrize(
    "text",
    [
        "你个傻逼",
        "你们真是脑残",
        "操你妈",
        "滚蛋",
        "你妈的",
        "傻逼",
        "兼职打字员一单50 扫码进群",
        "加我微信领优惠券",
    ],
)
def test_insults_and_advertising_are_rude(text: str) -> None:
    assert is_rude(text, understanding_of(text).label)


@pytest.mark.parametrize(
    "text",
    [
        "累死了",
        "我真是个笨蛋",
        "草 又下雨了",
        "这题难死了",
        "我不想活了",
        "学校乱收费 太黑了",
        "班主任从来不回消息 我要投诉她",
        "期末考试什么时候报名",
        "平台滚动条不见了",
        "废物利用那节课讲得好",
        "收到",
    ],
)
def test_the_angry_and_the_tired_are_not(text: str) -> None:
    assert not is_rude(text, understanding_of(text).label)

"""「收到」 is counted, what only looks like it is not: classmates' talk stays theirs."""

import pytest

from handlers.claims import Saying, fits, is_awaited, numbers_in, read
from storage.receipts import Awaited


@pytest.mark.parametrize(
    ("text", "saying", "task"),
    [
        ("收到", Saying.GOT_IT, None),
        ("好的收到，谢谢老师", Saying.GOT_IT, None),
        ("收到！！[OK]", Saying.GOT_IT, None),
        ("收 到", None, None),
        ("R-3 收到", Saying.GOT_IT, 3),
        ("小李收到", Saying.GOT_IT, None),
        ("+1", Saying.JOIN, None),
        ("接龙", Saying.JOIN, None),
        ("12、王小明", Saying.JOIN, None),
        ("退出接龙", Saying.LEAVE, None),
        ("1 已报名", Saying.DONE, None),
        ("R-12 办好了", Saying.DONE, 12),
        ("r12 1", Saying.DONE, 12),
        ("Ｒ－12 已缴费", Saying.DONE, 12),
        ("已缴费", Saying.DONE, None),
        ("毕业申请已提交", Saying.DONE, None),
        ("图像采集拍好了", Saying.DONE, None),
        ("交了", Saying.DONE, None),
        ("还没办", Saying.UNDONE, None),
        ("点错了", Saying.UNDONE, None),
        # What is none.
        ("没收到", None, None),
        ("收到了吗", None, None),
        ("收到货了", None, None),
        ("报名了吗", None, None),
        ("学费交了怎么退", None, None),
        ("缴费成功了但是没显示", None, None),
        ("你们都交了吧", None, None),
        ("大家交了再说", None, None),
        ("看了", None, None),
        ("学了一天了", None, None),
        ("我交了三次作业", None, None),
        ("今天真冷啊哈哈", None, None),
        ("R-1 R-2 都办好了", None, None),
        ("帮我看看报名成功没有", None, None),
        ("收到" * 20, None, None),
    ],
)
def test_only_a_whole_short_message_is_a_claim(
    text: str, saying: Saying | None, task: int | None
) -> None:
    claim = read(text)

    assert (claim and claim.saying) == saying
    assert claim is None or claim.task == task


def test_a_group_is_only_listened_to_for_what_it_was_asked() -> None:
    assert is_awaited("收到", {Awaited.RECEIPT})
    assert not is_awaited("收到", {Awaited.DONE})
    assert not is_awaited("收到", ())
    assert is_awaited("+1", {Awaited.ROLL})
    assert not is_awaited("+1", {Awaited.RECEIPT})
    assert is_awaited("已报名", {Awaited.DONE})
    assert not is_awaited("今天真冷啊哈哈", set(Awaited))


def test_a_matter_is_known_by_its_other_names() -> None:
    assert fits("已缴费", "学费缴纳")
    assert fits("报考好了", "考试报名")
    assert not fits("已缴费", "考试报名")
    assert fits("班费交了", "班费")


def test_every_number_of_a_text_is_found_once() -> None:
    assert numbers_in("R-1 考试报名；R-12、R-1") == (1, 12)
    assert numbers_in("R-1234567890 FOR-3") == ()

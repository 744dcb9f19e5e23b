"""The same message as somebody else would have typed it: more training data from what was written.

Deterministic: the random generator is the caller's and always seeded.
"""

import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

from handlers.understanding.examples import Example
from handlers.understanding.sounds import homophones, misheard
from storage.vocabulary import Label, Topic

_SWAPS = (
    ("登录", "登陆"),
    ("准考证", "准考正"),
    ("形考", "行考"),
    ("形考", "形成性考核"),
    ("账号", "帐号"),
    ("毕业证", "毕业正"),
    ("什么时候", "啥时候"),
    ("什么时候", "多咱"),
    ("什么时候", "几时"),
    ("什么", "啥"),
    ("怎么", "咋"),
    ("咋", "怎么"),
    ("啥", "什么"),
    ("怎么", "肿么"),
    ("吗", "不"),
    ("吗", "么"),
    ("吗", "嘛"),
    ("吗", ""),
    ("哪里", "哪儿"),
    ("哪里", "哪疙瘩"),
    ("哪", "那"),
    ("没有", "没"),
    ("了", "啦"),
    ("教材", "书"),
    ("老师", "老湿"),
    ("缴费", "交费"),
    ("学费", "学杂费"),
    ("的", "地"),
    ("在", "再"),
    ("做", "作"),
    ("考试", "烤试"),
    ("论文", "轮文"),
    ("选课", "选可"),
    ("平台", "瓶台"),
    ("成绩", "成级"),
    ("这个", "介个"),
    ("我们", "咱们"),
    ("我", "俺"),
    ("没有", "木有"),
    ("为什么", "为啥"),
    ("可以", "阔以"),
    ("知道", "造"),
)
_OPENINGS = (
    "老师",
    "老师,",
    "老师您好,",
    "老师好 ",
    "请问",
    "请问一下",
    "问一下",
    "问下",
    "那个",
    "在吗 ",
    "老师我想问一下",
    "@老师 ",
    "有人知道",
    "麻烦问下",
    "弱弱问一句 ",
    "打扰了 ",
    "各位同学 ",
    "大家好 ",
    "姐 ",
    "诶 ",
    "就是",
    "小助手 ",
    "助手 ",
)
_CLOSINGS = (
    "啊",
    "呀",
    "呢",
    "哈",
    " 谢谢",
    ",谢谢老师",
    " 急",
    "?",
    "??",
    " 求解",
    "🙏",
    " 在线等",
    "来着",
    " 老师",
)
_COMPLAINT_CLOSINGS = ("!", "!!", " 真行", " 服了", "😡", " 气死", " 给个说法", " 无语")
_ACK_THEN = ("收到,", "好的 ", "谢谢老师 ", "嗯嗯 ", "知道了 ", "明白了,", "收到 不过")
_ANNOUNCED = ("【通知】", "各位同学:", "@所有人 ", "同学们,", "重要通知:", "提醒:", "转发:")

_CALL_ME = ("我电话", "打给我 ", "联系 ", "")
_URGENT = frozenset({Label.DISTRESS, Label.INJECTION, Label.COMMAND_FORGERY, Label.COMPLAINT})

#: Full-width and plain question marks, and the full stop.
_ENDS = "?\uff1f。"

_Variant = Callable[[Example, random.Random], Example]


def varied(examples: Sequence[Example], rng: random.Random, times: int) -> Iterator[Example]:
    """Every example once as it is and up to `times` times changed, then questions put together."""
    others = homophones([example.text for example in examples])

    def mistyped_by_ear(example: Example, rng: random.Random) -> Example:
        return replace(example, text=misheard(example.text, others, rng))

    for example in examples:
        yield example
        for _ in range(times):
            ways = (*_variants_of(example.label), mistyped_by_ear)
            changed = rng.choice(ways)(example, rng)
            if changed.text != example.text:
                yield changed
    yield from _joined(examples, rng)


def _variants_of(label: Label) -> tuple[_Variant, ...]:
    common: tuple[_Variant, ...] = (_respelt, _unpunctuated, _mistyped, _respelt)
    if label is Label.QUESTION:
        return (*common, _opened, _closed, _after_ack, _opened)
    if label is Label.COMPLAINT:
        return (*common, _closed_angrily, _opened)
    if label is Label.DISTRESS:
        return (*common, _with_number)
    if label is Label.ANNOUNCEMENT:
        return (*common, _announced)
    return common


def _respelt(example: Example, rng: random.Random) -> Example:
    fitting = [swap for swap in _SWAPS if swap[0] in example.text]
    if not fitting:
        return _unpunctuated(example, rng)
    return replace(example, text=example.text.replace(*rng.choice(fitting)))


def _unpunctuated(example: Example, rng: random.Random) -> Example:
    gap = rng.choice((" ", "", ",", "\n"))
    text = example.text
    for mark in (",", ",", "。", "!", "?", "?", "、", " "):
        text = text.replace(mark, gap)
    return replace(example, text=text.strip())


def _mistyped(example: Example, rng: random.Random) -> Example:
    text = example.text
    if len(text) < 6:
        return example
    place = rng.randrange(len(text) - 1)
    if rng.random() < 0.5:
        return replace(example, text=text[:place] + text[place + 1 :])
    swapped = text[place + 1] + text[place]
    return replace(example, text=text[:place] + swapped + text[place + 2 :])


def _opened(example: Example, rng: random.Random) -> Example:
    return replace(example, text=rng.choice(_OPENINGS) + example.text)


def _closed(example: Example, rng: random.Random) -> Example:
    return replace(example, text=example.text.rstrip(_ENDS) + rng.choice(_CLOSINGS))


def _closed_angrily(example: Example, rng: random.Random) -> Example:
    return replace(example, text=example.text.rstrip(_ENDS) + rng.choice(_COMPLAINT_CLOSINGS))


def _after_ack(example: Example, rng: random.Random) -> Example:
    return replace(example, text=rng.choice(_ACK_THEN) + example.text)


def _announced(example: Example, rng: random.Random) -> Example:
    return replace(example, text=rng.choice(_ANNOUNCED) + example.text)


def _with_number(example: Example, rng: random.Random) -> Example:
    """A cry for help stays one when a number is left with it."""
    number = f"16{rng.randrange(10**9):09}"
    return replace(example, text=f"{example.text} {rng.choice(_CALL_ME)}{number}")


def _joined(examples: Sequence[Example], rng: random.Random) -> Iterator[Example]:
    """Of several questions the first gives the topic; of several kinds the most urgent wins."""
    questions = [e for e in examples if e.label is Label.QUESTION and len(e.text) < 25]
    known = [e for e in questions if e.topic is not Topic.OTHER]
    for first in known[::4]:
        second = rng.choice(known)
        gap = rng.choice(("\n", " ", " 还有", ",另外", "? ", " 再问一下"))
        yield replace(first, text=first.text + gap + second.text)
    urgent = [e for e in examples if e.label in _URGENT]
    for example in urgent[::4]:
        texts = [example.text, rng.choice(known).text]
        if example.label is not Label.COMPLAINT:
            rng.shuffle(texts)
        yield replace(example, text=rng.choice((" ", "\n", ",")).join(texts))

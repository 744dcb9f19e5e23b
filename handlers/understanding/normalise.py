"""One plain form for the many ways people type the same words."""

import re
import unicodedata

# Frequent characters only: class groups are written in simplified Chinese, and a phone set to
# traditional is rare. Anything not listed is left as it came.
_TRADITIONAL = (
    "請问師們麼嗎學習課選報考試畢業證書準號碼錢費繳還沒個這裡時間點開關對錯發過會見說話讓給"
    "問題網頁電腦機進統賬戶務總結論實踐導師級績單導員領圖採集圓獎優評轉專業體辦續數據郵寄買賣"
    "從幾長門長貴歲後來為與難過懸壓懷讀寫聽聯係錄補級訂經濟國際遼寧瀋陽連錦營葉鐵嶺撫順鞍盤"
)
_SIMPLIFIED = (
    "请问师们么吗学习课选报考试毕业证书准号码钱费缴还没个这里时间点开关对错发过会见说话让给"
    "问题网页电脑机进统账户务总结论实践导师级绩单导员领图采集圆奖优评转专业体办续数据邮寄买卖"
    "从几长门长贵岁后来为与难过悬压怀读写听联系录补级订经济国际辽宁沈阳连锦营叶铁岭抚顺鞍盘"
)
_TO_SIMPLIFIED = {
    ord(old): new for old, new in zip(_TRADITIONAL, _SIMPLIFIED, strict=True) if old != new
}

# Not "//" or "--": addresses and file names are not excitement.
_REPEATED = re.compile(r"([!?,.~;]|[^\x00-\x7f\w\s])\1+|([哈呵嘿嘻呜啊嗯哦噢欸])\2{2,}")
_BLANKS = re.compile(r"[^\S\n]+")
_LINE_ENDS = re.compile(r" ?(?:\n ?)+")
_PLAIN = re.compile(r"[\u4e00-\u9fffA-Za-z0-9 ,.?!:]*\Z")


def normalise(text: str) -> str:
    """
    The text in half-width, simplified characters, without what the eye cannot see.

    Zero-width and direction marks, controls and lone surrogates are gone, blanks and line breaks
    are single, repeated punctuation and emoji are said once and laughter at most twice. Case is
    kept. Normalising twice changes nothing.
    """
    if not _PLAIN.match(text):
        # Twice: what is invisible can keep characters apart that belong together.
        text = _without_invisible(unicodedata.normalize("NFKC", _without_invisible(text)))
    text = text.translate(_TO_SIMPLIFIED)
    text = _REPEATED.sub(_said_once, text)
    text = _BLANKS.sub(" ", text)
    return _LINE_ENDS.sub("\n", text).strip()


def _said_once(match: re.Match[str]) -> str:
    return match[1] or match[2] * 2


def _without_invisible(text: str) -> str:
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    return "".join(map(_visible, text))


def _visible(char: str) -> str:
    if char.isprintable() and not "\ufe00" <= char <= "\ufe0f":
        # Skin tones say nothing about the matter.
        return "" if "\U0001f3fb" <= char <= "\U0001f3ff" else char
    if char == "\n" or unicodedata.category(char) in {"Zl", "Zp"}:
        return "\n"
    return " " if char == "\t" or unicodedata.category(char) == "Zs" else ""

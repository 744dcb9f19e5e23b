"""What needs no model: the shapes of private data, commands and attacks that are certain."""

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from storage.vocabulary import Label


class Private(StrEnum):
    """A kind of private data; the value is what stands in its place once it is hidden."""

    IDENTITY_CARD = "〔身份证号〕"
    PHONE = "〔手机号〕"
    BANK_CARD = "〔银行卡号〕"
    PASSWORD = "〔密码〕"  # noqa: S105 -- the placeholder, not a password
    ADDRESS = "〔住址〕"


@dataclass(frozen=True, slots=True)
class PrivateSpan:
    """Where in the original text something private stands."""

    start: int
    end: int
    kind: Private


# ---- numbers -------------------------------------------------------------------------------

_CHINESE_DIGITS = {
    **dict(zip("〇零一二三四五六七八九", "00123456789", strict=True)),
    **dict(zip("壹贰叁肆伍陆柒捌玖幺", "1234567891", strict=True)),
}
# What people (and phones) put between the digits of one number; U+20E3 is the box of 1\ufe0f\u20e3.
_GAP_CHARS = (
    r" \t\u00a0\u3000\-‐‑–—_.·()\uff08\uff09\u200b-\u200f\u202a-\u202e\u2060\ufeff\ufe0f\u20e3"
)
_GAP = rf"[{_GAP_CHARS}]{{0,3}}"
_RUN = re.compile(
    rf"(?<![0-9A-Za-z])\+?[0-9](?:{_GAP}[0-9]){{10,}}(?:{_GAP}[xX](?![A-Za-z0-9]))?"
    # Right after letters, as in 「tel161…」 or a file name, only a phone or a card with no gaps.
    r"|(?<=[A-Za-z])[0-9]{11,19}[xX]?(?![0-9A-Za-z])"
)
_CHINESE_RUN = re.compile(rf"[0-9](?:{_GAP}[0-9]){{10,}}(?:{_GAP}[xX])?")
_GAP_SEEN = re.compile(r"[^\S\n]+|[\-‐‑–—_.·()\uff08\uff09]+")
_ID_CARD = re.compile(r"[1-9]\d{5}(?:1[89]|20)\d{2}[0-3]\d[0-3]\d\d{3}[\dxX]")
# A mistyped one is a leak, too: it still begins with a province.
_PROVINCE = r"(?:1[1-5]|2[1-3]|3[1-7]|4[1-6]|5[0-4]|6[1-5]|71|8[1-3])"
_MISTYPED_ID_CARD = re.compile(rf"{_PROVINCE}\d{{15}}[\dxX]|{_PROVINCE}\d{{14}}[xX]")
_OLD_ID_CARD = re.compile(rf"{_PROVINCE}\d{{4}}\d{{2}}[01]\d[0-3]\d\d{{3}}")
_PHONE = re.compile(r"(?:86|0086)?1\d{10}")
_COUNTRY = re.compile(r"^\+?(?:00)?86(?=[^0-9])|\+")
# The school's own are public; only somebody's at home is not.
_HOME_PHONE = re.compile(
    r"(?:家里|家的|我家|家庭|宅|座机)[^\d\n]{0,6}(?P<number>0\d{2,3}[-\s]?\d{7,8})(?!\d)"
)
_BANK_CARD = re.compile(r"[3-9]\d{15,18}")
# The letter where the digit was meant.
#: Neither ASCII nor a Chinese character.
_MAY_BE_DIGIT = re.compile(r"[^\x00-\x7f\u4e00-\u9fff]")
_LETTER_O = re.compile(r"(?<=[0-9])[oO]+(?=[oO]*[0-9])")

_SAYS_ID_CARD = re.compile(r"身份证|身分证|证件号|sfz", re.I)
_SAYS_BANK = re.compile(r"卡号|银行|账号|账户|帐号|帐户|开户|工行|建行|农行|中行|邮储|信用社|储蓄")
_SAYS_PHONE = re.compile(r"手机|电话|联系方式|号码|打给我|微信|tel", re.I)
_SAYS_HARMLESS = re.compile(
    r"(?:订单|单号|流水|快递|运单|物流|发票|交易号|学号|准考证号|考号|考生号|报名号|编号|文号|ISBN"
    r"|工单|凭证号|QQ群?|扣扣群?|群号?|课程号|课程代码|考场号?|座位号|会议号|房间号|批次号|条形码|书号|统一社会信用代码|信用代码|id=|/)[^\d]{0,6}$",
    re.I,
)

_PASSWORD = re.compile(
    r"(?:密码|口令|pwd|password)\s*(?:就?是|为|改成了?|设的?是?|[:=])?\s*[:“\"']?"
    r"(?P<secret>(?=[A-Za-z@#!._]*\d)[A-Za-z0-9@#!$%^&*._+-]{6,32})(?!\s*(?:加|\+|这种|格式|再加|后面))",
    re.I,
)
_ACCOUNT_PASSWORD = re.compile(
    r"(?:账号|帐号|账户|学号|用户名)\s*(?:是|为|[:=])?\s*[A-Za-z0-9@._]{4,32}[\s,;、/和]*"
    r"(?:密码|口令|pwd|mm)\s*(?:是|为|[:=])?\s*(?P<secret>[A-Za-z0-9@#!$%^&*._+-]{4,32})",
    re.I,
)

# ---- addresses and medical papers ----------------------------------------------------------

_NUMBER = r"[0-9一二三四五六七八九十百零〇]{1,5}"
_DOOR = rf"(?:{_NUMBER}\s*(?:号院|号楼|号|栋|幢|座|单元|室|门|组|楼|户|[-#])\s*)+(?:{_NUMBER}(?:号|室)?)?"
_PLACE = r"(?:路|街|道|巷|胡同|小区|花园|家园|苑|新村|村|屯|镇|乡|社区|公寓|里|园|城|庄|旗|区)"
_ADDRESS = re.compile(
    r"(?:(?:我|俺)?家(?:现在)?(?:住在|住|在|地址)|家庭住址|家庭地址|现住址?|住址|住在|我住|俺住|户籍地址"
    r"|(?:收货|收件|邮寄|快递|通信|通讯)地址|地址|(?:寄|邮|送|发|快递)(?:到|给|往|去)(?:我家|我这)?)"
    rf"(?:是|为|在|[:,])?\s*(?P<place>[^\n,。;?!]{{0,24}}?{_PLACE}[^\n,。;?!]{{0,12}}?{_DOOR})"
)
# A street, a house and a door say where somebody lives, whatever stands before them.
_FULL_ADDRESS = re.compile(
    rf"[市州盟区县旗](?P<place>[^\n,。;?!\s]{{2,12}}(?:路|街|道|巷){_NUMBER}(?:-{_NUMBER})?号"
    rf"[^\n,。;?!]{{0,12}}?{_NUMBER}(?:号楼|栋|幢|座|单元){_DOOR})"
)
_PUBLIC_PLACE = re.compile(
    r"考点|考场|校区|学校|学习中心|办公|大学|学院|领取|集合|报到|上课|面授|大厅"
)
_MEDICAL = re.compile(
    r"(?:病历|病例|诊断书|诊断证明|化验单|检验报告|检查报告|体检报告|住院记录)[^\n?]{0,12}"
    r"(?:\[图片\]|发群里|发到?群|贴群|给大家看|大家看|都看看|如下|传群)"
    r"|(?:确诊|得了|得的|查出|患)[^\n?]{0,12}(?:病历|诊断书|化验单|诊断证明)[^\n?吗]{0,12}(?:发|贴|传|在这|给你|\[)"
)

# What the model may call private without a shape: papers, pictures and places, not numbers.
_PRIVATE_HINT = re.compile(
    r"病|诊断|化验|报告|住院|检查|户口|结婚证|出生证|身份证|银行卡|证件|名单|花名册|通讯录|同学录|照片|截图|\[图片\]"
    r"|\[文件\]|家住|我住|住在|住址|地址|邮到|寄到|寄:|(?:电话|座机).{0,4}0\d{2,3}-?\d{7,8}"
)
_MAY_HOLD_NUMBER = re.compile(r"\d(?:\D{0,3}\d){10}")
_MAY_HOLD_OTHER = re.compile(
    r"密码|口令|pwd|password|住|地址|寄|邮|送|快递|病|诊断|化验|体检|家|座机|单元|号楼|栋", re.I
)
_HOLDS_ODD_DIGITS = re.compile(
    r"[〇零一二三四五六七八九壹贰叁肆伍陆柒捌玖幺]|[^\x00-\x7f\u3000-\u9fff]"
)


def private_spans(text: str) -> list[PrivateSpan]:
    """Where private numbers, passwords and addresses stand in `text`, in order, not overlapping."""
    shadow = _plain_digits(text)
    found: list[PrivateSpan] = []
    if _MAY_HOLD_OTHER.search(shadow):
        found += _words(shadow)
    if _MAY_HOLD_NUMBER.search(shadow):
        found += _numbers(shadow, _RUN)
    if _HOLDS_ODD_DIGITS.search(text):
        chinese = _chinese_digits(_hidden(shadow, found))
        if _MAY_HOLD_NUMBER.search(chinese):
            found += _numbers(chinese, _CHINESE_RUN)
    return _without_overlaps(found)


def holds_private(text: str) -> bool:
    """Whether something in `text` should not have been said in a group."""
    return bool(private_spans(text) or _MEDICAL.search(text))


def hints_at_private(text: str) -> bool:
    """Whether there is anything in `text` that could be private, shape or no shape."""
    return _PRIVATE_HINT.search(text) is not None


def mask(text: str) -> str:
    """
    The text with private numbers, passwords and addresses replaced by what they are.

    For everything that is stored or shown again. Masking twice changes nothing.
    """
    # Again until nothing is left: a number may only be recognised once its neighbour is gone.
    while spans := private_spans(text):
        text = _replaced(text, spans)
    return text


def _replaced(text: str, spans: list[PrivateSpan]) -> str:
    parts: list[str] = []
    end = 0
    for span in spans:
        parts += (text[end : span.start], span.kind.value)
        end = span.end
    return "".join((*parts, text[end:]))


def _words(shadow: str) -> Iterator[PrivateSpan]:
    for pattern in (_ACCOUNT_PASSWORD, _PASSWORD):
        for match in pattern.finditer(shadow):
            yield PrivateSpan(*match.span("secret"), Private.PASSWORD)
    for match in _HOME_PHONE.finditer(shadow):
        yield PrivateSpan(*match.span("number"), Private.PHONE)
    for match in (*_ADDRESS.finditer(shadow), *_FULL_ADDRESS.finditer(shadow)):
        if not _PUBLIC_PLACE.search(shadow[max(0, match.start() - 6) : match.end()]):
            yield PrivateSpan(*match.span("place"), Private.ADDRESS)


def _numbers(shadow: str, pattern: re.Pattern[str]) -> Iterator[PrivateSpan]:
    for match in pattern.finditer(shadow):
        kind = _kind_of(match, shadow)
        if kind:
            yield PrivateSpan(*match.span(), kind)
        else:
            yield from _several_numbers(match, shadow)


def _kind_of(match: re.Match[str], shadow: str) -> Private | None:
    digits = re.sub(r"[^0-9xX]", "", match[0])
    before = shadow[max(0, match.start() - 12) : match.start()]
    written = _COUNTRY.sub("", match[0])
    groups = [len(group) for group in _GAP_SEEN.split(written) if group]
    return _kind_of_digits(digits, before, is_one_number=_belong_together(groups))


def _belong_together(groups: list[int]) -> bool:
    """Whether digits with gaps are typed as one number is; dates and marks come in twos."""
    if groups[-1] == 1 and len(groups) > 2:
        groups = groups[:-1]
    return 2 not in groups or (groups[0] == 3 and set(groups[1:]) == {2})


def _kind_of_digits(digits: str, before: str, *, is_one_number: bool = True) -> Private | None:
    if _ID_CARD.fullmatch(digits):
        return Private.IDENTITY_CARD
    if _SAYS_ID_CARD.search(before) and len(digits) in (15, 16, 17, 18, 19):
        return Private.IDENTITY_CARD
    if _SAYS_HARMLESS.search(before) or not is_one_number:
        return None
    if _SAYS_BANK.search(before) and 15 <= len(digits) <= 19:
        return Private.BANK_CARD
    # Counting from one to ten is eleven digits, too.
    if _PHONE.fullmatch(digits) and digits != "12345678910":
        return Private.PHONE
    if _OLD_ID_CARD.fullmatch(digits) or _MISTYPED_ID_CARD.fullmatch(digits):
        return Private.IDENTITY_CARD
    if _BANK_CARD.fullmatch(digits):
        return Private.BANK_CARD
    return None


def _several_numbers(match: re.Match[str], shadow: str) -> Iterator[PrivateSpan]:
    """A run that is no number as a whole may be several numbers with blanks between them."""
    for part in re.finditer(r"[0-9]{11,}[xX]?", match[0]):
        start = match.start() + part.start()
        kind = _kind_of_digits(part[0], shadow[max(0, start - 12) : start])
        if kind and part[0] != match[0]:
            yield PrivateSpan(start, start + len(part[0]), kind)


def _plain_digits(text: str) -> str:
    """The text, character for character, with every Unicode digit and colon as ASCII."""
    plain = _MAY_BE_DIGIT.sub(lambda match: _ascii_of(match[0]), text)
    return _LETTER_O.sub(lambda match: "0" * len(match[0]), plain)


def _ascii_of(char: str) -> str:
    digit = unicodedata.digit(char, None)
    if digit is not None:
        return str(digit)
    plain = unicodedata.normalize("NFKC", char)
    return plain if len(plain) == 1 else char


def _chinese_digits(text: str) -> str:
    return "".join(_CHINESE_DIGITS.get(char, char) for char in text)


def _hidden(shadow: str, spans: list[PrivateSpan]) -> str:
    for span in spans:
        shadow = shadow[: span.start] + "\n" * (span.end - span.start) + shadow[span.end :]
    return shadow


def _without_overlaps(spans: list[PrivateSpan]) -> list[PrivateSpan]:
    kept: list[PrivateSpan] = []
    for span in sorted(spans, key=lambda span: (span.start, -span.end)):
        if not kept or span.start >= kept[-1].end:
            kept.append(span)
    return kept


# ---- commands, attacks, faces --------------------------------------------------------------

_COMMAND = re.compile(r"\s*[/／]\s?(?=[\u4e00-\u9fffA-Za-z])")
# QQ sends its old faces as words with a slash.
_FACES = re.compile(
    r"\s*/(?:微笑|撇嘴|色|发呆|得意|流泪|害羞|闭嘴|睡|大哭|尴尬|发怒|调皮|呲牙|惊讶|难过|酷|冷汗|抓狂|吐|偷笑|可爱"
    r"|白眼|傲慢|饥饿|困|惊恐|流汗|憨笑|大兵|奋斗|咒骂|疑问|嘘|晕|折磨|衰|骷髅|敲打|再见|擦汗|抠鼻|鼓掌|糗大了"
    r"|坏笑|哼|鄙视|委屈|快哭了|阴险|亲亲|吓|可怜|菜刀|西瓜|啤酒|咖啡|饭|猪头|玫瑰|凋谢|示爱|爱心|心碎|蛋糕"
    r"|强|弱|握手|胜利|抱拳|勾引|拳头|差劲|爱你|NO|OK|爱情|飞吻|跳跳|发抖|怄火|转圈|磕头|回头|跳绳|挥手|捂脸"
    r"|笑哭|doge|泪奔|无奈|托腮|卖萌|斜眼笑|喷血|惊喜|骚扰|我最美|加油|赞|棒棒糖|点赞)(?![\u4e00-\u9fffA-Za-z])"
)
_AGREEING_FACES = frozenset("👌👍🙏🆗✅🤝💪🫡☑✔")
_AGREEING_WORD = re.compile(
    r"\[(?:OK|强|抱拳|好的|握手|赞|鼓掌|胜利|合十)\]|/(?:OK|强|抱拳|赞|握手)"
)
_INJECTION = re.compile(
    r"(?:ignore|disregard|forget|bypass|override)\b.{0,40}\b(?:instruction|rule|prompt|polic|direction|guideline)"
    r"|system prompt|prompt injection|jailbreak|developer mode|do anything now|you are now\b"
    r"|<\s*/?\s*(?:script|iframe|img|svg)\b|javascript:|onerror\s*="
    r"|(?:drop|truncate|alter)\s+table|delete\s+from\s|insert\s+into\s|union\s+(?:all\s+)?select|select\s+.{1,40}\sfrom\s"
    r"|'\s*or\s*'?1'?\s*=\s*'?1|;\s*--|rm\s+-rf|os\.system|__import__|eval\(|exec\(|\$\{jndi|\{\{.{0,40}\}\}|\.\./\.\./"
    r"|<\|(?:im_start|im_end|system|endoftext)\|>|\[/?INST\]|\[CQ:\w+,[^\]]*(?:all|file=)",
    re.I | re.S,
)
_MAY_INJECT = re.compile(r"[<>;{}'$|(\[:]|[A-Za-z]{4}|\.\./")


def certain_label(text: str) -> Label | None:
    """The label of a normalised text where no judgement is needed, or None."""
    if _COMMAND.match(text) and not _FACES.match(text):
        return Label.COMMAND_FORGERY
    if _MAY_INJECT.search(text) and _INJECTION.search(text):
        return Label.INJECTION
    return None


def faces_only(text: str) -> Label | None:
    """What a normalised text without any word or digit amounts to, or None if it has words."""
    rest = _AGREEING_WORD.sub("", text)
    agrees = rest != text
    if any(char.isalnum() for char in re.sub(r"\[[^\[\]]{1,6}\]", "", _FACES.sub("", rest))):
        return None
    if "?" in rest:
        return Label.QUESTION
    return Label.ACK if agrees or _AGREEING_FACES & set(text) else Label.CHITCHAT

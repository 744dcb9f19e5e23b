"""What to do with a message, before anything is done: pure, and what `python -m bot ask` prints."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum, auto

from handlers import regulation, texts
from handlers.faq import Entry, Knowledge, Match, Scope, Use, fill
from handlers.settings import BotSettings
from handlers.understanding import Understanding, is_only_a_call, normalise
from handlers.understanding.turns import names_a_matter
from storage.vocabulary import Action, AttachmentKind, Label, Message, Topic

SPEECHLESS = frozenset({AttachmentKind.IMAGE, AttachmentKind.VOICE, AttachmentKind.VIDEO})
_WANTS_A_PERSON = re.compile(r"(转|找|叫|要|接)(一下|个)?(人工|老师|真人|助学教师)")
#: From here on whoever seems in distress is spoken to unasked; below, only a person is called.
_SURE_DISTRESS = 0.8
#: … or who says so in plain words …
_SAYS_SO = re.compile(
    "不想活|活不下去|活不了了|没活路|自杀|自尽|轻生|寻短见|寻死|遗书|割[腕脉手]|割了手|划[了破]?手腕"
    "|自残|伤害自己|做傻事|安眠药|百草枯|农药|上吊|烧炭|炭[都也]?(?:买|备|准备)"
    "|药[都全也]*(?:吃|攒|吞|倒)|吞了.{0,4}药|结束(?:这一切|一切|生命|自己)|离开(?:这个)?(?:世界|人世)"
    "|一了百了|一死了之|[真都只就]想死|想过死|死了大家|跳[河江桥楼]|往下跳|跳下去|不想醒|后悔醒"
    "|想消失|我消失|是.{0,2}累赘|活够了|要杀我|弄死我|帮我报警|不敢报警"
    "|(?:他|她|男人|老公|丈夫|前夫|对象|我爸|继父)[^,，。 ]{0,4}打我|我.{0,3}(?:抑郁|双相)"
)
#: … and not of a sum, the weather or a game: of these a person is told, and nothing is said.
_GROANS = re.compile(
    "题|作业|背书|单词|听力|高数|热|冷|零下|困|饿|馋|辣|酸|咸|哈|笑|嘿|嘻|逗|闹钟|彩票|抽奖|红包"
    "|涨价|油价|菜|肉|烧烤|外卖|快递|堵车|排队|鞋|剧|电影|小说|游戏|吃鸡|王者|球|牌|八百|减肥"
    "|下雨|下雪|空调|加班|打工|周一|假期|早八|早起|物业|广场舞|装修|富二代|猫|狗|蚊子|停水|停电"
    "|年终奖|理发|网速|wifi|打印机|洗衣机|眼泪|泪目"
)
_SURE_COMPLAINT = 0.7
#: How sure it is that a phrasing of an entry, put to the bot, asks for that entry.
_VERBATIM = 0.99
_MAYBE_QUESTION = 0.25
#: How sure the topic must be that stands for what was left unsaid.
_KNOWN_TOPIC = 0.5
#: From here on a complaint gets a receipt unasked: one that names what is ours, and any other.
_PLAIN_COMPLAINT, _PLAIN_WITHOUT_NAMES = 0.75, 0.9
_OURS = re.compile(
    "老师|教师|班主任|助教|导员|导师|教务|财务|学校|学院|学习中心|开大|电大|你们|平台|系统|机器人|助手|客服"
    "|热线|投诉|举报|收费|收据|发票|退费|退钱"
)
_STAFF_WORDS = re.compile(r"老师|班主任|助学教师|辅导员|导员|助教")

ARTICLES: dict[Topic, str] = {
    Topic.ENROLLMENT: "第十一条",
    Topic.ACTIVITIES: "第十二条",
    Topic.CONTACT: "第十三条",
    Topic.OTHER: "第十三条",
    Topic.NONE: "第十三条",
    Topic.AWARDS: "第十四条",
    Topic.FORMATIVE_ASSESSMENT: "第十五条",
    Topic.TIMETABLE: "第十五条",
    Topic.PLATFORM_LOGIN: "第十五条",
    Topic.PRACTICE_THESIS: "第十五条",
}


class Stance(Enum):
    """How the bot stands to a message, from who says it where."""

    ADDRESSED = auto()  # private, @, called by name
    EAVESDROPPING = auto()  # to nobody, in a class where the bot may answer what it surely knows
    LISTENING = auto()  # to nobody, where it may only note


@dataclass(frozen=True, slots=True)
class Decision:
    """What the bot does: the action, and what it would say it from."""

    action: Action
    topic: Topic
    entry: Entry | None = None
    confidence: float = 0.0
    text: str = ""
    missing: tuple[str, ...] = ()
    choices: tuple[Entry, ...] = ()
    is_faint: bool = False


def article_of(topic: Topic) -> str:
    """The article of the regulation that makes a topic the tutor's work."""
    return ARTICLES.get(topic, "第十六条")


def is_about_tutor(text: str, topic: Topic) -> bool:
    """
    Whether a complaint may be about the tutor.

    Errs towards yes: a complaint that reaches the supervisor first is merely slow, one that
    reaches the accused tutor is harm.
    """
    return topic is Topic.CONTACT or _STAFF_WORDS.search(text) is not None


def called_by_name(text: str, settings: BotSettings) -> str | None:
    """The text without the bot's name, if it begins with it; else None."""
    bare = text.lstrip(" @＠")
    for name in settings.names:
        if bare.startswith(name):
            return bare[len(name) :].lstrip(" ,，:：、!！~")
    return None


def decide(
    message: Message,
    understanding: Understanding,
    *,
    stance: Stance,
    facts: Mapping[str, str],
    knowledge: Knowledge,
    settings: BotSettings,
    scope: Scope = (),
) -> Decision:
    """
    What to do with one message; the same message and facts always give the same.

    `scope` is whose entries the class may see.
    """
    is_addressed = stance is Stance.ADDRESSED
    label, topic = understanding.label, understanding.topic
    if not message.text.strip():
        speechless = any(item.kind in SPEECHLESS for item in message.attachments)
        if is_addressed:
            return Decision(Action.HAND_OFF if speechless else Action.ASK_BACK, topic)
        return Decision(Action.SILENCE, topic)
    if label in (Label.QUESTION, Label.CHITCHAT) and is_only_a_call(message.text):
        return Decision(Action.ASK_BACK if is_addressed else Action.SILENCE, topic)
    match label:
        case Label.DISTRESS:
            # Rather a card too many than a person missed; but a stranger's comfort to somebody
            # who only groaned would be noise, so that is for who is sure or was spoken to.
            is_faint = not is_addressed and not _is_plain(message.text, understanding)
            return Decision(
                Action.DISTRESS, topic, confidence=understanding.confidence, is_faint=is_faint
            )
        case Label.PRIVACY_LEAK:
            return Decision(Action.PRIVACY, topic, confidence=understanding.confidence)
        case Label.INJECTION | Label.COMMAND_FORGERY:
            action = Action.REFUSE if is_addressed else Action.SILENCE
            return Decision(action, topic, confidence=understanding.confidence)
        case Label.COMPLAINT:
            if (
                understanding.confidence < _SURE_COMPLAINT
                and understanding.p_question > _MAYBE_QUESTION
            ):
                # An angry question: where the answer is known, that helps more than a form.
                guess = _decide_question(
                    message.text,
                    topic,
                    stance,
                    facts=facts,
                    knowledge=knowledge,
                    settings=settings,
                    scope=scope,
                )
                if guess.action is Action.ANSWER:
                    return guess
            # Whether it is about us at all may be for a person to read; no receipt for a groan.
            is_about_us = _is_about_us(message.text)
            plain = _PLAIN_COMPLAINT if is_about_us else _PLAIN_WITHOUT_NAMES
            is_faint = not is_addressed and understanding.confidence < plain
            return Decision(
                Action.COMPLAINT, topic, confidence=understanding.confidence, is_faint=is_faint
            )
        case Label.QUESTION:
            return _decide_question(
                query_of(message.text, understanding),
                topic,
                stance,
                facts=facts,
                knowledge=knowledge,
                settings=settings,
                scope=scope,
            )
    if is_addressed and _WANTS_A_PERSON.search(message.text):
        return Decision(Action.HAND_OFF, topic)
    if is_addressed and label is Label.CHITCHAT:
        # Put to the bot, even an odd wording may be a question it knows.
        guess = _decide_question(
            message.text,
            Topic.NONE,
            stance,
            facts=facts,
            knowledge=knowledge,
            settings=settings,
            scope=scope,
        )
        if guess.action in (Action.ANSWER, Action.REFUSE):
            return guess
        return Decision(Action.ASK_BACK, topic)
    return Decision(Action.SILENCE, topic, confidence=understanding.confidence)


def _is_plain(text: str, understanding: Understanding) -> bool:
    """Whether distress is sure enough for a word to somebody who has not spoken to the bot."""
    if _GROANS.search(text.lower()):
        return False
    return _SAYS_SO.search(text) is not None or understanding.confidence >= _SURE_DISTRESS


def _is_about_us(text: str) -> bool:
    return _OURS.search(text) is not None or names_a_matter(normalise(text))


def query_of(text: str, understanding: Understanding) -> str:
    """What only makes sense after something else is looked up together with it."""
    topic = understanding.topic
    is_known = understanding.topic_confidence >= _KNOWN_TOPIC
    if understanding.is_follow_up and is_known and topic not in (Topic.NONE, Topic.OTHER):
        return f"{texts.TOPIC_NAMES[topic]} {text}"
    return text


def _decide_question(
    text: str,
    topic: Topic,
    stance: Stance,
    *,
    facts: Mapping[str, str],
    knowledge: Knowledge,
    settings: BotSettings,
    scope: Scope,
) -> Decision:
    if stance is Stance.LISTENING:
        return Decision(Action.WATCH, topic)
    is_addressed = stance is Stance.ADDRESSED
    if is_addressed and _WANTS_A_PERSON.search(text):
        return Decision(Action.HAND_OFF, topic)
    if is_addressed and (article := regulation.article_asked(text)):
        return _quote(article, text, topic)
    matches = of_scope(knowledge.search(text, topic=topic), scope)
    best = matches[0] if matches else None
    if is_addressed and (said := knowledge.verbatim(text)) is not None:
        # Its own words leave no doubt; they come first where they are only words, too.
        best = next(iter(of_scope((Match(said, _VERBATIM),), scope)), best)
    floor = settings.answer_floor if is_addressed else settings.unaddressed_floor
    if best is not None and best.confidence >= floor:
        if best.entry.use is Use.REFUSE and not is_addressed:
            return Decision(Action.WATCH, topic, confidence=best.confidence)
        is_about_rules = best.entry.key.startswith(regulation.KEY) and best.entry.article
        if is_about_rules and regulation.asks_meaning(text):
            return _quote(best.entry.article, text, topic)
        return answer_with(best.entry, topic, facts, confidence=best.confidence)
    confidence = best.confidence if best is not None else 0.0
    if not is_addressed:
        return Decision(Action.WATCH, topic, confidence=confidence)
    choices = _worth_offering(matches, settings.ask_back_floor)
    if choices:
        return Decision(Action.ASK_BACK, topic, confidence=confidence, choices=choices)
    return Decision(Action.HAND_OFF, topic, confidence=confidence)


def answer_with(
    entry: Entry, topic: Topic, facts: Mapping[str, str], *, confidence: float = 1.0
) -> Decision:
    """To say what an entry says, or to hand over because the school has not filled its slots."""
    filled = fill(entry, facts)
    if entry.use is Use.REFUSE:
        action = Action.REFUSE
    else:
        action = Action.HAND_OFF if filled.missing else Action.ANSWER
    return Decision(action, topic, entry, confidence, text=filled.text, missing=filled.missing)


def _quote(article: str, text: str, topic: Topic) -> Decision:
    """The article itself: what a rule means, a program does not decide."""
    words = texts.article_quoted(
        regulation.quoted(article), is_about_meaning=regulation.asks_meaning(text)
    )
    entry = Entry(
        key=f"{regulation.KEY}article",
        topic=Topic.OTHER,
        question=f"{article}是怎么规定的？",
        variants=(),
        answer=words,
        article=article,
        source=regulation.NUMBER,
        needs=(),
        valid_from=None,
        valid_to=None,
    )
    return Decision(Action.ANSWER, topic, entry, 1.0, text=words)


def of_scope(matches: tuple[Match, ...], scope: Scope) -> tuple[Match, ...]:
    """The rows that hold for the class in place of those found; what it has not, is not there."""
    rows = ((match.entry.within(scope), match.confidence) for match in matches)
    return tuple(Match(entry, confidence) for entry, confidence in rows if entry is not None)


def _worth_offering(matches: tuple[Match, ...], floor: float) -> tuple[Entry, ...]:
    """At most three; one alone is offered too, and 0 says that it is not that."""
    return tuple(match.entry for match in matches[:3] if match.confidence >= floor)

"""What the bot does with a message: by what it is, and by how the bot stands to it."""

import math
from dataclasses import replace
from typing import Any

import pytest

from handlers.decision import (
    Decision,
    Stance,
    article_of,
    called_by_name,
    decide,
    is_about_tutor,
)
from handlers.faq import Entry, Knowledge
from handlers.settings import BotSettings
from handlers.understanding import Understanding
from storage.vocabulary import (
    Action,
    Attachment,
    AttachmentKind,
    Conversation,
    ConversationKind,
    Label,
    Message,
    Platform,
    Topic,
)
from tests.conftest import NOW

PLACE = Conversation(Platform.QQ, "3889000001", ConversationKind.GROUP, "600000000")
ADDRESSED, EAVESDROPPING, LISTENING = Stance.ADDRESSED, Stance.EAVESDROPPING, Stance.LISTENING

EXAM = Entry(
    key="exam_registration.when",
    topic=Topic.EXAM_REGISTRATION,
    question="考试报名什么时候开始、什么时候截止？",
    variants=("考试报名什么时候", "报考几号截止", "啥时候报考试"),
    answer="报考时间：{时间:考试报名}。\n入口：{链接:报考}",
    article="第十六条",
    source="校历",
    needs=("时间:考试报名",),
    valid_from=None,
    valid_to=None,
)
BOOKS = replace(
    EXAM,
    key="textbook.how",
    topic=Topic.TEXTBOOK,
    question="教材怎么领取？",
    variants=("教材在哪里领", "书怎么领", "课本什么时候发"),
    answer="教材由学习中心发放。",
    needs=(),
)
KNOWLEDGE = Knowledge((EXAM, BOOKS))
FACTS = {"时间:考试报名": "12月5日 09:00 至 12月12日 17:00"}


def decision(
    text: str = "考试报名什么时候",
    label: Label = Label.QUESTION,
    *,
    stance: Stance = ADDRESSED,
    topic: Topic = Topic.EXAM_REGISTRATION,
    facts: dict[str, str] | None = None,
    settings: BotSettings | None = None,
    **changes: Any,
) -> Decision:
    message = replace(Message(PLACE, "20001", "李明", "1001", text, NOW), **changes)
    return decide(
        message,
        Understanding(label, topic, 0.9, 0.9),
        stance=stance,
        facts=FACTS if facts is None else facts,
        knowledge=KNOWLEDGE,
        settings=settings or BotSettings(),
    )


@pytest.mark.parametrize(
    ("label", "addressed", "eavesdropping", "listening"),
    [
        (Label.DISTRESS, Action.DISTRESS, Action.DISTRESS, Action.DISTRESS),
        (Label.PRIVACY_LEAK, Action.PRIVACY, Action.PRIVACY, Action.PRIVACY),
        (Label.COMPLAINT, Action.COMPLAINT, Action.COMPLAINT, Action.COMPLAINT),
        (Label.INJECTION, Action.REFUSE, Action.SILENCE, Action.SILENCE),
        (Label.COMMAND_FORGERY, Action.REFUSE, Action.SILENCE, Action.SILENCE),
        (Label.QUESTION, Action.ANSWER, Action.ANSWER, Action.WATCH),
        (Label.ACK, Action.SILENCE, Action.SILENCE, Action.SILENCE),
        (Label.ANNOUNCEMENT, Action.SILENCE, Action.SILENCE, Action.SILENCE),
        (Label.SPAM, Action.SILENCE, Action.SILENCE, Action.SILENCE),
    ],
)
def test_the_kind_of_message_and_the_stance_decide(
    label: Label, addressed: Action, eavesdropping: Action, listening: Action
) -> None:
    done = [decision(label=label, stance=stance).action for stance in Stance]

    assert done == [addressed, eavesdropping, listening]


@pytest.mark.parametrize(
    ("stance", "action"),
    [
        (ADDRESSED, Action.ASK_BACK),
        (EAVESDROPPING, Action.SILENCE),
        (LISTENING, Action.SILENCE),
    ],
)
def test_chatter_gets_a_word_only_from_a_bot_that_was_spoken_to(
    stance: Stance, action: Action
) -> None:
    found = decision("哈哈哈今晚吃啥", Label.CHITCHAT, topic=Topic.NONE, stance=stance)

    assert (found.action, found.choices) == (action, ())


@pytest.mark.parametrize("text", ["在吗", "老师在吗？", "有人吗"])
@pytest.mark.parametrize("label", [Label.QUESTION, Label.CHITCHAT])
def test_a_bare_call_is_never_a_question(text: str, label: Label) -> None:
    found = [decision(text, label, topic=Topic.OTHER, stance=stance) for stance in Stance]

    assert [it.action for it in found] == [Action.ASK_BACK, Action.SILENCE, Action.SILENCE]
    assert [it.choices for it in found] == [(), (), ()]


@pytest.mark.parametrize("label", [Label.QUESTION, Label.CHITCHAT])
@pytest.mark.parametrize("text", ["考试报名什么时候", "老师，请问考试报名啥时候呀", "报考几号截止"])
def test_what_is_a_phrasing_of_an_entry_is_always_answered_to_who_asks_the_bot(
    text: str, label: Label
) -> None:
    never = BotSettings(answer_floor=0.99, unaddressed_floor=0.99, ask_back_floor=0.99)
    found = decision(text, label, topic=Topic.NONE, settings=never)

    assert (found.action, found.entry) == (Action.ANSWER, EXAM)


@pytest.mark.parametrize(
    ("text", "confidence", "stance", "is_spoken_to"),
    [
        ("班主任根本不管我们", 0.8, EAVESDROPPING, True),
        ("班主任根本不管我们", 0.6, EAVESDROPPING, False),
        ("太不像话了", 0.8, EAVESDROPPING, False),
        ("太不像话了", 0.95, LISTENING, True),
        ("太不像话了", 0.6, ADDRESSED, True),
    ],
)
def test_a_receipt_unasked_is_for_plain_complaints_about_us(
    text: str, confidence: float, stance: Stance, is_spoken_to: bool
) -> None:
    """A person reads the others all the same."""
    found = decide(
        Message(PLACE, "20001", "李明", "1001", text, NOW),
        Understanding(Label.COMPLAINT, Topic.OTHER, confidence, confidence),
        stance=stance,
        facts={},
        knowledge=KNOWLEDGE,
        settings=BotSettings(),
    )

    assert (found.action, found.is_faint) == (Action.COMPLAINT, not is_spoken_to)


@pytest.mark.parametrize(
    ("text", "confidence", "stance", "is_spoken_to"),
    [
        ("每天都很难熬", 0.8, EAVESDROPPING, True),
        ("每天都很难熬", 0.6, EAVESDROPPING, False),
        ("每天都很难熬", 0.6, LISTENING, False),
        ("每天都很难熬", 0.3, ADDRESSED, True),
        ("我真的不想活了", 0.3, EAVESDROPPING, True),
        ("药都攒够了", 0.3, LISTENING, True),
        ("这题做得我不想活了", 0.6, EAVESDROPPING, False),
    ],
)
def test_who_may_be_in_distress_is_spoken_to_only_when_that_is_plain(
    text: str, confidence: float, stance: Stance, is_spoken_to: bool
) -> None:
    """A person is called in any case."""
    found = decide(
        Message(PLACE, "20001", "李明", "1001", text, NOW),
        Understanding(Label.DISTRESS, Topic.NONE, confidence, confidence),
        stance=stance,
        facts={},
        knowledge=KNOWLEDGE,
        settings=BotSettings(),
    )

    assert (found.action, found.is_faint) == (Action.DISTRESS, not is_spoken_to)


def test_an_oddly_worded_question_put_to_the_bot_is_still_answered() -> None:
    found = decision("考试报名什么时候", Label.CHITCHAT, topic=Topic.NONE)

    assert (found.action, found.entry) == (Action.ANSWER, EXAM)


def test_an_answer_is_filled_and_leaves_out_what_is_not_published() -> None:
    found = decision()

    assert found.text == "报考时间：12月5日 09:00 至 12月12日 17:00。"
    assert found.missing == ()


@pytest.mark.parametrize("stance", [ADDRESSED, EAVESDROPPING])
def test_a_date_that_is_not_published_is_a_matter_for_the_tutor(stance: Stance) -> None:
    found = decision(facts={}, stance=stance)

    assert found.action is Action.HAND_OFF
    assert found.missing == ("时间:考试报名",)
    assert "{" not in found.text


def test_the_floor_is_where_an_answer_begins() -> None:
    text = "考试报名那个事啥时候弄"
    confidence = KNOWLEDGE.search(text, topic=Topic.EXAM_REGISTRATION)[0].confidence
    at_floor = BotSettings(answer_floor=confidence, ask_back_floor=confidence)
    above = math.nextafter(confidence, 2)
    below_floor = BotSettings(answer_floor=above, ask_back_floor=confidence)
    below_both = BotSettings(answer_floor=above, ask_back_floor=above)

    answered = decision(text, settings=at_floor)
    offered = decision(text, settings=below_floor)
    handed_over = decision(text, settings=below_both)

    assert (answered.action, answered.entry) == (Action.ANSWER, EXAM)
    assert (offered.action, offered.choices[0], offered.entry) == (Action.ASK_BACK, EXAM, None)
    assert (handed_over.action, handed_over.choices) == (Action.HAND_OFF, ())


def test_unasked_the_bot_must_be_surer_and_otherwise_only_notes() -> None:
    text = "考试报名那个事啥时候弄"
    confidence = KNOWLEDGE.search(text, topic=Topic.EXAM_REGISTRATION)[0].confidence
    settings = BotSettings(answer_floor=confidence, unaddressed_floor=math.nextafter(confidence, 2))

    asked = decision(text, settings=settings)
    unasked = decision(text, settings=settings, stance=EAVESDROPPING)

    assert (asked.action, unasked.action) == (Action.ANSWER, Action.WATCH)
    assert unasked.choices == ()


@pytest.mark.parametrize("text", ["转人工", "帮我转老师", "我要找一下真人", "叫助学教师"])
@pytest.mark.parametrize("label", [Label.QUESTION, Label.CHITCHAT, Label.ACK])
def test_whoever_wants_a_person_gets_one(text: str, label: Label) -> None:
    addressed = decision(text, label, topic=Topic.CONTACT)
    overheard = decision(text, label, topic=Topic.CONTACT, stance=LISTENING)

    assert addressed.action is Action.HAND_OFF
    assert overheard.action in (Action.WATCH, Action.SILENCE)


@pytest.mark.parametrize(
    ("kind", "addressed"),
    [
        (AttachmentKind.IMAGE, Action.HAND_OFF),
        (AttachmentKind.VOICE, Action.HAND_OFF),
        (AttachmentKind.VIDEO, Action.HAND_OFF),
        (AttachmentKind.FACE, Action.ASK_BACK),
        (None, Action.ASK_BACK),
    ],
)
def test_what_has_no_words_is_for_a_person_or_asked_about(
    kind: AttachmentKind | None, addressed: Action
) -> None:
    attachments = () if kind is None else (Attachment(kind),)

    done = [
        decision(" ", Label.CHITCHAT, stance=stance, attachments=attachments).action
        for stance in Stance
    ]

    assert done == [addressed, Action.SILENCE, Action.SILENCE]


def test_the_same_message_is_always_decided_the_same() -> None:
    assert decision() == decision()


@pytest.mark.parametrize(
    ("text", "rest"),
    [
        ("助学小助手，报考啥时候", "报考啥时候"),
        ("小助手:在吗", "在吗"),
        ("助手 在吗", "在吗"),
        ("@助手 在吗", "在吗"),
        ("＠助学助手~~在吗", "在吗"),
        ("助手", ""),
        ("问一下助手", None),
        ("手助在吗", None),
        ("", None),
    ],
)
def test_the_bot_is_called_by_a_name_at_the_beginning(text: str, rest: str | None) -> None:
    assert called_by_name(text, BotSettings()) == rest


def test_the_bot_answers_to_the_names_it_was_given() -> None:
    settings = BotSettings(name="开小放", aliases=("小放",))

    assert called_by_name("开小放在吗", settings) == "在吗"
    assert called_by_name("小放在吗", settings) == "在吗"
    assert called_by_name("助手在吗", settings) is None


@pytest.mark.parametrize(
    ("text", "topic", "is_about"),
    [
        ("老师三天不回消息", Topic.CONTACT, True),
        ("班主任态度太差", Topic.OTHER, True),
        ("助教从来不理人", Topic.GRADES, True),
        ("没人管我们", Topic.CONTACT, True),
        ("教材到现在都没发", Topic.TEXTBOOK, False),
        ("平台天天崩", Topic.PLATFORM_LOGIN, False),
    ],
)
def test_a_complaint_that_may_be_about_the_tutor_counts_as_such(
    text: str, topic: Topic, *, is_about: bool
) -> None:
    assert is_about_tutor(text, topic) is is_about


def test_every_topic_stands_in_an_article() -> None:
    assert {article_of(topic) for topic in Topic} == {
        "第十一条",
        "第十二条",
        "第十三条",
        "第十四条",
        "第十五条",
        "第十六条",
    }

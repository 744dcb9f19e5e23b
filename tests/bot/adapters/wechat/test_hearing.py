"""What people do in WeChat, as the adapter tells it."""

import asyncio
import hashlib

import pytest

from bot.adapters.wechat import FileTooLarge
from storage.vocabulary import (
    Attachment,
    AttachmentKind,
    Conversation,
    ConversationKind,
    Outgoing,
    Platform,
)

IMAGE = AttachmentKind.IMAGE


async def test_group_message_is_told_with_names_of_this_group(world, client):
    message_id = await world.say("几号考试？")

    message = await client.hear()

    assert message.conversation == world.group
    assert (message.sender_id, message.sender_name) == (world.ann, "安同学")
    assert (message.message_id, message.text) == (message_id, "几号考试？")
    assert not message.mentions_bot
    assert message.native_time == str(int(message.sent_at.timestamp() * 1000))


async def test_private_message_is_told(world, client):
    await world.tell("老师在吗")

    message = await client.hear()

    assert message.conversation == world.private(world.ann)
    assert (message.sender_name, message.text) == ("小安", "老师在吗")


@pytest.mark.parametrize("style", ["both", "ids", "text"])
async def test_mention_of_the_bot_is_recognised_and_taken_out(world, client, style):
    await world.say("几号考试？", mentions=[world.bot], mentionStyle=style)

    message = await client.hear()

    assert message.mentions_bot
    assert message.text == "几号考试？"


@pytest.mark.parametrize("style", ["both", "text"])
async def test_bot_is_known_by_its_name_in_the_group(world, client, style):
    await world.gateway.alias(room=world.room, contact=world.bot, alias="小助手")
    await world.say("几号考试？", mentions=[world.bot], mentionStyle=style)

    message = await client.hear()

    assert (message.mentions_bot, message.text) == (True, "几号考试？")


async def test_mention_of_another_stays_in_the_text(world, client):
    await world.say("你知道吗", mentions=[world.ben])

    message = await client.hear()

    assert not message.mentions_bot
    assert message.mentions == (world.ben,)
    assert message.text == "@小本 你知道吗"


async def test_namesake_of_the_bot_is_not_the_bot(world, client):
    other = (await world.gateway.contact(name="助教机器人"))["id"]
    await world.say("在吗", mentions=[other])

    assert not (await client.hear()).mentions_bot


async def test_everybody_is_not_the_bot(world, client):
    await world.say("明天上课", mentions=["all"])

    message = await client.hear()

    assert not message.mentions_bot
    assert message.text == "@所有人 明天上课"


async def test_quote_of_a_message_heard_is_resolved(world, client):
    first = await world.say("几号考试？")
    await client.hear()
    await world.say("同问", by=world.ben, quote=first)

    message = await client.hear()

    assert message.text == "同问"
    assert message.reply_to == first


async def test_quote_of_our_own_answer_is_resolved(world, client):
    question = await world.say("几号考试？", mentions=[world.bot])
    await client.hear()
    sent_id = await client.adapter.send(
        Outgoing("k", world.group, "还没有公布。", quote=question, mention=(world.ann,))
    )
    await world.say("谢谢", quote=sent_id)

    assert (await client.hear()).reply_to == sent_id


async def test_quote_of_the_bot_from_before_the_start_still_calls_it(world, client):
    await world.say("不对吧", quote={"name": "助教机器人", "text": "12 月 5 日报考"})

    message = await client.hear()

    assert message.mentions_bot
    assert message.reply_to
    assert message.text == "不对吧"


async def test_quote_of_somebody_unknown_is_a_quote_of_nothing_we_know(world, client):
    await world.say("不对吧", quote={"name": "小本", "text": "明天放假"})

    message = await client.hear()

    assert not message.mentions_bot
    assert message.reply_to.startswith("unknown:")


@pytest.mark.parametrize(
    ("operation", "arguments", "attachment"),
    [
        ("image", {}, Attachment(IMAGE, "photo.png")),
        ("file", {"name": "作业.docx"}, Attachment(AttachmentKind.FILE, "作业.docx")),
        ("voice", {}, Attachment(AttachmentKind.VOICE, "voice.sil")),
        (
            "link",
            {"url": "https://example.edu/kb", "title": "课表"},
            Attachment(AttachmentKind.CARD, "课表", "https://example.edu/kb"),
        ),
        ("other", {"kind": "ChatHistory"}, Attachment(AttachmentKind.FORWARD)),
        ("other", {"kind": "Emoticon"}, Attachment(AttachmentKind.FACE)),
        ("other", {"kind": 16}, Attachment(AttachmentKind.CARD)),
    ],
    ids=str,
)
async def test_what_is_not_text_comes_as_an_attachment(
    world, client, operation, arguments, attachment
):
    said = await getattr(world.gateway, operation)(
        {"from": world.ann, "room": world.room, **arguments}
    )

    message = await client.hear()

    assert message.text == ""
    (got,) = message.attachments
    assert (got.kind, got.name) == (attachment.kind, attachment.name)
    if attachment.kind is not AttachmentKind.FACE:
        assert got.ref == attachment.ref or got.ref == said["id"]


async def test_name_card_says_whose_it_is(world, client):
    await world.gateway.card({"from": world.ann, "room": world.room, "card": world.ben})

    message = await client.hear()

    assert message.attachments == (Attachment(AttachmentKind.CARD, "小本", world.ben),)


@pytest.mark.parametrize("size", [100, 300_000, 6_000_000])
async def test_files_are_read_whole_whatever_their_size(world, client, size):
    await world.gateway.file({"from": world.ann, "room": world.room, "size": size})
    message = await client.hear()

    file = await client.adapter.file(message.attachments[0].ref)

    assert file.name == "notes.pdf"
    assert len(file.data) == size
    assert hashlib.sha256(file.data).digest() == hashlib.sha256(b"wx" * (size // 2)).digest()


async def test_file_beyond_the_limit_is_not_read(world, connect):
    client = await connect(world.gateway, max_file_mb=1)
    await world.gateway.image({"from": world.ann, "room": world.room, "size": 2_000_000})
    message = await client.hear()

    with pytest.raises(FileTooLarge):
        await client.adapter.file(message.attachments[0].ref)


async def test_recall_names_the_message_and_its_author(world, client):
    message_id = await world.say("打错了")
    await client.hear()
    await world.gateway.recall(message=message_id, by=world.ben)

    recall = await client.hear()

    assert recall.conversation == world.group
    assert (recall.message_id, recall.sender_id, recall.by) == (message_id, world.ann, world.ben)


async def test_joining_and_leaving_are_told_one_by_one(world, client):
    new = (await world.gateway.contacts(count=2))["ids"]
    await world.gateway.join(room=world.room, members=new, by=world.ann)
    await world.gateway.leave(room=world.room, members=[world.bot], by=world.ann)

    changes = [await client.hear() for _ in range(3)]

    assert [(one.member_id, one.joined, one.is_bot) for one in changes] == [
        (new[0], True, False),
        (new[1], True, False),
        (world.bot, False, True),
    ]
    assert {one.conversation for one in changes} == {world.group}


async def test_friend_request_is_told_and_accepted(world, client):
    new = (await world.gateway.contact(name="新同学", friend=False))["id"]
    await world.gateway.friend({"from": new, "hello": "我是会计1班的"})

    request = await client.hear()
    await client.adapter.answer_request(request, approve=True)

    assert request.conversation == world.private(new)
    assert (request.requester_id, request.note) == (new, "我是会计1班的")
    actions = (await world.gateway.actions())["actions"]
    assert [one["what"] for one in actions] == ["friendshipAccept"]


async def test_confirmed_friendship_is_no_request(world, client):
    await world.gateway.friend({"from": world.ann, "type": 1})
    await world.tell("你好")

    assert (await client.hear()).text == "你好"


async def test_invitation_into_a_group_is_told_and_left_alone_or_accepted(world, client):
    await world.gateway.invite({"from": world.ann, "topic": "会计2班"})

    request = await client.hear()
    await client.adapter.answer_request(request, approve=False)
    assert (await world.gateway.actions())["actions"] == []
    await client.adapter.answer_request(request, approve=True)

    assert request.conversation.kind is ConversationKind.GROUP
    assert (request.requester_id, request.note) == (world.ann, "会计2班")
    actions = (await world.gateway.actions())["actions"]
    assert [one["what"] for one in actions] == ["roomInvitationAccept"]


async def test_own_words_and_repetitions_are_not_told(world, client):
    message_id = await world.say("一")
    await client.adapter.send(Outgoing("k", world.group, "二"))
    await world.gateway.again(message=message_id)
    await world.say("三")

    assert [(await client.hear()).text, (await client.hear()).text] == ["一", "三"]
    assert client.heard.empty()


@pytest.mark.parametrize(
    "sender", [{"id": "gh_0123456789ab"}, {"id": "weixin"}, {"type": 2}], ids=str
)
async def test_official_accounts_are_not_talked_to(world, client, sender):
    official = (await world.gateway.contact(name="某某服务号", **sender))["id"]
    await world.tell("点击领取优惠", by=official)
    await world.tell("老师好")

    assert (await client.hear()).text == "老师好"


async def test_transfers_and_red_envelopes_are_none_of_our_business(world, client):
    for kind in ("Transfer", "RedEnvelope", "Unknown"):
        await world.gateway.other({"from": world.ann, "room": world.room, "kind": kind})
    await world.say("谢谢")

    assert (await client.hear()).text == "谢谢"


async def test_who_is_in_a_room_is_one_call_however_many_and_never_from_memory(world, client):
    many = (await world.gateway.contacts(count=998))["ids"]
    room = (await world.gateway.room(topic="全院", members=[world.bot, world.ann, *many]))["id"]
    group = Conversation(Platform.WECHAT, world.bot, ConversationKind.GROUP, room)
    await world.gateway.calls(clear=True)

    before = await client.adapter.member_ids(group)
    again = await client.adapter.member_ids(group)

    assert before == again == frozenset({world.ann, *many})
    assert (await world.gateway.calls())["roomPayload"] == 2


async def test_start_asks_for_no_room_and_no_member(world, connect):
    many = (await world.gateway.contacts(count=500))["ids"]
    await world.gateway.room(topic="全院", members=[world.bot, *many])
    await world.gateway.calls(clear=True)

    await connect(world.gateway)

    calls = await world.gateway.calls()
    assert set(calls) <= {"event", "start", "contactPayload"}


async def test_members_are_named(world, client):
    members = await client.adapter.members(world.room)

    assert [(one.id, one.shown_name, one.name) for one in members] == [
        (world.bot, "助教机器人", "助教机器人"),
        (world.ann, "安同学", "小安"),
        (world.ben, "小本", "小本"),
    ]
    assert await client.adapter.groups(world.bot) == frozenset({world.room})


async def test_new_name_is_learned_when_the_gateway_says_so(world, client):
    await world.say("一", by=world.ben)
    assert (await client.hear()).sender_name == "小本"
    await world.gateway.rename(contact=world.ben, name="大本")
    await world.say("二", by=world.ben)

    assert (await client.hear()).sender_name == "大本"


async def test_slow_room_does_not_hold_up_the_others(world, connect):
    heard = asyncio.Queue()
    may_go_on = asyncio.Event()

    async def accept(message):
        if message.conversation.id == world.room:
            await may_go_on.wait()
        await heard.put(message.text)

    await connect(world.gateway, accept=accept)
    await world.say("一")
    await world.say("二")
    await world.tell("三")

    async with asyncio.timeout(5):
        assert await heard.get() == "三"
        may_go_on.set()
        assert [await heard.get(), await heard.get()] == ["一", "二"]


@pytest.mark.parametrize("fault", [{"code": "UNKNOWN", "times": 3}, {"hang": True, "times": 1}])
async def test_payload_that_fails_or_hangs_is_asked_for_again(world, client, fault):
    await world.gateway.fault(method="messagePayload", **fault)
    await world.say("一")
    await world.say("二")

    assert [(await client.hear()).text, (await client.hear()).text] == ["一", "二"]


async def test_payload_never_to_be_had_loses_only_its_own_message(world, client):
    await world.gateway.fault(method="messagePayload", code="NOT_FOUND", times=4)
    await world.say("一")
    await client.until_odd("payload not to be had")
    await world.say("二")

    assert (await client.hear()).text == "二"


async def test_sender_whose_name_is_not_to_be_had_is_still_heard(world, client):
    await world.gateway.fault(method="roomMemberPayload", code="UNKNOWN")
    await world.say("几号考试？")

    message = await client.hear()

    assert (message.text, message.sender_name) == ("几号考试？", world.ann)

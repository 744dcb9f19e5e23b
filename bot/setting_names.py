"""What each setting is called and what its value is, for people; secrets and passwords never."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from pydantic import BaseModel, SecretStr

from bot.settings import PREFIX, Settings

SECTIONS = {
    "bot": "机器人的言行",
    "working_time": "工作时间和时限",
    "reminders": "提醒",
    "database": "数据库",
    "web": "网页",
    "outbox": "发送快慢",
    "onebot": "QQ（OneBot）",
    "wechat": "微信网关",
    "language_model": "大模型（可不用）",
    "collections": "收作业",
    "backup": "备份",
    "alarms": "报警（邮件、机器人）",
}
NAMES = {
    "bot.name": "每条消息开头的名字",
    "bot.aliases": "以这些名字开头也算点名",
    "bot.speak_mode": "新导入的班：confident 主动，mention 点名才答",
    "bot.grace_minutes": "没点名的问题等几分钟没人答才进待办",
    "bot.tutor_is_answering_seconds": "教师刚说过话，几秒内不抢答",
    "bot.stale_after_minutes": "晚到几分钟以上的旧消息不主动答",
    "bot.answer_floor": "点名的问题，把握到多少才答",
    "bot.unaddressed_floor": "没点名的问题，把握到多少才答",
    "bot.ask_back_floor": "把握到多少就给选项",
    "bot.encoder": "除了字面也看意思",
    "bot.encoder_model": "用哪个句向量",
    "bot.encoder_cache": "算好的向量放在哪",
    "bot.gate_model": "本校分类模型放在哪",
    "bot.read_pictures": "读不读截图",
    "bot.study_group_size": "学习小组最多几人",
    "bot.review_percent": "人工办结的抽百分之几复核",
    "bot.review_bot_percent": "机器人答的抽百分之几复核",
    "bot.follow_ups_a_month": "每月抽几件回访",
    "bot.tells_what_is_kept": "第一次说话时告知记什么",
    "bot.labelled_questions": "发布条目前拿来考一遍的标注文件",
    "bot.hotline": "同学遇到难处时告诉他的热线",
    "working_time.hours": "工作时段",
    "working_time.days_off": "学校自己的休息日",
    "working_time.working_days": "学校自己的上班日",
    "working_time.entered_years": "放假安排已写全的年份",
    "working_time.first_reply": "首次答复时限",
    "working_time.update": "两次进展之间",
    "working_time.solution": "办结时限",
    "working_time.extended_solution": "延期后的办结时限",
    "reminders.quiet_from": "夜间从几点起不提醒",
    "reminders.quiet_until": "夜间到几点",
    "reminders.per_group_a_day": "一个群一天最多主动说几次",
    "reminders.digest_at": "当天最后一次留到几点",
    "reminders.private_up_to": "没办的不超过几人就逐个私聊",
    "reminders.mention_up_to": "一条消息最多 @ 几人",
    "reminders.spread_minutes": "同一件事各群错开几分钟",
    "reminders.report_at": "几点告诉教师谁没提醒到",
    "reminders.links": "提醒里准用的网址开头",
    "reminders.matters": "本校自己的事项模板",
    "database.url": "数据放在哪",
    "database.lease_seconds": "一个实例停了几秒，别的接手",
    "web.host": "在哪个地址上听",
    "web.port": "端口",
    "web.secure_cookies": "前面有 HTTPS 代理",
    "web.session_minutes": "多少分钟不动就要重新登录",
    "web.base_url": "校外打开这些页面的网址",
    "web.metrics_token": "从别的机器读 /metrics 的口令",
    "outbox.replies_per_minute": "每个账号每分钟最多答几条，0 不限",
    "outbox.pushes_per_minute": "每个账号每分钟最多主动发几条",
    "outbox.max_attempts": "一条消息最多试几次",
    "outbox.in_flight": "同时在途的消息",
    "onebot.access_token": "QQ 连进来的口令",
    "onebot.forward": "主动去连的 QQ 服务",
    "onebot.max_frame_mb": "一帧最大多少 MB",
    "onebot.call_timeout_seconds": "一次调用先等几秒",
    "onebot.call_timeout_floor_seconds": "一次调用至少等几秒",
    "onebot.call_timeout_ceiling_seconds": "一次调用至多等几秒",
    "onebot.ping_seconds": "几秒探一次活",
    "onebot.silence_seconds": "几秒没声音算断线",
    "onebot.reconnect_first_seconds": "断线后第一次重连等几秒",
    "onebot.reconnect_longest_seconds": "重连最久等几秒",
    "onebot.line_wait_seconds": "发送时等连线几秒",
    "wechat.endpoint": "微信网关地址",
    "wechat.token": "微信网关的口令",
    "wechat.tls": "和网关之间加密",
    "wechat.ca_file": "网关证书的签发者",
    "wechat.server_name": "网关证书上的名字",
    "wechat.gateway_writes_mentions": "网关自己写 @ 谁",
    "wechat.max_file_mb": "一个文件最大多少 MB",
    "wechat.first_event_seconds": "连上后几秒内要有动静",
    "wechat.keepalive_seconds": "几秒探一次活",
    "wechat.keepalive_limit_seconds": "探活等几秒",
    "wechat.ding_seconds": "几秒问一次网关还在不在",
    "wechat.ding_limit_seconds": "问了等几秒",
    "wechat.lookup_seconds": "一条消息的内容最多等几秒",
    "wechat.call_seconds": "一次调用最多等几秒",
    "wechat.file_seconds": "传一个文件最多等几秒",
    "wechat.echo_seconds": "没回音的消息在来信里找几秒",
    "wechat.reconnect_first_seconds": "断线后第一次重连等几秒",
    "wechat.reconnect_longest_seconds": "重连最久等几秒",
    "language_model.base_url": "大模型接口地址",
    "language_model.model": "模型名",
    "language_model.key": "大模型密钥",
    "language_model.timeout_seconds": "最多等几秒",
    "collections.folder": "收到的文件放在哪",
    "collections.max_file_mb": "一个文件最大多少 MB",
    "backup.folder": "备份放在哪",
    "backup.every_minutes": "运行时几分钟自己备份一次，0 不自动",
    "backup.keep": "最近的留几份",
    "backup.keep_days": "每天最后一份留几天",
    "alarms.webhook": "报警发到哪个网址",
    "alarms.webhook_kind": "那个网址认哪种格式",
    "alarms.mail_server": "发报警邮件的服务器",
    "alarms.mail_port": "它的端口",
    "alarms.mail_security": "怎么加密",
    "alarms.mail_user": "邮箱账号",
    "alarms.mail_password": "邮箱密码",
    "alarms.mail_from": "发件人",
    "alarms.mail_to": "收件人",
    "alarms.offline_seconds": "账号掉线几秒以上报警",
    "alarms.disk_percent": "磁盘用到百分之几报警并停收文件",
}
_YES_OR_NO = {True: "是", False: "否"}


@dataclass(frozen=True, slots=True)
class Shown:
    """A setting in words; `default` only where the value is another."""

    key: str
    variable: str
    name: str
    value: str
    default: str
    is_changed: bool
    is_secret: bool


def shown(settings: Settings) -> list[tuple[str, str, list[Shown]]]:
    """By section (key, name), every setting there is."""
    return [
        (section, SECTIONS.get(section, section), _of_section(section, getattr(settings, section)))
        for section in type(settings).model_fields
    ]


def _of_section(section: str, values: BaseModel) -> list[Shown]:
    found = []
    for name, field in type(values).model_fields.items():
        key, value = f"{section}.{name}", getattr(values, name)
        default = field.get_default(call_default_factory=True)
        is_changed = value != default
        is_secret = isinstance(value, SecretStr)
        found.append(
            Shown(
                key=key,
                variable=f"{PREFIX}{section}__{name}".upper(),
                name=NAMES.get(key, name),
                value=in_words(value),
                default=in_words(default) if is_changed and not is_secret else "",
                is_changed=is_changed,
                is_secret=is_secret,
            )
        )
    return found


def in_words(value: Any) -> str:
    """A value for people: of a secret only whether there is one, of an address no password."""
    if isinstance(value, SecretStr):
        return "已设置" if value.get_secret_value() else "没有设置"
    if isinstance(value, bool):
        return _YES_OR_NO[value]
    if isinstance(value, BaseModel):
        return "，".join(in_words(getattr(value, name)) for name in type(value).model_fields)
    if isinstance(value, tuple):
        return "、".join(in_words(item) for item in value) or "空"
    if isinstance(value, str | Path) and "://" in str(value):
        return _address(str(value))
    return "空" if value in ("", None) else str(value)


def _address(url: str) -> str:
    """Without user, password and query: a password may stand in any of them."""
    try:
        parts = urlsplit(url)
        port = f":{parts.port}" if parts.port else ""
    except ValueError:
        return "已设置"
    return f"{parts.scheme}://{parts.hostname or ''}{port}{parts.path}"

"""Whether the bot hears and speaks: its accounts, what waits, when it was blind.

Read from the database, so that `python -m bot status` and the console's page say the same, and
say it too when the bot itself does not run.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from handlers import texts
from storage.lines import AccountLine, BlindWindow, Login
from storage.unit_of_work import UnitOfWork
from storage.vocabulary import Platform

PLATFORM_NAMES = {Platform.QQ: "QQ", Platform.WECHAT: "微信", Platform.PLAYGROUND: "演示"}
#: Three beats of a line unheard of: the process that kept it is gone.
SILENT: Final = timedelta(seconds=60)
WINDOWS_OF: Final = timedelta(days=7)

STANDINGS = {
    "off": "没有连接",
    "connecting": "正在连接网关",
    "token_refused": "网关不认 wechat.token，请核对",
    "occupied": "网关正被别的程序占用，等它退出；若没有别的程序，请重启网关",
    "logged_out": "账号没有登录，等网关给出二维码",
    "scan": "等扫码登录",
    "online": "已登录",
}
SCAN_WORDS = "请用机器人账号的手机扫码登录"


@dataclass(frozen=True, slots=True)
class AccountStatus:
    """One account in words; `is_well` when messages come and go there now."""

    name: str
    is_well: bool
    words: str


@dataclass(frozen=True, slots=True)
class Blind:
    """A blind window in words; `is_open` while it lasts."""

    account: str
    span: str
    length: str
    is_open: bool


@dataclass(frozen=True, slots=True)
class Status:
    """Everything at once. `login` is a platform that waits for somebody to scan or to mend."""

    accounts: tuple[AccountStatus, ...]
    logins: tuple[tuple[Login, str], ...]
    windows: tuple[Blind, ...]
    to_work: int
    set_aside: int
    to_send: int
    unsent: int
    waiting: int
    lost_groups: tuple[str, ...]

    @property
    def is_well(self) -> bool:
        """Nothing here needs a person."""
        return bool(self.accounts) and all(
            (
                all(account.is_well for account in self.accounts),
                not self.logins,
                not self.set_aside,
                not self.unsent,
                not self.lost_groups,
            )
        )


async def look(uow: UnitOfWork, now: datetime) -> Status:
    """The state of things now."""
    lines = await uow.lines.all()
    closed = await uow.lines.windows(now - WINDOWS_OF)
    inbox = await uow.inbox.backlog()
    outbox = await uow.outbox.backlog()
    logins = [login for login in await uow.lines.logins() if login.standing != "online"]
    return Status(
        accounts=tuple(_account(line, now) for line in lines),
        logins=tuple((login, standing_in_words(login, now)) for login in logins),
        windows=tuple(_open_window(line, now) for line in lines if not hears(line, now))
        + tuple(_closed_window(window, now) for window in closed),
        to_work=inbox.ready,
        set_aside=inbox.dead,
        to_send=outbox.ready,
        unsent=outbox.dead,
        waiting=await uow.questions.count_waiting(),
        lost_groups=tuple(await uow.members.lost_groups()),
    )


def standing_in_words(login: Login, now: datetime) -> str:
    """「微信：等扫码登录（20:15 起）」."""
    words = STANDINGS.get(login.standing, login.standing)
    platform = PLATFORM_NAMES[login.platform]
    return f"{platform}：{words}（{texts.instant(login.since, now)} 起）"


def in_lines(status: Status) -> list[str]:
    """For a terminal, each line a sentence."""
    lines = [
        f"{'✓' if account.is_well else '✗'} {account.name}：{account.words}"
        for account in status.accounts
    ] or ["✗ 还没有任何账号连上来过。请按 README 接上 QQ 或微信，再运行 python -m bot run。"]
    lines += [f"✗ {words}" for _, words in status.logins]
    lines.append(
        f"{'✗' if status.set_aside or status.unsent else '✓'} 消息：待处理 {status.to_work}，"
        f"待发送 {status.to_send}，处理失败 {status.set_aside}，发送失败 {status.unsent}"
    )
    if status.set_aside or status.unsent:
        lines.append("  失败的原因见 python -m bot check 和运行日志。")
    lines.append(f"· 等老师答复的问题：{status.waiting}")
    if status.lost_groups:
        lines.append(f"✗ 机器人已不在这些班的群里：{'、'.join(status.lost_groups)}。请重新拉进群。")
    if status.windows:
        lines.append("· 最近七天听不到消息的时段（不计入答复用时）：")
        lines += [
            f"  {blind.account} {blind.span}，{blind.length}" for blind in status.windows[:10]
        ]
    return lines


def hears(line: AccountLine, now: datetime) -> bool:
    """Whether an account is online and some process has lately said so."""
    return line.is_online and now - line.seen_at <= SILENT


def _account(line: AccountLine, now: datetime) -> AccountStatus:
    name = f"{PLATFORM_NAMES[line.platform]} {line.account}"
    if hears(line, now):
        return AccountStatus(name, True, f"在线，{texts.instant(line.since, now)} 起")
    if line.is_online:
        words = f"程序没有在运行（最后一次 {texts.instant(line.seen_at, now)}），请启动 run"
        return AccountStatus(name, False, words)
    words = (
        f"离线，{texts.instant(line.since, now)} 起；请看 NapCat 或微信网关是否还在运行、是否掉登录"
    )
    return AccountStatus(name, False, words)


def _open_window(line: AccountLine, now: datetime) -> Blind:
    start = line.seen_at if line.is_online else line.since
    return Blind(
        f"{PLATFORM_NAMES[line.platform]} {line.account}",
        f"{texts.instant(start, now)} — 现在",
        f"已 {texts.duration(now - start)}",
        is_open=True,
    )


def _closed_window(window: BlindWindow, now: datetime) -> Blind:
    length = window.ends_at - window.starts_at
    return Blind(
        f"{PLATFORM_NAMES[window.platform]} {window.account}",
        f"{texts.instant(window.starts_at, now)} — {texts.instant(window.ends_at, now)}",
        f"{length.total_seconds():.0f} 秒"
        if length < timedelta(minutes=1)
        else texts.duration(length),
        is_open=False,
    )

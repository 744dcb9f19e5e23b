"""What is said by the second road: to whoever keeps the bot running, never about a person."""

from collections.abc import Sequence

HEAD, OVER = "【助学报警】", "【助学恢复】"


def line_offline(account: str, since: str) -> str:
    return f"{account} 离线，{since} 起，群里说的话听不到。请看 NapCat 或微信网关是否还在运行、是否掉登录。"


def not_running(account: str, since: str) -> str:
    return f"{account} 没有程序在听，最后一次是 {since}。请看别的实例是否还在运行。"


def login_needed(platform: str, standing: str) -> str:
    return f"{platform}：{standing}。请打开网页「连接」或运行 python -m bot status。"


def database_away() -> str:
    return "数据库连不上。收到的话先存在本机磁盘，恢复后补答。请看数据库服务、磁盘和网络。"


def disk_full(folder: str, percent: float) -> str:
    return f"磁盘用到 {percent:.0f}%（{folder}）。已停收文件，文字照常。请清理磁盘或换一块大的。"


def poison(inbox: int, outbox: int) -> str:
    parts = [f"处理失败的来信 {inbox} 条"] * bool(inbox) + [f"发不出的消息 {outbox} 条"] * bool(
        outbox
    )
    return f"{'、'.join(parts)}，各试过几次都不成。请在网页「连接」里看原因，重试或不再列出。"


def job_failing(job: str, times: int) -> str:
    return f"定时任务 {job} 连着失败 {times} 次。原因在运行日志的 clock.job_failed 里。"


def unknown_year(years: Sequence[int]) -> str:
    named = "、".join(str(year) for year in years)
    return f"{named} 年的放假安排还没有，时限先按周一到周五算。请升级程序，或在 [working_time] 里写全。"


def backup_failing(problem: str) -> str:
    return f"自动备份没有成：{problem}。"


def alarm(words: str, since: str, host: str) -> str:
    return f"{HEAD}{words}\n{since} 起 · {host}"


def over(words: str, since: str, host: str) -> str:
    return f"{OVER}已恢复：{words.partition('。')[0]}。\n{since} 起，现在好了 · {host}"


def trial(host: str) -> str:
    return f"{HEAD}这是一次测试，收到就说明报警通着，不用处理。\n{host}"


def said_by_hand(words: str, host: str) -> str:
    return f"{HEAD}{words}\n{host}"


def subject(text: str) -> str:
    """Of a mail: its first sentence."""
    return text.partition("\n")[0].partition("。")[0][:60]

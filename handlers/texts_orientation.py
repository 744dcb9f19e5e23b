"""What 入学教育 says: the welcome, the seven cards, and the words around them.

The cards follow article 11 of the regulation. No date, amount or link stands in them but what the
class's own slots are filled with; a line whose slot is empty is left out, as in every answer.
"""

from collections.abc import Sequence
from dataclasses import dataclass

BEGIN, NEXT, FINISH = "入学教育", "下一步", "学完了"
PAUSE, GO_ON = "暂停", "继续"


@dataclass(frozen=True, slots=True)
class Card:
    """One of the seven steps: one screen of a phone."""

    title: str
    text: str


CARDS: tuple[Card, ...] = (
    Card(
        "开放教育是怎么一回事",
        "开放教育以网上自学为主、面授辅导为辅，边工作边读。\n"
        "学分制：一门课合格拿一门的学分，学籍有效期内学分一直算数。\n"
        "每学期大致是这几件事：选课缴费 → 网上学习、做形考 → 报名考试 → 参加考试 → 查成绩。"
        "哪件该办了，群里会有通知，我也会提醒。\n"
        "没见过面也不用慌：您有固定的助学教师和班级群，{联系:助学教师}就是本班的助学教师。",
    ),
    Card(
        "登录学习平台",
        "学习平台是上课、做形考的地方，请先登录一次，认认门。\n"
        "地址：{链接:学习平台}\n"
        "手机端：{链接:移动端}\n"
        "账号和初始密码以学校通知为准。登不上、忘了密码，先用登录页的「忘记密码」；还不行，把页面提示私聊发给我。\n"
        "新生刚入学时看不到课是正常的，要等课程注册以后才有。\n"
        "密码不要告诉别人，也不要发到群里。",
    ),
    Card(
        "课程与形考",
        "每门课都有《课程说明》《考核说明》，先看它：怎么考、什么时候交、占多少分，都写在里面。\n"
        "形考就是平时成绩：网上的作业、测验、讨论。各门课要求不同，以平台上显示的为准。\n"
        "形考没做或不合格，这门课可能拿不到学分，不要留到最后几天一起赶。\n"
        "作业、讨论要自己做；我不提供答案，请人代做会被按违纪处理。\n"
        "想看课表，发「课表」。",
    ),
    Card(
        "考试",
        "考试不是自动参加的：先报名（报考），到时凭证件参加。\n"
        "考试报名：{时间:考试报名}\n"
        "准考证打印：{时间:准考证打印}\n"
        "带什么证件、几点到场，以当次考试通知为准。没报上名的课，这次就考不了。\n"
        "“真题、保过、助考”都是诈骗；替考、作弊会取消成绩，还要记入档案。",
    ),
    Card(
        "怎么学得下去：工学矛盾",
        "多数同学都在上班，学得完的人靠的是每周固定一点时间，不是考前突击。\n"
        "可以试试：每周定两个晚上，每次一小时；先做有期限的形考，再看视频。\n"
        "把事情交给我记：私聊说「提醒我每周五20点做形考」。\n"
        "和同事、家人说好您的考试日；和同学结伴学，有不懂的在课程讨论区或群里问。\n"
        "实在跟不上，早一点告诉助学教师，比拖到期末好办。",
    ),
    Card(
        "有事找谁",
        "先问我：群里 @我 或私聊都可以，学校公布过的当场答；没把握的转给老师，给您一个编号。\n"
        "助学教师：{联系:助学教师}\n"
        "教务：{联系:教务}\n"
        "学籍：{联系:学籍}\n"
        "查问题办到哪了，发「进度」。看我这里存了您什么，发「我的记录」。\n"
        "心里难受、遇到难处，也可以跟我或老师说，会有人回您。",
    ),
    Card(
        "您的权利，和防诈骗",
        "对服务不满意，私聊说「投诉 …」，第一句话就有编号；涉及助学教师的，由学校另派人办，"
        "老师看不到。也可以说「省校 …」直接找省校。\n"
        "要更正、删除个人信息，发「更正 …」「删除 …」。\n"
        "学校的缴费只走学校通知的渠道：{链接:缴费}\n"
        "有人私下加您，要转账、要验证码、要密码，说能包过、能退费，都不要信，先来问我或助学教师。\n"
        "身份证号、银行卡号、验证码不要发到群里。",
    ),
)


def card(number: int, text: str) -> str:
    """One card, its lines filled, and what to say next."""
    head = f"入学教育 {number}/{len(CARDS)}：{CARDS[number - 1].title}"
    if number == len(CARDS):
        foot = f"这是最后一步。看完请回「{FINISH}」，就算学完了。"
    else:
        foot = f"回「{NEXT}」接着看；想停一停回「{PAUSE}」。不回也行，隔两天我再发下一步。"
    return f"{head}\n{text}\n—— {foot}"


def welcome(count: int, class_name: str) -> str:
    """In the group, to whoever has just joined."""
    who = "新同学" if count == 1 else f"{count} 位新同学"
    return (
        f"欢迎{who}来到{class_name}！我是班级助手（机器人），学习上的事 @我 直接问，"
        "没把握的我转给老师。"
        f"新同学私聊我回复「{BEGIN}」，七步了解怎么学、怎么考、有事找谁。"
    )


def private_welcome(class_name: str) -> str:
    """Before the first card, where the bot may write first."""
    return f"您好，欢迎来到{class_name}！下面是入学教育，共 {len(CARDS)} 步，一次一张。"


def begin_in_private() -> str:
    """Asked for in the group, where no private chat can be opened."""
    return f"入学教育一对一进行，请加我好友后私聊回复「{BEGIN}」。"


def paused(shown: int) -> str:
    """No more cards by themselves."""
    return f"好的，先停在第 {shown} 步，我不再发。想接着看，回「{GO_ON}」。"


def not_through(shown: int) -> str:
    """「学完了」 too soon."""
    return f"您看到第 {shown} 步，还有 {len(CARDS) - shown} 步。回「{NEXT}」接着看。"


def finished() -> str:
    """All seven."""
    return "入学教育学完了，已经记下。以后学习上的事随时问我，祝学习顺利！"


def finished_before() -> str:
    """Said after the end."""
    return f"您的入学教育已经学完。想再看一遍某一步，回「{BEGIN} 3」这样的数字（1–{len(CARDS)}）。"


def only_seven() -> str:
    """「入学教育 9」."""
    return f"入学教育一共 {len(CARDS)} 步，请回「{BEGIN} 1」到「{BEGIN} {len(CARDS)}」。"


def not_seen_yet(number: int) -> str:
    """「入学教育 6」 from somebody at the second card."""
    return f"第 {number} 步还没到，请先回「{NEXT}」一步一步看。"


def need_a_class() -> str:
    """Nobody knows which class the speaker is of."""
    return "我还不知道您在哪个班。请先在班级群里 @我 说一句话，再私聊回复「入学教育」。"


def unfinished(class_name: str, done: int, names: Sequence[tuple[str, int]], unbound: int) -> str:
    """For the tutor, in private: who has not finished, each with the steps they have seen."""
    if not names and not unbound:
        return f"{class_name} 入学教育：已学完 {done} 人，没有未完成的。"
    lines = [f"{class_name} 入学教育：已学完 {done} 人，未完成 {len(names) + unbound} 人。"]
    if names:
        most = 60
        shown = "、".join(f"{name}（{step}/{len(CARDS)}）" for name, step in names[:most])
        lines.append(shown + (f" 等 {len(names)} 人" if len(names) > most else ""))
    if unbound:
        lines.append(f"另有 {unbound} 个没绑定学号的账号没学完，不知道是谁。")
    return "\n".join(lines)


def how_to_nudge() -> str:
    """Below the list."""
    return "发「/入学教育 催」只私聊提醒没学完的，一天最多一次。"


def nudge(class_name: str, shown: int) -> str:
    """To somebody who has not finished, in private."""
    where = "还没有开始" if shown == 0 else f"看到第 {shown} 步"
    word = FINISH if shown == len(CARDS) else NEXT if shown else BEGIN
    return f"{class_name}的入学教育您{where}，几分钟就能看完。回「{word}」接着来。"


def nudged(count: int, unreached: int, before: int, at: str) -> str:
    """What became of 「/入学教育 催」; `at` is when it goes out if that is not now."""
    if count == 0 and before:
        return f"今天已经催过，没有再发（{before} 人）。一天最多一次。"
    if count == 0 and unreached == 0:
        return "没有未完成的同学，不用催。"
    words = f"已私聊提醒 {count} 人" if not at else f"现在是休息时间，{at} 私聊提醒 {count} 人"
    if before:
        words += f"；{before} 人今天催过，没有再发"
    if unreached:
        words += f"；{unreached} 人我没法先私聊，请在群里请他们私聊我回复「{BEGIN}」"
    return f"{words}。"


def usage() -> str:
    """What the tutor may say."""
    return "/入学教育 或 /入学教育 催"

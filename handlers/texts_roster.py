"""What is said about students, accounts, tutors, committees and study groups."""

from collections.abc import Sequence
from datetime import datetime

from handlers.texts import clip

#: A chat is no place for a longer list.
MOST_LINES = 60


def masked_phone(phone: str) -> str:
    """「13812341234」 → 「138****1234」; nothing for nothing."""
    if len(phone) < 7:
        return "*" * len(phone)
    return f"{phone[:3]}{'*' * (len(phone) - 7)}{phone[-4:]}"


def tail(student_no: str) -> str:
    """Enough of a student number to tell two people apart."""
    return f"学号尾号 {student_no[-4:]}"


# -- binding --------------------------------------------------------------------------------------


def code_given(name: str, student_no: str, code: str, hours: int) -> str:
    """To the tutor, in private: a code to hand over."""
    return (
        f"{name}（{tail(student_no)}）的绑定码：{code}，{hours} 小时内有效，只能用一次。\n"
        f"请当面或打电话告诉本人，不要发到群里。本人私聊我：/绑定 学号 {code}"
    )


def code_not_needed(name: str, accounts: Sequence[str]) -> str:
    """No code for whom an account is known."""
    return (
        f"{name}已经绑定了 {'、'.join(accounts)}，没有发码。本人要加绑另一个账号，请用已绑定的账号"
        "私聊我「/绑定」取码；换号或绑错了，请先发「/解绑 学号」。"
    )


def code_usage() -> str:
    """No student named."""
    return "用法（私聊）：/绑定码 学号，或 /绑定码 姓名"


def binding_locked() -> str:
    """Too many wrong codes, by this account or for this number."""
    return "错的次数太多了，请一小时以后再试，或请助学教师重新给您绑定码。"


def binding_code_wrong() -> str:
    """A number and a code that do not belong together; the same words for all reasons."""
    return "学号或绑定码不对，或者已经过期。请核对以后再发，或请助学教师重新给您绑定码。"


def bound_as(name: str, class_names: Sequence[str]) -> str:
    """An account is a student's from now on."""
    return (
        f"绑定好了：您是 {'、'.join(class_names)} 的{name}。以后问过的事、办的进度都能接着查；"
        "不是本人请马上告诉助学教师。"
    )


def binding_left() -> str:
    """The student is of no class any more."""
    return "没有绑定：这个学号已不在任何班级的名册里（毕业、退学或转出）。有疑问请联系助学教师。"


def binding_taken() -> str:
    """The number is tied to another account already."""
    return "没有绑定：这个学号已经绑定了别的账号，我已告诉助学教师。换了账号请先请老师解绑。"


def taken_card(class_name: str, name: str, student_no: str, place: str) -> str:
    """To the tutor: somebody tried a number that is tied already."""
    return (
        f"绑定提醒：有个{place}账号要绑定 {class_name} {name}（{tail(student_no)}），但这个学号已有"
        "账号，没有绑定。\n"
        "是本人换了账号，请核实后发「/解绑 学号」，再让本人重来；不是本人不用理会。"
    )


def rebound_card(class_name: str, name: str, student_no: str, account: str) -> str:
    """To the tutor: a student has tied one more account."""
    return (
        f"绑定提醒：{class_name} {name}（{tail(student_no)}）又绑定了一个账号 {account}。\n"
        "不是本人的话，请发「/解绑 学号」。"
    )


def rebound_note(account: str) -> str:
    """To the accounts that were theirs before."""
    return f"您又绑定了一个账号 {account}。不是您本人操作，请马上告诉助学教师。"


def unbound(name: str, accounts: Sequence[str]) -> str:
    """To the tutor: done."""
    return f"已解除{name}的 {'、'.join(accounts)}，并通知了原账号。可以用「/绑定码 学号」重新绑定。"


def unbound_note(tutor: str) -> str:
    """To the account that is nobody's now."""
    return (
        f"这个账号已由助学教师{tutor}解除绑定，不再对应名册里的同学。"
        "如果弄错了，请联系助学教师，或私聊我「/绑定 学号 姓名」重新申请。"
    )


def nothing_to_unbind(name: str) -> str:
    """No account is known."""
    return f"{name}没有绑定账号，没有改动。"


def unbind_usage() -> str:
    """No student named."""
    return "用法（私聊）：/解绑 学号 [QQ|微信]"


def unbound_lists(
    class_name: str,
    unbound_names: Sequence[str],
    strangers: Sequence[str],
    left: Sequence[str],
) -> str:
    """Three lists of a class: without an account, accounts nobody knows, gone from the group."""
    lines = [
        f"{class_name}",
        f"① 名单里没有绑定账号的 {len(unbound_names)} 人{_listed(unbound_names)}",
        f"② 群里对不上名单的账号 {len(strangers)} 个{_listed(strangers, 10)}",
        f"③ 已退群的 {len(left)} 人{_listed(left)}",
    ]
    if unbound_names or strangers:
        lines.append("请他们私聊我「/绑定 学号 姓名」，或您用「/绑定码 学号」发码。")
    return "\n".join(lines)


def _listed(words: Sequence[str], most: int = 50) -> str:
    if not words:
        return ""
    return f"：{'、'.join(words[:most])}" + (" 等" if len(words) > most else "")


# -- students -------------------------------------------------------------------------------------


def no_such_student(words: str) -> str:
    """Nobody of that name or number in the tutor's own classes."""
    return f"您的班里没有「{clip(words, 20)}」。请写名册里的姓名或学号。"


def several_students(words: str, tails: Sequence[str]) -> str:
    """More than one of a name."""
    return f"「{clip(words, 20)}」有 {len(tails)} 位（{'、'.join(tails)}），请写学号。"


def class_list(class_name: str, lines: Sequence[str], bound: int) -> str:
    """「/花名册」."""
    more = f"\n……共 {len(lines)} 人，其余请在控制台看。" if len(lines) > MOST_LINES else ""
    head = f"{class_name} 共 {len(lines)} 人，已绑定 {bound} 人"
    return "\n".join((head, *lines[:MOST_LINES])) + more


def class_list_line(student_no: str, name: str, words: Sequence[str], *, is_bound: bool) -> str:
    """One student."""
    about = " ".join(word for word in words if word)
    return (
        f"{student_no[-4:]} {name}{' ' + about if about else ''}{'' if is_bound else '（未绑定）'}"
    )


def contacts(class_name: str, lines: Sequence[str]) -> str:
    """「/通讯录」: masked; how to see one."""
    more = f"\n……共 {len(lines)} 人。" if len(lines) > MOST_LINES else ""
    return (
        "\n".join((f"{class_name} 通讯录（号码已打码）", *lines[:MOST_LINES]))
        + f"{more}\n看一个人的完整号码：/通讯录 姓名（会留下记录）"
    )


def contact_line(name: str, phone: str) -> str:
    """One student's number, masked or not."""
    return f"{name} {phone or '没有登记手机'}"


def contact_of(class_name: str, name: str, student_no: str, phone: str) -> str:
    """One student, in full, to their tutor."""
    return (
        f"{class_name} {name}（{tail(student_no)}）：{phone or '没有登记手机'}\n"
        "仅用于助学工作，不要转发；这次查看已记入日志。"
    )


def standing(
    class_name: str, name: str, student_no: str, file: str, bound: str, facts: Sequence[str]
) -> str:
    """「/学情 张三」: what lists say, each with its day and source; no judgement."""
    lines = [f"{class_name} {name}（{tail(student_no)}）学情", file or "学籍信息：没有导入", bound]
    lines += facts or ["成绩、形考、报考等：还没有导入这位同学的名单。"]
    return "\n".join((*lines, "以上是名单里的事实，没有打分；请以教务系统为准。"))


def fact_line(name: str, value: str, as_of: datetime, source: str) -> str:
    """One fact with its day and the list that says so."""
    return f"{name}：{fact(value, as_of, source)}"


def fact(value: str, as_of: datetime, source: str) -> str:
    """「85（截至 2026年12月1日，来源：成绩表.xlsx）」."""
    told = f"，来源：{source}" if source else ""
    return f"{value}（截至 {as_of.year}年{as_of.month}月{as_of.day}日{told}）"


def own_fact(name: str, words: str) -> str:
    """To the student, in private."""
    return f"您的{name}：{words}\n以教务系统为准；和您知道的不一样，请告诉助学教师核对。"


# -- whose tutor ----------------------------------------------------------------------------------


def my_tutor(class_name: str, tutors: Sequence[str], hours: Sequence[str], contact: str) -> str:
    """Name, hours, how to reach; of who holds the post now."""
    lines = [f"{class_name} 的助学教师：{'；'.join(tutors)}。"]
    lines.append(f"值班时间：工作日 {'、'.join(hours)}（法定节假日和调休按国务院安排）。")
    if contact:
        lines.append(f"联系方式：{contact}")
    lines.append("有问题直接在这里说：我答不了的会转给老师，给您编号，可以查进度。")
    return "\n".join(lines)


def tutor_in_office(name: str, stands_in_for: Sequence[str]) -> str:
    """「赵强老师（代王敏老师）」."""
    return f"{name}老师" + (f"（代{'、'.join(stands_in_for)}老师）" if stands_in_for else "")


def no_tutor_now(class_name: str, supervisors: Sequence[str]) -> str:
    """The post is empty: nothing goes nowhere."""
    who = f"（{'、'.join(supervisors)}）" if supervisors else ""
    return (
        f"{class_name} 现在没有在任的助学教师，由办学单位的管理人员{who}接手。\n"
        "有问题直接在这里说，我会转给他们，给您编号，可以查进度。"
    )


def tutor_of_unknown_class() -> str:
    """Nobody knows which class the asker is in."""
    return (
        "我还不知道您在哪个班，说不出是哪位老师。请在您的班级群里问我；或者私聊我"
        "「/绑定 学号 姓名」，老师确认以后再问。都不行请打学校办公室电话查询。"
    )


# -- figures --------------------------------------------------------------------------------------


def ratio_card(name: str, students: int, class_names: Sequence[str], limit: int) -> str:
    """To the supervisor, once a week."""
    return (
        f"师生比提醒：{name}老师现在带 {len(class_names)} 个班共 {students} 名学生，"
        f"超过 {limit}:1（第五条）。\n班级：{_short(class_names)}。请考虑增派助学教师。"
    )


def vacancy_card(class_names: Sequence[str], majors: Sequence[str]) -> str:
    """To the supervisor: classes and majors without a tutor."""
    lines = [f"这些班现在没有助学教师：{_short(class_names)}（第五条）。"]
    if majors:
        lines.append(f"整个专业都没有助学教师：{_short(majors)}。")
    return "\n".join(
        (*lines, "学生的问题已转给您所在单位；请尽快安排，在控制台「班级」页可以看到。")
    )


def _short(names: Sequence[str], most: int = 10) -> str:
    return "、".join(names[:most]) + (f" 等 {len(names)} 个" if len(names) > most else "")


# -- the committee and study groups ---------------------------------------------------------------


def appointed(name: str, office: str) -> str:
    """Said where it was decided."""
    return (
        f"{name}从现在起是本班{office}：可以在本班收作业、发提醒、看谁还没交。"
        "成绩、投诉和台账不在其中。"
    )


def dismissed(name: str, offices: Sequence[str]) -> str:
    """Said where it was decided."""
    return f"{name}不再担任{'、'.join(offices)}，班委的权限已收回。"


def not_on_the_committee(name: str) -> str:
    """Nothing to take away."""
    return f"{name}现在不是班委，没有改动。"


def committee(class_name: str, lines: Sequence[str]) -> str:
    """「/班委」."""
    if not lines:
        return (
            f"{class_name} 还没有班委。助学教师可以发「/设班长 @同学」或「/班委 姓名 学习委员」。"
        )
    return f"{class_name} 班委：{'、'.join(lines)}"


def committee_usage() -> str:
    """Neither a name nor an office."""
    return "用法：/设班长 @同学、/班委 姓名 学习委员、/撤班委 姓名；只发 /班委 看名单。"


def only_own_class() -> str:
    """The asker is in no class we know."""
    return "学习小组是本班同学的。我还不知道您是名单里的哪一位，请先私聊我「/绑定 学号 姓名」。"


def group_made(number: int, name: str, limit: int) -> str:
    """A study group; how others come in."""
    return (
        f"学习小组 {number}「{name}」建好了，您是第一位，最多 {limit} 人。"
        f"同学发「加入小组 {number}」就能加入。"
    )


def group_joined(number: int, name: str, count: int, limit: int) -> str:
    """One more."""
    return f"已加入学习小组 {number}「{name}」，现在 {count}/{limit} 人。退出发「退出小组」。"


def group_left(number: int, name: str) -> str:
    """One less."""
    return f"已退出学习小组 {number}「{name}」。"


def group_full(number: int, limit: int) -> str:
    """No seat."""
    return f"小组 {number} 已满 {limit} 人。发「小组」看别的组，或「建小组 名字」新建一个。"


def group_in_already(number: int, name: str) -> str:
    """One group a student."""
    return f"您已经在学习小组 {number}「{name}」里。要换请先发「退出小组」。"


def group_not_in() -> str:
    """Nothing to leave."""
    return "您现在不在任何学习小组里。发「小组」看有哪些。"


def no_such_group(number: int) -> str:
    """Never made, or over."""
    return f"本班没有小组 {number}。发「小组」看有哪些。"


def group_name_usage() -> str:
    """A name is needed."""
    return "用法：建小组 名字（20 字以内），例如：建小组 英语互助"


def group_number_usage() -> str:
    """A number is needed."""
    return "用法：加入小组 3；发「小组」看有哪些。"


def group_list(class_name: str, lines: Sequence[str], own: str) -> str:
    """「小组」."""
    if not lines:
        return f"{class_name} 还没有学习小组。发「建小组 名字」建一个。"
    tail_line = own or "加入发「加入小组 编号」，新建发「建小组 名字」。"
    return "\n".join((f"{class_name} 的学习小组：", *lines, tail_line))


def group_line(number: int, name: str, count: int, limit: int) -> str:
    """One group."""
    return f"{number} {name} {count}/{limit} 人{'（满）' if count >= limit else ''}"


def own_group(number: int, names: Sequence[str]) -> str:
    """Who is in the asker's own group; only said in private."""
    return f"您在小组 {number}：{'、'.join(names)}"

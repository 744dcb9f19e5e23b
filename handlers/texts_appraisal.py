"""What is said about a tutor's record, its appeals, and training; figures in words."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal

from handlers.indicators import INDICATORS, Figure, How
from handlers.texts import clip, duration, instant
from storage.appraisal import Grade, Outcome

TOO_FEW = "样本不足"
NONE = Decimal(0)
NOT_CONNECTED = "未接入"
GRADES: Mapping[Grade, str] = {
    Grade.EXCELLENT: "优秀",
    Grade.PASSED: "合格",
    Grade.FAILED: "不合格",
    Grade.BY_PEOPLE: "转人工评议",
}
OUTCOMES: Mapping[Outcome, str] = {
    Outcome.UPHELD: "成立",
    Outcome.PARTLY: "部分成立",
    Outcome.REJECTED: "不成立",
}
#: In chat a day is said in these; all of them stand on the page.
IN_CHAT = ("K04", "K03", "K05", "K12", "K17", "K18", "K26", "K07", "K10")
_SHORT: Mapping[str, str] = {
    "K04": "首次答复及时",
    "K03": "首次答复用时",
    "K05": "2 个工作日内有实质答复",
    "K12": "诉求投诉按时办结",
    "K17": "提醒送达",
    "K18": "提前提醒",
    "K26": "危机信号到回应",
    "K07": "当天结束时超时未答",
    "K10": "裁定属实的投诉",
}


def day_name(day: date, now: datetime) -> str:
    """12月3日, with the year only where it is another."""
    year = "" if day.year == now.year else f"{day.year}年"
    return f"{year}{day.month}月{day.day}日"


def percent(value: Decimal) -> str:
    """95.3 %."""
    return f"{(value * 100).quantize(Decimal('0.1'), ROUND_HALF_UP)} %"


def seconds(value: Decimal) -> str:
    """25 分钟; less than a minute in seconds."""
    if value < 60:
        return f"{value.quantize(Decimal(1), ROUND_HALF_UP)} 秒"
    return duration(timedelta(seconds=float(value)))


def figure(key: str, made: Figure) -> str:
    """A figure in words, without a rate where it is one day's or made of too little."""
    match INDICATORS[key].how:
        case How.RATIO | How.STOCK:
            return f"{made.numerator}/{made.denominator}"
        case How.TIME:
            if made.value is None or made.p90 is None:
                return "—"
            return f"中位数 {seconds(made.value)}，P90 {seconds(made.p90)}（{made.denominator} 件）"
        case How.MEAN:
            return f"{made.denominator} 条"
        case How.DAYS:
            return f"{made.numerator} 天"
    if key == "K07M":
        return seconds(Decimal(made.numerator))
    return str(made.numerator)


def rate(key: str, made: Figure) -> str:
    """What a figure comes to, where it is of enough."""
    if made.value is None:
        return "—"
    match INDICATORS[key].how:
        case How.RATIO | How.STOCK:
            return percent(made.value)
        case How.MEAN:
            return str(made.value.quantize(Decimal("0.01"), ROUND_HALF_UP))
    return ""


def day_figures(
    figures: Mapping[str, Figure],
    *,
    ratings_needed: int,
    day: date,
    appeal_until: datetime,
    now: datetime,
) -> str:
    """A settled day, as it counts; bot and tutor are never together."""
    lines = ["考核数字（按工作时间；机器人解决的单列、不计分）："]
    lines += [f"  {_SHORT[key]} {figure(key, figures[key])}" for key in IN_CHAT if key in figures]
    marks = figures.get("K30")
    if marks is not None:
        few = marks.denominator < ratings_needed
        what = f"{TOO_FEW}，不给平均" if few else f"平均 {rate('K30', marks)}"
        lines.append(f"  评分 {marks.denominator} 条（{what}）")
    if len(lines) == 1:
        lines.append("  这一天没有要计的事。")
    if now < appeal_until:
        until = instant(appeal_until, now)
        lines.append(f"有异议请在 {until} 前发「/申诉 {day_name(day, now)} 理由」，明细见网页。")
    return "\n".join(lines)


def wish_on() -> str:
    """The figures come every day at 21:00."""
    return "好的，每天 21:00 把当天的数字发给您。不要了发「/日报 关」。"


def wish_off() -> str:
    """They do not."""
    return "好的，不再每天发日报；发「/日报」随时可看。"


def wish_is_private() -> str:
    """Figures are between the tutor and the record."""
    return "日报只发给您本人，请私聊我发这一条。"


# -- appeals --------------------------------------------------------------------------------------


def appeal_usage() -> str:
    """How to appeal."""
    return "格式：/申诉 12月3日 理由（写明哪个数字、为什么），请私聊我发。"


def appeal_unsettled(day: date, now: datetime) -> str:
    """There is nothing yet to appeal against."""
    return f"{day_name(day, now)} 的数字还没有结算（次日 00:30 结算），结算后再申诉。"


def appeal_not_yours(day: date, now: datetime) -> str:
    """No record of theirs on that day."""
    return f"{day_name(day, now)} 没有您的考核记录，请核对日期。"


def appeal_too_late(day: date, days: int, now: datetime) -> str:
    """Over."""
    return f"{day_name(day, now)} 的申诉期（结算后 {days} 天）已过。还有问题请直接找办学单位。"


def appeal_open_already(number: int, day: date, now: datetime) -> str:
    """One at a time for a day."""
    return f"{day_name(day, now)} 您已经申诉过（申诉 {number} 号），还没有答复，请等一等。"


def appeal_filed(number: int, day: date, due: str, now: datetime) -> str:
    """Taken down."""
    return (
        f"申诉 {number} 号已登记（{day_name(day, now)} 的记录），已交办学单位管理人员，"
        f"{due} 前答复；答复会写明姓名和理由。"
    )


def appeal_card(
    number: int, tutor: str, class_name: str, day: date, due: str, now: datetime
) -> str:
    """To the unit's supervisors."""
    return (
        f"申诉 {number} 号：{class_name} {tutor}老师对 {day_name(day, now)} 的考核记录有异议，"
        f"请在 {due} 前到网页「考核 · 申诉」答复。"
    )


def appeal_late(number: int, tutor: str, due: str) -> str:
    """Nobody has answered."""
    return f"申诉 {number} 号（{tutor}老师）已到答复时限 {due}，还没有人答复，请办理。"


def appeal_answered(
    number: int, day: date, outcome: Outcome, name: str, text: str, corrected: int, now: datetime
) -> str:
    """To the tutor."""
    tail = f"\n更正了 {corrected} 个数字，前后都保留，见网页。" if corrected else ""
    return (
        f"申诉 {number} 号（{day_name(day, now)}）：{OUTCOMES[outcome]}。"
        f"{name}答复：{clip(text, 400)}{tail}"
    )


def appeal_answered_already(name: str, when: str) -> str:
    """Somebody was faster."""
    return f"这件申诉 {name} 已在 {when} 答复过，没有改动。"


def not_your_own() -> str:
    """Nobody decides on themselves."""
    return "这是您本人的考核，要由别的管理人员办理。"


def reason_missing() -> str:
    """What is decided has a reason."""
    return "请写明理由（至少两个字）。"


def correction_unknown(ref: str) -> str:
    """No such row."""
    return f"没有找到要更正的这一行：{clip(ref, 30)}。请写指标和编号，例如 K04 T-12。"


def corrected_meanwhile() -> str:
    """Somebody else changed the same figure."""
    return "这个数字刚刚被别人更正过，请刷新后再看。"


# -- the formula and the year ---------------------------------------------------------------------


def only_the_province() -> str:
    """The formula has an owner."""
    return "考核公式只有省校账号可以改。"


def formula_from_first() -> str:
    """Never in the past, never within a month."""
    return "生效日期要是以后某个月的 1 日；过去和当月的分数不会变。"


def formula_taken(day: date) -> str:
    """Two begin on one day."""
    return f"{day:%Y-%m-%d} 起生效的公式已经有了，请换一个月份。"


def level_unknown() -> str:
    """One of three."""
    return "请选择等级：优秀、合格或不合格。"


def year_not_over(year: int) -> str:
    """Too early."""
    return f"{year} 年还没有过完，年底之后再确认等级。"


def decided_meanwhile(name: str, level: Grade, when: str) -> str:
    """Of two at once one wins."""
    return f"{name} 已在 {when} 确认为「{GRADES[level]}」，您这次没有生效；请看过再决定要不要改。"


def level_told(year: int, level: Grade, name: str, reason: str) -> str:
    """To the tutor: what a person decided."""
    return (
        f"{year} 年度考核等级：{GRADES[level]}（{name}确认）。理由：{clip(reason, 300)}\n"
        "依据在网页「我的考核」里可以逐条打开；有异议请联系办学单位。"
    )


# -- training -------------------------------------------------------------------------------------


def sign_in_usage() -> str:
    """How to sign in."""
    return "格式：/签到 培训现场公布的数字，例如 /签到 204817"


def sign_up_usage() -> str:
    """How to sign up."""
    return "格式：/报名培训 编号，例如 /报名培训 3；发「/我的培训」看有哪些培训。"


def no_such_training() -> str:
    """Not a code, or not open."""
    return "签到码不对，或者不在签到时间里（开始前 30 分钟到结束后 30 分钟）。请核对后再发。"


def too_many_codes() -> str:
    """Guessing."""
    return "签到码错的次数太多，请一小时后再试，或请培训老师在网页上补签。"


def no_such_event(number: int) -> str:
    """None of theirs."""
    return f"没有可以报名的培训 {number} 号。发「/我的培训」看有哪些培训。"


def signed_up(title: str, at: str, place: str, count: int, *, is_new: bool) -> str:
    """On the list."""
    where = f"，{place}" if place else ""
    head = "已报名" if is_new else "您已经报过名"
    return f"{head}：{title}（{at}{where}），现有 {count} 人报名。到场后发「/签到 签到码」计学时。"


def signed_in(title: str, hours: Decimal, total: Decimal, *, is_new: bool) -> str:
    """The hours are theirs."""
    if not is_new:
        return f"您已经签到过：{title}。学时累计 {total}。"
    return f"签到成功：{title}，计 {hours} 学时，累计 {total} 学时。"


def own_training(
    *,
    total: Decimal,
    needed: int,
    is_first: bool,
    certificate: str,
    attended: Sequence[str],
    upcoming: Sequence[str],
    retraining: Sequence[str],
) -> str:
    """What a tutor has done, and what there is."""
    badge = f"（{under_hours(needed)}）" if is_first and total < needed else ""
    lines = [f"培训学时累计 {total}{badge}"]
    lines.append(f"聘任：合格证 {certificate}" if certificate else "聘任：合格证还没有登记")
    lines += [f"重新培训：{line}" for line in retraining]
    lines += ["参加过：", *(f"  {line}" for line in attended)] if attended else []
    lines += ["可以报名：", *(f"  {line}" for line in upcoming)] if upcoming else []
    return "\n".join(lines)


def under_hours(needed: int) -> str:
    """The badge of article 7."""
    return f"未满{needed}学时"


def hours_missing(total: Decimal, needed: int) -> str:
    """To a tutor in their first appointment."""
    return f"您的岗前培训学时是 {total}，{under_hours(needed)}。发「/我的培训」看可以参加的培训。"


def hours_missing_of(names: Sequence[str], needed: int) -> str:
    """To the supervisor."""
    shown = "、".join(names[:20]) + (f" 等 {len(names)} 人" if len(names) > 20 else "")
    return f"首次聘任、{under_hours(needed)}的助学教师：{shown}。"


def training_soon(title: str, at: str, place: str, number: int) -> str:
    """The day before."""
    where = f"，{place}" if place else ""
    return f"明天培训：{title}（{at}{where}）。还没报名的请发「/报名培训 {number}」。"


def retraining_opened(year: int, due: str) -> str:
    """To the tutor."""
    return f"{year} 年度考核后需要重新培训，请在 {due} 前完成。发「/我的培训」看安排。"


def retraining_opened_of(name: str, year: int, due: str) -> str:
    """To the supervisor."""
    return f"{name}老师 {year} 年度不合格，重新培训已建立，{due} 前完成并在网页「培训」登记结果。"


def retraining_due(name: str, year: int, due: str, *, is_over: bool) -> str:
    """To both."""
    word = "已到期，还没有登记结果" if is_over else "快到期"
    return f"{name}老师 {year} 年度的重新培训{word}（{due}）。"


def certificate_missing() -> str:
    """Article 7."""
    return "登记「已聘」要写培训合格证编号。"

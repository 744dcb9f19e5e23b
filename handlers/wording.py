"""How students word things: one spelling and one word an idea, what a text is about, what it
asks.

Tables first. At one place in a text the longest word of a table wins.
"""

import re
from collections.abc import Iterable
from enum import StrEnum

from handlers.understanding.normalise import normalise

# Left: what is kept. Right: other ways to type it. A word mapped to itself is protected from the
# shorter ones inside it.
_FOLDS = """
几时=什么时候 啥时候 啥时 什么时间 啥时间 何时 几号 哪天 哪一天 几月几号 几月份 几月 几点 多会儿
几时=多咱
几时=多暂 几日 几月几日 什么日子 啥日子 哪日 多早晚 哪几天 什么时段 啥时段 哪个月 什么具体时间
截止=截至 截止日期 截止时间 最晚 最后期限 最迟 结束时间 关闭时间 最后一天 为止 最后时间
咋办=怎么办 咋整 咋弄 咋搞 咋处理 怎么弄 怎么整 怎么搞 怎么处理 怎么操作 如何办理 如何操作
咋办=如何处理
咋办=咋操作 怎么办理 怎么个弄法 怎么解决 咋解决 该怎么做 怎么做
咋=怎么 怎样 如何 怎么样 咋样 咋个 怎么着 怎么个 咋的 怎
为何=为什么 为啥 凭啥 凭什么 咋回事 怎么回事 啥原因 什么原因 因为啥 啥情况 什么情况
啥=什么 神马 甚么
何处=哪个地方 什么地方 啥地方 什么位置 啥位置 哪个位置
价钱=多少钱 多钱 几块钱 多少块 收费标准 怎么收费 咋收费 多少费用 费用多少 多少米 花多少 花多少钱
价钱=要多少费用 收多少
能=可以 能不能 可不可以 能否 可否 行不行 让不让 中不中 可不可 行吗 成吗 行吧 可以吗 能行吗
能=好使吗
须=必须 一定要 非得 必需 强制 用不用 需不需要 需要 要不要 是不是要 非要 不得不 必得
忘记=忘了 忘啦 忘 记不住 想不起来 不记得
没有=木有 没得 莫得
谁负责=谁管 归谁管 归谁 归哪个老师管 哪个老师管 哪位老师负责 哪个老师负责 负责的老师 谁来负责
谁负责=归谁负责
有效=作数 算数 还认 认不认 有用吗 作废
教材=课本 教科书 书本 书籍 课本书 书
办=整 弄 搞
读=念
重新=从头 重头
考试报名=报考 考试报考 报名考试 报考试 考试预约 约考 报科目 报科
课程注册=选课 注册课程 选课程 报课 选科目 课程选择 选修课程 勾课 点课 选上课 课选上
退课=删课 退选 取消选课 退掉课
期末考试=终考 大考 终结性考试 终结性考核 期末考 终极考试 期末 卷面
网考=机考 网络考试 线上考试 网上考试 在线考试 上机考试 线上考 电脑上考 上机
纸考=笔试 线下考试 纸质考试 纸笔考试 线下考 答卷子
补考=重考 补测 二次考试 重新考 二考
形考=形成性考核 形考作业 形考任务 平时作业 网上作业 平时成绩 平时分 形成性 行考 型考 形考成绩
形考=作业
缴费=交费 交钱 付款 付费 付钱 交款 缴钱 续费 缴款 缴学费 交学费 付学费 学费交
学费=学分费 学杂费 书费学费
代做=帮我写 替我写 帮我做 替我做 帮写 帮做 替写 替做 找人做
退费=退钱 退款 返钱 返款 退学费
学习平台=学习网 国开学习网 国开平台 国开网 一网一平台 学习网站 学习系统 国开学习平台 网站 平台
学习平台=系统 网页
登录=登陆 登入 登不上 登 进不去 上不去 登不进去 登不了 进平台
密码=口令 秘码 密马
忘记密码=密码忘了 密码忘 忘记密码 忘密码 密码忘记
准考证=准考单 准考正 考试证 准靠证
成绩=分数 得分 考分 分儿
成绩几时=分什么时候 分啥时候 分几号 分多会儿
综合成绩=总评 总成绩 总分 最后成绩 最后的分 总评成绩
比例=比重 几成 百分之几 百分之多少 折算
盖章=带章 公章 盖公章 盖学校章
学位英语=学位外语 学士学位英语 学位英语考试 学位外语考试 英语学位考试
学位证=学位证书 学士学位证书 学士学位证 学士证 学位正
毕业证=毕业证书 毕业正 文凭 大专证 本科证
学位=学士学位
转专业=换专业 改专业 调专业 换个专业 转别的专业 改个专业
转学=转学校 转校 转学习中心 换教学点 换学习中心 转到别的 转去 转回
休学=停学 停一停 停一学期 办休 先不念 歇一年 休息半年
退学=不念了 不读了 不想读了 不想念了 退读 不上了 不想上了
免修免考=免修 免考 免试 免课 课程免 免学 免哪
论文=毕业论文 毕业设计 论文设计
图像采集=图象采集 照片采集 采集照片 毕业照采集 照相采集 信息采集 拍毕业照 毕业照 采集图像 采照片
图像采集=毕业相 照毕业相 照毕业照 毕业拍照 采集毕业照 采集图像
照片=相片 毕业照片 照相 拍照 相
课表=课程表 开课表 上课表 上课时间表 课程安排
直播课=直播 网课直播
面授课=面授 线下课 面授辅导 辅导课 线下上课
助学教师=班主任 辅导员 导学教师 助学老师 导学老师 班任
任课教师=任课老师 课程老师 授课老师 讲课老师 专业课老师 课程教师 上课的老师
导师=指导老师 指导教师 论文老师
教务=教务处 教务科 教务部
财务=财务处 财务科 财务室 财务部
电话=号码 联系方式 联系电话 手机号码
奖学金=助学金 奖金
优秀毕业生=优毕
入学通知书=录取通知书 录取通知 入学通知
学生证=电子学生证 学生卡
收据=发票 票据 开票 学费票
查重=重复率 查重率 抄袭率 相似度
大专=专科
断网=掉线 断线 停电 断电
大作业=交报告
""".strip()
_STOP = """
老师 请问 你好 您好 麻烦 问一下 问下 想问问 想问 想知道 求助 各位 大家 同学们 谢谢 多谢 一下子
一下
那个 就是 咱们 咱 我们 你们 我 您 你 呀 啊 呢 吧 哈 嘛 呗 哦 噢 啦 哎 唉 诶 嗯 的 来着 到底 现在
目前 急 在线等 帮忙 帮我 告诉 给讲讲 求 那 这 个
"""
_PROTECTED = """
目的 那科 哪个 个人 各个 紧急 应急 要求 求职 需求 通知书 证书 申请书 委托书 图书馆 书面 证明书
调整 完整 大作业 登记 可能 整体 整天 到期末 读书 读证 卷面上 录取 报销 花呗 这样 那样 怎么样
能力 智能 功能 性能 行政 银行 行业 进行 学得 觉得 获得 得分 取得 懂得 记得
"""

#: What is not ours: other schools, exams, people. Each such word is a matter of its own.
FOREIGN = "别处"

#: What a question can be about. Two texts that disagree here are about different matters however
#: alike they look; a word may stand for several (报考 is 考试 and 报名).
_CONCEPTS = """
课程注册=课程注册
退课=退课 删课
换课=换课 改课 换掉 调课
开课=开课
漏=漏选 漏报 没选上 漏 错过 过期 逾期 没赶上 超时 晚了 来不及
报名=考试报名 报名
考试=考试报名 期末考试 考试 网考 纸考 考场 考点 卷子 考
补考=补考 挂科 没过 不及格 没及格 挂了
缓考=缓考 延考
缺考=缺考 没去考 没参加考试 旷考 没考上
网考=网考
纸考=纸考
准考证=准考证
考点=考点 考场 考试地点
作弊=作弊 替考 代考 夹带 小抄 替我考
开卷=开卷 闭卷
统考=统考
成绩=成绩 分下来 查分 出分
_=参考 思考 考虑
复查=复查 查分 核查 复核 核分 异议 申诉
形考=形考
发帖=发帖 论坛 帖子 讨论区 回帖
代做=代做 代写 抄抄 抄作业
费用=学费 缴费
退费=退费
收据=收据
分期=分期 一半 分开交 分两次 花呗 先交
教材=教材
二手=二手 旧教材 借
登录=登录
密码=密码
账号=账号 帐号 用户名
学习平台=学习平台
人脸=人脸 刷脸 摄像头
视频=视频 录像 回放
手机=手机
论文=论文
查重=查重
答辩=答辩
导师=导师
选题=选题 题目 开题
实践=实践 社会调查 调查报告 实习
毕业=毕业 毕业证
毕业证=毕业证 证书 拿证 发证 领证
代领=代领 代取 替领 帮领 别人领 家人领 邮寄
遗失=丢了 遗失 丢 弄丢 找不到了 补办 找不着 没了 泡了 坏了 撕 损坏
学位=学位 学位证 学位英语
学位英语=学位英语
学位证=学位证
学信网=学信网
学籍=学籍
学号=学号
学生证=学生证
入学教育=入学教育 开学典礼 新生培训
入学通知书=入学通知书
录取=录取 考上
报到=报到
转专业=转专业
转学=转学
休学=休学
复学=复学
退学=退学
免修免考=免修免考
个人信息=改名 名字 姓名 身份证 个人信息 信息错 民族
图像采集=图像采集
采集码=采集码
照片=照片 图像采集
奖学金=奖学金
优秀毕业生=优秀毕业生 优秀学员 评优 评选
课表=课表
直播课=直播课
面授课=面授课
签到=签到 考勤 点名
请假=请假
活动=活动 班会
班委=班委 班长
小组=小组 学习小组
助学教师=助学教师
电话=电话
办公室=办公室 几楼 几时上班 几时下班 地址
投诉=投诉 举报 反映 意见
证明=证明 在读证明 学历证明
认可=认可 承认 含金量 考公 考编 考研 报二建 职称
培训=培训 学时
考核=考核
解释=解释
别处=公务员 自考 成人高考 成考 高考 四级 六级 普通话 教师资格 特岗 护士 驾照 驾校 科目二
别处=公积金 社保 医保 护照 结婚 居住证 健身 外卖 快餐 疫苗 体检 支付宝 qq 微信 wifi 宽带 天气
别处=家孩子 孩子学校 孩子上 孩子中考 儿子 女儿 老公 老婆 高中 小学 初中 中考 幼儿园 计算机二级
别处=会计职称 初级会计 考研 招聘 就业 涨工资
盖章=盖章
教务=教务
财务=财务
任课教师=任课教师
谁负责=谁负责
划重点=重点 复习 题库 往年 历年题
分期=分期 分次 按月
退错=多扣 付了两遍 交重
签字=签字
难=难度 难不难 难吗 好过 难
选错=手误 点错 填错 报错 选错 勾错 错了 打错
本人=本人 到场 亲自
自动=自动 统一 自己
结束=结束 截止 关闭 关了
第一步=第一步 流程 步骤 手续
以前=以前 之前 几年前 前几年 上学期 去年 当时 上次 上回
转出=调到 迁到 搬到 搬家 户口
别处=证考试 证报名 证成绩 师考试 师报名 师成绩 建造师 社工 驾驶证 网购 高铁 落户 闺女 媳妇
别处=结婚证 银行卡 公证 参军 买手机 便宜出 朋友圈 失业 对象 现金 卖二手 二建 一建
别处=健康证 房贷 食堂 宿舍 停车 住宿 旅馆 军训 校长
别处=抖音 快手 房产证 全日制 投影 服务器 打卡
别处=吉林 长春 黑龙江 哈尔滨 内蒙 北京 上海 天津 重庆 河北 石家庄 河南 郑州 山东 济南 青岛 山西
别处=江苏 南京 浙江 杭州 广东 广州 深圳 广西 四川 成都 湖北 武汉 湖南 安徽 福建 江西 陕西 甘肃 新疆
别处=云南 贵州 海南 宁夏 青海 西藏 外省 别的省 他们省 南方
别处=孩子的 小孩的 娃的 我家小孩 孩子转 孩子班 小孩学 小孩奖 外甥 侄子 侄女 家长 小升初 幼升小 择校
别处=国考 省考 事业编 事业单位 选调生 三支一扶 辅警 军队文职 教资 教师编 法考 注会 税务师
别处=药师 执业医师 护考 雅思 托福 软考 等级考试 消防证 电工证 焊工 叉车 导游证 健康管理师
别处=经济师 造价师 研究生 硕士
别处=函授 夜大 奥鹏 弘成 网院 技校 中专 职高 学习通 智慧树 雨课堂 慕课 钉钉 交管 个税 车险 驾考 签证
别处=退役 退伍 兵役 火车 车票 机票 职称 简历 房租 物业 暖气 彩票 股票 基金 贷款 理赔 退保 外卖员
迟到=迟到 晚到 来晚 提前 早点走 提前走 交卷 入场 进场 几分钟
证件=证件 带什么 带身份证 带笔 三证 携带 拿什么 准备什么
身份证=身份证
改期=改期 延期 延后 换时间 生病 住院 手术 出差 坐月子 怀孕 预产期 去不了 来不了 加班
断线=断网 断线 卡死 卡住 闪退 崩 白屏 打不开 加载 转圈 空白 报错 故障 坏了 出问题 没保存
打印=打印 下载 打准考证 彩打 黑白
少=少了 少一 缺 没显示 找不到 查不到 看不到 不显示 空
格式=格式 排版 模板 封面 字数 多少字 几千字 字体 参考文献 目录 样本
满分=及格 合格 多少分 几分 过线 算过
比例=比例 占 几几开 公式 综合成绩
重做=重做 重新做 再做 刷 撤回 重新来 改答案 从头做 重来
提交=提交 上传 传不上 附件 交不上
批改=批改 判 批阅 批 打分
忘=忘记
手机号=手机号 换号 验证码 绑定
领=领取 领
寄=邮寄 寄 快递
优惠=减免 优惠 补贴 补助 贷款 资助 困难 低保 退伍 退役 残疾
底色=底色 蓝底 白底 衣服 穿 着装 眼镜 尺寸 一寸 二寸 化妆
驳回=驳回 退回 不通过 没通过 不合格 失败
次数=几次 几回 次数 几遍
条件=条件 要求 资格 标准
申请=申请 申报 办理
有效期=有效期 有效 清零 延期 几年前
提前毕业=几年 最快 最短 提前毕业 提前半年
回放=回放 录像 录屏 回看 补看
群=群 二维码
答案=答案
隐私=隐私 个人资料 泄露
""".strip()

_DISTINCT = """
课程注册 退课 开课 补考 缓考 网考 纸考 统考 准考证 形考 复查 学位证 学位英语 论文 答辩 查重
教材 转专业 转学 休学 复学 退学 免修免考 图像采集 采集码 奖学金 优秀毕业生 直播课 面授课
入学通知书 学生证 入学教育 课表 学信网 退费 收据 人脸 助学教师 任课教师 财务 教务
"""
#: Matters told apart by their names alone: an answer that never names the one asked about is
#: the answer to another question, however alike the two look.
DISTINCT = frozenset(_DISTINCT.split())


class Kind(StrEnum):
    """What an answer must contain to be one."""

    WHEN = "when"
    WHERE = "where"
    HOW = "how"
    HOW_MUCH = "how_much"
    WHETHER = "whether"
    WHY = "why"
    WHO = "who"
    WHAT = "what"
    HOW_LONG = "how_long"


_KINDS = {
    Kind.WHEN: "几时|截止|哪周|时间(?!到|不够|冲突|撞)|快结束|还有几天|过没过|开始(?:了|没)"
    "|多久.{0,3}(?:出|发|下|到)"
    "|(?:出|下|开始|发|到|寄|定)(?:来|了|下来)?吗|还没(?:出|下|到|发)",
    Kind.WHERE: "何处|地址|入口|链接|网址|几楼|地点|哪个(?:学习平台|app|菜单|屋)",
    Kind.HOW: "咋|流程|步骤|手续|方法|办法|方式|第一步",
    Kind.HOW_MUCH: "价钱|学费多少|价格|几块|收费|金额|费用|要钱|掏钱|花钱|免费",
    Kind.WHETHER: "能|吗|须|是不是|算不算|会不会|有没有|允许|行$",
    Kind.WHY: "为何|原因|咋还?没|咋少",
    Kind.WHO: "谁|哪位|找哪个|啥人",
    Kind.WHAT: "啥(?!人)|哪些|哪几|条件|要求|材料|内容|清单",
    Kind.HOW_LONG: "多久|多长|几年|几天|多少(?!钱)|几次|几回|几门|几科|几本|几个|次数",
}
_KIND_PATTERNS = tuple((kind, re.compile(pattern)) for kind, pattern in _KINDS.items())


def _pairs(table: str) -> dict[str, tuple[str, ...]]:
    found: dict[str, list[str]] = {}
    for line in table.splitlines():
        name, words = line.split("=")
        for word in words.split():
            found.setdefault(word, []).append(name + word if name == FOREIGN else name)
    return {word: tuple(names) for word, names in found.items()}


def _any_of(words: Iterable[str]) -> re.Pattern[str]:
    return re.compile("|".join(map(re.escape, sorted(words, key=lambda w: (-len(w), w)))))


_FOLD = {word: names[0] for word, names in _pairs(_FOLDS).items()}
_FOLD |= {name: name for name in (*_FOLD.values(), *_PROTECTED.split())}
_FOLD |= dict.fromkeys(_STOP.split(), "")
_FOLD_PATTERN = _any_of(_FOLD)
_TAG_QUESTION = re.compile(r"(?:了没有?|没有|[不没])(?=$|[\s,，。.?？!！])")
_WHERE = re.compile(
    "[在去上到从往搁]?哪(?:里|儿|块|边|旮旯|个地方)|[在去上到从往搁]哪(?![天科门个些种本几位周级次段一])"
)
_NOISE = re.compile(r"[^0-9a-z\u3400-\u9fff]+")


def fold(text: str) -> str:
    """The text with one spelling and one word an idea; no greeting, no punctuation."""
    text = normalise(text).lower()
    text = _WHERE.sub("何处", _NOISE.sub("", _TAG_QUESTION.sub("吗", text)))
    return _FOLD_PATTERN.sub(lambda word: _FOLD[word[0]], text)


# The words of the table are written as people say them and met as `fold` leaves them.
_CONCEPT = {fold(word): names for word, names in _pairs(_CONCEPTS).items() if fold(word)}
_CONCEPT_PATTERN = _any_of(_CONCEPT)


def concepts(folded: str) -> frozenset[str]:
    """The matters a folded text names."""
    found = {name for word in _CONCEPT_PATTERN.findall(folded) for name in _CONCEPT[word]}
    return frozenset(found - {"_"})


def kinds(folded: str) -> frozenset[Kind]:
    """What a folded text asks for; empty where it only names a matter."""
    return frozenset(kind for kind, pattern in _KIND_PATTERNS if pattern.search(folded))


def question_kinds(text: str) -> frozenset[Kind]:
    """What a text as typed asks for."""
    return kinds(fold(text))


def asks_when(text: str) -> bool:
    """Whether a date or a deadline is wanted."""
    return Kind.WHEN in question_kinds(text)


def asks_where(text: str) -> bool:
    """Whether a place, a page or a link is wanted."""
    return Kind.WHERE in question_kinds(text)


def asks_how_much(text: str) -> bool:
    """Whether an amount of money is wanted."""
    return Kind.HOW_MUCH in question_kinds(text)

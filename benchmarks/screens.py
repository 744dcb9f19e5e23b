"""Screenshots as students send them: pages of a learning platform drawn by Chromium, then spoilt.

Every page names the sentence that a reader must not lose; the whole text is known, too.
"""

import io
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from PIL import Image, ImageChops, ImageFilter
from playwright.sync_api import sync_playwright

#: Name, the sentence that matters, the body of the page.
PAGES: tuple[tuple[str, str, str], ...] = (
    (
        "密码错误",
        "用户名或密码错误",
        "<h3>国家开放大学学习网</h3><p>统一身份认证</p><input value='2301001****'><br>"
        "<div class=err>用户名或密码错误，您还可以尝试 3 次</div><button>登录</button>"
        "<p class=s>忘记密码？ | 首次登录请先激活账号</p>",
    ),
    (
        "课程未开放",
        "该课程未开放",
        "<h3>我的课程</h3><p>管理学基础</p><div class=box><b>提示</b><br>"
        "该课程未开放，请联系任课教师或班主任。<br><button>确定</button></div>"
        "<p class=s>2026年秋季学期</p>",
    ),
    (
        "报考",
        "您有 2 门课程尚未报考",
        "<h3>网上报考</h3><table><tr><th>课程</th><th>考试方式</th><th>状态</th></tr>"
        "<tr><td>高等数学基础</td><td>纸质闭卷</td><td>未报考</td></tr>"
        "<tr><td>计算机应用基础</td><td>机考</td><td>未报考</td></tr></table>"
        "<div class=err>您有 2 门课程尚未报考，请在截止时间前提交</div>",
    ),
    (
        "成绩",
        "综合成绩 58 不合格",
        "<h3>成绩查询</h3><p>课程：政治经济学</p><p>形考成绩 72</p><p>终考成绩 49</p>"
        "<p class=err>综合成绩 58 不合格</p><p class=s>如有疑问请联系教务部门</p>",
    ),
    (
        "缴费失败",
        "支付失败：订单已超时",
        "<h3>学费缴纳</h3><p>应缴金额 2280.00 元</p><div class=box><b>支付失败：订单已超时</b>"
        "<br>请返回重新下单</div><button>返回</button>",
    ),
    (
        "作业截止",
        "本次作业已截止提交",
        "<h3>形成性考核任务二</h3><p>分值占比 20%</p><p class=grey>本次作业已截止提交</p>"
        "<button disabled>提交</button><p class=s>剩余答题次数：0</p>",
    ),
    (
        "系统繁忙",
        "系统繁忙，请稍后再试",
        "<br><br><h2>502</h2><p>系统繁忙，请稍后再试</p><p class=s>错误代码 E10032</p>",
    ),
    (
        "照片不合格",
        "照片审核未通过",
        "<h3>学籍照片采集</h3><p class=err>照片审核未通过：背景不是蓝色</p>"
        "<p>请重新上传，文件不超过 100KB</p><button>重新上传</button>",
    ),
    (
        "准考证",
        "准考证暂未生成",
        "<h3>准考证打印</h3><div class=box>准考证暂未生成，请于考前一周再来查看</div>"
        "<p class=s>考试时间以准考证为准</p>",
    ),
    (
        "验证码",
        "短信验证码已失效",
        "<h3>绑定手机号</h3><p>138****5678</p><p class=err>短信验证码已失效，请重新获取</p>"
        "<button>60 秒后重新获取</button>",
    ),
)
_STYLE = """<meta charset=utf-8><style>body{margin:24px;font-family:%s;font-size:%dpx;
color:%s;background:%s}.err{color:#d93026}.s{font-size:80%%;color:#888}.grey{color:#999}
.box{border:1px solid #aaa;border-radius:8px;padding:16px;margin:12px 0}
table{border-collapse:collapse}td,th{border:1px solid #ccc;padding:6px}
button{font:inherit;background:#1677ff;color:#fff;border:0;border-radius:6px;padding:8px 18px}
input{font:inherit}</style>"""


@dataclass(frozen=True, slots=True)
class Screen:
    """A picture, what it is of, how it was made, and what stands on it."""

    page: str
    kind: str
    key: str
    text: str
    data: bytes


@dataclass(frozen=True, slots=True)
class _Look:
    kind: str
    size: tuple[int, int]
    scale: float
    font: str = "Noto Sans CJK SC"
    pixels: int = 16
    is_dark: bool = False


_LOOKS = (
    _Look("电脑截图 16px", (1000, 560), 1),
    _Look("电脑截图 12px", (1000, 560), 1, pixels=12),
    _Look("电脑截图 宋体", (1000, 560), 1, "Noto Serif CJK SC", 14),
    _Look("手机截图", (390, 844), 3),
    _Look("手机截图 深色", (390, 844), 2, is_dark=True),
)
#: A photo is taken of the screen of a computer.
_PHOTOGRAPHED = _LOOKS[0]


def screens(chromium: str) -> Iterator[Screen]:
    """Every page in every look, then photographs of it."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=chromium, args=["--no-sandbox", "--disable-gpu"]
        )
        for look in _LOOKS:
            width, height = look.size
            tab = browser.new_page(
                viewport={"width": width, "height": height}, device_scale_factor=look.scale
            )
            colours = ("#ddd", "#181818") if look.is_dark else ("#222", "#fff")
            for name, key, body in PAGES:
                tab.set_content(_STYLE % (f"'{look.font}'", look.pixels, *colours) + body)
                text = tab.inner_text("body")
                data = tab.screenshot()
                yield Screen(name, look.kind, key, text, data)
                if look.scale == 3:
                    yield Screen(name, "手机截图 压缩到 540 宽", key, text, _squeezed(data))
                if look is _PHOTOGRAPHED:
                    for kind, photo in _photos(data):
                        yield Screen(name, kind, key, text, photo)
            tab.close()
        browser.close()


def _squeezed(data: bytes) -> bytes:
    """As a chat client sends it that was not told to send the original."""
    picture = Image.open(io.BytesIO(data)).convert("RGB")
    return _jpeg(picture.resize((540, picture.height * 540 // picture.width)), 40)


def _photos(data: bytes) -> Iterator[tuple[str, bytes]]:
    flat = Image.open(io.BytesIO(data)).convert("RGB").resize((1600, 896), Image.Resampling.BICUBIC)
    yield "拍屏 轻微", _jpeg(_photo(flat, angle=1.5, blur=0.8, lean=0.02), 75)
    yield "拍屏 明显", _jpeg(_photo(flat, angle=4, blur=1.6, lean=0.06), 55)
    yield "拍屏 很糊", _jpeg(_photo(flat, angle=7, blur=3.0, lean=0.10), 40)
    yield (
        "拍屏 横放",
        _jpeg(_photo(flat, angle=1.5, blur=0.8, lean=0.02).rotate(90, expand=True), 75),
    )


def _photo(flat: Image.Image, *, angle: float, blur: float, lean: float) -> Image.Image:
    """Seen from the side, turned, out of focus, with the stripes of a screen and a dark corner."""
    width, height = flat.size
    corner = int(width * lean), int(height * lean)
    quad = (-corner[0], 0, 0, height, width, height - corner[1], width + corner[0], corner[1] // 2)
    seen = flat.transform(flat.size, Image.Transform.QUAD, quad, Image.Resampling.BICUBIC)
    seen = seen.rotate(angle, Image.Resampling.BICUBIC, expand=True, fillcolor=(60, 60, 64))
    stripes = Image.new("RGB", (1, 6), (255, 255, 255))
    stripes.putpixel((0, 0), (226, 232, 238))
    rows = Image.new("RGB", (1, seen.height))
    for top in range(0, seen.height, 6):
        rows.paste(stripes, (0, top))
    seen = ImageChops.multiply(seen, rows.resize(seen.size))
    shade = Image.linear_gradient("L").resize(seen.size).point(lambda v: 255 - v * 90 // 255)
    seen = ImageChops.multiply(seen, Image.merge("RGB", (shade, shade, shade)))
    noise = Image.effect_noise(seen.size, 24).point(lambda v: min(255, v + 127))
    seen = ImageChops.multiply(seen, Image.merge("RGB", (noise, noise, noise)))
    return seen.filter(ImageFilter.GaussianBlur(blur))


def _jpeg(picture: Image.Image, quality: int) -> bytes:
    out = io.BytesIO()
    picture.save(out, "JPEG", quality=quality)
    return out.getvalue()


def save(folder: Path, chromium: str) -> None:
    """The pictures as files, to look at."""
    for screen in screens(chromium):
        ending = "png" if screen.data[:4] == b"\x89PNG" else "jpg"
        (folder / f"{screen.page}-{screen.kind}.{ending}").write_bytes(screen.data)

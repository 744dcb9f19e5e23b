"""The playground and the ledger in a real browser: the walk a newcomer takes, on screens of both
sizes; nothing is fetched from another host and the console stays empty."""

import os
import shutil
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.async_api import Browser, Page, async_playwright, expect

from bot.app import App
from tests.bot.web.conftest import HASHER, say
from tests.peers.axe import control

CHROMIUM = next(
    (path for name in ("chromium", "chromium-browser") if (path := shutil.which(name))), None
)
# Where CI says so, a missing browser is a failure and not a reason to look away.
pytestmark = pytest.mark.skipif(
    CHROMIUM is None and "CI" not in os.environ, reason="no chromium on this machine"
)

ARGUMENTS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
)
ODD = "@助手 校门口的停车卡在哪里办？"


@dataclass
class Seen:
    """A page, and everything about it that should not have happened."""

    page: Page
    base: str
    hosts: set[str] = field(default_factory=set)
    troubles: list[str] = field(default_factory=list)

    async def open(self, path: str) -> None:
        await self.page.goto(self.base + path)

    async def play(self, who: str, place: str) -> None:
        await self.page.locator(f'.person[data-name="{who}"]').click()
        await self.page.locator(f'.places [data-place="{place}"]').click()

    async def say(self, text: str) -> None:
        await self.page.fill("#text", text)
        await self.page.press("#text", "Enter")

    async def shoot(self, path: Path) -> None:
        await self.page.screenshot(path=path)


@pytest.fixture
async def browser() -> AsyncIterator[Browser]:
    async with async_playwright() as playwright:
        started = await playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield started
        await started.close()


@pytest.fixture
async def open_page(browser: Browser, app: App) -> AsyncIterator[Seen]:
    """A window of a desk's size on the running bot; what went wrong in it fails the test."""
    context = await browser.new_context(
        viewport={"width": 1280, "height": 800}, locale="zh-CN", timezone_id="America/New_York"
    )
    page = await context.new_page()
    seen = Seen(page, f"http://127.0.0.1:{app.port}")
    context.on("request", lambda request: seen.hosts.add(urlsplit(request.url).hostname or ""))
    page.on("websocket", lambda socket: seen.hosts.add(urlsplit(socket.url).hostname or ""))
    page.on("pageerror", lambda error: seen.troubles.append(str(error)))
    page.on(
        "console",
        lambda message: message.type in ("error", "warning") and seen.troubles.append(message.text),
    )
    yield seen
    await context.close()
    assert seen.hosts == {"127.0.0.1"}
    assert seen.troubles == []


async def _is_online(seen: Seen) -> None:
    await expect(seen.page.locator("#status")).to_have_text("在线")


async def test_a_newcomers_walk(open_page: Seen, app: App, tmp_path: Path) -> None:
    seen, page = open_page, open_page.page
    bot = page.locator(".line.bot")
    rows = page.locator("#rows .row")
    await seen.open("/")
    await _is_online(seen)

    # A question the bot knows: answered, quoted, and on the record at once.
    await seen.say("@助手 期末考试什么时候报名？")
    await expect(bot.last).to_contain_text("考试报名")
    await expect(bot.last.locator(".quote")).to_contain_text("小李：@助手 期末考试")
    await expect(rows).to_have_count(1)
    await expect(rows.first).to_contain_text("机器人")
    await expect(page.locator('[data-figure="bot"]')).to_have_text("1")

    # One it does not know: a number, a card for the tutor.
    await seen.play("小张", "group")
    await seen.say(ODD)
    await expect(bot.last).to_contain_text("编号 T-1")
    await expect(rows).to_have_count(2)
    await expect(page.locator('[data-figure="waiting"]')).to_have_text("1")
    await expect(page.locator('.person[data-name="王敏"] .unread')).to_have_text("1")

    # The tutor quotes the card in private.
    await seen.play("王敏", "private")
    await expect(page.locator('.person[data-name="王敏"] .unread')).to_be_hidden()
    await bot.filter(has_text="待答复 T-1").locator(".bubble").click()
    await expect(page.locator("#quoted")).to_contain_text("待答复 T-1")
    await seen.say("在一号门保卫处办，带学生证。")
    await expect(bot.last).to_contain_text("已转达学生并办结")
    await expect(page.locator('[data-figure="waiting"]')).to_have_text("0")
    await expect(rows.first).to_contain_text("助学教师")

    # The student reads it in the group, as the tutor's words.
    await seen.play("小张", "group")
    await expect(bot.last).to_contain_text("转达 王敏老师 对 T-1 的答复")
    await expect(bot.last).to_contain_text("在一号门保卫处办，带学生证。")
    await seen.shoot(tmp_path / "playground.png")

    # A supervisor signs in and sees the same rows.
    await seen.open("/ledger")
    await page.fill("#username", "demo")
    await page.fill("#password", app.demo_password)
    await page.press("#password", "Enter")
    await expect(page.locator("details.row")).to_have_count(3)
    await page.locator("details.row").first.locator("summary").click()
    await expect(page.locator("details.row").first).to_contain_text("王敏（助学教师）")
    await seen.shoot(tmp_path / "ledger.png")


async def test_markup_is_shown_as_it_was_typed(open_page: Seen) -> None:
    seen, page = open_page, open_page.page
    words = "<img src=x onerror=alert(1)><script>alert(2)</script> @助手 学费怎么交？"
    await seen.open("/playground")
    await _is_online(seen)

    await seen.say(words)

    await expect(page.locator(".line.mine .words")).to_have_text(words)
    await expect(page.locator("#rows .row")).to_have_count(1)
    assert await page.locator("#log img, #log script, #rows img, #rows script").count() == 0


async def test_enter_while_an_input_method_composes_sends_nothing(open_page: Seen) -> None:
    seen, page = open_page, open_page.page
    await seen.open("/playground")
    await _is_online(seen)
    await page.fill("#text", "kaoshi")

    composing = "{key: 'Enter', isComposing: true, bubbles: true, cancelable: true}"
    await page.evaluate(
        f"document.getElementById('text').dispatchEvent(new KeyboardEvent('keydown', {composing}))"
    )
    await page.press("#text", "Shift+Enter")

    await expect(page.locator("#text")).to_have_value("kaoshi\n")
    await expect(page.locator(".line")).to_have_count(0)


async def test_slash_offers_the_commands_of_the_role_to_the_keyboard(open_page: Seen) -> None:
    seen, page = open_page, open_page.page
    await seen.open("/playground")
    await _is_online(seen)
    await seen.play("王敏", "private")

    await page.locator("#text").press_sequentially("/")
    await expect(page.locator("#commands")).to_contain_text("/待办")
    await page.press("#text", "ArrowDown")
    await page.press("#text", "ArrowUp")
    await page.press("#text", "Enter")
    await expect(page.locator("#text")).to_have_value("/待办")
    await page.press("#text", "Enter")

    await expect(page.locator(".line.bot").last).to_contain_text("没有等您答复的问题")
    await seen.play("小李", "private")
    await page.locator("#text").press_sequentially("/")
    await expect(page.locator("#commands")).to_contain_text("/进度")
    await expect(page.locator("#commands")).not_to_contain_text("/待办")


async def test_clock_is_the_schools_and_moves_when_told(open_page: Seen) -> None:
    """The browser of these tests stands in New York."""
    seen, page = open_page, open_page.page
    await seen.open("/playground")
    await expect(page.locator("#clock-time")).to_have_text("09:00")

    await page.locator('[data-advance="60"]').click()
    await expect(page.locator("#clock-time")).to_have_text("10:00")
    await page.locator('[data-advance="1440"]').click()

    await expect(page.locator("#clock-day")).to_have_text("12月2日")


async def test_connection_that_drops_comes_back_by_itself(open_page: Seen, app: App) -> None:
    seen, page = open_page, open_page.page
    await seen.open("/playground")
    await _is_online(seen)
    await seen.say(ODD)
    await expect(page.locator("#rows .row")).to_have_count(1)

    await page.context.set_offline(True)
    assert app.playground is not None
    for watcher in list(app.playground.watchers):
        await watcher.__self__.close()  # type: ignore[attr-defined]
    await expect(page.locator("#status")).to_contain_text("重连")
    await page.context.set_offline(False)

    await expect(page.locator("#status")).to_have_text("在线", timeout=15_000)
    await expect(page.locator(".line")).to_have_count(2)
    await expect(page.locator("#rows .row")).to_have_count(1)
    # A refused attempt is the one thing a browser complains of by itself.
    seen.troubles[:] = [line for line in seen.troubles if "ERR_INTERNET_DISCONNECTED" not in line]


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_on_a_phone_nothing_is_wider_than_the_screen(
    browser: Browser, app: App, scheme: str, tmp_path: Path
) -> None:
    context = await browser.new_context(
        viewport={"width": 390, "height": 844},
        color_scheme=scheme,  # type: ignore[arg-type]
        has_touch=True,
        is_mobile=True,
    )
    page = await context.new_page()
    seen = Seen(page, f"http://127.0.0.1:{app.port}")
    await seen.open("/playground")
    await _is_online(seen)
    await seen.say("@助手 期末考试什么时候报名？")
    await expect(page.locator(".line.bot")).to_have_count(1)

    widths = [await page.evaluate("document.documentElement.scrollWidth")]
    await seen.shoot(tmp_path / "chat.png")
    await page.locator('.view-switch [data-view="record"]').click()
    await expect(page.locator("#rows .row")).to_be_visible()
    await expect(page.locator("#log")).to_be_hidden()
    widths.append(await page.evaluate("document.documentElement.scrollWidth"))
    await seen.open("/login?next=/ledger")
    await page.fill("#username", "demo")
    await page.fill("#password", app.demo_password)
    await page.press("#password", "Enter")
    await expect(page.locator("details.row")).to_have_count(1)
    widths.append(await page.evaluate("document.documentElement.scrollWidth"))
    await seen.shoot(tmp_path / "ledger.png")
    await context.close()

    assert widths == [390, 390, 390]


CONTRAST = """
() => {
  const parse = (c) => (c.match(/[\\d.]+/g) ?? []).map(Number);
  const light = ([r, g, b]) => {
    const f = (v) => ((v /= 255) <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
    return 0.2126 * f(r) + 0.7152 * f(g) + 0.0722 * f(b);
  };
  const ground = (element) => {
    for (let e = element; e; e = e.parentElement) {
      const colour = parse(getComputedStyle(e).backgroundColor);
      if (colour.length === 3 || colour[3] === 1) return colour;
    }
    return [255, 255, 255];
  };
  const low = [];
  for (const element of document.querySelectorAll("body *")) {
    const own = [...element.childNodes].some((n) => n.nodeType === 3 && n.textContent.trim());
    const style = getComputedStyle(element);
    const size = parseFloat(style.fontSize);
    const isLarge = size >= 24 || (size >= 18.66 && Number(style.fontWeight) >= 700);
    if (!own || !element.checkVisibility({ opacityProperty: true })) continue;
    if (element.classList.contains("skip")) continue;
    const [a, b] = [light(parse(style.color)), light(ground(element))];
    const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    const name = `${element.className || element.tagName} ${element.textContent.trim()}`;
    if (ratio < (isLarge ? 3 : 4.5)) low.push(`${ratio.toFixed(2)} ${name.slice(0, 60)}`);
  }
  return low;
}
"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_every_word_stands_out_enough_from_its_ground(
    open_page: Seen, app: App, scheme: str
) -> None:
    """WCAG AA: 4.5 to 1, 3 to 1 where the letters are large."""
    seen, page = open_page, open_page.page
    # What fades in is measured when it has faded in.
    await page.emulate_media(color_scheme=scheme, reduced_motion="reduce")  # type: ignore[arg-type]
    await seen.open("/playground")
    await _is_online(seen)
    await seen.say("@助手 期末考试什么时候报名？")
    await seen.say(ODD)
    await seen.say("@助手 我要投诉，王老师一直不回消息")
    await expect(page.locator(".line")).to_have_count(6)
    await page.locator(".line.bot .bubble").first.click()
    low = await page.evaluate(CONTRAST)

    for path in ("/login", "/ledger?from=x"):
        await seen.open(path)
        low += await page.evaluate(CONTRAST)
        if path == "/login":
            await page.fill("#username", "demo")
            await page.fill("#password", app.demo_password)
            await page.press("#password", "Enter")
            await page.wait_for_url("**/board")
            low += await page.evaluate(CONTRAST)

    assert low == []


async def _tab_to(page: Page, selector: str) -> None:
    """Only the keyboard: on with Tab until the focus is there."""
    for _ in range(80):
        if await page.evaluate(f"document.activeElement?.matches({selector!r}) ?? false"):
            return
        await page.keyboard.press("Tab")
    raise AssertionError(f"the keyboard does not get to {selector}")


async def _complaint_on_the_desk(seen: Seen, app: App) -> None:
    await say(app, "我要投诉，王老师一直不回消息", group="")
    await seen.open("/login?next=/cases")
    await seen.page.fill("#username", "demo")
    await seen.page.fill("#password", app.demo_password)
    await seen.page.press("#password", "Enter")
    await expect(seen.page.locator(".case")).to_have_count(1)


async def test_complaint_is_heard_and_ruled_on_with_the_keyboard_alone(
    open_page: Seen, app: App, tmp_path: Path
) -> None:
    """S13.5, S13.6: from the desk to the verdict; a verdict too early is said and nothing lost."""
    seen, page = open_page, open_page.page
    await _complaint_on_the_desk(seen, app)

    # From the list to the case.
    await _tab_to(page, ".case .number")
    await page.keyboard.press("Enter")
    await expect(page.locator("h1")).to_contain_text("T-1")
    await expect(page.locator("main")).to_contain_text("王老师一直不回消息")

    # The tutor is asked to speak.
    await _tab_to(page, "#hearing-text")
    await page.keyboard.type("有同学反映消息没有人回")
    await page.keyboard.press("Tab")
    await page.keyboard.press("Enter")
    await expect(page.locator('[role="status"]')).to_contain_text("已请教师陈述")
    await expect(page.locator(".steps")).to_contain_text("有同学反映消息没有人回")

    # Ruled too early: told so, what was typed is still there.
    await _tab_to(page, 'input[name="verdict"]')
    await page.keyboard.press("ArrowRight")
    await _tab_to(page, "#verdict-reason")
    await page.keyboard.type("查了记录，两次超过两个工作日")
    await page.keyboard.press("Tab")
    await page.keyboard.type("已请老师改进，今后两个工作日内回复。")
    await _tab_to(page, 'input[name="unheard"]')
    await page.keyboard.press("Tab")
    await page.keyboard.press("Enter")
    await expect(page.locator('[role="alert"]')).to_contain_text("教师还没有陈述")
    await expect(page.locator("#verdict-reason")).to_have_value("查了记录，两次超过两个工作日")
    # A refusal is an answer of 409, which a browser complains of by itself.
    seen.troubles[:] = [line for line in seen.troubles if "409" not in line]
    await seen.shoot(tmp_path / "too-early.png")

    # With the box ticked it stands.
    await _tab_to(page, 'input[name="unheard"]')
    await page.keyboard.press("Space")
    await page.keyboard.press("Tab")
    await page.keyboard.press("Enter")
    await expect(page.locator('[role="status"]')).to_contain_text("裁定已生效")
    await expect(page.locator(".facts")).to_contain_text("部分属实")
    # All that is left to do is to ask them later how it went.
    await expect(page.locator("form.deed")).to_have_count(1)
    await expect(page.locator("form.deed #followed-text")).to_be_visible()
    await seen.shoot(tmp_path / "ruled.png")


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_desk_is_readable_on_a_desk_and_on_a_phone(
    open_page: Seen, app: App, scheme: str, tmp_path: Path
) -> None:
    """WCAG AA contrast, and nothing wider than the screen; a case sealed and a clock run out."""
    seen, page = open_page, open_page.page
    await say(app, "我已经写好遗书了", who="student-zhang", name="小张", group="")
    app.clock.advance(timedelta(days=3))  # type: ignore[attr-defined]
    await say(app, "@助手 校门口的停车卡在哪里办？")
    await page.emulate_media(color_scheme=scheme, reduced_motion="reduce")  # type: ignore[arg-type]
    await seen.open("/login?next=/cases")
    await page.fill("#username", "demo")
    await page.fill("#password", app.demo_password)
    await page.press("#password", "Enter")
    await expect(page.locator(".stage-100")).to_have_count(1)
    low: list[str] = []
    widths: list[int] = []

    for width, height in ((1280, 800), (390, 844)):
        await page.set_viewport_size({"width": width, "height": height})
        for path in ("/cases", "/cases/1", "/cases/2"):
            await seen.open(path)
            low += await page.evaluate(CONTRAST)
            widths.append(await page.evaluate("document.documentElement.scrollWidth") - width)
            await seen.shoot(tmp_path / f"{path.replace('/', '-')}-{width}.png")

    assert low == []
    assert widths == [0] * 6


# -- the console -----------------------------------------------------------------------------------

PAGES = (
    "/board",
    "/cases",
    "/cases/1",
    "/ledger",
    "/ledger/1",
    "/tasks",
    "/calendar",
    "/calendar/plan",
    "/classes",
    "/knowledge",
    "/review",
    "/appraisal",
    "/appraisal/appeals",
    "/appraisal/formula",
    "/appraisal/annual",
    "/training",
    "/figures",
    "/figures/months",
    "/lines",
    "/settings",
    "/audit",
    "/account",
)


async def _sign_in(seen: Seen, username: str, password: str, target: str) -> None:
    await seen.open(f"/login?next={target}")
    await seen.page.fill("#username", username)
    await seen.page.fill("#password", password)
    await seen.page.press("#password", "Enter")
    await seen.page.wait_for_url(f"**{target}")


async def test_a_supervisors_day(open_page: Seen, app: App) -> None:
    """The board fills by itself; from a number to the case; finding while typing; a name once."""
    seen, page = open_page, open_page.page
    await _sign_in(seen, "demo", app.demo_password, "/board")
    tile = page.locator('.tile[data-name="等待办理"] strong')
    await expect(tile).to_have_text("0")

    # While the page is open somebody complains: the number changes, and is said.
    await say(app, "我要投诉，王老师一直不回消息", group="")
    await expect(tile).to_have_text("1", timeout=15_000)
    await expect(page.locator("#live")).to_contain_text("等待办理 1")

    # With the keyboard alone from the number to its list, the case, and whose it is.
    await _tab_to(page, '.tile[data-name="等待办理"]')
    await page.keyboard.press("Enter")
    await page.locator(".case .number").click()
    await expect(page.locator(".facts")).to_contain_text("小*")
    await page.locator(".correct summary").click()
    await page.fill('.correct input[name="reason"]', "电话核实")
    await page.press('.correct input[name="reason"]', "Enter")
    await expect(page.locator(".facts")).to_contain_text("小李")

    # Typed, found, and the focus is still in the field.
    await say(app, "@助手 期末考试什么时候报名？")
    await app.alarm.run_all()
    await seen.open("/ledger")
    await expect(page.locator("details.row")).to_have_count(2)
    await page.locator('input[name="q"]').press_sequentially("期末考试", delay=20)
    await expect(page.locator("details.row")).to_have_count(1)
    await expect(page.locator("#found")).to_have_text("找到 1 条")
    assert await page.evaluate("document.activeElement.name") == "q"
    assert "q=" in page.url

    # The pictures are drawn, from the numbers in the tables.
    await seen.open("/figures")
    await expect(page.locator("#trend")).to_be_visible()
    await expect(page.locator(".numbers").first).not_to_have_attribute("open", "")
    assert await page.evaluate("Chart.getChart('trend').data.datasets[0].data.at(-1)") == 1


async def test_board_fits_one_screen_of_a_phone(open_page: Seen, app: App) -> None:
    seen, page = open_page, open_page.page
    await page.set_viewport_size({"width": 390, "height": 844})
    await _sign_in(seen, "demo", app.demo_password, "/board")

    assert await page.evaluate("document.documentElement.scrollHeight") <= 844
    await page.locator(".menu summary").click()
    await expect(page.locator(".menu nav a[aria-current]")).to_have_text("今天")
    await page.locator(".menu nav").get_by_text("台账", exact=True).click()
    await expect(page.locator("h1")).to_have_text("助学教师台账")


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_accessibility_checker_finds_nothing_serious_on_any_page(
    open_page: Seen, app: App, scheme: str
) -> None:
    """axe-core's rules for WCAG 2 A and AA and its own, on a desk and on a phone."""
    try:
        axe = control.script()
    except control.NotInstalled as missing:
        if "CI" in os.environ:
            raise
        pytest.skip(str(missing))
    seen, page = open_page, open_page.page
    await say(app, "我要投诉，王老师一直不回消息", group="")
    await say(app, "@助手 期末考试什么时候报名？")
    async with app.database.unit_of_work() as uow:
        await uow.supervisors.put(
            username="province",
            name="省校",
            password_hash=HASHER.hash("correct horse"),
            unit_id=None,
        )
    await page.emulate_media(color_scheme=scheme, reduced_motion="reduce")  # type: ignore[arg-type]
    await _sign_in(seen, "province", "correct horse", "/board")
    found: list[str] = []
    for width, height in ((1280, 800), (390, 844)):
        await page.set_viewport_size({"width": width, "height": height})
        for path in PAGES:
            await seen.open(path)
            await page.evaluate(axe)
            run = await page.evaluate("axe.run({ resultTypes: ['violations'] })")
            found += [
                f"{path} {width} {it['id']}: {it['nodes'][0]['html'][:120]}"
                for it in run["violations"]
                if it["impact"] in ("serious", "critical")
            ]
            if await page.evaluate("document.documentElement.scrollWidth") > width:
                found.append(f"{path} {width}: wider than the screen")

    assert found == []

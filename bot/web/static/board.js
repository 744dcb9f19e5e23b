// The board keeps itself up to date: asked every few seconds, replaced only when something changed.

import { all, byId } from "./dom.js";

const EVERY = 5000;
const board = byId("board");
const told = byId("live");
let version = board.dataset.version;
let failures = 0;

const numbers = () =>
  new Map(all(".tile").map((tile) => [tile.dataset.name, tile.querySelector("strong").textContent]));

/** What is different, in words, for whoever does not see the page. */
function changes(before) {
  const found = [];
  for (const [name, value] of numbers())
    if (before.has(name) && before.get(name) !== value) found.push(`${name} ${value}`);
  return found.join("，");
}

async function look() {
  const answer = await fetch("/board/live", {
    headers: { "If-None-Match": version },
    cache: "no-store",
    signal: AbortSignal.timeout(10_000),
  });
  if (answer.redirected) {
    told.textContent = "登录已结束，请刷新本页重新登录。";
    return false;
  }
  if (answer.status === 200) {
    const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
    const focused = document.activeElement?.dataset?.name;
    const before = numbers();
    board.replaceChildren(...fresh.body.childNodes);
    if (focused) all(".tile").find((tile) => tile.dataset.name === focused)?.focus();
    version = answer.headers.get("ETag") ?? "";
    const words = changes(before);
    if (words) told.textContent = `刚刚更新：${words}`;
  } else if (answer.status !== 304) throw new Error(answer.statusText);
  if (failures) told.textContent = "已恢复自动更新。";
  failures = 0;
  return true;
}

async function again() {
  let goesOn = true;
  if (!document.hidden) {
    try {
      goesOn = await look();
    } catch {
      failures += 1;
      if (failures === 2) told.textContent = "暂时连不上，数字可能不是最新的；连上后会自动更新。";
    }
  }
  if (goesOn) setTimeout(again, EVERY);
}

setTimeout(again, EVERY);

// The tutor's record beside the chat: figures, what waits, the newest rows, the clock.

import { all, byId, dayOf, make, makeWords, timeOf, weekdayOf } from "./dom.js";

const SVG = "http://www.w3.org/2000/svg";
const shown = new Map(); // row id → element; a row, once written, never changes
let clock = null; // [the server's milliseconds, ours]

/** Begin anew: the server may have been started on another database. */
export function forgetRecord() {
  shown.clear();
  byId("rows").replaceChildren();
}

export function showRecord(record) {
  clock = [Date.parse(record.now), performance.now()];
  showClock();
  const figures = { questions: record.figures.questions, waiting: record.figures.waiting };
  for (const bar of record.figures.bars) figures[bar.solver] = bar.count;
  for (const place of all("[data-figure]")) place.textContent = figures[place.dataset.figure];
  document.querySelector("[data-waiting]").classList.toggle("urgent", figures.waiting > 0);
  showBars(record.figures.bars);
  showWaiting(record.waiting);
  const isFirst = shown.size === 0;
  for (const row of [...record.rows].reverse()) {
    if (shown.has(row.id)) continue;
    const element = rowOf(row);
    if (!isFirst) element.classList.add("fresh");
    shown.set(row.id, element);
    byId("rows").prepend(element);
  }
  byId("no-rows").hidden = shown.size > 0;
  byId("record-count").textContent = shown.size;
  byId("hidden-rows").textContent = record.hidden
    ? `另有 ${record.hidden} 条涉及助学教师，只有督导看得到`
    : "";
}

function showBars(bars) {
  const [empty] = byId("bars").children;
  const parts = bars.map((bar) => {
    const part = document.createElementNS(SVG, "rect");
    part.setAttribute("class", `bar-${bar.solver}`);
    part.setAttribute("x", `${bar.x}%`);
    part.setAttribute("width", `${bar.width}%`);
    part.setAttribute("height", "14");
    return part;
  });
  byId("bars").replaceChildren(empty, ...parts);
  const words = bars.map((bar) => `${bar.name} ${bar.count}`).join("，");
  byId("bars").setAttribute("aria-label", `谁答复的：${words}`);
}

function showWaiting(items) {
  byId("waiting-card").hidden = items.length === 0;
  byId("waiting").replaceChildren(
    ...items.map((item) => {
      const row = make("li");
      row.append(
        make("b", "number", item.number),
        make("span", "words", `${item.student}：${item.text}`),
        make("span", item.is_watched ? "tag" : "tag private", item.is_watched ? "先等同学" : "待答复"),
        make("small", "muted", item.waited ? `已等 ${item.waited}` : "刚刚"),
      );
      return row;
    }),
  );
}

function rowOf(row) {
  const details = make("details", "row");
  details.dataset.row = row.id;
  const summary = make("summary");
  const first = make("span", "row-line");
  first.append(make("span", `tag kind-${row.kind}`, row.kind_name));
  first.append(make("b", "topic", row.topic === "—" ? row.article : row.topic));
  if (row.student) first.append(make("span", "muted", row.student));
  first.append(make("time", "muted", row.at));
  const second = make("span", "row-line");
  second.append(make("span", `badge solver-${row.solver || "none"}`, row.outcome));
  if (row.number) second.append(make("b", "number", row.number));
  if (row.first_reply) second.append(make("small", "muted", `首次答复 ${row.first_reply}`));
  if (row.topic !== "—") second.append(make("small", "muted article", row.article));
  summary.append(first, make("span", "row-text", row.text || "（没有文字）"), second);
  const evidence = make("div", "evidence");
  evidence.append(make("p", "label", `${row.speaker} · ${row.place}`));
  evidence.append(makeWords("blockquote", "bubble", row.text));
  for (const reply of row.replies) {
    evidence.append(make("p", "label", `助手答复 · ${reply.to}`));
    evidence.append(makeWords("blockquote", "bubble bot", reply.text));
  }
  details.append(summary, evidence);
  return details;
}

export function showClock() {
  if (!clock) return;
  const now = clock[0] + performance.now() - clock[1];
  setText(byId("clock-day"), dayOf(now));
  setText(byId("clock-week"), weekdayOf(now));
  setText(byId("clock-time"), timeOf(now));
  setText(byId("today"), `今天 ${dayOf(now)}`);
}

function setText(element, words) {
  if (element.textContent !== words) element.textContent = words;
}

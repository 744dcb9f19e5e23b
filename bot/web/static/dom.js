// Small tools for building a page: text goes in as text, never as markup.

export const byId = (id) => document.getElementById(id);
export const all = (selector) => [...document.querySelectorAll(selector)];

export function make(tag, className = "", content = "") {
  const element = document.createElement(tag);
  if (className) element.className = className;
  if (content !== "") element.textContent = content;
  return element;
}

/** `words` in an element, its numbers (T-12) never broken across two lines. */
export function makeWords(tag, className, words) {
  const element = make(tag, className);
  for (const part of words.split(/(T-\d+)/))
    element.append(/^T-\d/.test(part) ? make("span", "number", part) : part);
  return element;
}

// Times are those of the school, wherever the browser is.
const format = (options) =>
  new Intl.DateTimeFormat("zh-CN", { timeZone: "Asia/Shanghai", hourCycle: "h23", ...options });
const day = format({ month: "long", day: "numeric" });
const week = format({ weekday: "short" });
const time = format({ hour: "2-digit", minute: "2-digit" });

export const dayOf = (at) => day.format(at);
export const weekdayOf = (at) => week.format(at);
export const timeOf = (at) => time.format(at);

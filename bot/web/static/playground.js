// The playground: a pretend class group and, beside it, the tutor's record as it fills.
// Everything anybody typed goes into the page as text, never as markup.

import { all, byId, dayOf, make, makeWords, timeOf } from "./dom.js";
import { forgetRecord, showClock, showRecord } from "./record.js";

const BOT = "assistant";
const MAX_FILE = 4 * 2 ** 20; // as bot/web/playground.py takes them
const GAP = 5 * 60 * 1000; // a time stamp between two lines further apart than this
const log = byId("log");
const text = byId("text");
const stage = byId("main");
const people = all(".person");
const finePointer = matchMedia("(pointer: fine)").matches;

const state = {
  socket: null,
  retry: 500,
  me: people[0].dataset.user,
  place: "group",
  lines: new Map(), // id → line, oldest first
  quote: "",
  unread: new Map(), // user id → new private messages
  commands: {},
  option: 0,
};

const roleOf = (user) => people.find((item) => item.dataset.user === user)?.dataset.role;
const here = () => (state.place === "group" ? "group" : state.me);

// -- the line to the server -----------------------------------------------------------------------

function connect() {
  const scheme = location.protocol === "https:" ? "wss:" : "ws:";
  const socket = new WebSocket(`${scheme}//${location.host}/playground/ws`);
  state.socket = socket;
  socket.addEventListener("open", () => {
    state.retry = 500;
    setStatus("在线", true);
  });
  socket.addEventListener("message", (event) => receive(JSON.parse(event.data)));
  socket.addEventListener("close", () => {
    setStatus("连接断开，正在重连…", false);
    setTimeout(connect, state.retry);
    state.retry = Math.min(5000, state.retry * 2);
  });
}

function setStatus(words, isOnline) {
  byId("status").textContent = words;
  byId("status").classList.toggle("online", isOnline);
  byId("send").disabled = !isOnline;
}

function send(wish) {
  if (state.socket?.readyState !== WebSocket.OPEN) return false;
  state.socket.send(JSON.stringify(wish));
  return true;
}

function receive(news) {
  if (news.type === "hello") {
    state.commands = news.commands;
    state.lines = new Map(news.lines.map((line) => [line.id, line]));
    forgetRecord();
    showLog();
  } else if (news.type === "line") {
    hear(news.line);
  } else if (news.type === "record") {
    showRecord(news);
  }
}

// -- the chat -------------------------------------------------------------------------------------

function hear(line) {
  if (state.lines.has(line.id)) return;
  state.lines.set(line.id, line);
  if (line.place === here()) {
    const isAtEnd = log.scrollHeight - log.scrollTop - log.clientHeight < 120;
    appendLine(line);
    if (isAtEnd || line.sender === state.me) log.scrollTop = log.scrollHeight;
    byId("welcome").hidden = true;
  } else if (line.place !== "group" && line.sender === BOT) {
    state.unread.set(line.place, (state.unread.get(line.place) ?? 0) + 1);
    showUnread();
  }
}

let lastAt = 0;

function showLog() {
  log.replaceChildren();
  lastAt = 0;
  const lines = [...state.lines.values()].filter((line) => line.place === here());
  lines.forEach(appendLine);
  log.scrollTop = log.scrollHeight;
  byId("welcome").hidden = lines.length > 0;
  byId("welcome-text").textContent = welcome();
}

function welcome() {
  if (state.place === "group") return "这里是班级群。点下面的例句，或直接打字，回车发送。";
  return roleOf(state.me) === "tutor"
    ? "这里是您和助手的私聊。学生的问题转给您时，会有一张卡片发到这里；引用卡片就能答复。"
    : "这里是您和助手的私聊，别人看不到。";
}

function appendLine(line) {
  const at = Date.parse(line.at);
  if (at - lastAt > GAP) log.append(make("p", "stamp", `${dayOf(at)} ${timeOf(at)}`));
  lastAt = at;
  const isMine = line.sender === state.me;
  const isBot = line.sender === BOT;
  const item = make("article", `line${isMine ? " mine" : ""}${isBot ? " bot" : ""}`);
  item.dataset.id = line.id;
  const person = people.find((one) => one.dataset.user === line.sender);
  const avatar = make("span", "avatar", isBot ? "助" : line.name.slice(-2));
  avatar.dataset.tone = isBot ? "bot" : (person?.querySelector(".avatar").dataset.tone ?? "1");
  avatar.ariaHidden = "true";
  const name = make("p", "name", line.name);
  const role = isBot ? "机器人" : person?.dataset.role === "tutor" ? "助学教师" : "";
  if (role) name.append(make("span", `tag ${isBot ? "is-bot" : "is-tutor"}`, role));
  const bubble = make("div", "bubble");
  const quoted = state.lines.get(line.quote);
  if (quoted) bubble.append(make("p", "quote", `${quoted.name}：${short(quoted.text)}`));
  bubble.append(makeWords("p", "words", line.text));
  const time = make("time", "at", line.at.slice(11, 16));
  time.dateTime = line.at;
  const quoteButton = make("button", "quote-it", "引用");
  quoteButton.type = "button";
  quoteButton.setAttribute("aria-label", `引用${line.name}的这条消息`);
  quoteButton.addEventListener("click", () => quoteLine(line));
  bubble.addEventListener("click", () => getSelection().isCollapsed && quoteLine(line));
  bubble.addEventListener("contextmenu", (event) => {
    if (event.pointerType !== "touch") return;
    event.preventDefault();
    quoteLine(line);
  });
  const foot = make("div", "foot");
  foot.append(time, quoteButton);
  const body = make("div", "body");
  body.append(name, bubble, foot);
  item.append(avatar, body);
  log.append(item);
}

function short(words) {
  const flat = words.replace(/\s+/g, " ");
  return flat.length > 42 ? `${flat.slice(0, 41)}…` : flat;
}

function quoteLine(line) {
  state.quote = line?.id ?? "";
  byId("quoting").hidden = !line;
  byId("quoted").textContent = line ? `引用 ${line.name}：${short(line.text)}` : "";
  if (line) text.focus();
}

function say() {
  const words = text.value.trim();
  if (!words) return;
  const isPrivate = state.place === "private";
  if (!send({ type: "say", who: state.me, private: isPrivate, text: words, quote: state.quote }))
    return;
  text.value = "";
  quoteLine(null);
  fitText();
  showCommands();
}

// A picture or a file, to the bot alone: that is how homework is handed in.
function handIn(file) {
  if (!file) return;
  if (file.size > MAX_FILE) return setStatus("演示里最大 4 MB，请选小一点的文件", true);
  const reader = new FileReader();
  reader.addEventListener("load", () => {
    const data = String(reader.result).split(",", 2)[1] ?? "";
    send({ type: "file", who: state.me, name: file.name, data });
  });
  reader.readAsDataURL(file);
}

function insert(words) {
  if (text.value.includes(words.trim())) return text.focus();
  text.setRangeText(words, text.selectionStart, text.selectionEnd, "end");
  text.focus();
  fitText();
}

function fitText() {
  text.rows = Math.min(5, text.value.split("\n").length + Math.floor(text.value.length / 60));
}

// -- who and where --------------------------------------------------------------------------------

function press(buttons, key, value) {
  for (const button of buttons)
    button.setAttribute("aria-pressed", String(button.dataset[key] === value));
}

function goTo(user, place) {
  state.me = user;
  state.place = place;
  if (place === "private") state.unread.delete(user);
  press(people, "user", user);
  press(all(".places button"), "place", place);
  byId("mention").hidden = place === "private";
  byId("attach").hidden = place !== "private";
  const role = roleOf(user);
  for (const example of all(".examples button"))
    example.hidden = example.dataset.role !== role || example.dataset.place !== place;
  quoteLine(null);
  showUnread();
  showLog();
  showCommands();
}

function showUnread() {
  for (const person of people) badge(person.querySelector(".unread"), person.dataset.user);
  badge(byId("unread"), state.me);
}

function badge(element, user) {
  const count = state.unread.get(user) ?? 0;
  element.hidden = count === 0;
  element.textContent = count || "";
  element.setAttribute("aria-label", count ? `${count} 条新私聊` : "");
}

// -- commands -------------------------------------------------------------------------------------

function offered() {
  const match = /^[/／](\S*)$/.exec(text.value);
  if (!match) return [];
  return (state.commands[state.me] ?? []).filter((item) => item.name.startsWith(match[1]));
}

function showCommands() {
  const list = byId("commands");
  const found = offered();
  state.option = Math.max(0, Math.min(state.option, found.length - 1));
  list.hidden = found.length === 0;
  list.replaceChildren(
    ...found.map((item, index) => {
      const option = make("li", "");
      option.id = `command-${index}`;
      option.setAttribute("role", "option");
      option.setAttribute("aria-selected", String(index === state.option));
      option.append(make("b", "", item.usage), make("span", "", item.what));
      option.addEventListener("mousedown", (event) => {
        event.preventDefault();
        choose(item);
      });
      return option;
    }),
  );
  if (found.length) text.setAttribute("aria-activedescendant", `command-${state.option}`);
  else text.removeAttribute("aria-activedescendant");
  list.children[state.option]?.scrollIntoView({ block: "nearest" });
}

function choose(item) {
  text.value = `/${item.name}${item.usage.includes(" ") ? " " : ""}`;
  byId("commands").hidden = true;
  text.removeAttribute("aria-activedescendant");
  text.focus();
}

function onKey(event) {
  // While a Chinese input method is composing, its keys are its own.
  if (event.isComposing || event.keyCode === 229) return;
  const found = byId("commands").hidden ? [] : offered();
  if (found.length && (event.key === "ArrowDown" || event.key === "ArrowUp")) {
    const step = event.key === "ArrowDown" ? 1 : -1;
    state.option = (state.option + step + found.length) % found.length;
    event.preventDefault();
    return showCommands();
  }
  if (event.key === "Escape") {
    byId("commands").hidden = true;
    return quoteLine(null);
  }
  const isWhole = found.some((item) => `/${item.name}` === text.value.replace("／", "/"));
  if (found.length && (event.key === "Tab" || (event.key === "Enter" && !isWhole))) {
    event.preventDefault();
    return choose(found[state.option]);
  }
  if (event.key === "Enter" && !event.shiftKey) {
    event.preventDefault();
    say();
  }
}

// -- begin ----------------------------------------------------------------------------------------

for (const person of people)
  person.addEventListener("click", () => goTo(person.dataset.user, state.place));
for (const button of all(".places button"))
  button.addEventListener("click", () => goTo(state.me, button.dataset.place));
for (const button of all(".view-switch button"))
  button.addEventListener("click", () => {
    stage.dataset.view = button.dataset.view;
    press(all(".view-switch button"), "view", button.dataset.view);
  });
for (const button of all("[data-advance]"))
  button.addEventListener("click", () =>
    send({ type: "advance", minutes: Number(button.dataset.advance) }),
  );
for (const example of all(".examples button"))
  example.addEventListener("click", () => {
    text.value = example.textContent;
    fitText();
    text.focus();
  });
byId("mention").addEventListener("click", () => insert("@助手 "));
byId("unquote").addEventListener("click", () => quoteLine(null));
byId("attach").addEventListener("click", () => byId("file").click());
byId("file").addEventListener("change", (event) => {
  handIn(event.target.files[0]);
  event.target.value = "";
});
byId("send").addEventListener("click", () => {
  say();
  if (finePointer) text.focus();
});
text.addEventListener("keydown", onKey);
text.addEventListener("input", () => {
  state.option = 0;
  fitText();
  showCommands();
});
text.addEventListener("blur", () => (byId("commands").hidden = true));
setInterval(showClock, 1000);
goTo(state.me, "group");
connect();

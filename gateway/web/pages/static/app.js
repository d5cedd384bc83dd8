"use strict";
// What htmx does not do: the live connection, times in the reader's zone, the theme, and comfort in the composer.

const live = document.getElementById("live");
const RETRY_MS = [500, 1000, 2000, 5000, 10000];
const GATHER_MS = 150; // several events at once ask for one look
const pending = new Set();
let gathering = 0;

function tell(name) {
  pending.add(name);
  if (gathering) return;
  gathering = setTimeout(() => {
    gathering = 0;
    const names = [...pending];
    pending.clear();
    for (const each of [...names, "gw-change"]) document.body.dispatchEvent(new CustomEvent(each, { bubbles: true }));
  }, GATHER_MS);
}

function connect(tries, seen) {
  const scheme = location.protocol === "https:" ? "wss" : "ws";
  const socket = new WebSocket(`${scheme}://${location.host}/ws${seen === null ? "" : `?after=${seen}`}`);
  let opened = false;
  socket.onopen = () => { opened = true; show("on", "live"); tell("gw-message"); tell("gw-modem"); };
  socket.onmessage = (heard) => {
    const event = JSON.parse(heard.data);
    if (typeof event.seq === "number") seen = event.seq;
    tell(event.event === "modem" ? "gw-modem" : "gw-message");
  };
  socket.onclose = () => {
    show("off", "reconnecting");
    const next = opened ? 0 : tries + 1;
    setTimeout(() => connect(next, seen), RETRY_MS[Math.min(next, RETRY_MS.length - 1)]);
  };
}

function show(state, text) {
  if (!live) return;
  live.dataset.state = state;
  live.textContent = text;
}

const FORMS = {
  short: { hour: "2-digit", minute: "2-digit" },
  hour: { hour: "2-digit", minute: "2-digit" },
  day: { day: "numeric", month: "short" },
  exact: { day: "numeric", month: "short", hour: "2-digit", minute: "2-digit", second: "2-digit" },
};

function localTimes(root) {
  for (const each of root.querySelectorAll("time[data-time]")) {
    const moment = new Date(each.dateTime);
    const today = moment.toDateString() === new Date().toDateString();
    const form = each.dataset.time === "short" && !today ? FORMS.day : FORMS[each.dataset.time];
    each.textContent = moment.toLocaleString(undefined, form);
    each.title = moment.toLocaleString();
  }
}

function toBottom() {
  for (const each of document.querySelectorAll("[data-bottom]")) each.scrollTop = each.scrollHeight;
}

function toast(text) {
  const place = document.getElementById("toast");
  if (!place) return;
  place.textContent = text;
  place.hidden = false;
  clearTimeout(toast.timer);
  toast.timer = setTimeout(() => { place.hidden = true; }, 6000);
}

function afterSending() {
  const told = document.querySelector("#said [data-sent]");
  const form = document.getElementById("composer");
  if (!told || !form || told.dataset.done) return;
  told.dataset.done = "yes";
  const here = new URLSearchParams(location.search).get("with");
  if (here !== told.dataset.peer) {
    location.assign(`/messages?with=${encodeURIComponent(told.dataset.peer)}`);
    return;
  }
  const text = document.getElementById("text");
  text.value = "";
  text.dispatchEvent(new Event("input", { bubbles: true }));
  text.focus();
  tell("gw-message");
}

document.addEventListener("click", (event) => {
  const plain = event.target.closest("[data-plain]");
  if (plain) {
    const text = document.getElementById("text");
    text.value = plain.dataset.plain;
    text.dispatchEvent(new Event("input", { bubbles: true }));
    text.focus();
  }
  if (event.target.closest("[data-theme-toggle]")) {
    const root = document.documentElement;
    const dark = root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
    root.dataset.theme = dark ? "light" : "dark";
    localStorage.setItem("smsgw-theme", root.dataset.theme);
  }
});

document.addEventListener("keydown", (event) => {
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey) && event.target.id === "text") {
    event.preventDefault();
    document.getElementById("composer").requestSubmit();
  }
});

document.addEventListener("change", (event) => {
  if (event.target.dataset.local !== "send_at") return;
  const moment = new Date(event.target.value);
  const hidden = event.target.parentElement.querySelector("input[type=hidden]");
  hidden.value = Number.isNaN(moment.getTime()) ? "" : moment.toISOString();
});

function mark(event) {
  const field = event.target.closest?.("[data-field]");
  for (const each of document.querySelectorAll("[data-field].lit")) each.classList.remove("lit");
  if (!field) return;
  const group = field.closest("[data-fields]");
  for (const each of group.querySelectorAll(`[data-field="${field.dataset.field}"]`)) each.classList.add("lit");
}
document.addEventListener("mouseover", mark);
document.addEventListener("focusin", mark);

document.addEventListener("htmx:afterSwap", (event) => {
  localTimes(document);
  if (event.detail.target.id === "thread") toBottom();
  afterSending();
});
document.addEventListener("htmx:beforeSwap", (event) => {
  // A refused action says why where its answer would stand; a region that cannot be read stays as it was.
  if (event.detail.xhr.status === 401) location.assign("/login");
  else if (event.detail.xhr.status >= 400 && event.detail.requestConfig.verb === "post") {
    const reason = new DOMParser().parseFromString(event.detail.xhr.responseText, "text/html").body.textContent.trim();
    toast(reason.slice(0, 300) || "That did not work.");
  }
});
document.addEventListener("htmx:sendError", () => toast("The gateway does not answer."));

localTimes(document);
toBottom();
if (document.body.dataset.live) connect(0, null);

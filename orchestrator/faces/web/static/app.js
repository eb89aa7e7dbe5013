// What every view has: the live stream, times in the reader's zone, colours, notes, the banner of what is stale.

const STALE_MS = 8000; // a stream that is made anew takes a few seconds
const NOTE_MS = 8000;

// ---------------------------------------------------------------- live

// Browsers open six connections to a host; one page of all that are open has the stream, and tells the others.
const channel = "BroadcastChannel" in window ? new BroadcastChannel("orchestrator-live") : null;
let heardAt = Date.now();
let lastRevision = "";
let daemon = null;

function hear(text) {
  const told = JSON.parse(text);
  heardAt = Date.now();
  daemon = told.daemon;
  showStale();
  if (told.revision === lastRevision) return;
  lastRevision = told.revision;
  document.body.dispatchEvent(new CustomEvent("live", { detail: told }));
}

function lead() {
  return new Promise(() => {
    const source = new EventSource("/live");
    source.onmessage = (message) => {
      channel?.postMessage(message.data);
      hear(message.data);
    };
  });
}

if (channel && navigator.locks) {
  channel.onmessage = (message) => hear(message.data);
  navigator.locks.request("orchestrator-live", lead);
} else {
  lead();
}

// ---------------------------------------------------------------- what is stale

const banner = document.getElementById("stale");

function showStale() {
  if (!banner) return;
  const lost = Date.now() - heardAt > STALE_MS + 12000;
  let what = "";
  let why = "";
  if (lost || (!navigator.onLine && Date.now() - heardAt > STALE_MS)) {
    what = `The page has heard nothing since ${clock(heardAt)}.`;
    why = "What you see may be old. It tries again by itself; if it stays so, start the page again: `orchestrator web`.";
  } else if (daemon && !daemon.alive) {
    what = daemon.heard ? `No daemon works since ${clock(Date.parse(daemon.heard))}.` : "No daemon works on this state.";
    why = `Nothing goes on until one does: start \`orchestrator serve\`. ${daemon.heard ? sentence(daemon.says) : ""}`;
  }
  if (document.getElementById("stale-what").textContent !== what) {
    document.getElementById("stale-what").textContent = what;
    document.getElementById("stale-why").replaceChildren(...inWords(why));
  }
  banner.hidden = !what;
}

/** A sentence in pieces: what stands between backticks is code. */
function inWords(text) {
  return text.split("`").map((piece, number) => (number % 2 ? Object.assign(document.createElement("code"), { textContent: piece }) : piece));
}

function sentence(text) {
  return text ? `${text[0].toUpperCase()}${text.slice(1)}.` : "";
}

function clock(ms) {
  return new Date(ms).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit", second: "2-digit" });
}

setInterval(showStale, 1000);
window.addEventListener("offline", showStale);

// ---------------------------------------------------------------- times

const full = new Intl.DateTimeFormat([], { dateStyle: "medium", timeStyle: "short" });
const day = new Intl.DateTimeFormat([], { weekday: "short", day: "numeric", month: "short", hour: "2-digit", minute: "2-digit" });
const timeOnly = new Intl.DateTimeFormat([], { hour: "2-digit", minute: "2-digit", second: "2-digit" });
const relative = new Intl.RelativeTimeFormat("en", { numeric: "auto", style: "short" });
const UNITS = [["day", 86400], ["hour", 3600], ["minute", 60], ["second", 1]];

function ago(date) {
  const seconds = (date - Date.now()) / 1000;
  const [unit, size] = UNITS.find(([, length]) => Math.abs(seconds) >= length) ?? UNITS.at(-1);
  return relative.format(Math.trunc(seconds / size), unit);
}

function showTimes(root = document) {
  for (const element of root.querySelectorAll("time[datetime]")) {
    const date = new Date(element.dateTime);
    if (Number.isNaN(date.getTime())) continue;
    const how = element.dataset.how;
    const text = how === "ago" ? ago(date) : how === "time" ? timeOnly.format(date) : how === "day" ? day.format(date) : full.format(date);
    if (element.textContent !== text) element.textContent = text;
    element.title = `${date.toISOString().slice(0, 19).replace("T", " ")} UTC`;
  }
}

setInterval(showTimes, 10000);

// ---------------------------------------------------------------- colours

const theme = document.getElementById("theme");

function choose(value) {
  if (value) document.documentElement.dataset.theme = value;
  else delete document.documentElement.dataset.theme;
  document.dispatchEvent(new CustomEvent("theme"));
}

if (theme) {
  theme.value = document.documentElement.dataset.theme ?? "";
  theme.addEventListener("change", () => {
    choose(theme.value);
    try {
      localStorage.setItem("theme", theme.value);
    } catch {
      // It lasts as long as the page.
    }
  });
}

// ---------------------------------------------------------------- notes and copies

function note(text, kind = "done") {
  const made = document.createElement("div");
  made.className = "note";
  made.dataset.kind = kind;
  if (kind !== "done") made.setAttribute("role", "alert");
  const words = document.createElement("p");
  words.textContent = text;
  const close = document.createElement("button");
  close.type = "button";
  close.className = "close";
  close.setAttribute("aria-label", "Dismiss");
  close.textContent = "×";
  made.append(words, close);
  document.getElementById("notes")?.append(made);
}

new MutationObserver((changes) => {
  for (const added of changes.flatMap((change) => [...change.addedNodes])) {
    if (added.nodeType === 1 && added.dataset.kind === "done") setTimeout(() => added.remove(), NOTE_MS);
  }
}).observe(document.getElementById("notes") ?? document.createElement("div"), { childList: true });

document.addEventListener("click", async (event) => {
  const close = event.target.closest(".note .close");
  if (close) close.closest(".note").remove();
  const copied = event.target.closest("[data-copy]");
  if (copied) {
    await navigator.clipboard.writeText(document.querySelector(copied.dataset.copy)?.textContent ?? "");
    note("Copied.");
  }
});

// ---------------------------------------------------------------- questions

// What cannot be taken back is asked about first; Escape leaves it.
document.addEventListener("htmx:confirm", (event) => {
  const { ctx, issueRequest, dropRequest } = event.detail;
  event.preventDefault();
  const button = ctx.sourceElement.matches("button") ? ctx.sourceElement : ctx.sourceElement.querySelector("button");
  ask(ctx.confirm, button?.textContent.trim() || "Do it").then((yes) => (yes ? issueRequest() : dropRequest()));
});

export function ask(question, label) {
  const dialog = document.createElement("dialog");
  dialog.className = "ask";
  dialog.setAttribute("aria-label", "Are you sure?");
  const words = document.createElement("p");
  words.textContent = question;
  const answers = document.createElement("form");
  answers.method = "dialog";
  answers.className = "actions";
  for (const [value, text, kind] of [["", "Leave it", ""], ["yes", label, " first"]]) {
    const button = document.createElement("button");
    button.className = `button${kind}`;
    button.value = value;
    button.textContent = text;
    answers.append(button);
  }
  dialog.append(words, answers);
  document.body.append(dialog);
  dialog.showModal();
  return new Promise((resolve) => {
    dialog.addEventListener("close", () => {
      dialog.remove();
      resolve(dialog.returnValue === "yes");
    });
  });
}

// ---------------------------------------------------------------- fragments

// A fragment says which text it has; the server answers 304 while it is the same, and nothing is drawn.
document.addEventListener("htmx:config:request", (event) => {
  const { ctx } = event.detail;
  const tag = ctx.sourceElement?.orchestratorTag;
  if (ctx.request.method === "GET" && tag) ctx.request.headers["If-None-Match"] = tag;
});
document.addEventListener("htmx:after:request", (event) => {
  const { ctx } = event.detail;
  const tag = ctx.response?.headers.get("ETag");
  if (ctx.request.method === "GET" && tag && ctx.target === ctx.sourceElement) ctx.sourceElement.orchestratorTag = tag;
});
document.addEventListener("htmx:after:swap", () => showTimes());
document.addEventListener("htmx:error", () => showStale());

// For the views' own modules, which must not import this file: under another address it would be another one.
window.orchestrator = { note, showTimes };

showTimes();

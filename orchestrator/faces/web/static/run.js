// The view of one run: its map, the piece that is chosen, and its events as they come.
import {BELOW_LABELS, addOutline, fit, isDark, makeMap, ready} from "/static/map.js";
import {PartsLayer, STAGES} from "/static/parts.js";

// ---------------------------------------------------------------- map

const element = document.getElementById("run-map");
const legend = document.getElementById("legend");
let [map, layer, known, asking, askAgain] = [null, null, {shape: "", version: ""}, false, false];

/** Ask what is new of the pieces; one question at a time, and one more where the state changed meanwhile. */
async function ask() {
  askAgain = asking;
  if (asking) return;
  asking = true;
  try {
    const answer = await fetch(`/runs/${encodeURIComponent(element.dataset.run)}/map.json?${new URLSearchParams(known)}`);
    if (answer.ok) await show(await answer.json());
  } finally {
    asking = false;
  }
  if (askAgain) ask();
}

async function show(told) {
  let changed = 0;
  if (told.windows) {
    if (!map) await begin(told.bounds);
    layer.place(told);
    if (told.outline) addOutline(map, "area", told.outline);
  }
  const changes = told.changes ?? (told.letters ? [[0, told.letters]] : []);
  if (layer) {
    for (const [first, letters] of changes) {
      layer.stage(first, letters);
      changed += letters.length;
    }
  }
  known = {shape: told.shape, version: told.version};
  count(told.counts);
  if (told.windows) chooseAddressed();
  document.dispatchEvent(new CustomEvent("parts", {detail: {changed}}));
}

async function begin(bounds) {
  map = makeMap(element, {bounds, label: `Pieces of ${element.dataset.name}`, describedBy: "map-text"});
  layer = new PartsLayer();
  await ready(map);
  ink();
  map.on("theme", ink);
  map.addLayer(layer, BELOW_LABELS);
  map.on("click", (event) => choose(layer.at(event.lngLat)));
  map.on("mousemove", (event) => (map.getCanvas().style.cursor = layer.at(event.lngLat) < 0 ? "" : "pointer"));
}

function ink() {
  layer.ink = isDark() ? [0.93, 0.95, 0.97] : [0.09, 0.1, 0.12];
  map.triggerRepaint();
}

/** Write how many pieces there are of each stage, beside the map and in a sentence for who does not see it. */
function count(counts) {
  const words = [];
  for (const row of legend.children) {
    const number = counts[row.dataset.stage] ?? 0;
    const output = row.querySelector("output");
    if (output.textContent !== String(number)) output.textContent = String(number);
    row.classList.toggle("none", !number);
    if (number) words.push(`${number} ${row.querySelector("a").textContent}`);
  }
  document.getElementById("map-words").textContent = words.length ? `Now: ${words.join(", ")}.` : "";
}

// ---------------------------------------------------------------- the piece that is chosen

function choose(number) {
  if (number < 0) return;
  const {grid, row, col} = layer.window(number);
  history.replaceState(null, "", `#piece=${grid},${row},${col}`);
  mark(layer.outline(number));
  const where = new URLSearchParams({grid, row, col});
  window.htmx.ajax("GET", `/runs/${encodeURIComponent(element.dataset.run)}/part/piece?${where}`, {target: "#piece", swap: "innerHTML"});
}

/** Draw the edge of the chosen piece, and a ring round it, which is seen when the piece is small. */
function mark(outline) {
  addOutline(map, "chosen", outline);
  if (!map.getLayer("chosen-ring")) {
    map.addLayer({id: "chosen-ring", type: "symbol", source: "chosen", layout: {"symbol-placement": "line-center", "text-field": "◯", "text-font": ["sans-serif"], "text-size": 26, "text-allow-overlap": true, "text-ignore-placement": true, "text-rotation-alignment": "viewport"}, maxzoom: 9});
  }
}

function find(place) {
  const [grid, row, col] = place.split(",").map(Number);
  return layer ? layer.find(grid, row, col) : -1;
}

function chooseAddressed() {
  const place = new URLSearchParams(location.hash.slice(1)).get("piece");
  const number = place ? find(place) : -1;
  choose(number);
  if (number >= 0) approach(layer.outline(number));
}

/** Show the place of a piece, with what lies around it: the piece takes some third of the map. */
function approach({geometry: {coordinates: at}}) {
  const [longitudes, latitudes] = [0, 1].map((axis) => at.map((corner) => corner[axis]));
  const bounds = [Math.min(...longitudes), Math.min(...latitudes), Math.max(...longitudes), Math.max(...latitudes)];
  fit(map, bounds, {padding: Math.round(Math.min(element.clientWidth, element.clientHeight) / 3)});
}

document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-place]");
  const number = button && layer ? find(button.dataset.place) : -1;
  if (number < 0) return;
  const outline = layer.outline(number);
  history.replaceState(null, "", `#piece=${button.dataset.place}`);
  mark(outline);
  approach(outline);
});

if (element) {
  document.body.addEventListener("live", ask);
  ask();
} else {
  document.body.addEventListener("live", look);
}

/** Make the page anew once pieces have a place: a run that was just submitted has none before it is planned. */
async function look() {
  const answer = await fetch(`/runs/${encodeURIComponent(events.dataset.run)}/map.json`);
  if (!answer.ok) return;
  const {counts} = await answer.json();
  if (Object.values(counts).some((count) => count > 0)) location.reload();
}

// ---------------------------------------------------------------- events

const MOST_ROWS = 500;
const events = document.getElementById("events");
const filter = document.getElementById("events-filter");
const pause = document.getElementById("events-pause");
const state = document.getElementById("events-state");
let [last, fetching] = [Number(events.dataset.last), false];

async function follow() {
  if (fetching || pause.getAttribute("aria-pressed") === "true") return;
  fetching = true;
  try {
    const answer = await fetch(`/runs/${encodeURIComponent(events.dataset.run)}/events.json?after=${last}`);
    if (!answer.ok) return;
    const found = await answer.json();
    if (!found.length) return;
    last = found.at(-1).sequence;
    events.querySelector(".no-events")?.remove();
    for (const event of found) events.prepend(row(event));
    while (events.children.length > MOST_ROWS) events.lastElementChild.remove();
    sift();
    window.orchestrator?.showTimes(events);
  } finally {
    fetching = false;
  }
}

function row(event) {
  const made = document.createElement("tr");
  const [when, what, details] = ["td", "td", "td"].map((name) => made.appendChild(document.createElement(name)));
  const time = when.appendChild(document.createElement("time"));
  [time.dateTime, time.dataset.how, time.textContent] = [event.at, "time", event.at];
  what.appendChild(document.createElement("code")).textContent = event.name;
  for (const [name, value] of Object.entries(event.facts)) {
    const fact = details.appendChild(document.createElement("span"));
    fact.className = "fact";
    const label = fact.appendChild(document.createElement("span"));
    [label.className, label.textContent] = ["quiet", name];
    fact.append(` ${value}`);
    details.append(" ");
  }
  return made;
}

/** Hide the rows that do not have what is looked for. */
function sift() {
  const wanted = filter.value.trim().toLowerCase();
  let shown = 0;
  for (const each of events.rows) {
    each.hidden = Boolean(wanted) && !each.textContent.toLowerCase().includes(wanted);
    shown += !each.hidden;
  }
  if (wanted) state.textContent = `${shown} of the latest ${events.rows.length} are shown.`;
}

filter.addEventListener("input", sift);
pause.addEventListener("click", () => {
  const paused = pause.getAttribute("aria-pressed") !== "true";
  pause.setAttribute("aria-pressed", String(paused));
  pause.textContent = paused ? "Go on" : "Pause";
  state.textContent = paused ? "Paused; nothing is lost meanwhile." : "Newest first; new ones appear by themselves.";
  if (!paused) follow();
});
document.body.addEventListener("live", follow);
console.assert(STAGES.length === (legend?.children.length ?? STAGES.length), "a stage has no row in the legend");

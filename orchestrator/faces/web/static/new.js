// A new job: the area on the map, the fields, the plan, and its run. What is planned is what is submitted: the plan's
// fingerprint goes with the form, and any change of the form makes the plan an old one.
import {makeMap, ready, addOutline, fit, km2Of, paints, isDark} from "/static/map.js";

const POLL_MS = 400;
const COLOURS = ["#56b4e9", "#009e73", "#e69f00", "#cc79a7", "#0072b2", "#d55e00"]; // Okabe and Ito

const form = document.getElementById("draft");
const field = (name) => form.elements.namedItem(name);
const byId = (id) => document.getElementById(id);
const first = JSON.parse(form.dataset.values);
const empty = {type: "FeatureCollection", features: []};

let drawn = false; // the area is what is on the drawing board, and not yet a file
let named = false; // a person has named the result
let planning = ""; // the plan that is being made
let asked = 0; // answers to older questions come too late
let laid = ""; // the file of tiles that was laid over the area of this form
let planned = ""; // the fingerprint of the plan that is shown

// ---------------------------------------------------------------- asking

async function ask(path, options = {}) {
  let answer;
  try {
    answer = await fetch(path, {headers: {Accept: "application/json"}, ...options});
  } catch {
    throw new Error("the page does not answer; is it still running?");
  }
  if ((answer.headers.get("content-type") ?? "").startsWith("application/json")) {
    const told = await answer.json();
    if (told.error) throw new Error(told.error);
    return told;
  }
  const text = (await answer.text()).trim();
  if (!answer.ok) throw new Error(text.length < 300 ? text : `the page answered ${answer.status}`);
  return text;
}

/** Put a part that the page has written into its place. */
const fragment = (path, target) => window.htmx.ajax("GET", path, {source: target, target, swap: "innerHTML"}).catch(() => {});

const filled = (more = {}) => {
  const said = new URLSearchParams();
  for (const [name, value] of new FormData(form)) if (typeof value === "string") said.append(name, value);
  for (const [name, value] of Object.entries(more)) said.set(name, value);
  return said;
};

// ---------------------------------------------------------------- what is wrong, at its field

function clearWrong() {
  for (const line of form.querySelectorAll(".wrong")) line.textContent = "";
  for (const control of form.querySelectorAll("[aria-invalid]")) control.removeAttribute("aria-invalid");
}

function showWrong(fields) {
  let firstWrong = null;
  const general = [];
  for (const [name, sentence] of Object.entries(fields)) {
    const control = name && field(name);
    const line = name && byId(`w-${name.replaceAll(".", "-")}`);
    if (!control || !line) {
      general.push(name ? `${name}: ${sentence}` : sentence);
      continue;
    }
    line.textContent = sentence;
    control.setAttribute("aria-invalid", "true");
    for (let box = control.closest("details"); box; box = box.parentElement.closest("details")) box.open = true;
    if (!firstWrong || control.compareDocumentPosition(firstWrong) & Node.DOCUMENT_POSITION_FOLLOWING) firstWrong = control;
  }
  byId("w-").textContent = general.join(" ");
  firstWrong?.focus();
  firstWrong?.scrollIntoView({block: "center", behavior: "auto"});
}

// ---------------------------------------------------------------- the map

const KEPT = "new-area"; // where the last area was, in this browser
const map = makeMap(byId("map"), {bounds: lastBounds(), label: "The area of the new job", describedBy: "map-text"});
let draw = null;

/** Bounds of the last area of this browser; without one the world is shown. */
function lastBounds() {
  try {
    const kept = JSON.parse(localStorage.getItem(KEPT));
    return Array.isArray(kept) && kept.length === 4 ? kept : undefined;
  } catch {
    return undefined;
  }
}

function keepBounds(bounds) {
  try {
    localStorage.setItem(KEPT, JSON.stringify(bounds));
  } catch {
    // The next form begins with the world.
  }
}

function style() {
  const colour = isDark() ? "#7cc4f2" : "#005a8f";
  return {fillColor: colour, fillOpacity: 0.2, outlineColor: colour, outlineWidth: 3, closingPointColor: colour, closingPointWidth: 6};
}

function startDrawing() {
  const {terraDraw: td, terraDrawMaplibreGlAdapter: adapter} = window;
  const editable = {feature: {draggable: true, coordinates: {midpoints: true, draggable: true, deletable: true}}};
  const round = {feature: {draggable: true, scaleable: true, coordinates: {draggable: true, resizable: "center"}}};
  const boxed = {feature: {draggable: true, coordinates: {draggable: true, resizable: "opposite"}}};
  draw = new td.TerraDraw({
    adapter: new adapter.TerraDrawMapLibreGLAdapter({map}),
    modes: [
      new td.TerraDrawRectangleMode({styles: style(), drawInteraction: "click-move-or-drag"}),
      new td.TerraDrawPolygonMode({styles: style(), validation: (shape, {updateType}) => (updateType === "finish" || updateType === "commit" ? td.ValidateNotSelfIntersecting(shape) : {valid: true})}),
      new td.TerraDrawCircleMode({styles: style(), drawInteraction: "click-move-or-drag"}),
      new td.TerraDrawSelectMode({flags: {rectangle: boxed, polygon: editable, circle: round}}),
    ],
    undoRedo: {modeLevel: new td.TerraDrawModeUndoRedo(), sessionLevel: new td.TerraDrawSessionUndoRedo()},
  });
  draw.start();
  draw.setMode("static");
  draw.on("finish", (_id, context) => {
    if (context.action === "draw") setMode("static");
    takeDrawing();
  });
  draw.on("change", showHistory);
  draw.on("history", showHistory);
}

const shapes = () => (draw?.getSnapshot() ?? []).filter((one) => one.geometry.type === "Polygon" && one.properties.mode !== "select");

const HINTS = {
  rectangle: "Drag from one corner to the other, or click both.",
  polygon: "Click each corner; the first once more, or Enter, closes the shape, Escape gives it up.",
  circle: "Drag from the middle to the edge, or click both.",
  select: "Click a shape, then drag it, its corners, or the points between them.",
};

function setMode(mode) {
  draw?.setMode(mode);
  if (HINTS[mode]) say(HINTS[mode]);
  for (const button of form.querySelectorAll("[data-draw]")) button.setAttribute("aria-pressed", String(button.dataset.draw === mode));
}

function showHistory() {
  byId("undo").disabled = !draw?.canUndo();
  byId("clear").disabled = !shapes().length && !field("area.source").value;
}

/** The area is what is drawn now. */
function takeDrawing() {
  const found = shapes();
  drawn = found.length > 0;
  if (drawn) {
    field("area.source").value = "";
    for (const name of ["area.where", "area.layer", "area.crs", "area.each"]) if (field(name)) field(name).value = "";
    outline(null);
    const size = `about ${inKm2(found.reduce((sum, one) => sum + km2Of(one.geometry.coordinates), 0))}`;
    say(found.length > 1 ? `${found.length} shapes are drawn; together they are the area, ${size} where none lies over another.` : `The area is what you drew, ${size}.`);
  } else if (!field("area.source").value) {
    say("");
  }
  changed();
  showHistory();
}

function geojson() {
  const features = shapes().map((one) => ({type: "Feature", properties: {}, geometry: one.geometry}));
  return JSON.stringify({type: "FeatureCollection", features});
}

function outline(shape) {
  ready(map).then(() => addOutline(map, "area", shape ?? empty));
}

const inKm2 = (size) => `${size >= 10 ? Math.round(size).toLocaleString() : size.toPrecision(2)} km²`;

const say = (text, wrong = false) => {
  byId("seen").textContent = text;
  byId("seen").classList.toggle("wrong", wrong);
};

/** Show an area that the page has read. */
function see(seen, moves = true) {
  outline(seen.outline);
  keepBounds(seen.bounds);
  if (moves) fit(map, seen.bounds, {padding: 40});
  say([`${inKm2(seen.km2)}.`, ...seen.notes].join(" "));
  if (!named && seen.name) field("base_name").value = seen.name;
}

function forgetDrawing() {
  if (shapes().length) draw.clear();
  drawn = false;
  setMode("static");
}

// ---------------------------------------------------------------- areas in words and in files

async function look() {
  const source = field("area.source").value.trim();
  if (!source) return;
  forgetDrawing();
  clearWrong();
  say("Reading the area …");
  const how = {source, output: field("output").value};
  for (const key of ["where", "layer", "crs"]) how[key] = field(`area.${key}`).value;
  const mine = ++asked;
  try {
    const seen = await ask(`/new/area?${new URLSearchParams(how)}`);
    if (mine === asked) see(seen);
  } catch (error) {
    if (mine !== asked) return;
    outline(null);
    say("");
    showWrong({"area.source": error.message});
  }
  showHistory();
}

async function keep(name, content) {
  const how = new URLSearchParams({name, output: field("output").value});
  return ask(`/new/area?${how}`, {method: "POST", body: content, headers: {Accept: "application/json", "Content-Type": "application/octet-stream"}});
}

async function drop(file) {
  if (!file) return;
  forgetDrawing();
  clearWrong();
  say(`Reading ${file.name} …`);
  const mine = ++asked;
  try {
    const seen = await keep(file.name, file);
    if (mine !== asked) return;
    field("area.source").value = seen.source;
    for (const name of ["area.where", "area.layer", "area.crs"]) field(name).value = "";
    see(seen);
  } catch (error) {
    if (mine === asked) say(error.message, true);
  }
  changed();
  showHistory();
}

// ---------------------------------------------------------------- fields that depend on others

function showProduct() {
  const chosen = field("product").selectedOptions[0];
  byId("h-product").textContent = chosen.dataset.summary;
  for (const set of form.querySelectorAll(".own")) set.hidden = set.disabled = set.dataset.product !== chosen.value;
  const routes = chosen.dataset.routes.split(" ");
  const route = field("route");
  for (const option of route.options) option.hidden = option.disabled = option.value !== "" && !routes.includes(option.value);
  if (route.selectedOptions[0]?.disabled) route.value = "";
  showRecipe();
}

let recipeShown = "";

async function showRecipe() {
  const product = field("product").selectedOptions[0];
  const collection = field(`${product.value}.collection`)?.value;
  const has = product.dataset.recipe === "true" && !(product.value === "table" && collection);
  byId("recipe-row").hidden = byId("recipe").hidden = field("recipe").disabled = !has;
  const name = field("recipe").value;
  for (const control of byId("recipe").querySelectorAll("[name]")) control.disabled = !has;
  if (!has || recipeShown === name) return;
  recipeShown = name;
  const how = new URLSearchParams({recipe: name});
  if (name === first.recipe) for (const [key, value] of Object.entries(first)) if (key.startsWith("params.")) how.set(key, value);
  byId("recipe").textContent = "Reading what the recipe may be told …";
  await fragment(`/new/part/recipe?${how}`, "#recipe");
  if (byId("recipe").querySelector("summary")) return;
  recipeShown = "";
  byId("recipe").textContent = "What the recipe may be told cannot be shown now; its defaults hold.";
}

// ---------------------------------------------------------------- the plan

/** The form is another than the one that was planned. */
function changed() {
  if (!planned) return;
  planned = "";
  const button = byId("submit");
  if (button) {
    button.disabled = true;
    byId("submit-hint").textContent = "The form has changed since: plan it again.";
  }
  byId("planned").classList.add("old");
  showParts(empty);
}

function working(text) {
  byId("working").textContent = text;
  byId("cancel").hidden = !text;
  byId("plan").disabled = Boolean(text);
}

async function plan() {
  clearWrong();
  changed();
  const mine = ++asked;
  working("Planning …");
  try {
    if (drawn && !field("area.source").value) {
      const seen = await keep(`${field("base_name").value || "drawn"}.geojson`, geojson());
      if (mine !== asked) return;
      field("area.source").value = seen.source;
      drawn = false;
    }
    if (field("product").value === "chips" && field("area.source").value && (!field("chips.tiles").value || field("chips.tiles").value === laid)) {
      working("Laying tiles over the area …");
      laid = (await ask("/new/tiles", {method: "POST", body: filled()})).path;
      if (mine !== asked) return;
      field("chips.tiles").value = laid;
      if (!field("chips.width").value && !field("grid.scale").value) field("grid.scale").value = "10";
    }
    let told = await ask("/new/plan", {method: "POST", body: filled()});
    while (told.state === "working") {
      planning = told.plan;
      if (mine !== asked) return;
      working(`Planning: ${told.said} …`);
      await new Promise((done) => setTimeout(done, POLL_MS));
      if (mine !== asked) return;
      told = await ask(`/new/plan/${planning}`);
    }
    if (mine === asked) await show(told);
  } catch (error) {
    if (mine === asked) showWrong({"": error.message});
  } finally {
    if (mine === asked) {
      planning = "";
      working("");
    }
  }
}

async function show(told) {
  if (told.state === "cancelled") return;
  if (told.state === "refused") return showWrong(told.fields);
  planned = told.planned;
  const box = byId("planned");
  box.hidden = false;
  box.classList.remove("old");
  await fragment(`/new/plan/${told.plan}/shown`, "#planned");
  byId("submit").addEventListener("click", submit);
  if (told.area) see({...told.area, name: ""});
  showParts(told.parts ?? empty);
  window.orchestrator?.showTimes?.(box);
  byId("h-plan").focus({preventScroll: true});
  box.scrollIntoView({block: "nearest"});
}

async function cancel() {
  asked += 1;
  const name = planning;
  planning = "";
  working("");
  byId("working").textContent = "Cancelled; nothing was submitted.";
  if (name) await ask(`/new/plan/${name}/cancel`, {method: "POST"}).catch(() => {});
}

async function submit() {
  const button = byId("submit");
  if (!planned) return;
  button.disabled = true;
  byId("submit-hint").textContent = "Submitting …";
  try {
    const told = await ask("/new/submit", {method: "POST", body: filled({planned})});
    if (told.state === "submitted") {
      location.assign(told.to);
      return;
    }
    byId("submit-hint").textContent = "";
    showWrong(told.fields);
  } catch (error) {
    byId("submit-hint").textContent = error.message;
    button.disabled = false;
  }
}

function showParts(parts) {
  ready(map).then(() => {
    const there = map.getSource("parts");
    if (there) return there.setData(parts);
    map.addSource("parts", {type: "geojson", data: parts, tolerance: 0.1});
    const colour = ["match", ["%", ["coalesce", ["get", "task"], ["get", "part"]], COLOURS.length], ...COLOURS.flatMap((one, place) => [place, one]), COLOURS[0]];
    map.addLayer({id: "parts-fill", type: "fill", source: "parts", paint: {"fill-color": colour, "fill-opacity": 0.3}});
    map.addLayer({id: "parts-line", type: "line", source: "parts", paint: {"line-color": paints().area, "line-width": 0.6, "line-opacity": 0.7}});
    map.on("theme", () => map.setPaintProperty("parts-line", "line-color", paints().area));
  });
}

// ---------------------------------------------------------------- listening

for (const button of form.querySelectorAll("[data-draw]")) {
  button.addEventListener("click", () => setMode(button.getAttribute("aria-pressed") === "true" ? "static" : button.dataset.draw));
}
byId("undo").addEventListener("click", () => {
  draw?.undo();
  takeDrawing();
});
byId("clear").addEventListener("click", () => {
  forgetDrawing();
  field("area.source").value = "";
  if (!named) field("base_name").value = first.base_name ?? "";
  outline(null);
  say("");
  changed();
  showHistory();
});
byId("choose").addEventListener("click", () => byId("file-input").click());
byId("file-input").addEventListener("change", (event) => {
  drop(event.target.files[0]);
  event.target.value = "";
});
byId("look").addEventListener("click", look);
field("area.source").addEventListener("keydown", (event) => {
  if (event.key !== "Enter") return;
  event.preventDefault();
  look();
});
for (const kind of ["dragover", "drop"]) {
  byId("map").addEventListener(kind, (event) => {
    event.preventDefault();
    if (kind === "drop") drop(event.dataTransfer.files[0]);
  });
}
form.addEventListener("submit", (event) => {
  event.preventDefault();
  plan();
});
byId("cancel").addEventListener("click", cancel);
form.addEventListener("input", (event) => {
  if (event.target.name === "base_name") named = true;
  if (event.target.name === "area.source") forgetDrawing();
  if (event.target.name) changed();
});
form.addEventListener("change", (event) => {
  if (event.target.name === "product") showProduct();
  if (event.target.name === "recipe" || event.target.name?.endsWith(".collection")) showRecipe();
});
document.addEventListener("click", (event) => {
  const save = event.target.closest("[data-save]");
  if (!save) return;
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([document.querySelector(save.dataset.save).textContent], {type: "text/plain"}));
  link.download = save.dataset.name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10000);
});

named = Boolean(first["area.source"]);
showProduct();
ready(map).then(() => {
  startDrawing();
  showHistory();
  if (field("area.source").value) look();
  else say("Begin with the area: draw it, drop a file on the map, or write it below.");
});

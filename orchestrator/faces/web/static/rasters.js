/**
 * How a raster of a result is drawn, chosen in a form, and where its tiles are: for the result, comparison and cube.
 *
 *   const layers = await getJson(`/runs/${run}/layers.json`);
 *   const look = makeLook(form, layers, {numbers: (layer) => getJson(...), changed: (state) => ...});
 *   tileUrl(run, state) -> "/runs/.../tiles/{z}/{x}/{y}.png?layer=data&bands=1,2,3&ranges=0:1,0:1,0:1"
 *
 * A state is {layer, time, bands, ranges, colours, opacity}; bands count from 1.
 */
export const COLOURS = [
  ["gray", "grey"], ["viridis", "viridis"], ["cividis", "cividis"], ["magma", "magma"], ["ylgn", "yellow to green"],
  ["terrain", "terrain"], ["rdylgn", "red, yellow, green"], ["rdbu", "red, white, blue"],
];

/** Ask for JSON; an answer that is none of what was asked for is an Error with the server's sentence. */
export async function getJson(url, signal) {
  const answer = await fetch(url, {headers: {accept: "application/json"}, signal});
  const told = await answer.json().catch(() => ({}));
  if (!answer.ok) throw new Error(sentenceOf(told.error) ?? `The page answered ${answer.status}.`);
  return told;
}

function sentenceOf(error) {
  return typeof error === "string" ? error : error?.message;
}

/** Return what says that there is no map, and why, in the places that a view of rasters has for it. */
export function makeRefusal() {
  const wrong = document.getElementById("map-wrong");
  return (error) => {
    wrong.textContent = error.message;
    wrong.hidden = false;
    document.getElementById("map-text").textContent = "There is no map.";
  };
}

/** Say in words why a tile of a map's result did not come. */
export function tellOfTiles(map, refused) {
  map.on("error", async (event) => {
    if (event.sourceId !== "result" || !event.error?.url) return;
    const told = await fetch(event.error.url, {headers: {accept: "application/json"}}).then((answer) => answer.json()).catch(() => null);
    if (told?.error) refused(new Error(sentenceOf(told.error)));
  });
}

/** The part of a layer's bounds that Web Mercator has, for a source of MapLibre. */
export function inMercator([west, south, east, north]) {
  return [west, Math.max(south, -85.05), east, Math.min(north, 85.05)];
}

/** A number as people read it: as many digits as tell it apart, in a table all alike. */
export function plain(value) {
  if (value === null || value === undefined) return "no data";
  if (Number.isInteger(value)) return value.toLocaleString("en");
  const size = Math.abs(value);
  return size >= 1e6 || (size > 0 && size < 1e-4) ? value.toExponential(4) : String(Number(value.toPrecision(7)));
}

/** A coordinate of a file, in full: to a centimetre where it is of metres, to 10 cm where it is of degrees. */
export function coordinate(value) {
  return String(Number(value.toFixed(Math.abs(value) <= 360 ? 6 : 2)));
}

/** The address of tiles, for a source of MapLibre. */
export function tileUrl(run, state, extra = {}) {
  const asked = new URLSearchParams({
    layer: state.layer.key,
    bands: state.bands.join(","),
    ranges: state.ranges.map(([low, high]) => `${low}:${high}`).join(","),
    ...extra,
  });
  if (state.layer.times.length) asked.set("time", state.time);
  if (state.classes) asked.set("classes", state.layer.classes.map((each) => `${each.value}:${each.colour.slice(1)}`).join(","));
  else if (state.bands.length === 1) asked.set("colours", state.colours);
  return `${location.origin}/runs/${encodeURIComponent(run)}/tiles/{z}/{x}/{y}.png?${asked}`;
}

function fill(select, options, chosen) {
  select.replaceChildren(...options.map(([value, label]) => {
    const option = document.createElement("option");
    [option.value, option.textContent, option.selected] = [value, label, String(value) === String(chosen)];
    return option;
  }));
}

function stretched(numbers, how) {
  if (how === "minmax") return [numbers.least, numbers.most];
  if (how === "sigma") return [numbers.mean - 2 * numbers.deviation, numbers.mean + 2 * numbers.deviation];
  return [numbers.low, numbers.high];
}

/**
 * Let a form choose how layers are drawn.
 *
 * `numbers(layer)` returns the numbers of its bands; `changed(state)` is called when there is another picture to show,
 * `refused(error)` when a layer cannot be read. Returned is {state, setTime, numbers}.
 */
export function makeLook(form, layers, {numbers, changed, refused, panel}) {
  const fields = form.elements;
  const known = new Map();
  const look = {state: null, numbers: []};
  const by = new Map(layers.map((layer) => [layer.key, layer]));

  async function choose(layer) {
    if (!known.has(layer.key)) known.set(layer.key, await numbers(layer));
    look.numbers = known.get(layer.key);
    const bands = layer.bands.map((name, at) => [at + 1, name]);
    const three = layer.bands.length >= 3;
    const shown = layer.shown.length === 3 ? layer.shown : [1, Math.min(2, bands.length), Math.min(3, bands.length)];
    ["red", "green", "blue"].forEach((name, at) => fill(fields[name], bands, shown[at]));
    fill(fields.band, bands, layer.shown[0]);
    fill(fields.colours, [...(layer.classes.length ? [["classes", "its classes"]] : []), ...COLOURS], layer.classes.length ? "classes" : "gray");
    fields.how.value = layer.shown.length === 3 ? "three" : "one";
    fields.how.closest("label").hidden = !three;
    look.state = {layer, time: 0, bands: [], ranges: [], colours: "gray", classes: false, opacity: 1};
    read(true);
  }

  function read(anew) {
    const {state} = look;
    const three = fields.how.value === "three" && state.layer.bands.length >= 3;
    document.getElementById("three-row").hidden = !three;
    document.getElementById("one-row").hidden = three;
    state.bands = (three ? ["red", "green", "blue"] : ["band"]).map((name) => Number(fields[name].value));
    state.classes = !three && fields.colours.value === "classes";
    state.colours = state.classes ? "gray" : fields.colours.value;
    state.opacity = Number(fields.opacity.value) / 100;
    const byHand = fields.stretch.value === "hand";
    const kept = byHand && !anew ? state.ranges : [];
    state.ranges = state.bands.map((band, at) => kept[at] ?? stretched(look.numbers[band - 1], byHand ? "percentile" : fields.stretch.value));
    if (panel) drawNumbers(panel, look, byHand, (ranges) => {
      state.ranges = ranges;
      changed(state);
    });
    changed(state);
  }

  form.addEventListener("submit", (event) => event.preventDefault());
  form.addEventListener("input", (event) => {
    if (event.target.name === "layer") choose(by.get(event.target.value)).catch(refused);
    else read(event.target.name !== "opacity" && event.target.name !== "stretch");
  });
  look.setTime = (time) => {
    look.state.time = time;
    changed(look.state);
  };
  if (fields.layer) {
    fill(fields.layer, layers.map((layer) => [layer.key, layer.title]), layers[0].key);
    fields.layer.closest("label").hidden = layers.length < 2;
  }
  look.begun = choose(layers[0]).catch(refused);
  return look;
}

const SVG = "http://www.w3.org/2000/svg";

export function svg(name, attributes = {}, ...children) {
  const made = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...children);
  return made;
}

export function tag(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...children);
  return made;
}

/** Draw for each band that is shown its histogram, its numbers, and by hand the fields of its range. */
function drawNumbers(panel, look, byHand, ranged) {
  const {state} = look;
  const names = state.bands.length === 3 ? ["red", "green", "blue"] : ["one"];
  const blocks = state.bands.map((band, at) => {
    const told = look.numbers[band - 1];
    const words = told.valid
      ? `${plain(told.least)} to ${plain(told.most)}, mean ${plain(told.mean)}, standard deviation ${plain(told.deviation)}`
      : "no pixel of the sample holds data";
    const block = tag("div", {class: "band-numbers", "data-colour": names[at]},
      tag("h3", {}, names[at] === "one" ? told.name : `${told.name} as ${names[at]}`),
      histogram(told, state.ranges[at]), tag("p", {class: "quiet"}, words));
    if (byHand) block.append(rangeFields(told.name, state.ranges[at], (range) => {
      ranged(state.ranges.map((one, other) => (other === at ? range : one)));
      block.querySelector("svg").replaceWith(histogram(told, range));
    }));
    return block;
  });
  const sample = look.numbers[state.bands[0] - 1];
  blocks.push(tag("p", {class: "quiet"}, `Of ${sample.valid.toLocaleString("en")} pixels with data, of ${sample.pixels.toLocaleString("en")} that were sampled.`));
  panel.replaceChildren(...blocks);
}

function rangeFields(name, range, changed) {
  const made = ["from", "to"].map((word, at) => {
    const input = tag("input", {type: "number", step: "any", value: Number(range[at].toPrecision(6)), "aria-label": `${name} ${word}`});
    return tag("label", {}, `${word} `, input);
  });
  const row = tag("p", {class: "toolbar"}, ...made);
  row.addEventListener("input", () => {
    const asked = [...row.querySelectorAll("input")].map((input) => input.valueAsNumber);
    if (asked.every(Number.isFinite)) changed(asked);
  });
  return row;
}

/** Bars of how many pixels have which value; what lies between the ends of the stretch is full, the rest pale. */
export function histogram(told, [low, high]) {
  const most = Math.max(1, ...told.counts);
  const width = 100 / Math.max(1, told.counts.length);
  const words = `Histogram of ${told.name}, from ${plain(told.least)} to ${plain(told.most)}; shown are ${plain(low)} to ${plain(high)}.`;
  const step = (told.most - told.least) / Math.max(1, told.counts.length);
  const bars = told.counts.map((count, at) => {
    const middle = told.least + (at + 0.5) * step;
    const height = (30 * count) / most;
    return svg("rect", {x: (at * width).toFixed(2), y: (30 - height).toFixed(2), width: (width * 0.9).toFixed(2), height: height.toFixed(2),
      class: middle >= Math.min(low, high) && middle <= Math.max(low, high) ? "in" : "out"});
  });
  return svg("svg", {class: "histogram", viewBox: "0 0 100 30", preserveAspectRatio: "none", role: "img", "aria-label": words}, ...bars);
}

/** What colours mean: a strip of the range, or the classes. */
export function drawLegend(element, state) {
  if (state.classes) {
    element.replaceChildren(tag("ul", {class: "classes", "aria-label": "Classes"}, ...state.layer.classes.map((each) =>
      tag("li", {}, svg("svg", {viewBox: "0 0 10 10", "aria-hidden": "true"}, svg("rect", {width: 10, height: 10, fill: each.colour})), ` ${each.name}`))));
  } else if (state.bands.length === 1) {
    const [low, high] = state.ranges[0];
    const picture = tag("img", {src: `/previews/colours/${state.colours}.png`, alt: "", width: 256, height: 14});
    element.replaceChildren(tag("p", {class: "ramp"}, tag("span", {}, plain(Number(low.toPrecision(5)))), picture, tag("span", {}, plain(Number(high.toPrecision(5))))));
  } else element.replaceChildren();
}

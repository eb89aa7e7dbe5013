// The result of a run on the map: bands, stretch, dates of a cube, the pixel under the cursor.
import {makeMap, ready, fit, BELOW_LABELS} from "./map.js";
import {coordinate, drawLegend, getJson, inMercator, makeLook, makeRefusal, plain, svg, tag, tellOfTiles, tileUrl} from "./rasters.js";

const MOVE_MS = 150; // between two questions while the cursor moves
const element = document.getElementById("map");
const run = element.dataset.run;
const words = document.getElementById("map-text");

const refused = makeRefusal();

begin().catch(refused);

async function begin() {
  const layers = await getJson(`/runs/${run}/layers.json`);
  const map = makeMap(element, {bounds: layers[0].bounds, label: `Result of ${element.dataset.name}`, describedBy: "map-text"});
  await ready(map);
  const look = makeLook(document.getElementById("look"), layers, {
    numbers: (layer) => getJson(`/runs/${run}/numbers.json?layer=${layer.key}`),
    changed: (state) => show(map, state),
    refused,
    panel: document.getElementById("numbers"),
  });
  tellOfTiles(map, refused);
  await look.begun;
  times(look);
  pixels(map, look);
}

// ---------------------------------------------------------------- the picture

let shown = null;

function show(map, state) {
  const url = tileUrl(run, state);
  const {layer} = state;
  if (shown !== layer.key) {
    if (map.getLayer("result")) map.removeLayer("result");
    if (map.getSource("result")) map.removeSource("result");
    map.addSource("result", {type: "raster", tiles: [url], tileSize: 256, maxzoom: deepest(layer), bounds: inMercator(layer.bounds)});
    map.addLayer({id: "result", type: "raster", source: "result", paint: {"raster-resampling": "nearest", "raster-fade-duration": 0}}, BELOW_LABELS);
    if (shown !== null) fit(map, layer.bounds);
    shown = layer.key;
    element.dataset.url = url;
  } else if (element.dataset.url !== url) {
    element.dataset.url = url;
    map.getSource("result").setTiles([url]);
  }
  map.setPaintProperty("result", "raster-opacity", state.opacity);
  drawLegend(document.getElementById("legend"), state);
  words.textContent = describe(state);
}

/** The zoom at which a pixel of the file is some four of the screen: beyond it nothing more is to be seen. */
function deepest(layer) {
  const [west, , east] = layer.bounds;
  const degrees = (east - west) / layer.width;
  return Math.max(1, Math.min(22, Math.ceil(Math.log2(360 / 256 / degrees)) + 2));
}

function describe(state) {
  const {layer} = state;
  const names = state.bands.map((band) => layer.bands[band - 1]);
  const what = state.classes ? `the classes of ${names[0]}` : names.length === 3 ? `${names.join(", ")} as red, green, blue` : `${names[0]} in ${state.colours}`;
  const date = layer.times.length ? ` on ${layer.times[state.time]}` : "";
  const overviews = layer.overviews.length ? `zoomed out, of the overviews in the file (${layer.overviews.map((by) => `1:${by}`).join(", ")})` : "the file has no overviews";
  return `Shown: ${what}${date}, ${layer.height.toLocaleString("en")} × ${layer.width.toLocaleString("en")} pixels (rows × columns) of ${layer.dtype} in ${name(layer.crs)}; `
    + `each dot is the nearest pixel, ${overviews}. Where there is no data the map shows through.`;
}

function name(crs) {
  return crs.startsWith("EPSG:") ? crs : "a CRS without a number";
}

// ---------------------------------------------------------------- dates of a cube

function times(look) {
  const row = document.getElementById("time-row");
  const slider = document.getElementById("time");
  const set = (time) => {
    const {layer} = look.state;
    slider.value = Math.max(0, Math.min(layer.times.length - 1, time));
    document.getElementById("time-words").textContent = layer.times[slider.value];
    slider.setAttribute("aria-valuetext", layer.times[slider.value]);
    if (look.state.time !== Number(slider.value)) look.setTime(Number(slider.value));
  };
  const follow = () => {
    const {layer} = look.state;
    row.hidden = layer.times.length < 1;
    slider.max = Math.max(0, layer.times.length - 1);
    if (layer.times.length) set(look.state.time);
  };
  slider.addEventListener("input", () => set(Number(slider.value)));
  document.getElementById("time-back").addEventListener("click", () => set(Number(slider.value) - 1));
  document.getElementById("time-next").addEventListener("click", () => set(Number(slider.value) + 1));
  document.getElementById("look").addEventListener("input", () => setTimeout(follow));
  follow();
}

// ---------------------------------------------------------------- the pixel

function pixels(map, look) {
  let asking = null;
  let last = 0;
  const ask = async ({lng, lat}, whole) => {
    asking?.abort();
    asking = new AbortController();
    const {layer, time} = look.state;
    const query = new URLSearchParams({layer: layer.key, time, lon: lng.toFixed(7), lat: lat.toFixed(7)});
    try {
      const [pixel] = await getJson(`/runs/${run}/pixel.json?${query}`, asking.signal);
      drawPixel(pixel, layer, lng, lat);
      if (whole && layer.times.length > 1 && pixel.row !== null) await drawSeries(look, query);
    } catch (error) {
      if (error.name !== "AbortError") drawWrong(error);
    }
  };
  map.on("mousemove", (event) => {
    if (event.originalEvent.timeStamp - last < MOVE_MS) return;
    last = event.originalEvent.timeStamp;
    ask(event.lngLat, false);
  });
  map.on("click", (event) => ask(event.lngLat, true));
  document.getElementById("pixel-middle").addEventListener("click", () => ask(map.getCenter(), true));
  map.getCanvas().addEventListener("keydown", (event) => event.key === "Enter" && ask(map.getCenter(), true));
}

function drawWrong(error) {
  document.getElementById("pixel").replaceChildren(tag("p", {}, error.message));
}

function drawPixel(pixel, layer, lng, lat) {
  const place = [["Longitude, latitude", `${lng.toFixed(6)}, ${lat.toFixed(6)}`], [`In ${name(pixel.crs)}`, `${coordinate(pixel.x)}, ${coordinate(pixel.y)}`]];
  if (pixel.row === null) place.push(["Pixel", "outside the file"]);
  else place.push(["Row, column", `${pixel.row}, ${pixel.col}`]);
  const facts = tag("dl", {class: "facts"}, ...place.flatMap(([key, value]) => [tag("dt", {}, key), tag("dd", {}, value)]));
  const scaled = layer.scale !== 1 || layer.offset !== 0;
  const classes = new Map(layer.classes.map((each) => [each.value, each.name]));
  const rows = Object.entries(pixel.values).map(([band, value]) => tag("tr", {}, tag("th", {scope: "row"}, band),
    tag("td", {class: "number"}, plain(value) + (classes.has(value) ? ` (${classes.get(value)})` : "")),
    ...(scaled ? [tag("td", {class: "number"}, plain(pixel.physical[band]))] : [])));
  const heads = ["Band", "Stored", ...(scaled ? ["× scale + offset"] : [])];
  const head = tag("thead", {}, tag("tr", {}, ...heads.map((text) => tag("th", {scope: "col"}, text))));
  document.getElementById("pixel").replaceChildren(facts, ...(rows.length ? [tag("table", {class: "table"}, head, tag("tbody", {}, ...rows))] : []));
}

async function drawSeries(look, query) {
  const told = await getJson(`/runs/${run}/series.json?${query}`);
  document.getElementById("series").replaceChildren(chart(told, look.state));
}

/** Lines of the bands that are shown over the dates, with the table of the same numbers. */
function chart(told, state) {
  const names = state.bands.map((band) => state.layer.bands[band - 1]);
  const values = names.flatMap((band) => told.values[band]).filter((value) => value !== null);
  if (!values.length) return tag("p", {}, "No date holds data in this pixel.");
  const [least, most] = [Math.min(...values), Math.max(...values)];
  const at = told.times.map((time) => Date.parse(time));
  const x = (index) => (100 * (at[index] - at[0])) / Math.max(1, at.at(-1) - at[0]);
  const y = (value) => 50 - (50 * (value - least)) / (most - least || 1);
  const lines = names.map((band, which) => {
    const there = told.values[band].map((value, index) => [index, value]).filter(([, value]) => value !== null);
    const points = there.map(([index, value]) => `${x(index).toFixed(2)},${y(value).toFixed(2)}`).join(" ");
    return svg("polyline", {points, class: `line-${which}`, "vector-effect": "non-scaling-stroke"});
  });
  const picture = svg("svg", {class: "series", viewBox: "-2 -2 104 54", preserveAspectRatio: "none", role: "img",
    "aria-label": `${names.join(", ")} over ${told.times.length} dates, from ${plain(least)} to ${plain(most)}`}, ...lines);
  const head = tag("thead", {}, tag("tr", {}, tag("th", {scope: "col"}, "Date"), ...names.map((band) => tag("th", {scope: "col"}, band))));
  const rows = told.times.map((time, index) => tag("tr", {}, tag("th", {scope: "row"}, time.slice(0, 10)),
    ...names.map((band) => tag("td", {class: "number"}, plain(told.values[band][index])))));
  const legend = tag("p", {class: "series-legend"}, ...names.map((band, which) => tag("span", {class: `line-${which}`}, band)));
  const table = tag("details", {}, tag("summary", {}, "The same as a table"), tag("table", {class: "table"}, head, tag("tbody", {}, ...rows)));
  return tag("section", {"aria-label": "Series of this pixel"}, tag("h3", {}, `Over ${told.times.length} dates`), picture,
    tag("p", {class: "quiet"}, `${plain(least)} to ${plain(most)}, ${told.times[0].slice(0, 10)} to ${told.times.at(-1).slice(0, 10)}`), legend, table);
}

// Two results of one job on one place: a swipe between them, their difference, the pixel in both.
import {makeMap, ready, BELOW_LABELS} from "./map.js";
import {drawLegend, getJson, inMercator, makeLook, makeRefusal, plain, tag, tellOfTiles, tileUrl} from "./rasters.js";

const swipe = document.getElementById("swipe");
const {run, other, name, otherName} = swipe.dataset;
const words = document.getElementById("map-text");
const form = document.getElementById("look");

const refused = makeRefusal();

begin().catch(refused);

async function begin() {
  const [layers, beside] = await Promise.all([run, other].map((one) => getJson(`/runs/${one}/layers.json`)));
  const right = makeMap(document.getElementById("map-right"), {bounds: layers[0].bounds, label: `Result of ${otherName}, right of the edge`, describedBy: "map-text"});
  const left = makeMap(document.getElementById("map-left"), {bounds: layers[0].bounds, label: `Result of ${name}, left of the edge`, describedBy: "map-text", buttons: false});
  await Promise.all([ready(left), ready(right)]);
  together(left, right);
  edge();
  const bands = layers[0].bands.filter((band) => beside[0].bands.includes(band));
  form.elements.difference.replaceChildren(...[["", "none, both as they are"], ...bands.map((band) => [band, `${name} minus ${otherName}, ${band}`])].map(([value, label]) => {
    const option = tag("option", {value}, label);
    return option;
  }));
  const look = makeLook(form, layers.slice(0, 1), {
    numbers: (layer) => getJson(`/runs/${run}/numbers.json?layer=${layer.key}`),
    changed: (state) => show(left, right, state, beside[0], look),
    refused,
  });
  await look.begun;
  pixels(left, right, layers[0]);
}

/** Both maps show the same place: whoever is moved takes the other along. */
function together(left, right) {
  let following = false;
  for (const [from, to] of [[left, right], [right, left]]) {
    from.on("move", () => {
      if (following) return;
      following = true;
      to.jumpTo({center: from.getCenter(), zoom: from.getZoom()});
      following = false;
    });
  }
}

function edge() {
  const slider = document.getElementById("at");
  const set = () => {
    const at = Number(slider.value);
    document.getElementById("map-right").style.clipPath = `inset(0 0 0 ${at}%)`;
    document.getElementById("edge").style.left = `calc(${at}% - 1px)`;
    slider.setAttribute("aria-valuetext", `${at} % of the width shows ${name}`);
  };
  slider.addEventListener("input", set);
  set();
}

// ---------------------------------------------------------------- pictures

function show(left, right, state, beside, look) {
  const band = form.elements.difference.value;
  if (band) return difference(left, right, state, beside, band, look);
  const same = state.bands.map((one) => beside.bands.indexOf(state.layer.bands[one - 1]) + 1);
  if (same.some((one) => one === 0)) throw new Error(`${otherName} has not the bands that ${name} has; choose others.`);
  draw(left, tileUrl(run, state), state.layer);
  draw(right, tileUrl(other, {...state, layer: {...beside, key: "data"}, bands: same}), beside);
  drawLegend(document.getElementById("legend"), state);
  const names = state.bands.map((one) => state.layer.bands[one - 1]).join(", ");
  words.textContent = `Left of the edge ${name}, right of it ${otherName}: ${names}, both stretched as ${name} is. Each dot is the nearest pixel.`;
}

/** The difference of a band, on both maps; white is equal, and the ends are two standard deviations of the first. */
function difference(left, right, state, beside, band, look) {
  const at = state.layer.bands.indexOf(band);
  const most = Number((2 * look.numbers[at].deviation || 1).toPrecision(3));
  const drawn = {...state, bands: [at + 1], ranges: [[-most, most]], colours: "rdbu", classes: false};
  const url = tileUrl(run, drawn, {with: other}).replace("/tiles/", "/difference/");
  draw(left, url, state.layer);
  draw(right, url, beside);
  drawLegend(document.getElementById("legend"), drawn);
  words.textContent = `${band} of ${name} minus that of ${otherName}, pixel by pixel; blue: ${name} is greater, red: less. Where either has no data the map shows through.`;
}

function draw(map, url, layer) {
  if (map.getSource("result")) return map.getSource("result").setTiles([url]);
  map.addSource("result", {type: "raster", tiles: [url], tileSize: 256, bounds: inMercator(layer.bounds)});
  map.addLayer({id: "result", type: "raster", source: "result", paint: {"raster-resampling": "nearest", "raster-fade-duration": 0}}, BELOW_LABELS);
  tellOfTiles(map, refused);
}

// ---------------------------------------------------------------- the pixel

function pixels(left, right, layer) {
  const ask = async ({lng, lat}) => {
    const query = new URLSearchParams({layer: layer.key, lon: lng.toFixed(7), lat: lat.toFixed(7), with: other});
    try {
      drawPixel(await getJson(`/runs/${run}/pixel.json?${query}`), lng, lat);
    } catch (error) {
      document.getElementById("pixel").replaceChildren(tag("p", {}, error.message));
    }
  };
  for (const map of [left, right]) {
    map.on("click", (event) => ask(event.lngLat));
    map.getCanvas().addEventListener("keydown", (event) => event.key === "Enter" && ask(map.getCenter()));
  }
  document.getElementById("pixel-middle").addEventListener("click", () => ask(left.getCenter()));
}

function drawPixel([first, second], lng, lat) {
  const head = tag("thead", {}, tag("tr", {}, ...["Band", name, otherName, "Difference"].map((text) => tag("th", {scope: "col"}, text))));
  const rows = Object.entries(first.values).map(([band, value]) => {
    const beside = second.values[band] ?? null;
    const apart = value === null || beside === null ? "–" : plain(value - beside);
    return tag("tr", {}, tag("th", {scope: "row"}, band), ...[plain(value), plain(beside), apart].map((text) => tag("td", {class: "number"}, text)));
  });
  const place = tag("p", {class: "quiet"}, `Longitude, latitude ${lng.toFixed(6)}, ${lat.toFixed(6)}`);
  document.getElementById("pixel").replaceChildren(place, rows.length ? tag("table", {class: "table"}, head, tag("tbody", {}, ...rows)) : tag("p", {}, "Outside the file."));
}

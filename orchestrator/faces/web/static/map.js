/**
 * A map for every view: our own light and dark style over a small basemap in the package; nothing comes from elsewhere.
 *
 *   import {makeMap, ready, addOutline, fit} from "./map.js";
 *   const map = makeMap(element, {bounds: [west, south, east, north], label: "Parts of run 4f2a", describedBy: "map-text"});
 *   await ready(map);                 // the style is there: sources and layers may be added
 *   addOutline(map, "area", geojson); // a line around an area, in the colours of the theme
 *
 * `bounds` are degrees, longitude first. `east` is greater than `west`: an area across the antimeridian has an east beyond
 * 180. Latitudes beyond 85.05 degrees, which Web Mercator does not have, are cut. `label` names the map for screen readers,
 * `describedBy` is the id of the table or summary that says the same in words: every map has one. The canvas takes the
 * keyboard: arrows move, + and - zoom, and the buttons do the same. Where the reader prefers reduced motion, nothing flies.
 *
 * `buttons: false` leaves out those for zooming: of two maps that move together, one has them.
 *
 * Layers of ours come in this order: sea, land, own basemap, graticule, borders, names. `BELOW_LABELS` is the layer to insert
 * rasters and fills before. The theme changes the paint of our layers alone; layers of others listen to the map's event
 * `theme` (`event.dark`). `<body data-basemap="URL">` names an own PMTiles file, raster or vector (layers as Protomaps
 * or OpenMapTiles call them).
 *
 * The map is the MapLibre map itself: https://maplibre.org/maplibre-gl-js/docs/API/classes/Map/
 */
import * as maplibregl from "./vendor/maplibre-gl.mjs";

export {maplibregl};
export const BELOW_LABELS = "graticule";
export const MAX_LATITUDE = 85.051129; // where the square world of Web Mercator ends

maplibregl.prewarm(); // its worker starts while the page is still being read

const HERE = new URL(".", import.meta.url);
const drawnLand = new WeakSet(); // maps whose basemap is there
const FONT = ["sans-serif"]; // drawn by the browser: no server of glyphs
const PAINTS = {
  light: {sea: "#dbe4ea", land: "#f6f4ee", line: "#a9b4bd", border: "#8d8a97", text: "#4a4a55", halo: "#f6f4ee", grid: "#7b8894", area: "#16161d"},
  dark: {sea: "#14181d", land: "#262b31", line: "#4d5a66", border: "#77808c", text: "#c3c8d0", halo: "#1c2025", grid: "#8593a1", area: "#f4f4f7"},
};

/** Tell whether the page is dark: what its switch says, else what the system prefers. */
export function isDark() {
  const said = document.documentElement.dataset.theme;
  return said === "dark" || (said !== "light" && matchMedia("(prefers-color-scheme: dark)").matches);
}

/** The colours of the map's own layers now. */
export function paints() {
  return PAINTS[isDark() ? "dark" : "light"];
}

/** Return bounds within Web Mercator's world, with some width and height; of nothing, the world. */
export function clamped(bounds) {
  if (!bounds || bounds.some((edge) => !Number.isFinite(edge))) return [-170, -60, 190, 78];
  const lat = (edge) => Math.max(-MAX_LATITUDE, Math.min(MAX_LATITUDE, edge));
  const [west, south, , north] = bounds;
  const east = bounds[2] < west ? bounds[2] + 360 : Math.min(bounds[2], west + 360);
  const least = 1e-4; // degrees; a point is shown with some 10 m around it
  return [west - least, lat(south - least), east + least, lat(north + least)];
}

/** Make a map in an element; see the head of this file. */
export function makeMap(element, {bounds, label = "Map", describedBy = "", padding = 24, buttons = true, ...others} = {}) {
  const still = matchMedia("(prefers-reduced-motion: reduce)").matches;
  const map = new maplibregl.Map({
    container: element,
    style: style(),
    bounds: clamped(bounds),
    fitBoundsOptions: {padding, maxZoom: 15},
    attributionControl: false,
    dragRotate: false,
    pitchWithRotate: false,
    touchPitch: false,
    maxPitch: 0,
    fadeDuration: still ? 0 : 200,
    reduceMotion: still,
    locale: {"Map.Title": label},
    localIdeographFontFamily: "sans-serif",
    ...others,
  });
  map.touchZoomRotate.disableRotation();
  map.keyboard.disableRotation();
  if (buttons) map.addControl(new maplibregl.NavigationControl({showCompass: false}), "top-right");
  map.addControl(new maplibregl.ScaleControl({maxWidth: 120, unit: "metric"}), "bottom-left");
  map.addControl(new maplibregl.AttributionControl({compact: false, customAttribution: "Made with Natural Earth"}), "bottom-right");
  map.on("idle", () => (element.dataset.idle = "yes")); // everything asked for is drawn; tests and styles may wait for it
  map.on("movestart", () => delete element.dataset.idle);
  if (describedBy) map.getCanvas().setAttribute("aria-describedby", describedBy);
  map.on("sourcedata", (event) => {
    if (event.sourceId === "basemap" && event.isSourceLoaded && !drawnLand.has(map)) {
      drawnLand.add(map);
      map.setPaintProperty("sea", "background-color", paints().sea);
    }
  });
  followTheme(map);
  followSize(map, element);
  map.on("load", () => drawGraticule(map));
  map.on("moveend", () => drawGraticule(map));
  map.on("load", () => addOwnBasemap(map, document.body.dataset.basemap).catch((error) => console.warn("basemap:", error)));
  return map;
}

/** Wait until sources and layers may be added. */
export function ready(map) {
  return new Promise((resolve) => (map.loaded() || map.style?._loaded ? resolve(map) : map.once("style.load", () => resolve(map))));
}

/** Show bounds (degrees), without flying where the reader prefers that. */
export function fit(map, bounds, options = {}) {
  map.fitBounds(clamped(bounds), {padding: 24, maxZoom: 15, duration: 300, ...options});
}

/** Draw the line around an area (GeoJSON, degrees); asked again, the line is another. */
export function addOutline(map, id, geojson) {
  const there = map.getSource(id);
  if (there) return there.setData(geojson);
  map.addSource(id, {type: "geojson", data: geojson, tolerance: 0.2});
  map.addLayer({id: `${id}-halo`, type: "line", source: id, paint: {"line-color": paints().halo, "line-width": 4, "line-opacity": 0.7}});
  map.addLayer({id: `${id}-line`, type: "line", source: id, paint: {"line-color": paints().area, "line-width": 1.6}});
  map.on("theme", () => {
    map.setPaintProperty(`${id}-halo`, "line-color", paints().halo);
    map.setPaintProperty(`${id}-line`, "line-color", paints().area);
  });
}

/** Square kilometres of a polygon in degrees, on the sphere of the Earth's surface: a hundredth off at the most. */
export function km2Of(rings) {
  const radians = Math.PI / 180;
  const ring = (points) => Math.abs(points.slice(1).reduce((sum, [east, north], at) => {
    const [west, south] = points[at];
    return sum + (east - west) * radians * (2 + Math.sin(south * radians) + Math.sin(north * radians));
  }, 0)) * 6371.0072 ** 2 / 2;
  const [outer, ...holes] = rings.map(ring);
  return holes.reduce((left, hole) => left - hole, outer);
}

function style() {
  const paint = paints();
  const of = (kind) => ["==", ["get", "kind"], kind];
  return {
    version: 8,
    sources: {
      basemap: {type: "geojson", data: new URL("basemap.json", HERE).href, tolerance: 0.2, maxzoom: 8},
      graticule: {type: "geojson", data: nothing()},
    },
    layers: [
      {id: "sea", type: "background", paint: {"background-color": paint.land}}, // until it is known where land is
      {id: "land", type: "fill", source: "basemap", filter: of("land"), paint: {"fill-color": paint.land}},
      {id: "coast", type: "line", source: "basemap", filter: of("land"), paint: {"line-color": paint.line, "line-width": 0.8}},
      {id: "graticule", type: "line", source: "graticule", paint: {"line-color": paint.grid, "line-width": 0.5, "line-opacity": 0.45}},
      {id: "border", type: "line", source: "basemap", filter: of("border"), paint: {"line-color": paint.border, "line-width": 0.9, "line-dasharray": [3, 2]}},
      {id: "degrees", type: "symbol", source: "graticule", layout: {"symbol-placement": "line", "text-field": ["get", "text"], "text-font": FONT, "text-size": 10, "symbol-spacing": 500},
        paint: text(paint, paint.grid)},
      {id: "name", type: "symbol", source: "basemap", filter: of("name"),
        layout: {"text-field": ["get", "name"], "text-font": FONT, "text-size": 11, "text-max-width": 7, "symbol-sort-key": ["-", 0, ["get", "size"]]},
        paint: text(paint, paint.text)},
    ],
  };
}

function text(paint, colour) {
  return {"text-color": colour, "text-halo-color": paint.halo, "text-halo-width": 1.2};
}

function nothing() {
  return {type: "FeatureCollection", features: []};
}

/** Paint our layers anew when the page becomes dark or light. */
function followTheme(map) {
  const change = () => {
    if (!map.style) return;
    const paint = paints();
    const of = {sea: ["background-color", drawnLand.has(map) ? paint.sea : paint.land], land: ["fill-color", paint.land], coast: ["line-color", paint.line],
      graticule: ["line-color", paint.grid], border: ["line-color", paint.border]};
    for (const [layer, [key, colour]] of Object.entries(of)) map.setPaintProperty(layer, key, colour);
    for (const layer of ["degrees", "name"]) {
      map.setPaintProperty(layer, "text-color", layer === "name" ? paint.text : paint.grid);
      map.setPaintProperty(layer, "text-halo-color", paint.halo);
    }
    map.fire("theme", {dark: isDark()});
  };
  const watched = new MutationObserver(() => ready(map).then(change));
  const preferred = matchMedia("(prefers-color-scheme: dark)");
  const prefers = () => ready(map).then(change);
  watched.observe(document.documentElement, {attributes: true, attributeFilter: ["data-theme"]});
  preferred.addEventListener("change", prefers);
  map.on("remove", () => {
    watched.disconnect();
    preferred.removeEventListener("change", prefers);
  });
}

/** A map that was made while its element had no size, such as in a closed tab, shows its bounds once it has one. */
function followSize(map, element) {
  const watched = new ResizeObserver(() => element.clientWidth && map.resize());
  watched.observe(element);
  map.on("remove", () => watched.disconnect());
}

const STEPS = [30, 20, 10, 5, 2, 1, 0.5, 0.2, 0.1, 0.05, 0.02, 0.01, 0.005, 0.002, 0.001]; // degrees
const drawn = new WeakMap(); // which lines each map has

/** Draw meridians and parallels of the part of the world that is seen, some four to eight each way, with their degrees. */
function drawGraticule(map) {
  const seen = map.getBounds();
  const [west, east] = [seen.getWest(), seen.getEast()];
  const [south, north] = [Math.max(seen.getSouth(), -MAX_LATITUDE), Math.min(seen.getNorth(), MAX_LATITUDE)];
  const step = STEPS.find((each) => (east - west) / each >= 4) ?? STEPS.at(-1);
  const [left, right] = [Math.floor(west / step) - 1, Math.ceil(east / step) + 1];
  const [low, high] = [Math.floor(south / step) - 1, Math.ceil(north / step) + 1];
  const known = [step, left, right, low, high].join();
  if (drawn.get(map) === known || right - left > 400) return;
  drawn.set(map, known);
  const [bottom, top] = [Math.max(low * step, -MAX_LATITUDE), Math.min(high * step, MAX_LATITUDE)];
  const lines = [];
  for (let at = left; at <= right; at++) lines.push(line([[at * step, bottom], [at * step, top]], degrees(wrapped(at * step), step, "E", "W")));
  for (let at = low; at <= high; at++) {
    if (Math.abs(at * step) < MAX_LATITUDE) lines.push(line([[left * step, at * step], [right * step, at * step]], degrees(at * step, step, "N", "S")));
  }
  map.getSource("graticule")?.setData({type: "FeatureCollection", features: lines});
}

function line(coordinates, words) {
  return {type: "Feature", properties: {text: words}, geometry: {type: "LineString", coordinates}};
}

function wrapped(longitude) {
  return ((((longitude + 180) % 360) + 360) % 360) - 180;
}

function degrees(value, step, positive, negative) {
  const digits = Math.max(0, Math.ceil(-Math.log10(step) - 1e-9));
  const size = Math.abs(value).toFixed(digits);
  return Number(size) === 0 || Number(size) === 180 ? `${size}°` : `${size}° ${value > 0 ? positive : negative}`;
}

/** Put a PMTiles file of the user's own between land and graticule. */
async function addOwnBasemap(map, url) {
  if (!url) return;
  await classicScript(new URL("vendor/pmtiles.js", HERE).href);
  const {Protocol, PMTiles} = globalThis.pmtiles;
  const [protocol, file] = [new Protocol(), new PMTiles(new URL(url, document.baseURI).href)];
  maplibregl.addProtocol("pmtiles", protocol.tile);
  protocol.add(file);
  const vector = (await file.getHeader()).tileType === 1; // 1 is MVT: PMTiles specification, version 3
  map.addSource("own", {type: vector ? "vector" : "raster", url: `pmtiles://${file.source.getKey()}`, ...(vector ? {} : {tileSize: 256})});
  const paint = paints();
  const layers = vector ? vectorLayers(paint) : [{id: "own", type: "raster", source: "own"}];
  const order = map.getLayersOrder(); // below what a view has added meanwhile, which lies before the labels, too
  const above = order[order.indexOf("coast") + 1];
  for (const each of layers) map.addLayer(each, above);
}

/** The layers of Protomaps' and OpenMapTiles' files that a quiet map needs; those that a file lacks draw nothing. */
function vectorLayers(paint) {
  const fill = (name, colour) => ({id: `own-${name}`, type: "fill", source: "own", "source-layer": name, filter: ["==", ["geometry-type"], "Polygon"], paint: {"fill-color": colour}});
  const stroke = (name, colour, width) => ({id: `own-${name}`, type: "line", source: "own", "source-layer": name, paint: {"line-color": colour, "line-width": width}});
  return [fill("earth", paint.land), fill("water", paint.sea), stroke("waterway", paint.sea, 1), stroke("roads", paint.line, 0.8),
    stroke("transportation", paint.line, 0.8), stroke("boundaries", paint.border, 0.8), stroke("boundary", paint.border, 0.8)];
}

function classicScript(url) {
  return new Promise((resolve, reject) => {
    const script = document.createElement("script");
    script.src = url;
    script.onload = resolve;
    script.onerror = () => reject(new Error(`${url} cannot be loaded`));
    document.head.append(script);
  });
}

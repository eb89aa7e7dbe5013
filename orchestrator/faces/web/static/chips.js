// Chips on the map, coloured by split; a click leads to the chip in the contact sheet.
import {makeMap, ready, BELOW_LABELS} from "./map.js";
import {getJson, svg, tag} from "./rasters.js";

// Okabe and Ito, as states have them; the outline of those that are not there is dashed.
const COLOURS = ["#0072b2", "#e69f00", "#009e73", "#cc79a7", "#56b4e9", "#d55e00", "#f0e442"];
const element = document.getElementById("chip-map");
const run = element.dataset.run;

begin().catch((error) => {
  const wrong = document.getElementById("map-wrong");
  wrong.textContent = error.message;
  wrong.hidden = false;
});

async function begin() {
  const told = await getJson(`/runs/${run}/chips.json`);
  const map = makeMap(element, {bounds: told.bounds, label: "Chips by split", describedBy: "map-text"});
  await ready(map);
  const colour = told.splits.length > 1
    ? ["match", ["get", "split"], ...told.splits.flatMap((split, at) => [split, COLOURS[at % COLOURS.length]]), "#808080"]
    : COLOURS[0];
  map.addSource("chips", {type: "geojson", data: told.chips});
  map.addLayer({id: "chips", type: "fill", source: "chips", paint: {"fill-color": colour, "fill-opacity": ["match", ["get", "state"], "DONE", 0.55, 0.1]}}, BELOW_LABELS);
  map.addLayer({id: "chips-line", type: "line", source: "chips", filter: ["==", ["get", "state"], "DONE"], paint: {"line-color": colour, "line-width": 1.2}}, BELOW_LABELS);
  map.addLayer({id: "chips-gone", type: "line", source: "chips", filter: ["!=", ["get", "state"], "DONE"], paint: {"line-color": "#d55e00", "line-width": 1.5, "line-dasharray": [2, 2]}}, BELOW_LABELS);
  map.on("click", "chips", (event) => lead(event.features[0].properties.chip));
  map.on("mousemove", "chips", () => (map.getCanvas().style.cursor = "pointer"));
  map.on("mouseleave", "chips", () => (map.getCanvas().style.cursor = ""));
  document.getElementById("chip-legend").replaceChildren(...told.splits.map((split, at) =>
    tag("li", {}, svg("svg", {viewBox: "0 0 10 10", "aria-hidden": "true"}, svg("rect", {width: 10, height: 10, fill: COLOURS[at % COLOURS.length]})), ` ${split}`)));
}

/** Go to a chip in the sheet; one that another page or filter has is said. */
function lead(chip) {
  const there = document.getElementById(`chip-${chip}`);
  document.querySelector(".chips .led")?.classList.remove("led");
  if (there) {
    there.classList.add("led");
    there.scrollIntoView({block: "center"});
  } else window.orchestrator?.note(`Chip ${chip} is on another page of the sheet, or left out by the filter.`);
}

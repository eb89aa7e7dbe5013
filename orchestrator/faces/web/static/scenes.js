// Outlines of scenes on the map; what they are stands in the table beside it.
import {makeMap, maplibregl, ready, fit, paints} from "./map.js";
import {getJson} from "./rasters.js";

const element = document.getElementById("scene-map");
if (element) begin();

async function begin() {
  const told = await getJson(`/runs/${element.dataset.run}/footprints.json`);
  const map = makeMap(element, {label: "Outlines of the scenes", describedBy: "map-text"});
  await ready(map);
  map.addSource("scenes", {type: "geojson", data: told});
  map.addLayer({id: "scenes", type: "fill", source: "scenes", paint: {"fill-color": "#0072b2", "fill-opacity": 0.12}});
  map.addLayer({id: "scenes-line", type: "line", source: "scenes", paint: {"line-color": paints().area, "line-width": 1.5}});
  const seen = new maplibregl.LngLatBounds();
  const take = (part) => (typeof part[0] === "number" ? seen.extend(part) : part.forEach(take));
  told.features.forEach((feature) => take(feature.geometry.coordinates));
  if (!seen.isEmpty()) fit(map, [seen.getWest(), seen.getSouth(), seen.getEast(), seen.getNorth()]);
}

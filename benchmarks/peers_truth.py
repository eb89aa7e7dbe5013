"""What the peers are asked for, and what is right: pixels of scenes, read from the catalogue without the evaluator."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import shapely
from pyproj import Transformer

from orchestrator.sandbox.scenes.world import WorldCatalogue

COLLECTION = "COPERNICUS/S2_SR_HARMONIZED"
POINT = (9.2, 48.1)  # in one zone alone, so that nothing is resampled
DATES = ("2023-06-01", "2023-07-01")
START_MS, END_MS = 1_685_577_600_000, 1_688_169_600_000
BANDS = ["B2", "B3", "B4", "B8"]
REGION = "ours run --route region"  # a table of numbers is no way to fetch an area
# ee_to_numpy takes no CRS, and a median has none of its own.
NOT_FOR = {"median": ("geemap ee_to_numpy",), "strip": ()}
CHIP = 1000  # pixels a side at most
EDGE = 0.005  # of a pixel, 5 cm: projections between knots are not told more exactly


@dataclass
class Case:
    """
    One download.

    Attributes:
        title: What it is, for the table.
        job: What the programs read.
        scenes: Whose pixels are asked for; of several their median.
        dtype: In what ours are stored.
        storm: Whether the first requests are refused with 429.
        ordered: How many refusals the storm has at most.
        not_for: Programs that have no way to ask for this.
    """

    title: str
    job: dict[str, Any]
    scenes: list[Any]
    dtype: str = "uint16"
    storm: bool = False
    ordered: int = 0
    not_for: tuple[str, ...] = ()

    @cached_property
    def pixels(self) -> Any:
        """The values (band, row, col) on the grid of the job."""
        return self.on(self.job["crs"], self.job["transform"], self.job["height"], self.job["width"])

    def on(self, crs: str, transform: Any, height: int, width: int) -> Any:
        """The values on another grid: the nearest pixel of each scene; NaN where two are equally near."""
        a, _, c, _, e, f = transform
        return self._sampled(crs, c + a * (np.arange(width) + 0.5), f + e * (np.arange(height) + 0.5))

    def judged(self, found: Any, expected: Any) -> str:
        """Say how many values are right; on the edge of two pixels either may be the nearest."""
        if found is None:
            return "nothing came"
        if found.shape != expected.shape:
            return f"shape {found.shape}, expected {expected.shape}"
        differ = either = 0
        for one, other in zip(found, expected, strict=True):  # band by band, for the memory's sake
            edge = np.isnan(other) if other.dtype.kind == "f" else np.False_
            differ += int((~np.isclose(one, other, rtol=0, atol=1e-4) & ~edge).sum())
            either += int(edge.sum())
        if differ:
            return f"{differ:,} of {found.size:,} differ"
        return f"{found.size - either:,} equal" + (f", {either} on an edge" if either else "")

    def _sampled(self, crs: str, x: Any, y: Any) -> Any:
        """The nearest pixel of each scene, and the median of the valid ones; zero where there is none."""
        return np.stack([self._band(band, crs, x, y) for band in self.job["bands"]])

    def _band(self, band: str, crs: str, x: Any, y: Any) -> Any:
        stack = [_nearest(scene, band, crs, x, y) for scene in self.scenes]
        edge = np.logical_or.reduce([near for _, _, near in stack])
        if len(stack) == 1:
            found = np.where(stack[0][1], stack[0][0], 0)
        else:
            layers = np.ma.masked_array([v for v, _, _ in stack], [~ok for _, ok, _ in stack], dtype=np.float64)
            found = np.ma.median(layers, axis=0).filled(0)
        return np.where(edge, np.nan, found) if edge.any() else found


def _nearest(scene: Any, name: str, crs: str, x: Any, y: Any) -> tuple[Any, Any, Any]:
    """Give values, where they are valid, and where a centre lies on the edge of two pixels."""
    band = next(each for each in scene.bands if each.name == name)
    a, _, c, _, e, f = band.transform
    if crs == band.crs:
        row, col = int(np.floor((y[0] - f) / e)), int(np.floor((x[0] - c) / a))
        return *scene.read(name, 0, row, col, len(y), len(x)), np.False_
    across, down = np.meshgrid(x, y)
    east, north = Transformer.from_crs(crs, band.crs, always_xy=True).transform(across, down)
    at = np.stack([(north - f) / e, (east - c) / a])
    rows, cols = np.floor(at).astype(int)
    top, left = rows.min(), cols.min()
    values, valid = scene.read(name, 0, top, left, rows.max() - top + 1, cols.max() - left + 1)
    on_edge = (np.abs(at - np.rint(at)) < EDGE).any(axis=0)
    return values[rows - top, cols - left], valid[rows - top, cols - left], on_edge


def cases(names: list[str]) -> Iterator[Case]:
    """Make the cases that are named."""
    found = list(WorldCatalogue().scenes(COLLECTION, shapely.Point(*POINT), START_MS, END_MS))
    scene = next(each for each in found if _whole(each))
    band = next(each for each in scene.bands if each.name == "B2")
    shapes = {"median": (280, 300), "area": (4000, 4000), "strip": (20, 20_000), "storm": (1000, 1000)}
    for name in names:
        height, width = shapes[name]
        a, _, c, _, e, f = band.transform
        row, col = (5000, 5000) if name in ("median", "storm") else (1000, 900)
        job = {
            "kind": "median" if name == "median" else "scene", "scene": scene.asset_id, "collection": COLLECTION,
            "point": POINT, "dates": DATES, "bands": BANDS, "crs": band.crs, "height": height, "width": width,
            "transform": [a, 0.0, c + a * col, 0.0, e, f + e * row],
        }  # fmt: skip
        if name == "median":
            x, y = Transformer.from_crs(4326, band.crs, always_xy=True).transform(*POINT)
            job["transform"] = [a, 0.0, np.floor(x / a - width // 2) * a, 0.0, e, np.floor(y / a + height // 2) * a]
        job["chips"] = list(_chips(job))
        yield Case(
            _title(name, height, width), job, found if name == "median" else [scene],
            dtype="float64" if name == "median" else "uint16", storm=name == "storm",
            ordered=24 if name == "storm" else 0, not_for=NOT_FOR.get(name, (REGION,)),
        )  # fmt: skip


def _title(name: str, height: int, width: int) -> str:
    told = {
        "median": "the median of a month of Sentinel-2",
        "area": "a part of a scene of Sentinel-2, larger than one request may be",
        "strip": "a strip of a scene",
        "storm": "a part of a scene, while the first 8 requests for pixels are answered with 429",
    }
    return f"{name}: {told[name]}, {height:,} x {width:,} pixels, {len(BANDS)} bands"


def _whole(scene: Any) -> bool:
    """Whether a scene has pixels nearly everywhere."""
    return all(scene.read("B2", 0, at, at, 200, 200)[1].mean() > 0.99 for at in (1000, 3000, 5000, 10_000))


def _chips(job: dict[str, Any]) -> Iterator[list[float]]:
    """Boxes of degrees within the area, of equal numbers of pixels."""
    a, _, c, _, e, f = job["transform"]
    rows, cols = -(-job["height"] // CHIP), -(-job["width"] // CHIP)
    high, wide = job["height"] // rows, job["width"] // cols
    back = Transformer.from_crs(job["crs"], 4326, always_xy=True)
    for row in range(rows):
        for col in range(cols):
            x, y = c + a * (col + 0.1) * wide, f + e * (row + 0.9) * high
            west, south = back.transform(x, y)
            east, north = back.transform(x + 0.8 * a * wide, y - 0.8 * e * high)
            yield [west, south, east, north, high, wide]

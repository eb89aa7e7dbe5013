"""
Areas for `planning.py`, drawn from a seed and written to a file: `python benchmarks/planning_areas.py KIND SIZE FILE`.

`vertices`: one outline of SIZE vertices, rough at every scale, 300 km across. `islands`: SIZE of them, each a
feature, over 1,000 km of sea. `squares`: SIZE squares of 4 km, side by side, each a feature, that fill a rough outline.
`russia`: the packaged country, its edges broken up at random into SIZE vertices.
"""

from __future__ import annotations

import sys
from pathlib import Path

import geopandas as gpd
import numpy as np
import shapely

from orchestrator.plan.aoi import read_areas

SEED = 16
CRS = "EPSG:32633"
MIDDLE = (500_000.0, 5_500_000.0)
VERTICES_ACROSS, ISLANDS_ACROSS, SQUARE = 300_000.0, 1_000_000.0, 4_000.0
ISLAND_VERTICES = 24


def fractal(vertices: int, rng: np.random.Generator, roughness: float = 0.06) -> np.ndarray:
    """Return (vertex, [x, y]) of an outline without crossings, about a unit across, its middle at 0, 0."""
    steps = np.zeros(1)
    while len(steps) < vertices:  # midpoint displacement of the radius: no ray from the middle meets it twice
        following = np.roll(steps, -1)
        moved = (steps + following) / 2 + rng.normal(size=len(steps)) * roughness / len(steps) ** 0.8 * 4
        steps = np.stack((steps, moved), axis=1).ravel()
    steps = steps[np.arange(vertices) * len(steps) // vertices]
    angle = np.arange(vertices) / vertices * 2 * np.pi
    radius = 0.4 * np.exp(steps - steps.mean())
    return np.stack((radius * np.cos(angle), radius * np.sin(angle)), axis=1)


def vertices(size: int, rng: np.random.Generator) -> gpd.GeoDataFrame:
    outline = shapely.Polygon(fractal(size, rng) * VERTICES_ACROSS + MIDDLE)
    return gpd.GeoDataFrame({"name": ["outline"]}, geometry=[outline], crs=CRS)


def islands(size: int, rng: np.random.Generator) -> gpd.GeoDataFrame:
    """Return islands of 0.1 to 30 km that do not meet: each has a cell of a lattice for itself."""
    side = int(np.ceil(np.sqrt(size)))
    room = ISLANDS_ACROSS / side
    across = (np.exp(rng.uniform(np.log(0.02), np.log(0.9), size)) * room)[:, None, None]
    row, col = np.divmod(np.arange(size), side)
    middle = np.stack((col + 0.5, row + 0.5), axis=1)[:, None, :] * room - ISLANDS_ACROSS / 2 + MIDDLE
    angle = np.linspace(0, 2 * np.pi, ISLAND_VERTICES, endpoint=False)
    radius = rng.uniform(0.25, 0.5, (size, ISLAND_VERTICES, 1))
    rings = np.stack((np.cos(angle), np.sin(angle)), axis=1)[None] * radius * across + middle
    return gpd.GeoDataFrame({"number": np.arange(size)}, geometry=shapely.polygons(rings), crs=CRS)


def squares(size: int, rng: np.random.Generator) -> gpd.GeoDataFrame:
    """Return the squares nearest to the middle of a rough outline, measured in its own radius."""
    side = int(np.sqrt(size) * 2)
    row, col = (step.ravel() - side // 2 for step in np.indices((side, side)))
    ring = fractal(4096, rng)
    at = (np.arctan2(row, col) / (2 * np.pi) % 1 * len(ring)).astype(int) % len(ring)
    chosen = np.sort(np.argsort(np.hypot(row, col) / np.hypot(*ring[at].T), kind="stable")[:size])
    left, bottom = MIDDLE[0] + col[chosen] * SQUARE, MIDDLE[1] + row[chosen] * SQUARE
    boxes = shapely.box(left, bottom, left + SQUARE, bottom + SQUARE)
    return gpd.GeoDataFrame({"number": np.arange(size)}, geometry=boxes, crs=CRS)


def russia(size: int, rng: np.random.Generator) -> gpd.GeoDataFrame:
    """Return the packaged Russia with points in its edges that lie up to a twentieth of their length beside them."""
    country = read_areas("Russia")[0].geometry
    share = size / shapely.get_num_coordinates(country)
    while share > 1:
        country = shapely.transform(country, lambda xy: xy)
        polygons = [
            shapely.Polygon(_broken(part.exterior, rng), [_broken(hole, rng) for hole in part.interiors])
            for part in shapely.get_parts(country)
        ]
        country = shapely.MultiPolygon(polygons)
        share /= 2
    return gpd.GeoDataFrame({"name": ["Russia"]}, geometry=[country], crs="EPSG:4326")


def _broken(ring: shapely.LinearRing, rng: np.random.Generator) -> np.ndarray:
    xy = shapely.get_coordinates(ring)[:-1]
    along = np.roll(xy, -1, axis=0) - xy
    on_180 = (np.abs(xy[:, 0]) == 180) & (along[:, 0] == 0)
    beside = np.stack((-along[:, 1], along[:, 0]), axis=1) * rng.uniform(-0.05, 0.05, (len(xy), 1))
    beside[on_180] = 0
    middle = xy + along / 2 + beside
    middle[:, 0] = middle[:, 0].clip(-180, 180)
    return np.stack((xy, middle), axis=1).reshape(-1, 2)


KINDS = {"vertices": vertices, "islands": islands, "squares": squares, "russia": russia}

if __name__ == "__main__":
    kind, size, path = sys.argv[1], int(sys.argv[2]), Path(sys.argv[3])
    KINDS[kind](size, np.random.default_rng(SEED)).to_file(path, driver="GPKG")

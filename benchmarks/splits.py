"""
Splits: shares that come out, and pairs of tiles of different splits that touch or are nearer than a gap.

    PYTHONPATH=. python benchmarks/splits.py [AREA] [--size 1000] [--gap 1000] [--scale 100000]

AREA is any area; without one it is a disc of Luxembourg's size and place. First the published bands of equal width, on
the published grid; then ours, on the same tiles and on the lattice in metres. Pairs are counted exactly, by a tree of
the tiles. The last table is how long splits and a link of many tiles take.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Mapping
from typing import Any

import numpy as np
import shapely

from orchestrator.app.verbs.grids import lay_grid
from orchestrator.tiling.file import Tiles
from orchestrator.tiling.links import largest_shares
from orchestrator.tiling.neighbours import TOUCHING_METRES, cross_pairs, lay
from orchestrator.tiling.split_options import SplitOptions
from orchestrator.tiling.splits import split_codes

DISC = "6.13,49.77"
RADIUS_METRES = 28_700  # 2,586 square kilometres
WAYS: tuple[tuple[str, Mapping[str, Any]], ...] = (
    ("bands of equal width, as published", {"balance": "width"}),
    ("bands by count", {}),
    ("bands by count, gap", {"gap": None}),
    ("blocks of 5 tiles' sides", {"blocks": 5.0}),
    ("blocks of 5 tiles' sides, gap", {"blocks": 5.0, "gap": None}),
    ("groups (tiles of 4 sides), gap", {"group_by": "coarse", "gap": None}),
)


def disc() -> str:
    import geopandas  # noqa: PLC0415

    lon, lat = (float(number) for number in DISC.split(","))
    middle = geopandas.GeoSeries([shapely.Point(lon, lat)], crs=4326).to_crs(32632)
    return str(middle.buffer(RADIUS_METRES).to_crs(4326).iloc[0].wkt)


def row(tiles: Tiles, how: Mapping[str, Any], size: float, gap: float) -> str:
    options = {name: value for name, value in how.items() if name not in ("gap", "blocks")}
    options |= {"gap": gap} if "gap" in how else {}
    options |= {"blocks": how["blocks"] * size} if "blocks" in how else {}
    asked = SplitOptions(**options)
    began = time.perf_counter()
    laid = lay(tiles.frame)
    codes, _ = split_codes(tiles.frame, laid, asked)
    took = time.perf_counter() - began
    shares = np.bincount(codes[codes >= 0], minlength=3) / max((codes >= 0).sum(), 1)
    touching, near = (len(cross_pairs(laid, codes, metres)) for metres in (TOUCHING_METRES, gap))
    told = " / ".join(f"{100 * share:.2f}" for share in shares)
    off = 100 * np.abs(shares - asked.shares).max()
    return f"{told} | {off:.2f} | {touching:,} | {near:,} | {(codes < 0).sum():,} | {took:.2f}"


def compare(area: str, size: float, gap: float) -> None:
    print(f"| tiles | split | train / test / val % | off by % | touch | < {gap:g} m | given up | s |")
    print("|---|---|---|---|---|---|---|---|")
    for cover in ("legacy", "full"):
        tiles = lay_grid({"source": area}, size, name="bench", cover=cover).tiles
        coarse = lay_grid({"source": area}, 4 * size, name="bench").tiles
        tiles.frame["coarse"] = [str(place) for place in largest_shares(tiles.frame, coarse.frame)]
        for name, how in WAYS:
            print(f"| {cover}, {len(tiles.frame):,} | {name} | {row(tiles, how, size, gap)} |", flush=True)


def many(count: int) -> None:
    """Print how long splits and a link of many tiles take."""
    import geopandas  # noqa: PLC0415

    side = int(count**0.5)
    col, line = np.mgrid[0:side, 0:side].reshape(2, -1) * 100.0
    shapes = shapely.box(300_000 + col, 5e6 + line, 300_100 + col, 5_000_100 + line)
    frame = geopandas.GeoDataFrame(geometry=shapes, crs=32632)
    big = np.mgrid[0 : side // 50 + 1, 0 : side // 50 + 1].reshape(2, -1) * 5000.0
    others = geopandas.GeoDataFrame(
        geometry=shapely.box(300_000 + big[0], 5e6 + big[1], 305_000 + big[0], 5_005_000 + big[1]), crs=32632
    )
    began = time.perf_counter()
    largest_shares(frame, others)
    print(
        f"\n| {len(frame):,} tiles | s |\n|---|---|\n| link with {len(others):,} | {time.perf_counter() - began:.2f} |"
    )
    for name, options in (
        ("bands", {}),
        ("bands, gap 100 m", {"gap": 100.0}),
        ("blocks, gap 100 m", {"blocks": 5000.0, "gap": 100.0}),
    ):
        began = time.perf_counter()
        split_codes(frame, lay(frame), SplitOptions(**options))
        print(f"| {name} | {time.perf_counter() - began:.2f} |", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("area", nargs="?", default="")
    parser.add_argument("--size", type=float, default=1000)
    parser.add_argument("--gap", type=float, default=1000)
    parser.add_argument("--scale", type=int, default=100_000)
    given = parser.parse_args()
    compare(given.area or disc(), given.size, given.gap)
    many(given.scale)


if __name__ == "__main__":
    main()

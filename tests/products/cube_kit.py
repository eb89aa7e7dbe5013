"""A small cube over the invented Earth: two dates of two overlapping tiles, as a job file."""

from __future__ import annotations

import json

import journey_kit as kit
import numpy as np
import shapely
from small_job import LARGER, write_area

from orchestrator.model.grid import Grid
from orchestrator.model.spec import PixelSpec
from orchestrator.products.cube.document import CubeDate, CubePlan
from orchestrator.products.cube.lattice import shard_windows
from orchestrator.products.cube.piece import write_piece
from orchestrator.raster.spans import SpanTable

BANDS = ("B04", "B8A", "SCL")
TILES = "COPERNICUS/S2_SR_HARMONIZED/{}_T33TVM", "COPERNICUS/S2_SR_HARMONIZED/{}_T33TWM"
DATES = {"2024-05-04": ("20240504T100000_20240504T100752", 1714817272639, 1714817272651)}
DATES |= {"2024-05-09": ("20240509T100000_20240509T100752", 1715249272639, 1715249272651)}


def images():
    """The scenes as a job lists them: asset, time, satellite, solar day."""
    return [
        [tile.format(name), time, "S2A", day]
        for day, (name, *times) in DATES.items()
        for tile, time in zip(TILES, times, strict=True)
    ]


class CubeHome(kit.Home):
    """A home whose job is a cube of 300 × 300 pixels at 20 m on two dates."""

    def __post_init__(self):
        super().__post_init__()
        write_area(self.folder / "area.geojson", LARGER)
        self.write()

    def write(self, *, keys=None, scale=20, **more):
        """Write the job file; `keys` are those of its table `[cube]`, where None leaves one out."""
        job = {"product": "cube", "area": "area.geojson", "output": "out", "base_name": "small", "bands": list(BANDS)}
        grid = {"crs": "EPSG:32633", "scale": scale}
        table = {"images": images(), **(keys or {})}
        lines = [f"{name} = {json.dumps(value)}" for name, value in (job | more).items()]
        lines += ["[grid]", *(f"{name} = {json.dumps(value)}" for name, value in grid.items())]
        lines += ["[cube]", *(f"{name} = {json.dumps(value)}" for name, value in table.items() if value is not None)]
        (self.folder / "cube.toml").write_text("\n".join(lines))

    def job(self, *more):
        return [*more, "cube.toml"]

    @property
    def final(self):
        return self.out / "small_cube.zarr"

    def proof(self, name="small"):
        return json.loads((self.out / f"{name}_cube.json").read_text())

    def leftovers(self):
        whole = {"small_cube.zarr", "small_cube.cogs", "small_cube.json", "small_cube.png", "small_cube.stac.json"}
        return sorted(path.name for path in self.out.iterdir() if path.name not in whole)


GRID = Grid("EPSG:32633", (10.0, 0.0, 500000.0, 0.0, -10.0, 5000000.0), 600, 700)
AREA = shapely.Polygon([(500_100, 4_994_100), (506_900, 4_995_000), (506_000, 4_999_900), (500_300, 4_999_000)])
NODATA = 65535


def small_plan(dates=2, *, clip=True, smooth=()):
    """A plan of 600 × 700 pixels of two bands, in four shards."""
    spans = SpanTable.from_geometry(AREA, GRID) if clip else SpanTable.full(GRID)
    days = [f"2024-05-{4 + 5 * number:02d}" for number in range(dates)]
    return CubePlan(
        grid=GRID,
        pixels=PixelSpec(("B4", "B11"), "uint16", NODATA),
        labels=("B04", "B11"),
        moments=tuple(
            CubeDate(1714817272639 + number * 432_000_000, f"S2{'AB'[number % 2]}", day, (f"C/{day}",), f"expr {day}")
            for number, day in enumerate(days)
        ),
        windows=shard_windows(GRID, (512, 512), spans),
        shard=(512, 512),
        area_wkb=shapely.to_wkb(AREA) if clip else b"",
        area_pixels=spans.pixels(),
        smooth=smooth,
    )


def numbers(plan):
    """Random pixels of a whole cube, with gaps, as (time, band, row, col)."""
    chance = np.random.default_rng(5)
    values = chance.integers(0, 10_000, (len(plan.moments), 2, GRID.height, GRID.width), dtype=np.uint16)
    values[chance.random(values.shape) < 0.1] = NODATA
    values[1, :, :512, 512:] = NODATA  # one window of one date holds nothing
    return values


def pieces_of(plan, values, cells=None):
    """What a route brings for cells: GeoTIFFs."""
    for cell in plan.cells() if cells is None else cells:
        w = cell.window
        here = values[cell.time, :, w.row : w.bottom, w.col : w.right]
        yield cell, write_piece(here, plan.grid.crop(w), plan)

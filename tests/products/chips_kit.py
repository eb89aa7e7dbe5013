"""Four chips of 50 × 50 pixels over the invented Earth, whose values follow from their places."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

import geopandas
import journey_kit as kit
import pandas as pd
import pytest
import rasterio
import requests
import shapely

import orchestrator as orc
from orchestrator.tiling.file import name_tiles, write_tiles

BANDS = ("x", "y", "mixed")
ABOUT = {"kind": "grid", "cover": "full", "size": 1000, "crs": "EPSG:32633"}
WEST, SOUTH, SIDE = 500_000, 5_100_000, 1000


def write_cells(folder, across=2, down=2, suffix=".parquet", **columns):
    """Write a file of tiles: cells of 1,000 m in EPSG:32633, column by column."""
    places = [(WEST + SIDE * col, SOUTH + SIDE * row) for col in range(across) for row in range(down)]
    frame = geopandas.GeoDataFrame(
        columns, geometry=[shapely.box(x, y, x + SIDE, y + SIDE) for x, y in places], crs="EPSG:32633"
    )
    return write_tiles(name_tiles(frame, "hills", "cells", ABOUT), folder, suffix).path


class ChipsHome(kit.Home):
    """A home whose job brings the chips of four cells, pixels of 20 m."""

    def __post_init__(self):
        super().__post_init__()
        self.tiles = write_cells(self.folder)

    @property
    def final(self):
        return self.tiles.with_suffix("") / "small"

    def download(self, *more, tiles=None, **environment):
        """Run `tiles download` to its end; later options win."""
        words = [(tiles or self.tiles).name, "--recipe", "image-code", "--param", f"file={self.folder / 'image.py'}"]
        words += ["--bands", ",".join(BANDS), "--start", "2024-05-01", "--end", "2024-06-01", "--name", "small"]
        words += ["--pixels", "50", "50", *more, "--sandbox-url", self.service.url]
        return self.command("tiles", "download", *words, **environment)

    def table(self):
        return pd.read_parquet(self.final / "chips.parquet").set_index("identifier")

    def about(self):
        return json.loads((self.final / "dataset.json").read_text())

    def proof(self):
        return json.loads(self.final.with_name("small.proof.json").read_text())

    def read(self, identifier):
        """Return a chip's pixels, (band, row, col), and its affine transform."""
        with rasterio.open(self.final / f"{identifier}.tif") as raster:
            return raster.read(), raster.transform

    def leftovers(self):
        folder = self.tiles.with_suffix("")
        return sorted(path.name for path in folder.iterdir() if path.name not in {"small", "small.proof.json"})


def order(service, *faults):
    every = [{"api": "image.computePixels", "action": "http", "count": None} | fault for fault in faults]
    requests.post(f"{service.url}/sandbox/faults", json={"faults": every}, timeout=30).raise_for_status()


def forgive(service):
    requests.delete(f"{service.url}/sandbox/faults", timeout=30)


def answered(service):
    """How often each chip was answered, by its corner."""
    every = requests.get(f"{service.url}/sandbox/pixels", timeout=30).json()["pixels"]
    return Counter(tuple(each["transform"][2::3]) for each in every if each["refusal"] is None)


def image():
    import ee  # noqa: PLC0415

    place = ee.Image.pixelCoordinates(ee.Projection("EPSG:32633").atScale(20))
    return place.select("x").addBands(place.select("y")).toInt32()


def get(tiles, **given):
    return orc.chips(tiles, **({"dataset": image(), "name": "xy", "pixels": (50, 50), "progress": False} | given))


@contextmanager
def quick_sandbox(state_dir) -> Iterator[orc.Connection]:
    """Lend a sandbox to this process, whose tries again and holds are short."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in {"FIRST_WAIT": "0.02", "MAX_WAIT": "0.1", "HOLD": "0.3"}.items():
            patch.setenv(f"ORCHESTRATOR_RETRY__{name}", value)
        with orc.sandbox(state_dir=state_dir) as connection:
            yield connection

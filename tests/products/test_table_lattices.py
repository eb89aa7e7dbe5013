"""Images whose pixels are of different phases, sizes or zones: each one's own pixels are read, as rasterio says."""

from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np
import pyproj
import pytest
import rasterio
import shapely
from affine import Affine

import orchestrator as orc
from orchestrator.sandbox.scenes.folder import FolderCatalogue
from orchestrator.sandbox.server import Options, Sandbox

DATA = Path(os.environ.get("ORCHESTRATOR_TEST_DATA", Path(__file__).parents[3] / "shared" / "data"))
REAL = DATA / "l2a_120m_T33TWL_T33TWM"
DATES = ("2023-08-01", "2023-09-01")
ASKED = {"collection": "s2-l2a", "dates": DATES, "bands": ["B4"], "progress": False}
# Tiles of 60 × 60 pixels: two a half pixel apart, one of pixels of another size, one of the next zone, over one place.
TILES = {
    "33TWL": ("EPSG:32633", 20, 300_000, 5_100_000),
    "33TWM": ("EPSG:32633", 20, 300_010, 5_100_010),
    "33TVM": ("EPSG:32633", 30, 299_987, 5_100_403),
    "32TQR": ("EPSG:32632", 20, None, None),
}
MIDDLE = (300_600, 5_099_400)  # of them all


def named(shapes):
    import geopandas as gpd  # noqa: PLC0415

    return gpd.GeoSeries(shapes, crs=4326)


def moved(x, y, source, target):
    return pyproj.Transformer.from_crs(source, target, always_xy=True).transform(x, y)


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """The rasters of a folder of four scenes, by tile."""
    root, found, random = tmp_path_factory.mktemp("scenes"), {}, np.random.default_rng(5)
    for day, (tile, (crs, side, left, top)) in enumerate(TILES.items(), 1):
        if left is None:
            x, y = moved(*MIDDLE, "EPSG:32633", crs)
            left, top = x // 20 * 20 - 593, y // 20 * 20 + 607  # noqa: PLW2901
        folder = root / tile
        folder.mkdir()
        found[tile] = folder / "B04.tif"
        profile = {"height": 60, "width": 60, "count": 1, "dtype": "uint16", "driver": "GTiff", "nodata": 0}
        with rasterio.open(
            found[tile], "w", crs=crs, transform=Affine(side, 0, left, 0, -side, top), **profile
        ) as file:
            file.write(random.integers(1, 60_000, (60, 60), np.uint16), 1)
        told = {"datetime": f"2023-08-{day:02d}T10:08:08Z", "grid:code": f"MGRS-{tile}"}
        item = {"type": "Feature", "id": f"S2A_{tile}", "properties": told, "geometry": None}
        (folder / "item.json").write_text(
            json.dumps(item | {"assets": {"blue": {"href": "B04.tif"}, "red": {"href": "B04.tif"}}})
        )
    return found


@pytest.fixture(scope="module")
def sandbox(files, tmp_path_factory):
    yield from connected(next(iter(files.values())).parent.parent, tmp_path_factory.mktemp("state"))


def connected(folder, state):
    with Sandbox(FolderCatalogue(folder), Options()) as sandbox:
        how = {"project": sandbox.options.project, "state_dir": state}
        with orc.connect(sandbox_url=sandbox.url, **how) as connection:
            yield connection


def pixel(path, lon, lat):
    """The value of the pixel that a point lies in; None where there is none."""
    with rasterio.open(path) as file:
        row, col = file.index(*moved(lon, lat, "EPSG:4326", file.crs))
        inside = 0 <= row < file.height and 0 <= col < file.width
        value = int(file.read(1)[row, col]) if inside else 0
    return value or None


def scattered(count, middle, reach, crs, seed=1):
    x, y = np.random.default_rng(seed).uniform(-reach, reach, (2, count)) + np.array(middle)[:, None]
    return np.column_stack(moved(x, y, crs, "EPSG:4326"))


def values(frame):
    return [(row.id, row.image[-5:], row.B4) for row in frame.itertuples()]


def expected(lonlat, files):
    every = ((at, tile, pixel(path, *where)) for at, where in enumerate(lonlat) for tile, path in files.items())
    return [found for found in every if found[2] is not None]


@pytest.mark.usefixtures("sandbox")
def test_points_have_the_value_of_each_images_own_pixel(files):
    """Whatever the phase, the size and the zone of its pixels; in the order of time, with the pixel's own centre."""
    lonlat = scattered(40, MIDDLE, 700, "EPSG:32633")
    frame = orc.table(named(shapely.points(lonlat)), pixel_centres=True, **ASKED)

    assert values(frame) == expected(lonlat, files)
    assert set(frame.image.str[-5:]) == set(files)
    for image, rows in frame.groupby("image"):
        with rasterio.open(files[image[-5:]]) as file:
            x, y = moved(rows.pixel_lon.to_numpy(), rows.pixel_lat.to_numpy(), "EPSG:4326", file.crs)
            a, _b, c, _d, e, f = file.transform[:6]
        np.testing.assert_allclose([(x - c) / a % 1, (y - f) / e % 1], 0.5, atol=1e-4)


@pytest.mark.usefixtures("sandbox")
def test_polygons_are_reduced_over_each_images_own_pixels(files):
    """A square of 2 × 2 pixels of one image is of 3 × 3 of another that lies half a pixel beside it."""
    left, top = 300_010 + 20 * 30, 5_100_010 - 20 * 25
    box = shapely.box(left, top - 40, left + 40, top)
    shape = shapely.transform(box, lambda xy: np.column_stack(moved(*xy.T, "EPSG:32633", "EPSG:4326")))
    frame = orc.table(polygons=shape, reducer="mean", **ASKED).set_index("image")
    frame.index = frame.index.str[-5:]

    share = np.outer([0.5, 1, 0.5], [0.5, 1, 0.5])
    for tile, window, weights in (("33TWM", (25, 27, 30, 32), np.ones((2, 2))), ("33TWL", (24, 27, 30, 33), share)):
        with rasterio.open(files[tile]) as file:
            pixels = file.read(1, window=(window[:2], window[2:]))
        assert frame.B4[tile] == pytest.approx(np.average(pixels, weights=weights), rel=1e-3)


@pytest.mark.usefixtures("sandbox")
def test_an_areas_rows_are_pixels_of_one_lattice_and_that_is_said(files, tmp_path):
    """Of the first of those that most images have; of the others the pixel that each row's centre lies in."""
    west, south, east, north = *moved(300_400, 5_099_500, "EPSG:32633", "EPSG:4326"), *moved(
        300_500, 5_099_600, "EPSG:32633", "EPSG:4326")  # fmt: skip
    frame = orc.table(area=(west, south, east, north), path=tmp_path / "a.csv", **ASKED)
    lonlat = frame[["lon", "lat"]].drop_duplicates().to_numpy()

    near = {tile: path for tile, path in files.items() if tile in ("33TWL", "33TVM", "32TQR")}  # 33TWM's meet there
    found = frame[~frame.image.str.endswith("33TWM")].sort_values(["id", "time"])
    assert [(tile, value) for _id, tile, value in values(found)] == [each[1:] for each in expected(lonlat, near)]
    notes = json.loads(next(tmp_path.glob("*.proof.json")).read_text())["notes"]
    assert [note for note in notes if note.startswith("3 of 4 images have pixels of another size, phase or zone")]


@pytest.mark.real
@pytest.mark.skipif(not REAL.is_dir(), reason="the folder of real scenes is not here (ORCHESTRATOR_TEST_DATA)")
@pytest.mark.filterwarnings("ignore:Use `@` matmul:PendingDeprecationWarning")  # in rasterio's own code
def test_points_of_real_scenes_have_the_values_of_their_files(tmp_path):
    """The tiles' corners are no multiple of 120 m apart: their pixels lie half a pixel beside each other."""
    files = {
        f"{day}_{tile}": REAL / f"S2A_{tile}_{day}_0_L2A" / "B04.tif"
        for day, tile in (("20230815", "33TWL"), ("20230818", "33TWL"), ("20230818", "33TWM"))
    }
    lonlat = scattered(30, (550_000, 5_097_000), 9_000, "EPSG:32633")
    for _ in connected(REAL, tmp_path / "state"):
        frame = orc.table(named(shapely.points(lonlat)), **ASKED)

    found = {(row.id, f"{row.image[:8]}_{row.image[-5:]}", row.B4) for row in frame.itertuples()}
    assert found == set(expected(lonlat, files))
    assert len(found) > 60

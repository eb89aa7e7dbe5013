"""The values of tables are those of the scenes, read from the catalogue without the evaluator, and by numpy."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pyproj
import pytest
import rasterio.features
import rasterio.transform
import shapely

import orchestrator as orc
from orchestrator.sandbox.scenes.world import WorldCatalogue

COLLECTION, BANDS = "COPERNICUS/S2_SR_HARMONIZED", ["B4", "B8", "SCL"]
DATES = ("2024-06-01", "2024-06-09")
LEFT, BOTTOM = 462_000, 5_099_500  # UTM zone 33 north
TO_LONLAT = pyproj.Transformer.from_crs("EPSG:32633", "EPSG:4326", always_xy=True)


pytestmark = pytest.mark.usefixtures("sandbox")


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory):
    """One sandbox for the tests of this file, spoken to by this process."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ORCHESTRATOR_ASSEMBLE__THREADS", "1")
        with orc.sandbox(state_dir=tmp_path_factory.mktemp("state")) as connection:
            yield connection


def truth(image, band, col, row, width, height):
    """Return (height, width) of a scene in zone 33, the window's corner counted in pixels of 10 m; NaN is masked."""
    scene = WorldCatalogue().scene(f"{COLLECTION}/{image}")
    a, _b, c, _d, e, f = next(each.transform for each in scene.bands if each.name == band)
    x, y = LEFT + 10 * col + 5, BOTTOM - 10 * row - 5
    cols = np.floor((x + 10 * np.arange(width) - c) / a).astype(int)
    rows = np.floor((y - 10 * np.arange(height) - f) / e).astype(int)
    values, valid = scene.read(band, 0, rows[0], cols[0], np.ptp(rows) + 1, np.ptp(cols) + 1)
    found = np.where(valid, values, np.nan)
    return found[np.ix_(rows - rows[0], cols - cols[0])]


def lonlat(x, y):
    return TO_LONLAT.transform(x, y)


def by_image(frame):
    assert set(frame.image.str[-6:]) <= {"T33TVM", "T33TVL"}
    return frame.groupby("image")


def test_points_have_the_value_of_the_pixel_they_lie_in():
    """Whatever their place in it; several in one pixel have a row each, under the names of the frame."""
    offsets = {"corner": (0.1, 0.1), "middle": (5, 5), "far": (9.9, 9.9), "next": (10.1, 5), "below": (1234, 877)}
    points = shapely.points(*lonlat(*(np.array(list(offsets.values())).T * [[1], [-1]] + [[LEFT], [BOTTOM]])))
    import geopandas as gpd  # noqa: PLC0415

    places = gpd.GeoSeries(points, index=list(offsets), crs=4326)
    frame = orc.table(places, collection="s2-l2a", dates=DATES, bands=BANDS, progress=False)

    assert len(frame) > len(offsets)
    for row in frame.itertuples():
        x, y = offsets[row.id]
        expected = [truth(row.image, band, int(x // 10), int(y // 10), 1, 1)[0, 0] for band in BANDS]
        assert expected == [row.B4, row.B8, row.SCL]
    assert list(dict.fromkeys(frame.id)) == list(offsets)
    assert [str(frame[band].dtype) for band in BANDS] == ["uint16", "uint16", "uint8"]


def test_every_pixel_of_an_area_has_its_row():
    """Those whose centre is inside, and no other, as rasterio says; longitude and latitude are the centre's."""
    outline = shapely.Polygon([(LEFT + 3, BOTTOM - 2), (LEFT + 187, BOTTOM - 31), (LEFT + 90, BOTTOM - 168)])
    area = shapely.transform(outline, lambda xy: np.column_stack(lonlat(*xy.T)))
    frame = orc.table(area=area, collection="s2-l2a", dates=DATES, bands=["B4"], progress=False)
    inside = rasterio.features.geometry_mask(
        [outline], (17, 19), rasterio.transform.Affine(10, 0, LEFT, 0, -10, BOTTOM), invert=True
    )
    rows, cols = np.nonzero(inside)

    for image, found in by_image(frame):
        expected = truth(image, "B4", 0, 0, 19, 17)[inside]
        assert found.B4.tolist() == expected.tolist()
        lon, lat = lonlat(LEFT + 10 * cols + 5, BOTTOM - 10 * rows - 5)
        np.testing.assert_allclose(found[["lon", "lat"]], np.column_stack((lon, lat)), atol=1e-9)


def test_polygons_are_reduced_by_the_share_of_each_pixel():
    """The mean weighs a pixel by how much of it lies inside; a rectangle of 6.5 × 4 pixels."""
    shape = shapely.box(LEFT + 5, BOTTOM - 40, LEFT + 70, BOTTOM)
    polygon = shapely.transform(shape, lambda xy: np.column_stack(lonlat(*xy.T)))
    frame = orc.table(polygons=polygon, collection="s2-l2a", dates=DATES, bands=BANDS[:2], reducer=["mean", "max"],
                      progress=False)  # fmt: skip
    weights = np.tile([0.5, 1, 1, 1, 1, 1, 1], (4, 1))

    assert len(frame) > 1
    for row in frame.itertuples():
        values = truth(row.image, "B8", 0, 0, 7, 4)
        assert row.B8_mean == pytest.approx(np.average(values, weights=weights), rel=1e-3)
        assert row.B8_max == values.max()


def test_one_band_is_called_by_its_name_whatever_the_service_calls_it():
    """A reduced band of one alone is named like the reducer there."""
    polygon = shapely.box(14.50, 46.04, 14.502, 46.042)
    frame = orc.table(polygons=polygon, collection="s2-l2a", dates=DATES, bands=["B4"], reducer="count", progress=False)

    assert len(frame) > 1
    assert frame.B4.between(300, 450).all()
    assert str(frame.B4.dtype) == "int64"


@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_what_is_masked_is_null(tmp_path, kind):
    """A picture has a row for each point; its masked ones have no value, and the proof counts them."""
    import ee  # noqa: PLC0415

    x = ee.Image.pixelCoordinates(ee.Projection("EPSG:32633").atScale(10)).select("x").floor().toInt32()
    picture = x.updateMask(x.mod(2).eq(0))
    points = "\n".join(f"SRID=32633;POINT ({LEFT + 10 * at + 5} {BOTTOM - 5})" for at in range(4))
    frame = orc.table(points, image=picture, path=tmp_path / f"x.{kind}", scale=10, progress=False)
    proof = json.loads((tmp_path / f"x.{kind}.proof.json").read_text())

    assert frame.x.isna().tolist() == [False, True, False, True]
    assert (proof["rows"], proof["nulls"]) == (4, {"x": 2})
    assert frame.time.isna().all()


def test_rows_come_by_place_and_time_without_a_gap(tmp_path):
    """Places in several zones are in the order of their file; with `keep_empty` each pair has its row once."""
    file = tmp_path / "wells.csv"
    file.write_text("id,lon,lat\nz,6.1,49.5\na,5.9,49.5\nm,6.2,49.5\n")
    frame = orc.table(file, collection="s2-l2a", dates=DATES, bands=["B4"], id="id", keep_empty=True, progress=False)

    assert list(dict.fromkeys(frame.id)) == ["z", "a", "m"]
    assert len(frame) == 3 * frame.image.nunique() == len(frame.drop_duplicates(["id", "image"]))
    assert all(part.time.is_monotonic_increasing for _id, part in frame.groupby("id"))


def test_the_proof_says_whose_the_images_are(tmp_path):
    """The notice on Sentinel data with the year of the images, and that a sandbox made them."""
    place = "SRID=4326;POINT (14.5 46.05)"
    orc.table(place, collection="s2-l2a", dates=DATES, bands=["B4"], path=tmp_path / "x.csv", progress=False)
    proof = json.loads((tmp_path / "x.csv.proof.json").read_text())

    assert proof["attribution"].startswith("Not Earth Engine's: made by a sandbox of Earth Engine")
    assert proof["attribution"].endswith("Contains modified Copernicus Sentinel data 2024")
    assert "Sentinel_Data_Legal_Notice" in proof["licence"]


def test_nothing_gives_an_empty_table_with_its_columns(tmp_path):
    """No image of these days."""
    place, days = "SRID=4326;POINT (14.5 46.05)", ("2024-06-01", "2024-06-02")
    frame = orc.table(place, collection="s2-l2a", dates=days, bands=["B4"], path=tmp_path / "none.csv", progress=False)
    proof = json.loads((tmp_path / "none.csv.proof.json").read_text())

    assert list(frame.columns) == ["id", "time", "image", "lon", "lat", "B4"]
    assert len(frame) == 0
    assert proof["notes"] == ["no image of s2-l2a from 2024-06-01 to 2024-06-02 meets the points: the table is empty."]
    assert isinstance(frame, pd.DataFrame)


SPHERE = 6_371_007.181  # metres, of MODIS' sinusoidal projection


def sinusoidal(lon, lat):
    lon, lat = np.radians([lon, lat])
    return SPHERE * lon * np.cos(lat), SPHERE * lat


@pytest.mark.parametrize(
    ("collection", "band", "days", "project"),
    [
        pytest.param(
            "UCSB-CHG/CHIRPS/DAILY", "precipitation", ("2024-06-01", "2024-06-03"), lambda *at: at, id="degrees"
        ),
        pytest.param("MODIS/061/MOD13Q1", "NDVI", ("2024-06-01", "2024-07-01"), sinusoidal, id="MODIS"),
    ],
)
def test_images_without_a_zone_keep_their_own_grid(collection, band, days, project):
    """The pixel that a point lies in is found by the formula of the projection alone, anywhere on land."""
    lonlat = [(14.512, 46.047), (14.5131, 46.0492), (-3.7, 40.41), (36.82, -1.29), (149.13, -35.28)]
    places = "\n".join(f"SRID=4326;POINT ({lon} {lat})" for lon, lat in lonlat)
    frame = orc.table(places, collection=collection, dates=days, bands=[band], keep_empty=True, progress=False)

    assert len(frame) == len(lonlat) * frame.image.nunique() > len(lonlat)
    seen = 0
    for row in frame.itertuples():
        scene = WorldCatalogue().scene(f"{collection}/{row.image}")
        a, _b, c, _d, e, f = next(each.transform for each in scene.bands if each.name == band)
        x, y = project(*lonlat[row.id])
        values, valid = scene.read(band, 0, int((y - f) // e), int((x - c) // a), 1, 1)
        found = getattr(row, band)
        assert np.isnan(found) if not valid[0, 0] else found == pytest.approx(float(values[0, 0]), rel=1e-6)
        seen += valid[0, 0]
    assert seen >= len(lonlat)

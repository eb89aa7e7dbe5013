"""Numbers of bands, and the pixel under the cursor."""

from __future__ import annotations

import math

import numpy as np
import pytest
import rasterio
from previews_kit import GRID, publish, write_raster
from pyproj import Transformer

from orchestrator.app.verbs import previews
from orchestrator.app.verbs.layers import LayerName, layers_of
from orchestrator.core.errors import UserError

TO_DEGREES = Transformer.from_crs("EPSG:32632", "EPSG:4326", always_xy=True)


@pytest.fixture
def values():
    """(band, row, col) with holes."""
    found = np.random.default_rng(3).normal(50, 9, (2, 90, 70)).astype("float32")
    found[0, :10] = -9999
    found[1, 5, 5] = np.nan
    return found


@pytest.fixture
def run(records, tmp_path, values):
    path = write_raster(tmp_path / "a.tif", values, nodata=-9999, names=("red", "nir"))
    with rasterio.open(path, "r+") as file:
        file.scales, file.offsets = (0.5, 0.5), (1.0, 1.0)
    return publish(records, [("data", path)])


def test_numbers_of_a_band_are_numpys_of_the_pixels_that_hold_data(records, run, values):
    """Percentiles, ends, mean, deviation, histogram."""
    _, nir = previews.numbers(records, run.id, LayerName())
    there = values[1][np.isfinite(values[1])].astype("float64")

    assert (nir.name, nir.pixels, nir.valid) == ("nir", 90 * 70, 90 * 70 - 1)
    assert (nir.least, nir.most) == (there.min(), there.max())
    assert [nir.low, nir.high] == pytest.approx(np.percentile(there, [2, 98]))
    assert (nir.mean, nir.deviation) == pytest.approx((there.mean(), there.std()))
    assert list(nir.counts) == list(np.histogram(there, len(nir.counts))[0])


def test_a_band_without_data_has_numbers_too(records, tmp_path):
    """None of them is NaN, which no page could draw."""
    run = publish(records, [("data", write_raster(tmp_path / "a.tif", np.zeros((1, 9, 9), "uint8"), nodata=0))])

    (told,) = previews.numbers(records, run.id, LayerName())

    assert (told.valid, told.stretch("percentile"), told.stretch("sigma")) == (0, (0.0, 1.0), (0.0, 0.0))


@pytest.mark.parametrize(
    ("how", "expected"), [("minmax", (1, 9)), ("percentile", (2, 8)), ("sigma", (5 - 2 * 1.5, 5 + 2 * 1.5))]
)
def test_a_stretch_is_what_its_name_says(how, expected):
    """Ends, percentiles, or two deviations on each side of the mean."""
    from orchestrator.previews.numbers import BandSummary  # noqa: PLC0415

    assert BandSummary("b", 9, 9, 2, 8, 1, 9, 5, 1.5).stretch(how) == expected


@pytest.mark.parametrize(("row", "col"), [(0, 0), (12, 7), (89, 69)])
def test_the_pixel_under_the_cursor_is_the_one_that_rasterio_reads_there(records, run, values, row, col):
    """With its place in the file's CRS, the stored number and the physical one; None where there is no data."""
    x, y = GRID @ (col + 0.3, row + 0.6)

    told = previews.pixel(records, run.id, LayerName(), *TO_DEGREES.transform(x, y))

    stored = None if values[0, row, col] == -9999 else float(values[0, row, col])
    assert (told.row, told.col, told.crs) == (row, col, "EPSG:32632")
    assert (told.x, told.y) == pytest.approx((x, y), abs=1e-3)
    assert told.values == {"red": stored, "nir": pytest.approx(values[1, row, col])}
    assert told.physical["nir"] == pytest.approx(values[1, row, col] * 0.5 + 1)


def test_beside_the_raster_there_is_no_pixel(records, run):
    """The place is told all the same."""
    told = previews.pixel(records, run.id, LayerName(), 9.5, 49.64)

    assert (told.row, told.col, dict(told.values)) == (None, None, {})
    assert told.x == pytest.approx(Transformer.from_crs(4326, 32632, always_xy=True).transform(9.5, 49.64)[0])


@pytest.mark.parametrize("place", [(9, 91), (math.nan, 0), (0, math.inf)])
def test_what_is_no_place_is_refused(records, run, place):
    """In a sentence with the numbers."""
    with pytest.raises(UserError, match="is no place"):
        previews.pixel(records, run.id, LayerName(), *place)


def test_layers_say_what_the_file_is(records, run):
    """Bands by name, grid, overviews, and where it lies on the Earth, as pyproj projects its corners."""
    (told,) = layers_of(records, run.id)

    facts = told.facts
    assert (facts.bands, facts.height, facts.width, facts.dtype) == (("red", "nir"), 90, 70, "float32")
    west, south = TO_DEGREES.transform(500000, 5500000 - 90 * 20)
    assert facts.bounds[:2] == pytest.approx((west, south), abs=1e-4)
    assert (facts.scale, facts.offset, facts.overviews) == (0.5, 1.0, ())


def test_a_reduction_of_a_cube_is_a_layer_of_its_own(records, tmp_path, values):
    """Beside the result."""
    paths = [write_raster(tmp_path / f"{name}.tif", values) for name in ("median", "main")]
    run = publish(records, [("reduced", paths[0]), ("data", paths[1])])

    assert [(layer.key, layer.title) for layer in layers_of(records, run.id)] == [
        ("data", "main.tif"),
        ("reduced0", "median.tif"),
    ]

"""Answers of pixels as bytes: types, and memory."""

from __future__ import annotations

import io
import tracemalloc

import numpy as np
import pytest
from evaluate_kit import MemoryCatalogue, call, expression
from rasterio.io import MemoryFile

from orchestrator.sandbox.behaviour import Behaviour
from orchestrator.sandbox.earthengine.encoding import encoded
from orchestrator.sandbox.earthengine.evaluate import Evaluator, RequestedGrid


def image(node, side):
    grid = RequestedGrid("EPSG:32633", (10.0, 0.0, 5e5, 0.0, -10.0, 5.2e6), side, side)
    return Evaluator(MemoryCatalogue()).image(expression(node), grid=grid)


def constant(value, cast):
    return call(f"Image.to{cast}", value=call("Image.constant", value=value))


@pytest.mark.parametrize(
    ("one", "other", "common"),
    [
        pytest.param((65_535, "Uint16"), (-32_768, "Int16"), "int32", id="two signs"),
        pytest.param((4_294_967_295, "Uint32"), (0.5, "Float"), "float64", id="a wide integer and a fraction"),
        pytest.param((255, "Uint8"), (0.25, "Float"), "float32", id="a byte and a fraction"),
        pytest.param((-128, "Int8"), (127, "Int8"), "int8", id="one type"),
    ],
)
def test_the_one_type_of_a_tiff_holds_the_values_of_all_bands(one, other, common):
    """Nothing is cut off, nothing loses digits."""
    both = image(call("Image.addBands", dstImg=constant(*one), srcImg=constant(*other)), 3)

    with MemoryFile(encoded(both, "GEO_TIFF", Behaviour(), None)) as memory, memory.open() as raster:
        assert set(raster.dtypes) == {common}
        assert raster.read()[:, 0, 0].tolist() == [one[0], other[0]]


def test_an_array_keeps_the_type_of_each_band():
    """In the order of bytes that most machines have."""
    both = image(call("Image.addBands", dstImg=constant(300, "Uint16"), srcImg=constant(0.5, "Double")), 3)

    found = np.load(io.BytesIO(encoded(both, "NPY", Behaviour(), None)))

    assert found.dtype.descr == [("constant", "<u2"), ("constant_1", "<f8")]
    assert found[0, 0].item() == (300, 0.5)


@pytest.mark.parametrize("kind", ["NPY", "GEO_TIFF"])
def test_an_answer_is_computed_window_by_window(kind):
    """At most two copies of the bytes, and ten doubles for each pixel of one window."""
    places = image(call("Image.toFloat", value=call("Image.pixelLonLat")), 2200)
    tracemalloc.start()
    try:
        size = len(encoded(places, kind, Behaviour(), None))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert peak < 2 * size + 80 * 1024**2

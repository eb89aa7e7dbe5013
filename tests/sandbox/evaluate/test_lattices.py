"""Lattices: windows of one lattice are numbered from one anchor, wherever each begins."""

from __future__ import annotations

import numpy as np
import pyproj
import pytest
from evaluate_kit import ORIGIN, S2, MemoryCatalogue, band, exact, make_scene, pixels
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.sandbox.earthengine.evaluate.projection import Grid, Projection

PIXEL = st.sampled_from([10.0, 30.0, 0.5, 10 / 111319.49079327358, 0.1, 1000.0])
PLACE = st.integers(-600_000, 600_000)
PART = st.integers(0, 63).map(lambda number: number / 64)


@given(PIXEL, PLACE, PLACE, PLACE, PLACE, PART, PART)
def test_windows_of_one_lattice_have_one_anchor(pixel, row, col, down, across, row_part, col_part):
    """Two origins a whole number of pixels apart, each rounded as its own product."""

    def lattice(rows, cols):
        x, y = (cols + col_part) * pixel, -(rows + row_part) * pixel
        return Projection("EPSG:32633", (pixel, 0.0, x, 0.0, -pixel, y))

    here, there = lattice(row, col).anchor(), lattice(row + down, col + across).anchor()

    assert here[0] == there[0]
    assert (there[1] - here[1], there[2] - here[2]) == (down, across)


@given(PIXEL, st.floats(-6e6, 6e6), st.floats(-6e6, 6e6), st.sampled_from([-1, 1]), st.floats(-0.4, 0.4))
def test_an_anchored_window_lies_where_it_lay(pixel, x, y, up, shear):
    """Whatever the origin: corners move by less than a millionth of a pixel, and what the numbers cannot hold."""
    lattice = Projection("EPSG:32633", (pixel, shear * pixel, x, shear * pixel, up * pixel, y))
    window = Grid(lattice, 3, 5, 7, 9)

    np.testing.assert_allclose(window.anchored().bounds(), window.bounds(), rtol=1e-12, atol=1e-6 * pixel + 1e-9)


def test_a_window_is_found_on_a_lattice_that_begins_elsewhere():
    """By whole pixels; half a pixel off, of another size, or in another CRS it is another lattice."""
    window = Grid(Projection("EPSG:32633", (10.0, 0.0, 500_070.0, 0.0, -10.0, 5_199_870.0)), 1, 2, 3, 4)
    scene = (10.0, 0.0, 500_000.0, 0.0, -10.0, 5_200_000.0)

    found = window.on(Projection("EPSG:32633", scene))

    assert found == Grid(Projection("EPSG:32633", scene), 14, 9, 3, 4)
    assert window.on(Projection("EPSG:32634", scene)) is None
    assert window.on(Projection("EPSG:32633", (10.0, 0.0, 500_005.0, 0.0, -10.0, 5_200_000.0))) is None
    assert window.on(Projection("EPSG:32633", (20.0, 0.0, 500_000.0, 0.0, -20.0, 5_200_000.0))) is None


@pytest.mark.parametrize("epsg", [32632, 3857])
def test_two_exports_of_one_lattice_fit_together(epsg):
    """Where the CRS bends: the windows of two tasks are parts of one picture, pixel by pixel."""
    noise = np.random.default_rng(11).integers(0, 10_000, (400, 400)).astype(np.uint16)
    catalogue = MemoryCatalogue([make_scene(S2, "a", {"B4": noise})])
    bend = pyproj.Transformer.from_crs(32633, epsg, always_xy=True)
    x, y = (round(value, -1) for value in bend.transform(ORIGIN[0] + 2000, ORIGIN[1] - 2000))

    def export(row, col, height, width):
        corner = (x + 10 * (col - 350), y - 10 * (row - 350))
        return pixels(exact(band("B4"), height, width, corner, epsg=epsg), catalogue)[1][0]

    rows, cols = ((0, 333), (333, 367)), ((0, 417), (417, 283))
    parts = np.block([[export(row, col, height, width) for col, width in cols] for row, height in rows])

    whole = export(0, 0, 700, 700)
    assert np.unique(whole).size > 1000
    np.testing.assert_array_equal(parts, whole)

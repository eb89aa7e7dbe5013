"""Skipping scenes: a window that cannot touch a footprint is known at once, and no valid pixel is ever skipped."""

from __future__ import annotations

import pyproj
import pytest
import shapely
from evaluate_kit import ORIGIN
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.sandbox.earthengine.evaluate.projection import Grid, Projection
from orchestrator.sandbox.earthengine.evaluate.support import Support

UTM = Projection("EPSG:32633", (10.0, 0.0, ORIGIN[0], 0.0, -10.0, ORIGIN[1]))
TILE = shapely.box(15.0, 46.0, 16.0, 47.0)


@pytest.mark.parametrize(
    ("projection", "row", "col"),
    [
        pytest.param(UTM, 0, 15_000, id="east of it"),
        pytest.param(UTM, -40_000, 0, id="north of it"),
        pytest.param(Projection("EPSG:4326", (0.001, 0.0, 0.0, 0.0, -0.001, 0.0)), -46_500, 20_000, id="degrees"),
    ],
)
def test_far_windows_do_not_touch(projection, row, col):
    """A window beyond the footprint and its reach is skipped."""
    assert not Support(TILE).touches(Grid(projection, row, col, 512, 512))


def test_a_reach_widens_the_support():
    """What looks 80 km around itself sees the footprint from there."""
    window = Grid(UTM, 0, 15_000, 512, 512)

    assert Support(TILE).widened(80_000).touches(window)


@given(
    lon=st.floats(15, 16),
    lat=st.floats(46, 47),
    target=st.sampled_from(["EPSG:32633", "EPSG:32632", "EPSG:3035", "EPSG:4326", "EPSG:3857"]),
)
def test_no_pixel_of_the_footprint_is_skipped(lon, lat, target):
    """The pixel under any point of the footprint is always touched, in any CRS."""
    side = 0.0001 if target == "EPSG:4326" else 10.0
    x, y = pyproj.Transformer.from_crs("EPSG:4326", target, always_xy=True).transform(lon, lat)
    window = Grid(Projection(target, (side, 0.0, 0.0, 0.0, -side, 0.0)), int(-y // side), int(x // side), 1, 1)

    assert Support(TILE).touches(window)

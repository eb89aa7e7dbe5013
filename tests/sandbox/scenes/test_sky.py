"""Tiles, orbits and the sun are the real ones, as far as they are imitated."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from shapely.geometry import Point, box

from orchestrator.sandbox.scenes import mgrs
from orchestrator.sandbox.scenes.orbit import HALF_SWATH_KM, PLATFORMS, Pass, passes


@pytest.mark.parametrize(
    ("name", "epsg", "west", "north"),
    [
        pytest.param("33TWL", 32633, 499980, 5100000, id="Slovenia"),
        pytest.param("33TWM", 32633, 499980, 5200020, id="its northern neighbour"),
        pytest.param("32TNT", 32632, 499980, 5300040, id="even zone"),
        pytest.param("36MZE", 32736, 799980, 10000000, id="just south of the equator"),
        pytest.param("56HLH", 32756, 300000, 6300040, id="Sydney"),
        pytest.param("60KXF", 32760, 600000, 8100040, id="Fiji"),
    ],
)
def test_tiles_have_their_real_names_and_origins(name, epsg, west, north):
    """The grid of Sentinel-2: 100 km squares, begun at a multiple of 60 m from the equator."""
    tile = mgrs.find(name)

    assert tile is not None
    assert (tile.name, tile.epsg, tile.west, tile.north) == (name, epsg, west, north)


@pytest.mark.parametrize("name", ["33TWL", "01CDM"])
def test_a_name_and_its_tile_are_one(name):
    """Looking at a tile's middle finds it again."""
    tile = mgrs.find(name)

    found = [other.name for other in mgrs.touching(tile.outline.centroid)]

    assert name in found


@pytest.mark.parametrize("name", ["", "33TW", "61TWL", "00TWL", "33IWL", "33TAA", "xx"])
def test_names_of_nothing_are_not_found(name):
    """And are no error: an asset of that name does not exist."""
    assert mgrs.find(name) is None


@given(lon=st.floats(-180, 180), lat=st.floats(-79, 83))
def test_every_place_lies_in_a_tile(lon, lat):
    """No gap anywhere, at the odd zones of Norway and at 180° neither."""
    point = Point(lon, lat)

    tiles = list(mgrs.touching(point))

    assert tiles
    assert len(tiles) == len(set(tiles))
    assert all(mgrs.on_earth(tile.outline).distance(point) < 1e-9 for tile in tiles)


def test_outlines_stay_on_earth():
    """A tile over 180° is given as two parts with longitudes from -180 to 180."""
    tile = next(mgrs.touching(box(179.9, -17, 180, -16.5)))

    outline = mgrs.on_earth(tile.outline)

    assert outline.geom_type == "MultiPolygon"
    assert outline.bounds[0] == -180
    assert outline.bounds[2] == 180


def test_the_sun_stands_where_a_real_scene_says():
    """33TWL on 2023-08-18: azimuth 156.70°, zenith 34.34° in the product's metadata."""
    overpass = Pass(PLATFORMS[0], 42590)

    azimuth, zenith = overpass.sun(np.asarray(15.7), np.asarray(45.55))

    assert float(azimuth) == pytest.approx(156.70, abs=0.5)
    assert float(zenith) == pytest.approx(34.34, abs=0.5)


@pytest.mark.parametrize(
    ("lon", "lat", "start", "azimuth"),
    [
        pytest.param(20.0, -33.0, 1703030400, (40, 110), id="southern summer: sun in the north east"),
        pytest.param(20.0, 50.0, 1703030400, (150, 180), id="northern winter: sun in the south"),
    ],
)
def test_the_sun_stands_in_the_right_quarter(lon, lat, start, azimuth):
    """Half past ten in the morning, everywhere."""
    overpass, _ = next(iter(passes(np.array([lon]), np.array([lat]), start, start + 6 * 86400.0)))

    seen, zenith = overpass.sun(np.asarray(lon), np.asarray(lat))

    assert azimuth[0] < float(seen) < azimuth[1]
    assert 0 < float(zenith) < 80


def test_the_known_pass_is_reproduced():
    """S2A, orbit 42590: track 122, over 45.55° N at 10:08:08 on 2023-08-18, eastern edge near 16.2° E."""
    overpass = Pass(PLATFORMS[0], 42590)

    across = overpass.across(np.array([16.0225, 16.4158]), np.array([45.0623, 46.0053]))

    assert overpass.track == 122
    assert float(overpass.time(45.55)) == pytest.approx(1692353288.248)
    # The real edge, from the footprint of the scene; the orbit is a circle, so some kilometres are left.
    assert across == pytest.approx(HALF_SWATH_KM, abs=6)


def test_both_platforms_fly_the_same_tracks_five_days_apart():
    """Between 81° north and south no place waits longer."""
    seen = passes(np.array([10.0]), np.array([0.0]), 1690000000.0, 1690000000.0 + 20 * 86400)

    times = sorted(overpass.node_time for overpass, _ in seen)

    assert len(times) >= 4
    assert max(np.diff(times)) < 5.01 * 86400


def test_before_its_launch_a_platform_sees_nothing():
    """Sentinel-2B joined in 2017."""
    seen = passes(np.array([10.0]), np.array([45.0]), 1459468800.0, 1459468800.0 + 20 * 86400)

    assert {overpass.platform.name for overpass, _ in seen} == {"Sentinel-2A"}

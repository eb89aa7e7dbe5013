"""Areas of several UTM zones, and lattices in which a metre is none."""

from __future__ import annotations

import re

import numpy as np
import pyproj
import pytest
import shapely

from orchestrator.core.errors import PlanError, UserError
from orchestrator.plan.aoi import read_areas
from orchestrator.plan.reproject import to_lonlat, within_180
from orchestrator.tiling.grids import Cover, full_tiles, legacy_tiles

EACH = Cover(zones="each")


def lay(text, size, cover=EACH):
    (area,) = read_areas(text)
    return area, *full_tiles(area, "x", size, cover)


WIDE = {
    "two zones": ("5.8,49.0,6.2,49.3", ["EPSG:32631", "EPSG:32632"]),
    "three zones": ("POLYGON ((5.5 60, 12.5 60.1, 12.4 60.3, 5.5 60))", ["EPSG:32631", "EPSG:32632", "EPSG:32633"]),
    "across longitude 180": ("179.8,-17,-179.8,-16.8", ["EPSG:32760", "EPSG:32701"]),
    "across the equator": (
        "35.8,-0.1,36.2,0.1",
        ["EPSG:32636", "EPSG:32736", "EPSG:32637", "EPSG:32737"],
    ),
}


@pytest.mark.parametrize(("text", "zones"), WIDE.values(), ids=WIDE)
def test_each_zone_has_its_own_lattice_and_nothing_is_covered_twice(text, zones):
    """In degrees: every tile within its zone, the union over the area, no overlap but the 2 cm that edges bend."""
    area, tiles, _ = lay(text, 3000)
    frame = tiles.frame

    whole = within_180(to_lonlat(area.geometry, area.crs))
    union = shapely.union_all(frame.geometry.to_numpy())
    number = frame["zone"].str[-2:].astype(int)
    bounds = shapely.bounds(frame.geometry.to_numpy())
    assert tiles.about["zones"] == zones == list(dict.fromkeys(frame["zone"]))
    assert (bounds[:, 0] >= number * 6 - 186 - 1e-12).all()
    assert (bounds[:, 2] <= number * 6 - 180 + 1e-12).all()
    assert whole.difference(union).area < 1e-6 * whole.area
    assert shapely.area(frame.geometry.to_numpy()).sum() == pytest.approx(union.area, rel=1e-6)


@pytest.mark.parametrize(("text", "zones"), WIDE.values(), ids=WIDE)
def test_corners_lie_on_the_lattice_of_the_zone(text, zones):
    """At multiples of the size to a micrometre, but for where a tile ends with its zone."""
    _, tiles, _ = lay(text, 1000)
    for zone in zones:
        forward = pyproj.Transformer.from_crs("EPSG:4326", zone, always_xy=True)
        lonlat = shapely.get_coordinates(tiles.frame.geometry[tiles.frame["zone"] == zone])
        border = np.isclose(lonlat[:, 0] % 6, 0, atol=1e-9) | np.isclose(lonlat[:, 0] % 6, 6, atol=1e-9)
        inner = np.column_stack(forward.transform(*lonlat[~border & (np.abs(lonlat[:, 1]) > 1e-9)].T))

        assert len(inner) > 100
        assert np.abs(inner - 1000 * np.round(inner / 1000)).max() < 1e-6


def test_an_area_beyond_utm_takes_another_lattice():
    """Refused with a CRS to name, and laid in it."""
    with pytest.raises(PlanError, match=r"UTM from 80 S to 84 N.*--crs EPSG:3413"):
        lay("10,83,12,85", 20000)

    _, tiles, _ = lay("10,83,12,85", 20000, Cover(crs="EPSG:3413"))
    assert len(tiles.frame) > 3


@pytest.mark.parametrize(
    ("text", "cover", "words"),
    [
        pytest.param("5.8,49.0,6.2,49.3", Cover(), None, id="a zone and a little more"),
        pytest.param("0,49,12,50", Cover(), "in 1000 longer .*--zones each", id="far from the central meridian"),
        pytest.param("5.8,49.0,6.2,49.3", Cover(crs="EPSG:3857"), r"53\d\.\d in 1000 longer", id="web mercator"),
        pytest.param("0,49,12,50", Cover(crs="EPSG:2154"), None, id="a CRS made for the area"),
        pytest.param("0,49,12,50", EACH, None, id="each zone"),
    ],
)
def test_it_is_told_where_a_metre_of_the_lattice_is_none(text, cover, words):
    """More than 1/1000 off, at a corner of the area: with what to do."""
    _, _, notes = lay(text, 20000, cover)

    assert bool(notes) == bool(words)
    for note in notes:
        assert re.search(words, note)


def test_the_error_told_is_that_of_the_projection():
    """What PROJ says of the scale at the corner that is farthest from the central meridian."""
    _, tiles, (note,) = lay("0,49,12,50", 20000, Cover())

    corners = pyproj.Proj(tiles.frame.crs).get_factors([0, 12, 0, 12], [49, 49, 50, 50])
    assert f"up to {max(corners.meridional_scale) * 1000 - 1000:.1f} in 1000 longer" in note


@pytest.mark.parametrize(
    ("cover", "error", "words"),
    [
        ({"min_overlap": 1.5}, UserError, "--min-overlap is 1.5; give a share"),
        ({"min_overlap": float("nan")}, UserError, "--min-overlap is nan"),
        ({"zones": "all"}, UserError, "--zones is 'all'; give one or each"),
        ({"zones": "each", "crs": "EPSG:32632"}, UserError, "leave --crs EPSG:32632 out"),
        ({"crs": "EPSG:4326"}, PlanError, "counts in units of degree; a grid needs a projected CRS in metres"),
        ({"crs": "EPSG:2263"}, PlanError, "counts in units of US survey foot"),
        ({"crs": "EPSG:99999"}, PlanError, "is not known"),
        ({"min_overlap": 1.0}, UserError, "no tile of 90000 m has a share of 1"),
    ],
)
def test_options_that_cannot_be_are_refused(cover, error, words):
    """One sentence with the value and what to do."""
    with pytest.raises(error, match=words):
        lay("5.8,49.0,6.2,49.3", 90000, Cover(**cover))


@pytest.mark.parametrize("lay_tiles", [full_tiles, legacy_tiles])
@pytest.mark.parametrize(
    ("size", "words"),
    [
        (0, "--size is 0; give metres above 0"),
        (-5, "--size is -5"),
        (float("inf"), "--size is inf"),
        ("1000", "--size is '1000'"),
        (0.9, r"(would be about|size - 1)"),
        (3, r"would be about [\d,]+ .*5,000,000 may be made"),
    ],
)
def test_sizes_that_cannot_be_are_refused_before_cells_are_made(lay_tiles, size, words):
    """With how many there would be."""
    (area,) = read_areas("5,49,7,50")

    with pytest.raises(UserError, match=words):
        lay_tiles(area, "x", size)


def test_how_many_there_would_be_is_about_how_many_there_are():
    """The number in the refusal: cells of its surface, and of its outline."""
    (area,) = read_areas("600000,5000000,900000,5300000;EPSG:32632")

    with pytest.raises(UserError, match=f"would be about {300_000**2 / 95**2 + 4 * 300_000 / 95:,.0f} "):
        full_tiles(area, "x", 95, Cover(crs="EPSG:32632"))

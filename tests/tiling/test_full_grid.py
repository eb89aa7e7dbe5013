"""Cells of a lattice: every part of an area once, none twice."""

from __future__ import annotations

import numpy as np
import pytest
import shapely
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from orchestrator.plan.aoi import read_areas
from orchestrator.plan.reproject import reproject
from orchestrator.tiling.cells import cut_into_cells
from orchestrator.tiling.grids import Cover, full_tiles

TURNED = st.tuples(st.floats(-2e4, 2e4), st.floats(-2e4, 2e4), st.floats(0, 360), st.floats(500, 9000))


def slowly(area, size):
    """Every square of the bounding box, by itself."""
    left, bottom, right, top = area.bounds
    cols, rows = np.arange(left // size - 1, right // size + 2), np.arange(bottom // size - 1, top // size + 2)
    boxes = [shapely.box(c * size, r * size, (c + 1) * size, (r + 1) * size) for r in rows[::-1] for c in cols]
    return [box for box in boxes if box.intersection(area).area > 1e-6]


@st.composite
def shapes(draw):
    """Several pieces with holes, anywhere round the origin."""
    outer = [
        shapely.Point(x, y).buffer(r, quad_segs=3) for x, y, _, r in draw(st.lists(TURNED, min_size=1, max_size=4))
    ]
    holes = [shapely.Point(x, y).buffer(r / 3, quad_segs=2) for x, y, _, r in draw(st.lists(TURNED, max_size=3))]
    area = shapely.union_all(outer).difference(shapely.union_all(holes))
    assume(not area.is_empty)
    return area


@given(shapes(), st.floats(700, 12000))
@settings(max_examples=30, deadline=None)
def test_cells_are_the_squares_of_the_lattice_that_share_surface(area, size):
    """Row by row from the north, as a loop over the bounding box finds them; in many pieces, with holes."""
    boxes, expected = cut_into_cells(area, size).boxes(), slowly(area, size)

    assert len(boxes) == len(expected)
    assert all(shapely.equals(boxes, expected))


@given(shapes(), st.floats(700, 12000))
@settings(max_examples=20, deadline=None)
def test_pieces_make_up_the_area(area, size):
    """Nothing is missing, nothing is there twice."""
    pieces = cut_into_cells(area, size).clipped()

    assert shapely.area(pieces).sum() == pytest.approx(area.area, rel=1e-9)
    assert shapely.union_all(pieces).symmetric_difference(area).area < 1e-9 * area.area


AREAS = {
    "islands and a hole": "MULTIPOLYGON (((14 46, 14.2 46, 14.2 46.2, 14 46.2, 14 46), "
    "(14.1 46.1, 14.15 46.1, 14.1 46.15, 14.1 46.1)), ((14.4 46, 14.5 46.05, 14.4 46.1, 14.4 46)))",
    "southern": "POLYGON ((-60.2 -33.1, -60 -33.1, -59.95 -32.9, -60.2 -33.1))",
    "across the equator": "POLYGON ((36.9 -0.1, 37.1 -0.1, 37 0.12, 36.9 -0.1))",
    "across a zone's border": "POLYGON ((5.8 49.1, 6.3 49.1, 6.3 49.3, 5.8 49.1))",
    "across longitude 180": "179.8,-17,-179.8,-16.8",
}


@pytest.mark.parametrize("text", AREAS.values(), ids=AREAS)
def test_the_area_is_covered_once(text):
    """In the plane of the lattice: the union contains the area to 1e-9, and is as large as the cells together."""
    (area,) = read_areas(text)
    frame = full_tiles(area, "x", 2000)[0].frame
    drawn = reproject(area.geometry, area.crs, frame.crs.to_string())
    union = shapely.union_all(frame.geometry.to_numpy())

    assert drawn.difference(union).area <= 1e-9 * drawn.area
    assert union.area == pytest.approx(len(frame) * 2000**2, rel=1e-12)


@pytest.mark.parametrize("text", AREAS.values(), ids=AREAS)
def test_corners_lie_on_multiples_of_the_size(text):
    """In the UTM zone of the area's middle."""
    (area,) = read_areas(text)
    frame = full_tiles(area, "x", 300)[0].frame

    assert not (shapely.get_coordinates(frame.geometry.to_numpy()) % 300).any()


@pytest.mark.parametrize("noise", [0.0, 4e-9, -4e-9])
def test_a_cell_that_the_area_only_touches_is_none(noise):
    """An area whose sides lie on the lattice has the cells inside, also where a projection leaves noise."""
    area = shapely.box(600000 + noise, 5000000 - noise, 603000 + noise, 5002000 - noise)

    assert len(cut_into_cells(area, 1000).col) == 6


def test_min_overlap_leaves_out_cells_of_which_the_area_is_less():
    """Two and a quarter cells wide: at 0.25 the third column is there, above it is not."""
    (area,) = read_areas("600000,5000000,602250,5001000;EPSG:32632")

    counts = [len(full_tiles(area, "x", 1000, Cover(min_overlap=share))[0].frame) for share in (0, 0.25, 0.26, 1)]

    assert counts == [3, 3, 2, 2]


def test_clipped_cells_end_with_the_area():
    """Their areas add up to it; the squares do not."""
    (area,) = read_areas("600000,5000000,602250,5001000;EPSG:32632")
    frame = full_tiles(area, "x", 1000, Cover(clip=True))[0].frame

    assert frame.geometry.area.tolist() == pytest.approx([1e6, 1e6, 2.5e5])

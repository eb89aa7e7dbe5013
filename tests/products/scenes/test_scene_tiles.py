"""Where tiles lie, and how much of them is seen."""

from __future__ import annotations

import re

import pytest
import shapely
from pyproj import Transformer

from orchestrator.products.scenes.tiles import SIDE, coverage, tile_square


@pytest.mark.parametrize(
    ("tile", "crs", "left", "top"),
    [
        # As MTD_TL.xml of real products says it: ULX, ULY of the grid of 10 m.
        ("31TDH", "EPSG:32631", 399960, 4800000),
        ("56JMM", "EPSG:32756", 399960, 6700000),
        ("46RER", "EPSG:32646", 499980, 3100020),
        ("01KAB", "EPSG:32701", 99960, 8200000),
        ("33TWL", "EPSG:32633", 499980, 5100000),
        ("33TWM", "EPSG:32633", 499980, 5200020),
    ],
)
def test_a_tile_lies_where_its_metadata_says(tile, crs, left, top):
    """North and south of the equator, in odd and even zones."""
    square = tile_square(tile)

    assert (square.crs, square.left, square.top) == (crs, left, top)


@pytest.mark.real
def test_every_real_tile_lies_where_its_metadata_says(data_folder):
    """The same, read from the files."""
    found = 0
    for path in (*data_folder.rglob("MTD_TL.xml"), *data_folder.rglob("granule_metadata.xml")):
        text = path.read_text(encoding="utf-8")
        tile = re.search(r"_T(\d\d[A-Z]{3})_", text)
        corner = re.search(r"<ULX>(-?\d+)</ULX>\s*<ULY>(-?\d+)</ULY>", text)
        square = tile_square(tile[1])
        assert (square.left, square.top) == (int(corner[1]), int(corner[2]))
        found += 1
    assert found >= 6


def degrees(shape, crs):
    back = Transformer.from_crs(crs, "EPSG:4326", always_xy=True)
    return shapely.geometry.mapping(shapely.transform(shape, back.transform, interleaved=False))


@pytest.mark.parametrize("tile", ["33UWQ", "56JMM", "01KAB", "60WWV"])
def test_a_tile_that_is_wholly_seen_is_covered_by_one(tile):
    """Not by 0.996, as where a square of 110 km stands for each; also at longitude 180."""
    square = tile_square(tile)

    assert coverage(degrees(shapely.box(*square.bounds), square.crs), tile) == 1.0


@pytest.mark.parametrize("share", [0.25, 0.5, 0.8])
def test_the_share_is_that_of_the_tiles_own_area(share):
    """A strip of it, and as much of the neighbour, which does not count."""
    square = tile_square("33UWQ")
    strip = shapely.box(square.left - 50_000, square.top - SIDE, square.left + share * SIDE, square.top)

    assert coverage(degrees(strip, square.crs), "33UWQ") == pytest.approx(share, abs=2e-3)


def test_a_live_catalogues_footprint_covers_its_tile():
    """The one of the real index, which its program called 0.996."""
    corners = [
        (14.999722922552591, 49.652722814505665), (14.999728378048822, 48.66503141156509),
        (16.49066964052278, 48.65538534877128), (16.520595653725128, 49.64273706516441),
    ]  # fmt: skip

    assert coverage({"type": "Polygon", "coordinates": [[*corners, corners[0]]]}, "33UWQ") == 1.0

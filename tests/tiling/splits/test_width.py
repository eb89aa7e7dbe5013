"""Bands of equal width: those of the published tool, to the letter."""

from __future__ import annotations

import hashlib
import math
import os
from collections import Counter
from pathlib import Path

import geopandas
import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from split_kit import lattice, tiles_of, with_columns

from orchestrator.app.verbs.grids import lay_grid
from orchestrator.core.errors import UserError
from orchestrator.tiling.neighbours import lay
from orchestrator.tiling.split_options import SplitOptions
from orchestrator.tiling.splits import split_codes, split_tiles

NAMES = ("train", "test", "val")


def independently(lonlat, bands, angle, shares):
    """The published formula, a tile and a width at a time."""
    points = []
    for shape in lonlat:
        west, south, east, north = shape.bounds
        ring = [(west, south), (east, south), (east, north), (west, north), (west, south)]
        points.append((np.mean([x for x, _ in ring]), np.mean([y for _, y in ring])))
    scaled = []
    for axis in (0, 1):
        values = [point[axis] for point in points]
        spread = max(values) - min(values) or 1
        scaled.append([(value - min(values)) / spread for value in values])
    if angle < 0:
        scaled = [[1 - value for value in values] for values in scaled]
    if abs(angle) < math.pi / 4:
        p, q = abs(angle) / (math.pi / 4), 1
    else:
        p, q = (1 if angle > 0 else -1), (math.pi / 2 - abs(angle)) / (math.pi / 4)
    least = min(share for share in shares if share)
    numbers = [round(share / least) for share in shares]
    pattern = [name for name, number in zip(NAMES, numbers, strict=True) for _ in range(number)]
    for width in np.linspace(0.1, 50, 10000):
        band = [int((p * x + q * y) / (width / bands)) for x, y in zip(*scaled, strict=True)]
        if len(set(band)) == bands:
            break
    order = {number: place for place, number in enumerate(sorted(set(band)))}
    return [pattern[order[number] % len(pattern)] for number in band]


def boxes(draw_seed, tiles):
    chance = np.random.default_rng(draw_seed)
    west, south = chance.uniform(-3, 3, (2, tiles))
    size = chance.uniform(0.01, 0.4, (2, tiles))
    shapes = shapely.box(west, south, west + size[0], south + size[1])
    return tiles_of(geopandas.GeoDataFrame(geometry=shapes, crs=4326))


def split_of(tiles, options):
    codes, _ = split_codes(tiles.frame, lay(tiles.frame), options)
    return [options.names[code] for code in codes]


shares = st.sampled_from([(0.7, 0.15, 0.15), (0.5, 0.25, 0.25), (0.8, 0.2, 0.0), (0.6, 0.0, 0.4), (0.5, 0.2, 0.3)])
angles = st.floats(-math.pi / 2, math.pi / 2) | st.sampled_from(
    [0.0, math.pi / 4, -math.pi / 4, math.pi / 2, -math.pi / 2, 0.78, -0.1]
)


@given(st.integers(0, 10**6), st.integers(8, 40), st.integers(8, 12), angles, shares)
@settings(max_examples=25)
def test_each_tile_has_the_split_of_the_published_formula(seed, number, bands, angle, wanted):
    """Whatever the angle, its sign, the shares and the shapes; also where no width gives so many bands."""
    tiles = boxes(seed, number)
    options = SplitOptions(*wanted, bands=bands, radians=angle, balance="width")

    assert split_of(tiles, options) == independently(tiles.frame.geometry, bands, angle, wanted)


@pytest.mark.parametrize("angle", [0, 45, 90, -30, -45, -90])
def test_a_lattice_in_metres_is_split_in_degrees(angle):
    """As the published tool does, which knows degrees alone."""
    tiles = tiles_of(lattice(20, 17))
    lonlat = tiles.frame.geometry.to_crs(4326)
    options = SplitOptions(bands=9, angle=angle, balance="width")

    assert split_of(tiles, options) == independently(lonlat, 9, math.radians(angle), (0.7, 0.15, 0.15))


def test_a_group_takes_the_split_that_most_of_its_tiles_have(tmp_path):
    """Of equal ones that which comes first; the bands stand beside it, in a column of their own."""
    plain = tiles_of(lattice(12, 10))
    chance = np.random.default_rng(3)
    tiles = with_columns(plain, tmp_path, foreignid_communes=[f"c{n}" for n in chance.integers(0, 9, 120)])

    written, report = split_tiles(tiles, SplitOptions(bands=7, balance="width", group_by="communes"))

    frame = written.frame
    assert report.column == "split_communes"
    for name, members in frame.groupby("foreignid_communes"):
        most = Counter(members["split"]).most_common(1)[0][0]  # in order of their coming
        assert set(members["split_communes"]) == {most}, name


def test_too_few_bands_are_told_how_many_there_must_be():
    """0.7, 0.15 and 0.15 are 5, 1 and 1 bands."""
    tiles = tiles_of(lattice())

    with pytest.raises(UserError, match=r"6 bands are too few.*increase --bands to at least 7"):
        split_of(tiles, SplitOptions(bands=6, balance="width"))


PUBLISHED = {  # of the 2,774 tiles: what geetiles 0.1.7 itself writes, sha256 of the splits joined by blanks
    math.pi / 4: ({"train": 2101, "test": 335, "val": 338}, "e22be40bb83ca961"),
    math.pi / 2: ({"train": 2120, "test": 369, "val": 285}, "2308c609434f1313"),
    0.3: ({"train": 2033, "test": 364, "val": 377}, "4898ddbf159a85bb"),
    -0.5: ({"train": 2061, "test": 356, "val": 357}, "d2cbd628a7a436de"),
    -1.2: ({"train": 2211, "test": 285, "val": 278}, "19d7c683f51d5ff6"),
}


@pytest.fixture(scope="module")
def luxembourg():
    """The published grid of Luxembourg at a kilometre, where the area is at hand."""
    beside = Path(__file__).parents[3].parent / "shared" / "data"
    path = Path(os.environ.get("ORCHESTRATOR_TEST_DATA", beside)) / "aoi" / "luxembourg.wkt"
    if not path.is_file():
        pytest.skip("the folder of real areas is absent; set ORCHESTRATOR_TEST_DATA")
    return lay_grid({"source": str(path)}, 1000, name="lux", cover="legacy").tiles


@pytest.mark.real
@pytest.mark.parametrize("angle", PUBLISHED)
def test_luxembourg_is_split_as_the_published_tool_splits_it(luxembourg, angle):
    """Tile for tile, in twelve bands."""
    splits = split_of(luxembourg, SplitOptions(bands=12, radians=angle, balance="width"))

    numbers, digest = PUBLISHED[angle]
    assert dict(Counter(splits)) == numbers
    assert hashlib.sha256(" ".join(splits).encode()).hexdigest()[:16] == digest

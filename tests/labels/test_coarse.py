"""Class shares that tiles have from coarser ones."""

from __future__ import annotations

import geopandas
import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from labels_kit import EAST, NORTH, made_tiles, row_of_squares

import orchestrator as orc
from orchestrator.core.errors import IntegrityError, UserError
from orchestrator.faces.cli.main import run_cli
from orchestrator.tiling.coarse import coarse_shares
from orchestrator.tiling.file import read_tiles, rewrite_tiles


def with_shares(tiles, shares, dataset="lc"):
    values = np.empty(len(shares), object)
    values[:] = shares
    return rewrite_tiles(tiles, tiles.frame.assign(**{f"{dataset}_proportions": values}))


def test_a_tile_has_the_mean_of_the_coarser_ones_by_the_area_it_shares(tmp_path):
    """Three quarters in one, a quarter in the other; a class that one lacks is 0 there."""
    fine = made_tiles(tmp_path, row_of_squares(2))
    coarse = made_tiles(
        tmp_path,
        [
            shapely.box(west, NORTH - 500, east, NORTH)
            for west, east in [(EAST - 500, EAST + 75), (EAST + 75, EAST + 900)]
        ],
        tiles="communes",
    )
    with_shares(coarse, [{"10": 1.0}, {"10": 0.2, "20": 0.8}])

    code = run_cli(["labels", "from", str(fine.path), "--coarse", str(coarse.path), "--dataset", "lc"])

    found = read_tiles(fine.path).frame
    first, second = found["lc_proportions_at_communes"]
    assert code == 0
    assert first == pytest.approx({"10": 0.75 + 0.25 * 0.2, "20": 0.25 * 0.8}, abs=1e-12)
    assert second == pytest.approx({"10": 0.2, "20": 0.8}, abs=1e-12)
    assert found["foreignid_communes"].tolist() == coarse.frame["identifier"].tolist()


def test_a_tile_in_no_coarser_one_has_none(tmp_path):
    """It is listed; so is one whose coarser tile has no shares, which has no weight where others have some."""
    fine = made_tiles(tmp_path, row_of_squares(3))
    halves = [shapely.box(EAST, NORTH - 100, EAST + 60, NORTH), shapely.box(EAST + 60, NORTH - 90, EAST + 190, NORTH)]
    coarse = with_shares(made_tiles(tmp_path, halves, tiles="communes"), [{"1": 1.0}, None])

    report = orc.labels.coarse(fine.path, coarse, "lc")

    assert list(report.tiles.frame["lc_proportions_at_communes"]) == [{"1": 1.0}, None, None]
    assert report.empty == tuple(fine.frame["identifier"][1:])


@given(st.integers(0, 2**32 - 1))
@settings(max_examples=25)
def test_shares_stay_whole_and_true_whatever_the_shapes(seed):
    """Against areas that shapely alone intersects, pair by pair; in one plane, coarser tiles cover or not."""
    rng = np.random.default_rng(seed)
    middles = rng.uniform(0, 5000, (9, 2)) + np.array([EAST, NORTH])
    coarse = shapely.get_parts(shapely.voronoi_polygons(shapely.multipoints(middles)))[:8]
    places = rng.uniform(-1000, 6000, (6, 2)) + np.array([EAST, NORTH])
    fine = [shapely.Point(xy).buffer(rng.uniform(50, 900)) for xy in places]
    shares = [dict(zip("abc", rng.dirichlet((1, 1, 1)), strict=True)) for _ in coarse]
    frames = [geopandas.GeoDataFrame(geometry=list(each), crs="EPSG:32632") for each in (fine, coarse)]

    found = coarse_shares(*frames, shares)

    for tile, one in zip(fine, found, strict=True):
        areas = np.array([tile.intersection(other).area for other in coarse])
        if areas.sum() == 0:
            assert one is None
        else:
            means = {word: areas @ [each[word] for each in shares] / areas.sum() for word in "abc"}
            assert one == pytest.approx(means, abs=1e-6)
            assert sum(one.values()) == pytest.approx(1, abs=1e-12)


def published(fine, coarse, shares):
    """Section by section what geetiles 0.1.7 computes: square degrees, all that intersect, pair by pair."""
    found = []
    for tile in fine:
        met = [number for number, other in enumerate(coarse) if other.intersects(tile)]
        areas = np.array([tile.intersection(coarse[number]).area for number in met])
        weights = areas / areas.sum()
        words = {word for number in met for word in shares[number]}
        found.append(
            {word: sum(w * shares[n].get(word, 0.0) for w, n in zip(weights, met, strict=True)) for word in words}
        )
    return found


@given(st.integers(0, 2**32 - 1))
@settings(max_examples=15)
def test_the_published_rule_weighs_by_square_degrees(seed):
    """The same dictionaries to 1e-12, with the classes of what only touches."""
    rng = np.random.default_rng(seed)
    coarse = [shapely.box(6 + x, 49 + y, 7 + x, 50 + y) for x in range(3) for y in range(3)]
    corners = rng.integers(0, 4, (5, 2)) / 2
    fine = [shapely.box(6 + x, 49 + y, 6.5 + x, 49.5 + y) for x, y in corners] + [shapely.box(6.3, 49.2, 7.9, 51.7)]
    shares = [{str(n): 0.25, "x": 0.75} for n in range(9)]
    frames = [geopandas.GeoDataFrame(geometry=each, crs="EPSG:4326") for each in (fine, coarse)]

    found = coarse_shares(*frames, shares, published=True)

    for one, expected in zip(found, published(fine, coarse, shares), strict=True):
        assert one == pytest.approx(expected, abs=1e-12)


def test_coarser_tiles_may_be_in_degrees(tmp_path):
    """A file of each kind: the CRS of either is its own."""
    fine = made_tiles(tmp_path, row_of_squares(1, 1000.0))
    box = geopandas.GeoSeries([fine.frame.geometry[0].buffer(500)], crs="EPSG:32632").to_crs("EPSG:4326")
    coarse = with_shares(made_tiles(tmp_path, box, crs="EPSG:4326", suffix=".geojson", tiles="5k"), [{"7": 1.0}])

    report = orc.labels.coarse(fine, coarse, "lc", flat=True)

    assert list(report.tiles.frame["lc_proportions_at_5k"]) == [{"7": 1.0}]
    assert report.tiles.frame["lc_at_5k_7"].tolist() == [1.0]


def test_coarser_tiles_without_the_dataset_are_refused(tmp_path):
    """With the datasets that were counted there."""
    fine, coarse = made_tiles(tmp_path, row_of_squares(1)), made_tiles(tmp_path, row_of_squares(1, 500.0), tiles="5k")
    with_shares(coarse, [{"1": 1.0}], dataset="esa-world-cover")
    before = fine.path.read_bytes()

    with pytest.raises(UserError, match="did you mean 'esa-world-cover'"):
        orc.labels.coarse(fine, coarse, "esa-worldcover")

    assert fine.path.read_bytes() == before


def test_shares_that_do_not_add_up_are_refused(tmp_path):
    fine, coarse = made_tiles(tmp_path, row_of_squares(1)), made_tiles(tmp_path, row_of_squares(1, 500.0), tiles="5k")
    with_shares(coarse, [{"1": 0.5, "2": 0.4}])

    with pytest.raises(IntegrityError, match=r"add up to 0\.9 instead of 1"):
        orc.labels.coarse(fine, coarse, "lc")

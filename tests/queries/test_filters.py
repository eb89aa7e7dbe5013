"""Conditions on scenes, and questions that nobody can be asked."""

from __future__ import annotations

from datetime import date

import pytest
import shapely
from placed_world import BOX

from orchestrator.core.errors import UserError
from orchestrator.model.scene import PropertyFilter, SceneQuery
from orchestrator.queries.catalogue import CATALOGUE, find_source
from orchestrator.queries.search import search

JUNE = (date(2024, 6, 1), date(2024, 7, 1))


@pytest.mark.parametrize(
    ("text", "fitting"),
    [
        ("MGRS_TILE == 33TWM", "ac"),
        ("MGRS_TILE==33TWM", "ac"),
        ("MGRS_TILE != 33TWM", "b"),
        ("MGRS_TILE in 33TWL, 33TXX", "b"),
        ("SUN < 20", "a"),
        ("SUN <= 20", "ab"),
        ("SUN > 20.5", "c"),
        ("SUN >= 20", "bc"),
        ("NUMBER == '7'", "a"),
        ("NUMBER == 7", "b"),
        ("MODES has VH", "c"),
    ],
)
def test_a_condition_selects_the_scenes_that_fulfil_it(catalogue, engine, text, fitting):
    """By the service, of three."""
    catalogue.put("a", "2024-06-01T10:00:00", MGRS_TILE="33TWM", SUN=10, NUMBER="7", MODES=["VV"])
    catalogue.put("b", "2024-06-02T10:00:00", MGRS_TILE="33TWL", SUN=20, NUMBER=7, MODES=["HH"])
    catalogue.put("c", "2024-06-03T10:00:00", MGRS_TILE="33TWM", SUN=30, NUMBER=8, MODES=["VV", "VH"])

    found = search(SceneQuery("s2-l2a", *JUNE, shapely.box(*BOX).wkb, filters=(text,)), engine, lambda _: None)

    assert "".join(one.row.index for one in found.scenes) == fitting


@pytest.mark.parametrize(
    "text", ["", "MGRS_TILE", "MGRS_TILE = 33TWM", "== 3", "A <", "A == == 3", "A in ,", "A B == 3"]
)
def test_a_filter_that_is_none_is_refused_by_its_name(text):
    """In one line that shows how one looks."""
    with pytest.raises(UserError, match=r"is not understood; write KEY OPERATOR VALUE|names no value"):
        PropertyFilter.of(text)


@pytest.mark.parametrize(
    ("asked", "sentence"),
    [
        pytest.param({"collection": "s2-l3"}, "'s2-l3' is unknown; did you mean 's2-l2a'", id="a misspelt name"),
        pytest.param({"collection": "s1", "max_cloud": 20}, "s1 has no cloud cover", id="radar and clouds"),
        pytest.param({"end": date(2024, 6, 1)}, "reversed or empty: 2024-06-01 to 2024-06-01", id="no day"),
        pytest.param({"max_cloud": 101}, "cloud cover is 101; give per cent", id="too much cloud"),
        pytest.param({"filters": ("x",)}, "the filter 'x' is not understood", id="no filter"),
        pytest.param({"collection": "landsat", "s2cloudless": True}, "landsat has no s2cloudless", id="no s2cloudless"),
    ],
)
def test_a_question_that_cannot_be_asked_is_refused_before_anybody_is(asked, sentence):
    """Nobody signs in."""
    given = {"collection": "s2-l2a", "start": JUNE[0], "end": JUNE[1], "area_wkb": shapely.box(*BOX).wkb} | asked
    cloudless = given.pop("s2cloudless", False)

    def nobody():
        raise AssertionError

    with pytest.raises(UserError, match=sentence):
        search(SceneQuery(**given), nobody, lambda _: None, s2cloudless=cloudless)


def test_an_id_of_a_catalogued_collection_has_its_words():
    """Its titles and clouds, and only itself: no other tier, no condition."""
    source = find_source("LANDSAT/LC08/C02/T2_L2")

    assert (source.collections, source.cloud, source.band) == (("LANDSAT/LC08/C02/T2_L2",), "CLOUD_COVER", "")
    assert find_source("COPERNICUS/S1_GRD").conditions == ()


def test_every_landsat_is_asked_in_both_tiers():
    """Each of them, at the top of the atmosphere and at the ground."""
    names = [name for name in CATALOGUE if name.startswith("landsat")]

    assert len(names) == 12
    for name in names:
        tiers = [one.split("/")[-1].split("_")[0] for one in CATALOGUE[name].collections]
        assert tiers == ["T1", "T2"] * (len(tiers) // 2)

"""Every scene once, however the service cuts its answers into pages."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from datetime import date
from functools import partial

import pytest
import shapely
from placed_world import BOX

from orchestrator.clients.scenes import SceneClient
from orchestrator.core.errors import IntegrityError, PermanentError, TransientError
from orchestrator.model.scene import SceneQuery
from orchestrator.queries.search import search

QUERY = SceneQuery("s2-l2a", date(2024, 6, 1), date(2024, 7, 1), shapely.box(*BOX).wkb, unique=False)


def page(features, token):
    return json.dumps({"type": "FeatureCollection", "features": features} | ({"nextPageToken": token} if token else {}))


def unheard(_what):
    pass


@pytest.fixture
def found(engine):
    """`found(query)` returns the indices of scenes."""
    return lambda query=QUERY, say=unheard: [one.row.index for one in search(query, engine, say).scenes]


def test_more_scenes_than_are_listed_in_one_piece_are_all_found(catalogue, found):
    """The sandbox refuses lists above 5,000, as the service does, and gives pages of 1,000 at most."""
    for number in range(5_100):
        catalogue.put(f"s{number:04d}", f"2024-06-{1 + number % 28:02d}T10:00:00")

    assert sorted(found()) == [f"s{number:04d}" for number in range(5_100)]


def test_thousands_of_years_are_cut_with_few_counts_each_of_which_is_said(catalogue, engine, monkeypatch):
    """All scenes lie in one month of 9,998 years; each count looks at a quarter of the period before it."""
    monkeypatch.setattr("orchestrator.queries.search.SceneClient", partial(SceneClient, most=20))
    for number in range(24):
        catalogue.put(f"s{number:04d}", f"2024-06-{1 + number:02d}T10:00:00")
    told = []

    found = search(replace(QUERY, start=date(1, 1, 1), end=date(9999, 12, 31)), engine, told.append)

    assert len(found.scenes) == 24
    assert told[0] == "counting COPERNICUS/S2_SR_HARMONIZED"
    counts = [what for what in told if what.startswith("counting")]
    assert 1 < len(counts) <= 2 + math.log(9998 * 365 / 24, 4)


def test_scenes_of_one_time_are_ordered_by_their_ids(catalogue, found):
    """And before them by time."""
    for index, time in (("b", "2024-06-02T10:00:00"), ("c", "2024-06-01T10:00:00"), ("a", "2024-06-02T10:00:00")):
        catalogue.put(index, time)

    assert found() == ["c", "a", "b"]


def test_more_scenes_of_one_moment_than_can_be_listed_are_refused_with_both_numbers(catalogue, engine, monkeypatch):
    """Time cannot cut them; a limit of 2 stands for one of 4,999."""
    monkeypatch.setattr("orchestrator.queries.search.SceneClient", partial(SceneClient, most=2))
    for index in "abc":
        catalogue.put(index)

    with pytest.raises(PermanentError, match="3 scenes of one moment, and no more than 2"):
        search(QUERY, engine, unheard)


def test_an_empty_page_with_a_token_is_no_end(catalogue, found, order):
    """The page after it has the scenes."""
    catalogue.put("one")
    order(status=200, body=page([], "0"))

    assert found() == ["one"]


def test_a_page_that_is_missing_is_noticed_by_the_count(catalogue, found, order):
    """Both numbers are named, and nothing is returned."""
    catalogue.put("one")
    order(status=200, body=page([], ""))

    with pytest.raises(IntegrityError, match="held 0 scenes, and there are 1"):
        found()


def test_a_scene_that_comes_twice_is_noticed(catalogue, found, order):
    """Each page is the first again; it is not read to its end, which does not come."""
    catalogue.put("one")
    scene = {"index": "one", "time": 1, "grid": {"crs": "EPSG:32633", "transform": [10, 0, 0, 0, -10, 0]}}
    order(status=200, count=None, body=page([{"type": "Feature", "geometry": None, "properties": scene}], "again"))

    with pytest.raises(IntegrityError, match="held 2 scenes, only 1 of them different, and there are 1"):
        found()


def test_pages_that_go_round_in_circles_are_noticed(catalogue, found, order):
    """Empty ones, of which each names the same next one."""
    catalogue.put("one")
    order(status=200, count=None, body=page([], "again"))

    with pytest.raises(TransientError, match="go round in circles"):
        found()


def test_a_collection_that_changes_while_it_is_read_is_read_again_and_it_is_said(catalogue, engine):
    """A scene appears between the count and the pages."""
    catalogue.put("one")
    late = iter(["two"])

    found = search(QUERY, engine, lambda what: what.startswith("reading") and [catalogue.put(index) for index in late])

    assert [one.row.index for one in found.scenes] == ["one", "two"]
    assert found.notes == (
        "COPERNICUS/S2_SR_HARMONIZED changed while it was read, from 1 to 2 scenes; it was read again",
    )

"""From a declaration to a plan: names of several outputs, dates, disk, and what is said of them."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import date
from types import SimpleNamespace
from unittest.mock import Mock

import pytest

from orchestrator.app import expand
from orchestrator.core.errors import AreaError, PlanError, RecipeError
from orchestrator.model.job import AreaSource, GridRequest, Job
from orchestrator.plan import declared as reading
from orchestrator.plan.aoi import read_areas
from orchestrator.products.context import ProductContext
from orchestrator.products.mosaic.settle import local_plan
from orchestrator.recipes.registry import find_recipe
from orchestrator.routes.limits import GOOGLE

TODAY = date(2026, 11, 25)


@pytest.fixture
def job(tmp_path):
    """A small job of Google's, with dates in the middle of the collection's life."""
    return Job(
        "small",
        str(tmp_path / "out"),
        AreaSource("14,46,14.1,46.1"),
        "2024-05-01",
        "2024-06-01",
        bands=("B2",),
        grid=GridRequest(scale=100),
    )


def planned(job, limits=None, **changes):
    context = ProductContext(
        imagery=SimpleNamespace(connect=lambda: pytest.fail("a service was asked")),
        recipe=find_recipe,
        today=lambda: TODAY,
        say=lambda _: None,
        direct_limits=limits,
        **changes,
    )
    return local_plan(job, context)


WIDE = {"bands": tuple(f"b{i}" for i in range(100)), "recipe": "image-code", "grid": GridRequest(scale=10)}


@pytest.mark.parametrize("name", ["pixels", "auto"])
def test_what_no_exported_part_could_hold_is_asked_for_directly(job, tmp_path, name):
    """A block of 100 bands of float64 is more than a part may be; a request is bounded by its own bytes alone."""
    code = tmp_path / "image.py"
    code.write_text("def get_ee_image(): ...")
    wide = replace(job, **WIDE, params={"file": str(code), "dtype": "float64"}, route=name)

    plan = planned(wide, GOOGLE).plan

    assert plan.tasks == ()
    assert plan.direct
    assert all(window.pixels * 100 * 9 <= GOOGLE.most for window in plan.direct)


def test_what_no_part_can_hold_is_not_exported(job, tmp_path):
    """Where parts are all there is, the plan is refused with the number that would do."""
    code = tmp_path / "image.py"
    code.write_text("def get_ee_image(): ...")

    with pytest.raises(PlanError, match="a part of one block"):
        planned(replace(job, **WIDE, params={"file": str(code), "dtype": "float64"}, route="gcs"), GOOGLE)


def areas(tmp_path, *names):
    """Write a file with one small square for each name; return its path."""
    squares = [[[x, 46], [x + 0.05, 46], [x + 0.05, 46.05], [x, 46.05], [x, 46]] for x in range(10, 10 + len(names))]
    features = [
        {"type": "Feature", "properties": {"city": name}, "geometry": {"type": "Polygon", "coordinates": [ring]}}
        for name, ring in zip(names, squares, strict=True)
    ]
    path = tmp_path / "cities.geojson"
    path.write_text(json.dumps({"type": "FeatureCollection", "features": features}))
    return str(path)


def test_one_long_name_refuses_no_other(job, tmp_path):
    """It is cut, and ends in digits of its own; each job finds its area again."""
    long = "Llanfairpwllgwyngyll" * 6
    source = areas(tmp_path, "Rome", long, long + "!")

    jobs = expand(replace(job, area=AreaSource(source, each="city")))

    names = [one.base_name for one in jobs]
    assert names[0] == "small_Rome"
    assert len(set(names)) == 3
    assert max(len(name) for name in names) <= 80
    assert [planned(one).area.value for one in jobs] == ["Rome", long, long + "!"]


def test_a_long_name_leaves_room_for_the_date(job, tmp_path):
    """`{date}` grows when it is put in."""
    source = areas(tmp_path, "x" * 90)

    (one,) = expand(replace(job, base_name="nightly_{date}", area=AreaSource(source, each="city")))

    assert len(one.dated(TODAY).base_name) <= 80


def test_a_value_is_kept_beside_its_name(job, tmp_path):
    """The area knows it, and the plan's notes say it."""
    source = areas(tmp_path, "São Paulo")

    (one,) = expand(replace(job, area=AreaSource(source, each="city")))

    local = planned(one)
    assert one.base_name == "small_Sao_Paulo"
    assert local.area.value == "São Paulo"
    assert any("'São Paulo' is called Sao_Paulo" in note for note in local.plan.notes)


def test_a_piece_named_by_an_earlier_version_is_found(job, tmp_path):
    """A run that was declared before names got digits goes on."""
    source = areas(tmp_path, "北京", "上海")
    declared = replace(job, area=AreaSource(source, each="city", piece="area-2"))

    assert planned(declared).area.value == "上海"


def test_an_area_is_read_once_until_its_file_is_another(job, tmp_path, monkeypatch):
    """Declared and planned, the same file is read once; written anew under the same name, it is read again."""
    source = areas(tmp_path, "Rome")
    read = Mock(side_effect=read_areas)
    monkeypatch.setattr(reading, "read_areas", read)

    (one,) = expand(replace(job, area=AreaSource(source, each="city")))
    planned(one)
    reads = read.call_count
    areas(tmp_path, "Oslo")
    (other,) = expand(replace(job, area=AreaSource(source, each="city")))

    assert (reads, read.call_count) == (1, 2)
    assert other.area.piece == "Oslo"


def test_a_piece_that_is_gone_is_refused(job, tmp_path):
    """The file has changed since."""
    declared = replace(job, area=AreaSource(areas(tmp_path, "Rome"), each="city", piece="Paris"))

    with pytest.raises(AreaError, match="has changed since"):
        planned(declared)


@pytest.mark.parametrize(
    ("start", "end", "found"),
    [
        pytest.param("2014-05-01", "2014-06-01", "begins on 2017-03-28", id="before the collection"),
        pytest.param("2017-03-01", "2017-03-28", "begins on 2017-03-28", id="up to its first day"),
        pytest.param("2204-05-01", "2204-06-01", "today is 2026-11-25", id="in the future"),
    ],
)
def test_dates_that_can_hold_no_scene_are_refused_for_google_and_said_for_a_sandbox(job, start, end, found):
    """One line with the days; whoever has scenes of their own knows better."""
    dated = replace(job, start_date=start, end_date=end)

    with pytest.raises(RecipeError, match=found):
        planned(dated)
    assert any(found in note for note in planned(replace(dated, service="sandbox")).notes)


@pytest.mark.parametrize(
    ("start", "end", "found"),
    [
        pytest.param("2017-01-01", "2017-06-01", "begins on 2017-03-28", id="begins too early"),
        pytest.param("2026-11-01", "2027-01-01", "what is not taken yet", id="ends too late"),
        pytest.param("2017-05-01", "2017-06-01", "whole Earth before 2019", id="not global yet"),
    ],
)
def test_dates_that_reach_beyond_the_scenes_are_said(job, start, end, found):
    """The run may be right all the same."""
    assert any(found in note for note in planned(replace(job, start_date=start, end_date=end)).notes)


def test_ordinary_dates_are_not_spoken_of(job):
    """Up to today and including it."""
    assert planned(replace(job, start_date="2026-10-01", end_date="2026-11-26")).remarks == ()


@pytest.mark.parametrize(
    ("free", "found"),
    [
        pytest.param(1000, "`run` will refuse", id="no room"),
        pytest.param(100_000, "may have to wait", id="little room"),
    ],
)
def test_a_result_that_does_not_fit_the_disk_is_said(job, free, found):
    """With what is free and what is needed; the plan itself is the same."""
    local = planned(job, free_bytes=lambda _: free)

    assert any(found in note and "free" in note for note in local.notes)
    assert not any("free" in note for note in local.plan.notes)


def test_only_a_recipe_whose_pixels_know_no_dates_goes_without(job):
    """Two empty dates are no way to ask for everything."""
    with pytest.raises(RecipeError, match="needs dates"):
        planned(replace(job, start_date="", end_date=""))

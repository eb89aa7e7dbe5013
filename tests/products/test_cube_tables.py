"""Tables of scenes as people hand them over: with gaps, with words where numbers belong, and broken ones."""

from __future__ import annotations

import datetime as dt

import pytest
from pydantic import ValidationError

from orchestrator.core.errors import UserError
from orchestrator.faces.cli.main import run_cli
from orchestrator.model.job import AreaSource, Job
from orchestrator.products.cube.keys import CubeKeys
from orchestrator.products.cube.moments import grouped
from orchestrator.products.cube.scenes import read_rows, rows_of, scenes_of, scenes_of_rows

pandas = pytest.importorskip("pandas")

NOON, DAY = 1_714_817_272_639, 86_400_000  # 2024-05-04T10:07:52 UTC
GAPS = [float("nan"), pandas.NaT, pandas.NA, None, "", "nan"]


def row(**given):
    """A scene of 4 May 2024."""
    return {"gee_id": "C/x", "system:time_start": NOON, "satellite": "S2A", "solarday": "2024-05-04"} | given


@pytest.mark.parametrize("gap", GAPS, ids=repr)
def test_without_a_solar_day_it_follows_from_the_time(gap):
    """Scenes of two days stay two dates."""
    rows = [row(gee_id=f"C/{number}", **{"system:time_start": NOON + number * DAY}, solarday=gap) for number in (0, 1)]

    scenes = scenes_of_rows(rows, "table")

    assert [scene.solar_day for scene in scenes] == ["2024-05-04", "2024-05-05"]
    assert len(grouped(scenes, "first")) == 2


@pytest.mark.parametrize(
    ("west", "day"), [(177.0, "2024-05-05"), (-3.0, "2024-05-04"), (-179.0, "2024-05-03")], ids=["east", "0", "west"]
)
def test_the_day_is_that_at_the_footprints_longitude(west, day):
    """UTC and four minutes for each degree: 13:00 is the next day at 178° east; 11:00 the day before at 178° west."""
    at = dt.datetime(2024, 5, 4, 11 if west < 0 else 13, tzinfo=dt.UTC)
    place = f"POLYGON (({west} 0, {west + 2} 0, {west + 2} 1, {west} 1, {west} 0))"

    (scene,) = scenes_of_rows(
        [row(**{"system:time_start": at.timestamp() * 1000}, solarday="", geometry=place)], "table"
    )

    assert scene.solar_day == day


def test_days_may_be_dates_and_times():
    """As pandas reads them."""
    days = [pandas.Timestamp("2024-05-04"), dt.date(2024, 5, 4), "2024-05-04T00:00:00"]

    assert {one.solar_day for one in scenes_of_rows([row(solarday=day) for day in days], "table")} == {"2024-05-04"}


@pytest.mark.parametrize(
    ("given", "told"),
    [
        *[pytest.param({"gee_id": gap, "collection_name": "C"}, "there is no `gee_id`", id=repr(gap)) for gap in GAPS],
        ({"system:time_start": "notatime"}, "system:time_start is 'notatime'"),
        ({"system:time_start": float("inf")}, "system:time_start is 'inf'"),
        ({"system:time_start": 1e300}, "system:time_start is '1e+300'"),
        ({"system:time_start": pandas.NaT}, "neither `system:time_start` nor"),
        ({"cloud_cover": "abc"}, "cloud_cover is 'abc'; give a number"),
        ({"overlappercentage": "abc"}, "overlappercentage is 'abc'; give a number"),
        ({"solarday": "May"}, "solarday is 'May'; give a day such as 2024-05-04"),
    ],
)
def test_a_row_that_cannot_be_is_told_with_its_place(given, told):
    """In one line: file, row, column, value."""
    with pytest.raises(UserError, match=f"^table.csv, row 2: .*{told.replace('+', '.')}") as caught:
        scenes_of_rows([row(), row(**given)], "table.csv")

    assert "\n" not in str(caught.value)


def test_a_column_of_words_may_hold_times():
    """One bad row makes pandas read all as texts; the others are still numbers."""
    assert scenes_of_rows([row(**{"system:time_start": str(NOON)})], "table")[0].time_ms == NOON


def test_a_broken_file_is_told_in_a_line(tmp_path):
    """Of each kind."""
    for name in ("a.geojson", "a.parquet", "a.csv"):
        (tmp_path / name).write_bytes(b"\x00{ broken")

    for name in ("a.geojson", "a.parquet"):
        with pytest.raises(UserError, match=f"{name} cannot be read: ") as caught:
            read_rows(tmp_path / name)
        assert "\n" not in str(caught.value)
    with pytest.raises(UserError, match=r"row 1: there is no `gee_id`|cannot be read"):
        scenes_of_rows(read_rows(tmp_path / "a.csv") or [{}], "a.csv")


def test_a_folder_of_real_scenes_is_told_from_a_table(tmp_path, capsys):
    """`--scenes` is another option of `cube` than of `run`."""
    code = run_cli(["cube", "--sandbox", "--scenes", str(tmp_path), "--area", "15,46,15.1,46.1", "--bands", "B4"])

    assert code == 2
    assert "is a folder; give a table that `orchestrator query -o` wrote" in " ".join(capsys.readouterr().err.split())


def test_clouds_are_a_choice_among_a_table_too(tmp_path):
    """By its column; a scene that does not tell its clouds does not fulfil the condition, as in a query."""
    rows = [row(gee_id="C/clear", cloud_cover=3), row(gee_id="C/cloudy", cloud_cover=60), row(gee_id="C/unknown")]
    path = tmp_path / "t.csv"
    pandas.DataFrame(rows).to_csv(path, index=False)
    keys = CubeKeys(scenes=str(path), max_cloud=20).model_dump(exclude_defaults=True)
    job = Job("a", "/nowhere", AreaSource("0,0,1,1"), "", "", recipe="", product="cube", keys=keys)

    assert [scene.asset for scene in scenes_of(job, None, None)] == ["C/clear"]
    assert len(scenes_of_rows(rows_of(pandas.DataFrame(rows)), "t")) == 3


def test_a_filter_on_a_table_is_refused_in_the_words_of_both():
    """It is Earth Engine that applies filters."""
    with pytest.raises(ValidationError, match=r"choose rows of the table, or give --collection"):
        CubeKeys(scenes="t.csv", filter=("A == 1",))

"""A job: its dates, its name, its frozen snapshot."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest

from orchestrator.config import JobTable
from orchestrator.core.errors import UserError
from orchestrator.model.job import AreaSource, GridRequest, Job

JOB = Job(
    "a",
    "/out",
    AreaSource("x.gpkg"),
    "2024-05-01",
    "2024-06-01",
    grid=GridRequest(10, "EPSG:32633", (10, 0, 0, 0, -10, 0)),
)
TODAY = date(2024, 6, 1)


def test_a_snapshot_reads_back_equal():
    """What a run keeps is the whole declaration."""
    job = replace(JOB, params={"dtype": "uint16"}, bands=("B2",))

    assert Job.from_json(job.to_json()) == job
    assert job.fingerprint() != JOB.fingerprint()


def test_relative_dates_count_from_the_logical_date():
    """A nightly job moves with its date."""
    job = replace(JOB, start_date="today-30d", end_date="today", base_name="a_{date}")

    dated = job.dated(TODAY)

    assert (dated.start_date, dated.end_date, dated.base_name) == ("2024-05-02", "2024-06-01", "a_2024-06-01")


@pytest.mark.parametrize(
    ("start", "end", "named"),
    [
        pytest.param("2024-06-01", "2024-05-01", "not before", id="reversed"),
        pytest.param("2024-06-01", "2024-06-01", "not before", id="empty"),
        pytest.param("2024-13-01", "2024-06-01", "2024-13-01", id="no month 13"),
        pytest.param("yesterday", "2024-06-01", "yesterday", id="a word"),
    ],
)
def test_impossible_dates_are_refused(start, end, named):
    """The message names the date and how to write one."""
    with pytest.raises(UserError, match=named):
        replace(JOB, start_date=start, end_date=end).dates(TODAY)


@pytest.mark.parametrize("name", ["", "../x", "a/b", "a\0b", "a\r\nb", "x" * 300, "é", ".hidden", "-rf", "a b", "CON:"])
def test_hostile_names_are_refused(name):
    """A base name is one plain file name on every system, or nothing."""
    with pytest.raises(UserError, match="base name"):
        replace(JOB, base_name=name)


WKT = "POLYGON((" + ", ".join(f"{14 + number / 1000} 46" for number in range(200)) + ", 14 47, 14 46))"


@pytest.mark.parametrize("source", ["13,45,14,46", WKT, "~nobody/a.gpkg", "a\0b.gpkg", "absent.gpkg", ""])
def test_an_area_that_is_no_file_stays_as_it_was_typed(tmp_path, source):
    """A box, a long WKT, the home folder of nobody: whoever reads areas will say what is wrong, if anything."""
    table = JobTable(area=source, output="out", base_name="a", start_date="2024-05-01", end_date="2024-06-01")

    assert table.job(tmp_path, "google").area.source == source


@pytest.mark.parametrize("name", ["a.gpkg", "~nobody.gpkg", "~", "semi;colon.gpkg"])
def test_an_area_that_is_a_file_becomes_its_whole_path(tmp_path, name):
    """So that a run can be continued from any folder, whatever the file is called."""
    (tmp_path / name).write_bytes(b"")
    table = JobTable(area=name, output="out", base_name="a", start_date="2024-05-01", end_date="2024-06-01")

    assert table.job(tmp_path, "google").area.source == str(tmp_path / name)

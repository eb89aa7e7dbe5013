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


def test_what_is_accepted_is_no_part_of_what_is_made():
    """The same command with another wish for valid pixels is the same job, so that it continues what was held."""
    job = replace(JOB, min_valid=0.9)

    assert Job.from_json(job.to_json()).min_valid == 0.9
    assert job.fingerprints() == JOB.fingerprints()
    assert job.declaration() == JOB.declaration()


@pytest.mark.parametrize("share", [-0.1, 1.01, float("nan")])
def test_a_share_is_from_0_to_1(share):
    """Anything else is refused with its value."""
    with pytest.raises(UserError, match=f"min_valid is {share:g}"):
        replace(JOB, min_valid=share)


def test_percent_are_refused_with_the_share_they_mean():
    """90 is typed for 0.9."""
    with pytest.raises(UserError, match=r"write 0.9 for 90 %"):
        replace(JOB, min_valid=90)


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

"""A job: its dates, its name, its frozen snapshot."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from orchestrator.config import JobTable, read_job
from orchestrator.core.errors import UserError
from orchestrator.model.job import AreaSource, GridRequest, Job
from orchestrator.model.mosaic import OutputOptions

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
    """The same command with another wish for valid pixels or an audit is the same job: it continues what was held."""
    job = replace(JOB, min_valid=0.9, audit=50)

    assert (Job.from_json(job.to_json()).min_valid, Job.from_json(job.to_json()).audit) == (0.9, 50)
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


@pytest.mark.parametrize("windows", [-1, 10_001])
def test_an_audit_is_of_a_number_of_windows(windows):
    """Anything else is refused with its value."""
    with pytest.raises(UserError, match=f"audit is {windows}; .* from 0 for none to 10,000"):
        replace(JOB, audit=windows)


def test_a_job_without_an_audit_is_stored_as_it_always_was():
    """Snapshots and proofs of jobs that do not use it have no such key."""
    assert "audit" not in json.loads(JOB.to_json())


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


GOOD = {
    "area": "0,0,1,1", "output": "o", "base_name": "n", "start_date": "2024-01-01", "end_date": "2024-02-01",
}  # fmt: skip


@pytest.mark.parametrize(
    "tables",
    [
        pytest.param({"mosaic": {"compress": "zstd", "block": 256}}, id="its table"),
        pytest.param({"write": {"compress": "zstd", "block": 256}}, id="the table's earlier name"),
        pytest.param({"write": {"block": 256}, "mosaic": {"compress": "zstd", "block": 256}}, id="both, which agree"),
        pytest.param({"product": "mosaic", "mosaic": {"compress": "zstd", "block": 256}}, id="the product named"),
    ],
)
def test_the_keys_of_a_mosaic_are_one_value_wherever_they_are_written(tables):
    """`[write]` means what it always meant, and so does a job that names no product."""
    job = JobTable.model_validate(GOOD | tables).job(Path("/x"), "google")

    assert job.options == OutputOptions(compress="zstd", block=256)
    assert (job.product, dict(job.keys)) == ("mosaic", {})


@pytest.mark.parametrize(
    ("tables", "says"),
    [
        pytest.param({"mosaic": {"compres": "zstd"}}, "'mosaic.compress'?", id="a misspelt key"),
        pytest.param({"mosaic": {"block": 7}}, "'mosaic.block' is 7", id="a value that is none"),
        pytest.param({"scale": 20}, "'scale' is no key of a job; did you mean 'grid.scale'?", id="a key of a table"),
        pytest.param({"mosaik": {"block": 16}}, "did you mean 'mosaic'?", id="a misspelt table"),
        pytest.param({"product": "mosiac"}, "'product' is 'mosiac': there is none of that name; did you mean 'mosaic'?",
                     id="a misspelt product"),
        pytest.param({"product": "mosiac", "mosaic": {"block": 16}}, "'product' is 'mosiac'",
                     id="a misspelt product beside its table"),
        pytest.param({"recipe": "sentinel2-cloudles"}, "did you mean 'sentinel2-cloudless'?", id="a misspelt recipe"),
        pytest.param({"route": "gsc"}, "'route' is 'gsc': there is none of that name; did you mean 'gcs'?",
                     id="a misspelt route"),
        pytest.param({"write": {"block": 16}, "mosaic": {"block": 32}},
                     "job.toml: 'block' is 32 in [mosaic] but 16 in [write]", id="two tables that disagree"),
    ],
)  # fmt: skip
def test_what_a_job_file_gets_wrong_is_named(tmp_path, tables, says):
    """File, key, value, and what was perhaps meant, in one line."""
    lines = "".join(
        f"[{k}]\n" + "".join(f"{a} = {b!r}\n" for a, b in v.items()) if isinstance(v, dict) else f"{k} = {v!r}\n"
        for k, v in (GOOD | tables).items()
    )
    path = tmp_path / "job.toml"
    path.write_text(lines)

    with pytest.raises(UserError) as caught:
        read_job(path)

    assert str(path) in str(caught.value)
    assert says in str(caught.value)
    assert "\n" not in str(caught.value)


def test_the_snapshot_of_a_mosaic_is_that_of_the_version_before():
    """What earlier versions did not know is left out where it says nothing: they can read it, and proofs stay equal."""
    assert {"product", "keys"}.isdisjoint(json.loads(JOB.to_json()))
    assert {"product", "keys"} <= json.loads(replace(JOB, product="chips", keys={"size": 256}).to_json()).keys()


def test_another_product_is_another_job():
    """Its name and its keys count."""
    chips = replace(JOB, product="chips", keys={"size": 256})

    assert Job.from_json(chips.to_json()) == chips
    assert len({j.fingerprint() for j in (JOB, chips, replace(chips, keys={}), replace(chips, keys={"size": 64}))}) == 4

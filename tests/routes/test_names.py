"""Which attempt and which part a file belongs to, and what an attempt's own names may be."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from orchestrator.model.grid import Window
from orchestrator.model.objects import StoredObject
from orchestrator.model.plan import TaskPlan
from orchestrator.routes.names import Naming, match, prefix_of, wrote

TASK = TaskPlan(3, Window(512, 0, 512, 512), 256, 256)
PREFIX, BEGUN = "p/me/run/0003-a1-0badcafe", 1_700_000_000.0


def an_object(name, created=""):
    return StoredObject(name, 1, "1", created=created)


@pytest.mark.parametrize(
    ("tail", "corner"),
    [
        pytest.param("0000000000-0000000256.tif", (512, 256), id="Cloud Storage, no dash"),
        pytest.param("-0000000000-0000000256.tif", (512, 256), id="Drive, a dash"),
        pytest.param("-0000000256-0000000000.tiff", (768, 0), id="another ending"),
    ],
)
def test_a_part_is_known_by_prefix_and_offsets(tail, corner):
    """Rows and columns count from the task's corner; what stands between prefix and digits decides nothing."""
    matched = match(TASK, PREFIX, BEGUN, [an_object(PREFIX + tail)])

    assert [(window.row, window.col) for window in matched.found] == [corner]
    assert not matched.strange


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(PREFIX + "0000000000-0000000128.tif", id="no part begins there"),
        pytest.param(PREFIX + "0000000512-0000000000.tif", id="outside the task"),
        pytest.param(PREFIX + ".tif", id="one file, where four were planned"),
        pytest.param(PREFIX + "1-0000000000-0000000256.tif", id="a longer prefix"),
        pytest.param(PREFIX + "_0_256.tif", id="another form"),
    ],
)
def test_what_fits_no_part_is_strange(name):
    """It is neither taken nor overlooked."""
    matched = match(TASK, PREFIX, BEGUN, [an_object(name)])

    assert not matched.found
    assert [source.name for source in matched.strange] == [name]


def test_a_file_older_than_its_export_is_not_the_exports():
    """Somebody's file that carries the name of a part was there before the operation was."""
    created = datetime.fromtimestamp(BEGUN, UTC) - timedelta(hours=1)
    source = an_object(PREFIX + "0000000000-0000000000.tif", created.isoformat())

    assert match(TASK, PREFIX, BEGUN, [source]).strange == (source,)
    assert not wrote(TASK, PREFIX, BEGUN, source)


def test_two_files_of_one_name_are_both_strange():
    """Drive allows it; which one Earth Engine wrote cannot be told."""
    twins = [replace(an_object(PREFIX + "-0000000000-0000000000.tif"), id=id_) for id_ in ("a", "b")]

    matched = match(TASK, PREFIX, BEGUN, twins)

    assert not matched.found
    assert set(matched.strange) == set(twins)


@pytest.mark.parametrize(
    ("name", "prefix"),
    [
        pytest.param("p/run/0001-a1-0badcafe.tif", "p/run/0001-a1-0badcafe", id="one file"),
        pytest.param("p/run/0001-a1-0badcafe-0000000256-0000000000.tif", "p/run/0001-a1-0badcafe", id="one of several"),
        pytest.param("p/run/0001-a1-0badcafe.tif.bak", "", id="not a file of an export"),
        pytest.param("p/run/0001-a1-0badcafe-256-0.tif", "p/run/0001-a1-0badcafe-256-0", id="other digits"),
    ],
)
def test_a_file_name_tells_its_attempt(name, prefix):
    """Only the names that Earth Engine makes lead back to the prefix they were made from."""
    assert prefix_of(name) == prefix


@pytest.mark.parametrize(
    ("separator", "prefix"),
    [("/", "ours/me/r1/0007.1-a3-{}x"), ("_", "ours_me_r1_0007.1-a3-{}x")],
    ids=["gcs", "drive"],
)
def test_an_attempt_is_called_as_it_always_was(separator, prefix):
    """A run that an earlier version began finds its operations and files by these names."""
    digest = hashlib.sha256(b"me|r1|0007.1|3").hexdigest()

    names = Naming("me", "ours", separator).attempt("r1", "0007.1", 3)

    assert names.request_id == "x" + digest[:48]
    assert names.description == f"orchestrator.r1.0007.1.a3.{digest[:12]}"
    assert names.prefix == prefix.format(digest[:8])


def test_names_need_no_prefix():
    """Without one, the owner comes first."""
    assert Naming("me").run_prefix("r1") == "me/r1/"

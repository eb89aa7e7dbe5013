"""A state that an earlier version of the program left is continued by this one."""

from __future__ import annotations

import json
import sqlite3
import tarfile
from pathlib import Path
from urllib.parse import quote

import journey_kit as kit
import pytest
import rasterio

STATES = Path(__file__).parents[1] / "engine" / "states"
# In these a result is to come. What was exported before is not in this sandbox: it is exported again, once.
UNFINISHED = ("admitted", "planned", "exporting", "submitting", "assembling")
# These stand still until somebody says that they shall go on, and how.
STILL = {"held-person": (), "held-valid": ("--min-valid", "0"), "failed": (), "cancelled": (), "wished": ()}
# Killed in every state, each of these has the image, the area and the dates of a run that the old version completed.
LIKE_CLEANED = (
    *("exporting", "polled", "collected", "downloading", "verified", "placed", "unkept", "drive", "square"),
    *("held", "cancelled", "wished"),
)
LIKE_PUBLISHED = ("admitted", "submitting", "posted", "assembling", "renamed", "held-person", "failed", "held-valid")


def pixels(home, name):
    """Return the pixels of a result and where they lie: blocks that are encoded anew have this version's bytes."""
    with rasterio.open(home.out / f"{name}_clipped.tif") as raster:
        return raster.read().tobytes(), raster.shape, raster.transform, raster.crs, raster.dtypes, raster.nodata


def restore(dump, folder):
    """Write the state that `dump` holds as if it had been left in `folder`; return each run's id by its name."""
    (folder / "state").mkdir(exist_ok=True)
    with sqlite3.connect(folder / "state" / "state.db") as database:
        database.executescript(dump.read_text(encoding="utf-8").replace("@ROOT@", str(folder)))
        ids = dict(database.execute("SELECT job_name, id FROM runs").fetchall())
    database.close()
    return ids


def test_unfinished_runs_of_an_earlier_version_are_continued(home):
    """Each in the state it stopped in, under the name it had; those that wait for a person go on waiting."""
    ids = restore(STATES / "schema_0001.sql", home.folder)
    (home.folder / "state" / "owner").write_text("05f54657")

    outcome = home.command("serve", "--until-idle", "--sandbox-url", home.service.url, "--bucket", kit.BUCKET)

    states = {run["run"]: run["state"] for run in home.runs()}
    assert {name: states[ids[name]] for name in UNFINISHED} == dict.fromkeys(UNFINISHED, "CLEANED"), outcome.err
    assert states[ids["held-person"]] == "HELD"
    assert all((home.out / f"{name}_clipped.tif").is_file() for name in UNFINISHED)


class Left:
    """A folder as the second version left it, and a service that remembers what it was asked for then."""

    def __init__(self, folder, program, service, ids):
        self.ids = ids
        self.home = kit.Home(folder, program, service)
        with sqlite3.connect(folder / "state" / "state.db") as database:
            tasks = database.execute("SELECT job_name, tasks.state FROM runs JOIN tasks ON id = run_id").fetchall()
            parts = database.execute("SELECT run_id, row, col, object FROM parts WHERE object <> ''").fetchall()
            results = database.execute("SELECT job_name, result FROM runs WHERE result <> ''").fetchall()
        database.close()
        # Neither got the service what is planned only, nor what one run was about to send; two lost their export.
        self.to_export = sum(state in ("PLANNED", "FAILED", "CANCELLED") for _, state in tasks) + 2
        self.sha256 = {name: json.loads(result)["sha256"] for name, result in results}
        self.objects = {(run, row, col): json.loads(source) for run, row, col, source in parts}
        self.before = service.exports

    def placed(self):
        """Return the objects of the parts that stand in the journals of unfinished outputs."""
        for path in self.home.out.glob(".orchestrator/*/mosaic/journal"):
            records = [json.loads(line.partition(" ")[2]) for line in path.read_text().splitlines()]
            for part in (part for record in records for part in record.get("parts", ())):
                yield self.objects[path.parts[-3], part["window"]["row"], part["window"]["col"]]

    def go_on(self):
        home = self.home
        there = ("--sandbox-url", home.service.url, "--bucket", kit.BUCKET)
        return home.command("serve", "--until-idle", *there, ORCHESTRATOR_EE__LIVE_TASKS="200")

    def runs(self):
        """Return what `status` says of each run, by its name."""
        said = self.home.command("status", "--limit", "100").expect(0).messages
        return {run["name"]: run for run in said if run["message_type"] == "run"}

    def states(self):
        return {name: run["state"] for name, run in self.runs().items()}

    def fetched(self):
        """Return the paths of all requests for bytes."""
        asked = self.home.service.requests()
        return [entry["path"] for entry in asked if entry["query"].get("alt") == "media"]


@pytest.fixture
def left(tmp_path, program):
    """What the second version left, before anything has gone on."""
    with tarfile.open(STATES / "schema_0002.tar.xz") as packed:
        packed.extractall(tmp_path, filter="data")
    ids = restore(STATES / "schema_0002.sql", tmp_path)
    with kit.Service(program, tmp_path / "sandbox", "--compression", "deflate") as service:
        yield Left(tmp_path, program, service, ids)


def test_every_run_of_the_second_version_is_continued_without_a_second_export(left):
    """
    Each in the state it was killed in, with the unfinished output it had, into the raster the second version made.

    What waits for somebody, has failed or was cancelled stays so until it is told to go on. A part that stands in the
    journal of an unfinished output is not asked for again.
    """
    placed = list(left.placed())
    first = left.go_on()
    states = left.states()
    fetched = left.fetched()
    for name, more in STILL.items():
        left.home.command("retry", left.ids[name], *more).expect(0)
    left.go_on().expect(0)
    runs = left.runs()

    still = {"held-person": "HELD", "held-valid": "HELD"} | {"failed": "FAILED"}
    still |= dict.fromkeys(("cancelled", "wished"), "CANCELLED")
    assert states == dict.fromkeys(left.ids, "CLEANED") | still, first.err[-3000:]
    named = [source["id"] or quote(source["name"], safe="") for source in placed]
    assert len(named) > 10
    assert [name for name in named if any(name in path for path in fetched)] == []
    assert {name: run["state"] for name, run in runs.items()} == dict.fromkeys(left.ids, "CLEANED")
    assert left.home.service.exports - left.before == left.to_export
    assert {name: runs[name]["sha256"] for name in left.sha256} == left.sha256  # those that the second version ended
    assert all(pixels(left.home, name) == pixels(left.home, "cleaned") for name in (*LIKE_CLEANED, "split"))
    assert all(pixels(left.home, name) == pixels(left.home, "published") for name in LIKE_PUBLISHED)
    assert left.home.service.state()["violations"] == []
    assert left.home.service.objects() == []
    assert left.home.leftovers() == []


# Of the third version, one of each way to stop that the second did not know, and what they must come to.
TAKEN_UP = ("posted", "published", "pixels-noted", "pixels-done", "chips-done", "table-done", "cube-placed")


def only(path, names):
    """Leave these runs in a database, and what belongs to them: each costs a second."""
    with sqlite3.connect(path) as database:
        marks = ", ".join("?" * len(names))
        database.execute(f"DELETE FROM runs WHERE job_name NOT IN ({marks})", names)  # noqa: S608  marks of ours
        for table in ("documents", "unit_counts", "unit_needs", "units", "part_counts", "parts", "attempts", "tasks"):
            database.execute(f"DELETE FROM {table} WHERE run_id NOT IN (SELECT id FROM runs)")  # noqa: S608  likewise
        database.execute("DELETE FROM ledger WHERE run_id NOT IN (SELECT id FROM runs)")
    database.close()


def test_units_of_the_third_version_are_continued_without_asking_twice(tmp_path, program):
    """Chips, a cube, a table and mosaics without an export go on from the units they had done, beside exports."""
    with tarfile.open(STATES / "schema_0003.tar.xz") as packed:
        packed.extractall(tmp_path, filter="data")
    ids = restore(STATES / "schema_0003.sql", tmp_path)
    only(tmp_path / "state" / "state.db", TAKEN_UP)
    with sqlite3.connect(tmp_path / "state" / "state.db") as database:
        done = database.execute("SELECT run_id, kind, key, result FROM units WHERE state = 'DONE'").fetchall()
        ((to_export,),) = database.execute("SELECT count(*) FROM tasks WHERE state = 'PLANNED'").fetchall()
    database.close()
    with kit.Service(program, tmp_path / "sandbox", "--compression", "deflate") as service:
        before, home = service.exports, kit.Home(tmp_path, program, service)
        home.command("serve", "--until-idle", "--sandbox-url", service.url, "--bucket", kit.BUCKET).expect(0)
        runs = {run["name"]: run for run in home.runs()}
        exports = service.exports - before
    with sqlite3.connect(tmp_path / "state" / "state.db") as database:
        after = database.execute("SELECT run_id, kind, key, result FROM units WHERE state = 'DONE'").fetchall()
    database.close()

    assert {name: run["state"] for name, run in runs.items()} == dict.fromkeys(TAKEN_UP, "CLEANED")
    assert exports == to_export  # the one whose intent was written down the service has got
    assert len(done) > 2
    assert set(done) <= set(after)  # not done again
    assert pixels(home, "pixels-noted") == pixels(home, "pixels-done")
    assert (pixels(home, "posted"), runs["posted"]["run"]) == (pixels(home, "published"), ids["posted"])

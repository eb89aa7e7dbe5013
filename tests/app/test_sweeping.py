"""What nobody owns: found by `clean --leaks` and each day, and nothing else touched. Real clients, a sandbox."""

from __future__ import annotations

import json

import ee
import pytest
import sweeping_kit
from sweeping_kit import DAYS, PLANNED, TASK, UNKNOWN, begun

from orchestrator.app.verbs import sweeping
from orchestrator.clients.earthengine import serialise
from orchestrator.core.errors import NeedsPerson
from orchestrator.engine.stores.work_records import Attempt
from orchestrator.engine.sweeper import KEPT_SECONDS, UNKNOWN_SECONDS, Act
from orchestrator.engine.work import HoldError
from orchestrator.model.batch import ExportOrder
from orchestrator.model.grid import Grid
from orchestrator.model.plan import Plan
from orchestrator.model.spec import PixelSpec
from orchestrator.model.states import RunState
from orchestrator.routes.names import Naming
from orchestrator.sandbox.faults import Rule

sandbox, app, bucket = sweeping_kit.sandbox, sweeping_kit.app, sweeping_kit.bucket


def test_objects_are_deleted_where_no_run_owns_them(app, bucket, tmp_path):
    """Those of runs that are done, of runs that nobody knows, and of runs that ended long ago; no others."""
    running, done = begun(app, tmp_path, "running"), begun(app, tmp_path, "done", RunState.CLEANED)
    failed = begun(app, tmp_path, "failed", RunState.FAILED)
    gone = {bucket.put(done), bucket.put(done, 7), bucket.put(UNKNOWN), bucket.put_as(bucket.naming.manifest(done))}
    kept = {
        bucket.put(running),
        bucket.put(PLANNED),
        bucket.put_as(bucket.naming.manifest(PLANNED)),
        bucket.put(failed),
    }
    app.clock.seconds = UNKNOWN_SECONDS + 60

    swept = sweeping.sweep(app, act=True)

    assert bucket.names() == kept
    assert (swept.deleted, {one.name for one in swept.survey.of(Act.DELETE)}) == (4, gone)


def test_what_a_failed_run_left_is_kept_for_a_retry_and_then_deleted(app, bucket, tmp_path):
    """For two weeks."""
    bucket.put(begun(app, tmp_path, "failed", RunState.FAILED))
    app.clock.seconds = KEPT_SECONDS - DAYS
    assert sweeping.sweep(app, act=True).deleted == 0
    app.clock.seconds = KEPT_SECONDS + DAYS

    assert sweeping.sweep(app, act=True).deleted == 1


def test_nothing_foreign_is_touched(app, bucket, tmp_path):
    """Neither what lies between ours under any name, nor what another installation calls its own; both are told."""
    done = begun(app, tmp_path, "done", RunState.CLEANED)
    above = bucket.naming.run_prefix(done)
    foreign = {
        bucket.put_as(f"{above}{name}") for name in ("holiday.tif", "0000-a1-00000000x.tif", "../x.tif", "a\nb.tif")
    }
    other = bucket.put_as(f"{Naming('stranger', app.settings.gcs.prefix).attempt(done, '0000', 1).prefix}.tif")
    app.clock.seconds = 30 * DAYS

    swept = sweeping.sweep(app, act=True)

    assert bucket.names() == foreign | {other}
    assert set(swept.survey.foreign) == {*foreign, f"{app.settings.gcs.prefix}/stranger (1 object)"}


def test_nothing_is_done_unless_it_is_asked_for(app, bucket, tmp_path):
    """A look tells the same as the deed, and changes neither the cloud nor the ledger."""
    done = begun(app, tmp_path, "done", RunState.CLEANED)
    name = bucket.put(done)
    app.clock.seconds = DAYS

    told = sweeping.sweep(app)

    assert [one.name for one in told.survey.of(Act.DELETE)] == [name]
    assert (bucket.names(), app.store.ledger.of(done)) == ({name}, [])


def test_what_is_deleted_stands_in_the_ledger_at_its_generation(app, bucket):
    """Also of a run that nobody knew: from then on it is known as one that was lost."""
    name = bucket.put(UNKNOWN)
    [source] = app.bucket().find(name)
    app.clock.seconds = 2 * DAYS

    sweeping.sweep(app, act=True)

    [entry] = app.store.ledger.of(UNKNOWN)
    assert (entry.source.name, entry.source.generation, entry.outcome) == (name, source.generation, "deleted")
    assert app.store.runs.head(UNKNOWN).state is RunState.CANCELLED


def test_the_young_is_not_taken_for_left_behind(app, bucket, tmp_path):
    """As long as anything of a run is being written, all of it stays."""
    done = begun(app, tmp_path, "done", RunState.CLEANED)
    names = {bucket.put(done), bucket.put(UNKNOWN)}

    swept = sweeping.sweep(app, act=True)

    assert bucket.names() == names
    assert {one.act for one in swept.survey.left} == {Act.KEEP}


def test_more_than_may_be_deleted_is_a_persons_decision(app, bucket, tmp_path):
    """Then nothing is."""
    done = begun(app, tmp_path, "done", RunState.CLEANED)
    names = {bucket.put(done, number) for number in range(1, 6)}
    app.clock.seconds = DAYS

    with pytest.raises(NeedsPerson, match=r"5 objects would be deleted, more than 4"):
        sweeping.sweep(app, act=True, most=4)

    assert bucket.names() == names


# ----------------------------------------------------------------- operations


def export(app, run_id, number=1, owner=""):
    """Start an export as an attempt of a run's task would; it stays queued."""
    with app.lent_route("gcs", owner or app.owner) as (route, _):
        names = route.name_attempt(run_id, "0000", number)
        image = serialise(ee.Image.constant(7).rename("b").toUint16())
        grid = Grid("EPSG:32633", (10.0, 0.0, 500_000.0, 0.0, -10.0, 5_200_000.0), 256, 256)
        plan = Plan(grid, PixelSpec(("b",), "uint16", 0), (TASK,), b"", 1, 10**9, 1, 0, 0)
        return route.start(image, plan, ExportOrder(names, TASK.window, 256, 256, 0, ("b",)))


def test_late_operations_are_ended_and_others_go_on(app, sandbox, tmp_path):
    """Of ended runs, of attempts that were overtaken, of runs nobody knows; not the current one, nor a stranger's."""
    sandbox.faults.order(Rule.of({"action": "task_stuck", "count": None}))
    running, cancelled = begun(app, tmp_path, "running"), begun(app, tmp_path, "over", RunState.CANCELLED)
    for number in (1, 2):
        with app.lent_route("gcs", app.owner) as (route, _):
            names = route.name_attempt(running, "0000", number)
        app.store.tasks.adopt(
            running,
            Attempt("0000", number, names.request_id, names.description, names.prefix, "", 0.0),
            TASK,
            0,
            app.store.tasks.of(running)[0].state,
        )
    late = {export(app, running, 1).name, export(app, cancelled).name, export(app, UNKNOWN).name}
    owned = {export(app, running, 2).name, export(app, running, owner="stranger").name}
    app.clock.seconds = 2 * DAYS

    swept = sweeping.sweep(app, act=True)

    with app.lent_route("gcs", app.owner) as (_, listing):
        live = {operation.name for operation in listing() if operation.is_live}
    assert swept.cancelled == len(late)
    assert live & (late | owned) == owned
    assert len(swept.survey.foreign) == 1


def another_copy(app, state="/copy"):
    """Write down in the bucket that another copy of the state works by the same names."""
    told = {"host": "elsewhere", "pid": 7, "state": state, "word": "theirs", "beat": app.clock.now().timestamp()}
    name = Naming(app.owner, app.settings.gcs.prefix).owner_object
    app.bucket().create(name, json.dumps(told).encode())
    return name


def test_a_copy_of_a_state_ends_and_deletes_nothing_of_the_one_that_works(app, bucket, sandbox):
    """What it takes for left behind is the other's, which goes on; it says who that is."""
    sandbox.faults.order(Rule.of({"action": "task_stuck", "count": None}))
    operation, name = export(app, UNKNOWN).name, bucket.put(UNKNOWN)
    app.clock.seconds = 2 * DAYS
    claim = another_copy(app)

    with pytest.raises(HoldError, match=r"process 7 on elsewhere \(state /copy\) works on the same objects"):
        sweeping.sweep(app, act=True)

    with app.lent_route("gcs", app.owner) as (_, listing):
        assert operation in {one.name for one in listing() if one.is_live}
    assert bucket.names() == {name, claim}


def test_the_claim_that_a_killed_process_left_is_taken_away_when_nothing_works(app, bucket, tmp_path):
    """It is told before, and as long as another process of the state works it is that one's."""
    run_id = begun(app, tmp_path, "running")
    app.prefix_owner.check()
    [claim] = bucket.names()
    with app.kept_prefix(), app.lock(run_id):
        assert sweeping.sweep(app, act=True).survey.left == ()
        assert bucket.names() == {claim}

        app.store.runs.set_state(run_id, RunState.FAILED)
    app.prefix_owner.check()  # and here it was killed
    assert [one.name for one in sweeping.sweep(app).survey.of(Act.DELETE)] == [claim]
    swept = sweeping.sweep(app, act=True)

    assert (swept.deleted, bucket.names()) == (1, set())


# ---------------------------------------------------------------------- disks


def test_folders_and_files_of_runs_that_are_done_are_removed(app, tmp_path):
    """What cannot be told to be ours stays: folders of other runs, owners of other installations, other files."""
    running, done = begun(app, tmp_path, "running"), begun(app, tmp_path, "done", RunState.CLEANED)
    hidden = tmp_path / "out" / ".orchestrator"
    for run_id in (running, done, UNKNOWN):
        (hidden / run_id / "mosaic").mkdir(parents=True)
    told = {"run": done, "installation": app.owner}
    (hidden / "done_clipped.owner").write_text(json.dumps(told))
    (hidden / "theirs_clipped.owner").write_text(json.dumps(told | {"installation": "stranger"}))
    (tmp_path / "out" / ".done_clipped.json.0123456789ab.tmp").write_text("half")
    (tmp_path / "out" / ".notes.txt.0123456789ab.tmp").write_text("somebody's")
    app.clock.seconds = 2 * DAYS

    sweeping.sweep(app, act=True)

    left = {str(path.relative_to(tmp_path / "out")) for path in (tmp_path / "out").rglob("*") if path.name != "mosaic"}
    assert left == {
        ".orchestrator",
        f".orchestrator/{running}",
        f".orchestrator/{UNKNOWN}",
        ".orchestrator/theirs_clipped.owner",
        ".notes.txt.0123456789ab.tmp",
    }


def test_a_folder_that_is_a_link_is_not_followed(app, tmp_path):
    """Whoever put it there."""
    done = begun(app, tmp_path, "done", RunState.CLEANED)
    (tmp_path / "precious").mkdir()
    (tmp_path / "precious" / "file").write_text("kept")
    (tmp_path / "out" / ".orchestrator").mkdir(parents=True)
    (tmp_path / "out" / ".orchestrator" / done).symlink_to(tmp_path / "precious")
    app.clock.seconds = 2 * DAYS

    sweeping.sweep(app, act=True)

    assert (tmp_path / "precious" / "file").read_text() == "kept"


# --------------------------------------------------------------------- nightly


def test_the_daemon_sweeps_once_a_day(app, bucket, tmp_path):
    """Counted from its first look, which takes nothing away."""
    told = []
    app.notify = lambda name, _run, _facts: told.append(name)
    nightly = sweeping.Nightly(app)
    bucket.put(begun(app, tmp_path, "done", RunState.CLEANED))
    for hours in (2, 20, 27, 28, 52):
        app.clock.seconds = hours * 3600
        nightly.look()

    assert told == ["sweep.done", "sweep.done"]
    assert bucket.names() == set()


# --------------------------------------------------------------------- places

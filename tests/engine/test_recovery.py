"""A lost or an old state, at every moment of a run: rebuilt, it goes on; nothing is exported twice, nothing is left."""

from __future__ import annotations

from dataclasses import replace

import pytest
from model_world import NAMING, TASKS, NoStop
from recovery_kit import put_back, recover
from run_process import Killed
from story_kit import (
    die_at,
    exports,
    fail_first,
    finish,
    first_task,
    go_on,
)

from orchestrator.core import crash
from orchestrator.core.errors import IntegrityError
from orchestrator.engine.manifests import read_manifest
from orchestrator.engine.recovery import _asked_of
from orchestrator.engine.stores.records import Admission
from orchestrator.engine.stores.work_records import Task
from orchestrator.model.batch import OrderShape
from orchestrator.model.grid import Window
from orchestrator.model.manifest import RunManifest
from orchestrator.model.objects import StoredObject
from orchestrator.model.plan import TaskPlan
from orchestrator.model.states import Failure, RunState, TaskState, Who
from orchestrator.plan.split import cut

# From the first export on to the last object; `finish` demands that nothing of ours is left.
MOMENTS = (
    "manifest.written",
    "task.intended",
    "task.posted",
    "task.collecting",
    "task.collected",
    "part.downloaded",
    "part.placed",
    "output.finished",
    "output.named",
    "output.published",
    "object.deleted",
)


@pytest.mark.parametrize("moment", MOMENTS)
def test_a_state_that_is_lost_at_any_moment_costs_no_second_export(story, moment):
    """Its database is empty again; the same run goes on."""
    die_at(story, moment, working=True)

    put_back(story)
    finish(story)

    assert exports(story) == len(TASKS)


@pytest.mark.parametrize("moment", MOMENTS[2::2])
def test_an_old_copy_that_is_put_back_costs_no_second_export(story, moment):
    """What happened since is found."""
    story.state.copy()
    die_at(story, moment, working=True)

    put_back(story, copy=True)
    finish(story)

    assert exports(story) == len(TASKS)


def test_a_task_that_was_cut_is_cut_again_as_it_was(story):
    """Its halves are taken up, what failed before is not tried again, and what still runs is not doubled."""
    rungs = len(story.process.execution._clients.route.rungs)
    for _ in range(rungs):
        fail_first(story, Failure.MEMORY)
    while not [s for s in story.world.started.values() if ".0000.0." in s.operation.description]:
        go_on(story)
    before = exports(story)

    put_back(story)

    parent = first_task(story)
    halves = {t.key: t.plan.window for t in story.store.tasks.of(story.run_id) if t.key.startswith("0000.")}
    assert (parent.state, parent.attempt, parent.rung) == (TaskState.SPLIT, rungs, rungs - 1)
    assert halves == {f"0000.{i}": half.window for i, half in enumerate(cut(TASKS[0]))}
    finish(story)
    told = [s.operation.description for s in story.world.started.values()]
    assert len(told) == len(set(told))
    assert exports(story) - before <= len(TASKS)


def test_a_rung_is_not_climbed_twice(story):
    """An operation says with how little at once it was asked for."""
    fail_first(story, Failure.MEMORY)
    while (first_task(story).attempt, bool(first_task(story).operation)) != (2, True):
        go_on(story)

    put_back(story)

    assert (first_task(story).attempt, first_task(story).rung) == (2, 1)
    finish(story)


@pytest.mark.parametrize("refuses", [False, True], ids=["answered", "refused"])
def test_what_no_list_shows_yet_is_asked_for_under_the_same_request_id(story, refuses):
    """The service starts no second one: it says which it started, or that it knows the id."""
    story.world.refuses_known_ids = refuses
    while len(story.world.started) < 2:
        go_on(story)
    for started in story.world.started.values():
        started.unlisted = 3

    put_back(story)

    finish(story)
    assert (exports(story), len(story.world.started)) == (len(TASKS), len(TASKS))


def test_files_of_operations_that_the_service_has_forgotten_are_taken(story):
    """Where all of a task's lie there, its operation is not needed."""
    while len(story.world.live()) < 2:
        go_on(story)
    for name in story.world.live() * 2:
        story.world.advance(name)
    forget(story)

    put_back(story)
    go_on(story, 4)

    collected = [task for task in story.store.tasks.of(story.run_id) if task.collected]
    assert len(collected) == 2
    assert exports(story) <= len(TASKS)


def test_some_of_a_tasks_files_without_an_operation_hold_the_run(story):
    """Nobody can tell whether the others are still to come: nothing is exported again."""
    while len(story.world.live()) < 2:
        go_on(story)
    for name in story.world.live() * 2:
        story.world.advance(name, late=1)
    forget(story)

    put_back(story)
    for _ in range(40):
        go_on(story)
        story.clock.seconds += 5

    run = story.store.runs.head(story.run_id)
    assert (run.state, run.who) == (RunState.HELD, Who.PERSON)
    assert exports(story) <= len(TASKS)


def test_a_file_is_not_written_down_before_it_is_matched(story):
    """The service tries a task several times by itself, and replaces what its last try wrote: that is no stranger's."""
    while not story.world.live():
        go_on(story)
    [first, *_] = story.world.started.values()
    story.world.write(*story.world._files(first.order)[0])

    put_back(story)

    [manifest] = story.store.ledger.of(story.run_id)
    assert manifest.source.name == NAMING.manifest(story.run_id)
    finish(story)


def forget(story):
    for started in story.world.started.values():
        started.unlisted, started.unknown = 10**6, True


@pytest.mark.parametrize("point", ["recovery.restored", "recovery.adopted", "recovery.owned"])
def test_a_recovery_that_dies_is_begun_again(story, point):
    """It rebuilds the rest."""
    die_at(story, "task.collected", working=True)

    def dies(here):
        if here == point:
            raise Killed

    crash.point = dies
    with pytest.raises(Killed):
        put_back(story)
    crash.point = story._point
    recover(story)
    story._start()
    finish(story)

    assert exports(story) == len(TASKS)


def test_a_date_that_was_fired_stays_fired(story):
    """A schedule names it once: its run is rebuilt, no other is begun for it."""
    while not story.world.started:
        go_on(story)
    route = story.process.execution._clients.route
    [source] = story.world.find(route.manifest_name(story.run_id))
    manifest = read_manifest(route, source, NoStop(story.clock))
    dated = replace(manifest, run_id="0" * 16, job_name="nightly", logical_date="2024-06-02", scheduled=True, turn=2)

    story.store.runs.restore(RunManifest.from_json(dated.to_json()))

    order = Admission("nightly", "2024-06-02", (manifest.fingerprint,), manifest.job)
    assert story.store.runs.fire(order) is None
    assert [date.run_id for date in story.store.dates.latest()] == ["0" * 16]


def test_a_manifest_that_was_changed_is_refused(story):
    """The expression is compared with its hash, the run with the object's name."""
    while not story.world.started:
        go_on(story)
    route = story.process.execution._clients.route
    name = route.manifest_name(story.run_id)
    content = story.world.blobs[name].content
    for wrong in (content.replace(b'"image":"image"', b'"image":"other"'), b"{}", b"<html>", content[:-9]):
        story.world.write(name, wrong)
        [source] = story.world.find(name)
        with pytest.raises(IntegrityError, match="manifest"):
            read_manifest(route, source, NoStop(story.clock))


def test_a_strangers_file_in_the_place_of_the_manifest_holds_the_run(story):
    """Nothing is exported over it, and it is not deleted."""
    name = NAMING.manifest(story.run_id)
    story.world.write(name, b"mine", foreign=True)
    for _ in range(6):
        go_on(story)

    run = story.store.runs.head(story.run_id)
    assert (run.state, run.who, exports(story)) == (RunState.HELD, Who.PERSON, 0)
    assert name in run.reason


@pytest.mark.parametrize(
    ("offsets", "shape"),
    [
        pytest.param([], (512, 512), id="one file of the whole"),
        pytest.param([(0, 0), (0, 256), (256, 0), (256, 256)], (256, 256), id="a lattice"),
        pytest.param([(0, 0), (0, 384), (384, 0), (384, 384)], (384, 384), id="another lattice than planned"),
        pytest.param([(0, 0), (0, 256), (256, 0)], (128, 128), id="one is lacking"),
        pytest.param([(0, 0), (0, 256)], (128, 128), id="a row, which need not be all"),
        pytest.param([(0, 0)], (128, 128), id="one of several"),
    ],
)
def test_sizes_are_taken_from_names_only_where_these_tell(offsets, shape):
    """A rectangle of 512 x 512 pixels, planned in parts of 128: what may still be to come decides nothing."""
    names = [f"p{row:010d}-{col:010d}.tif" for row, col in offsets] or ["p.tif"]
    plan = TaskPlan(0, Window(0, 0, 512, 512), 128, 128)
    task = Task("0000", plan, TaskState.PLANNED, 0, 0, "", False, 0.0, 0.0, "", 0, 0.0)

    told = _asked_of(task, [StoredObject(name, 1, "1") for name in names])

    assert (told.part_height, told.part_width) == shape


def test_a_file_that_looks_like_an_exports_does_not_end_it(story):
    """Its operation runs, though lists do not show it: it is asked for under its request id, and not exported anew."""
    while not story.world.live():
        go_on(story)
    [first, *_] = story.world.started.values()
    first.unlisted = 10
    story.world.write(f"{first.order.names.prefix}0000009984-0000000000.tif", b"beach", foreign=True)

    put_back(story)
    finish(story)

    assert (exports(story), len(story.world.started)) == (len(TASKS), len(TASKS))


@pytest.mark.parametrize("refuses", [False, True], ids=["answered", "refused"])
def test_an_operation_of_other_sizes_is_recognised_by_whose_it_is(story, refuses):
    """The lost state had learned them; no list shows it when the task is handed over again, in the planned ones."""
    while not story.world.live():
        go_on(story)
    [first, *_] = story.world.started.values()
    names = NAMING.attempt(story.run_id, "0000", 1, OrderShape(512, 512))
    first.order = replace(first.order, part_height=512, part_width=512, names=names)
    first.operation = replace(first.operation, description=names.description)
    first.unlisted, story.world.refuses_known_ids = 4, refuses

    put_back(story)
    finish(story)

    assert (exports(story), len(story.world.started)) == (len(TASKS), len(TASKS))

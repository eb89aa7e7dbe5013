"""What failed in a run by its sentence, trying it at once, one piece, and the course of a run."""

from __future__ import annotations

import itertools

import pytest

from orchestrator.app.records import Records
from orchestrator.app.verbs.failures import failures_of, split_task, try_now
from orchestrator.app.verbs.run_list import list_pieces
from orchestrator.app.verbs.run_pieces import piece_called, pieces_at
from orchestrator.app.verbs.run_times import course_of
from orchestrator.config import load
from orchestrator.core.errors import UserError
from orchestrator.engine.batch.cutting import CUT
from orchestrator.engine.stores.contract import TaskChange
from orchestrator.engine.stores.records import Admission
from orchestrator.engine.stores.work_records import Attempt
from orchestrator.model.grid import Window
from orchestrator.model.job import AreaSource, Job
from orchestrator.model.objects import StoredObject
from orchestrator.model.plan import TaskPlan
from orchestrator.model.states import Failure, RunState, TaskState
from orchestrator.model.unit import UnitPlan

NUMBER = itertools.count()
SENTENCE = "Computation timed out."
FAR = 4e9  # a time long after now, seconds since 1970


@pytest.fixture(scope="module")
def records(tmp_path_factory):
    """A state folder for the tests of this file."""
    folder = tmp_path_factory.mktemp("state")
    found = Records(load(None, environment={}, overrides={"local": {"state_dir": str(folder)}}).settings)
    yield found
    found.store.close()


@pytest.fixture
def run(records):
    """A run of four tasks, each of two parts of 256 × 256 pixels, and of three units without a place."""
    job = Job(f"job{next(NUMBER)}", "/results", AreaSource("a.gpkg"), "2024-05-01", "2024-06-01")
    made = records.store.runs.admit(Admission(job.base_name, "", job.fingerprints(), job.to_json())).id
    tasks = [TaskPlan(n, Window(256 * n, 0, 256, 512), 256, 256) for n in range(4)]
    units = [UnitPlan("file", f"{n}") for n in range(3)]
    records.store.runs.save_plan(made, "{}", "image", "{}", tasks, units)
    records.store.runs.set_state(made, RunState.EXPORTING)
    return made


def send(records, run, task):
    number = next(NUMBER)
    records.store.tasks.intend(run, Attempt(task, 1, f"request-{number}", f"description-{number}", "p", "", 1.7e9))
    records.store.tasks.identify(run, task, f"operations/{number}", TaskState.QUEUED)


def fail(records, run, task, sentence=SENTENCE, next_at=FAR):
    """Let a task fail and wait."""
    send(records, run, task)
    records.store.tasks.change(run, {task: TaskChange(state=TaskState.FAILED)})
    change = TaskChange(error=sentence, failure=Failure.TIMEOUT, next_at=next_at)
    records.store.tasks.reset(run, task, change)


def next_at(records, run):
    return {task.key: task.next_at for task in records.store.tasks.of(run)}


def test_failures_are_grouped_by_what_was_said(records, run):
    """Two tasks failed alike, one otherwise, and a unit: the most frequent first."""
    for task, sentence in (("0000", SENTENCE), ("0001", SENTENCE), ("0002", "Out of memory.")):
        fail(records, run, task, sentence)
    (unit,) = records.store.units.claim(run, "file", 1, now=0.0, seconds=FAR)
    records.store.units.again(unit, FAR, Failure.THROTTLE, "Too many requests.")

    told = [(group.kind, group.sentence, group.count, group.keys, group.waits) for group in failures_of(records, run)]
    assert told == [
        ("task", SENTENCE, 2, ("0000", "0001"), True),
        ("file", "Too many requests.", 1, ("0",), True),
        ("task", "Out of memory.", 1, ("0002",), True),
    ]


def test_what_failed_and_came_after_all_is_over(records, run):
    """A task that succeeded keeps its sentence in the state; nobody is shown it."""
    fail(records, run, "0000")
    records.store.tasks.intend(run, Attempt("0000", 2, f"r{next(NUMBER)}", f"d{next(NUMBER)}", "p", "", 1.0))
    records.store.tasks.identify(run, "0000", "operation", TaskState.SUCCEEDED)

    assert failures_of(records, run) == []


def test_all_of_one_sentence_are_tried_at_once(records, run):
    for task, sentence in (("0000", SENTENCE), ("0001", SENTENCE), ("0002", "Out of memory.")):
        fail(records, run, task, sentence)

    assert try_now(records, run, "task", sentence=SENTENCE) == 2
    assert next_at(records, run) == {"0000": 0.0, "0001": 0.0, "0002": FAR, "0003": 0.0}


def test_one_is_tried_at_once_and_the_others_wait(records, run):
    for task in ("0000", "0001"):
        fail(records, run, task)

    assert try_now(records, run, "task", key="0001") == 1
    assert next_at(records, run)["0000"] == FAR


def test_units_are_tried_at_once(records, run):
    """A unit that waits for a time may be claimed now."""
    (unit,) = records.store.units.claim(run, "file", 1, now=0.0, seconds=FAR)
    records.store.units.again(unit, FAR, Failure.THROTTLE, "Too many requests.")
    try_now(records, run, "file", sentence="Too many requests.")

    assert unit.key in {each.key for each in records.store.units.claim(run, "file", 3, now=1.0, seconds=FAR)}


@pytest.mark.parametrize(
    ("state", "words"),
    [
        pytest.param(RunState.FAILED, "`orchestrator retry", id="the run has ended"),
        pytest.param(None, "waits for a time now", id="nothing waits"),
    ],
)
def test_trying_at_once_what_does_not_wait_is_refused(records, run, state, words):
    if state:
        fail(records, run, "0000")
        records.store.runs.set_state(run, state, "the reason")

    with pytest.raises(UserError, match=words):
        try_now(records, run, "task", sentence=SENTENCE)


@pytest.mark.parametrize(
    ("state", "words"),
    [
        pytest.param(RunState.EXPORTING, "before it is handed over again", id="somebody works on the run"),
        pytest.param(RunState.FAILED, "when the run goes on: retry it", id="the run has ended"),
    ],
)
def test_a_task_that_waits_may_be_cut(records, run, state, words):
    """It is asked for, and what happens next is said; the process that works on the run reads it there."""
    fail(records, run, "0000")
    if state is RunState.FAILED:
        records.store.runs.set_state(run, state, "the reason")

    assert words in split_task(records, run, "0000")
    assert records.store.lessons.get(f"{run}/0000", CUT) == 1.0


@pytest.mark.parametrize(
    ("task", "words"),
    [pytest.param("0000", "QUEUED", id="it is with the service"), pytest.param("0009", "no task", id="there is none")],
)
def test_a_task_that_cannot_be_cut_is_refused(records, run, task, words):
    send(records, run, "0000")

    with pytest.raises(UserError, match=words):
        split_task(records, run, task)
    assert records.store.lessons.get(run, CUT) is None


def test_a_piece_tells_attempt_last_failure_and_next_try(records, run):
    """All that is known of the part at a pixel, with what may be done."""
    fail(records, run, "0001")

    (piece,) = pieces_at(records, run, 0, 300, 260)
    assert (piece.window, piece.task) == (Window(256, 256, 256, 256), "0001")
    assert piece.line == "attempt 1, last failure TIMEOUT"
    assert (piece.error, piece.next_at) == (SENTENCE, "2096-10-02T07:06:40+00:00")
    assert [(one.number, one.at) for one in piece.tried] == [(1, "2023-11-14T22:13:20+00:00")]
    assert piece.acts == ("now", "split")


def test_a_part_that_is_there_tells_its_file(records, run):
    send(records, run, "0000")
    records.store.tasks.change(run, {"0000": TaskChange(state=TaskState.SUCCEEDED)})
    found = {Window(0, col, 256, 256): StoredObject(f"part-{col}.tif", 1234, "1") for col in (0, 256)}
    records.store.parts.collect(run, "0000", found, 1)

    (piece,) = pieces_at(records, run, 0, 0, 256)
    assert (piece.file, piece.bytes, piece.words) == ("part-256.tif", 1234, "exported, to be downloaded")


def test_where_nothing_is_that_is_said(records, run):
    with pytest.raises(UserError, match="row 9999"):
        pieces_at(records, run, 0, 9999, 0)


def test_pieces_are_called_by_their_keys(records, run):
    assert piece_called(records, run, "task", "0002").window == Window(512, 0, 256, 512)
    assert piece_called(records, run, "file", "1").words == "waiting"
    with pytest.raises(UserError, match="no file 7"):
        piece_called(records, run, "file", "7")


def test_the_list_has_what_the_map_has_and_what_has_no_place(records, run):
    """Eight parts, of which two failed, and three units; a page of four begins where the one before ended."""
    fail(records, run, "0000")

    assert list_pieces(records, run).counts == {"part": {"A": 2, "W": 6}, "file": {"W": 3}}
    assert [row.window.col for row in list_pieces(records, run, "A").rows] == [0, 256]
    pages = [list_pieces(records, run, skip=skip, limit=4) for skip in (0, 4, 8)]
    assert [len(page.rows) for page in pages] == [4, 4, 3]
    assert [page.more for page in pages] == [True, True, False]
    assert [row.key for row in pages[2].rows] == ["0", "1", "2"]


def test_the_course_sums_what_happened_until_now(records, run):
    """Parts handed over, computed and downloaded, by the events that say so."""
    record = records.store.events.record
    for task in ("0000", "0001", "0002"):
        record(run, "task.submitted", {"task": task, "parts": 2})
    record(run, "task.exported", {"task": "0000", "parts": 2, "bytes": 10})
    record(run, "part.downloaded", {"object": "a", "bytes": 5})
    record(run, "task.failed", {"task": "0001"})
    course = course_of(records, run)

    assert (course.queued[-1], course.computed[-1], course.downloaded[-1], course.pieces) == (6, 2, 1, 11)
    assert sum(course.troubles) == 1
    assert len(course.queued) == len(course.computed) == len(course.downloaded) == len(course.troubles)


def test_a_task_that_is_handed_over_twice_is_not_more_than_all(records, run):
    for _ in range(9):
        records.store.events.record(run, "task.submitted", {"task": "0000", "parts": 2})

    assert max(course_of(records, run).queued) == 11

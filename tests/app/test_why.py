"""What `why` says: in every state why, since when, who must act, and what is next and when."""

from __future__ import annotations

import itertools
import json
import sqlite3

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestrator.app.heartbeat import DAEMON
from orchestrator.app.records import Records
from orchestrator.app.verbs.reasons import why
from orchestrator.config import load
from orchestrator.core.clock import SystemClock
from orchestrator.core.errors import UserError
from orchestrator.engine.stores.contract import TaskChange
from orchestrator.engine.stores.records import Admission, ProcessRow
from orchestrator.engine.stores.work_records import Attempt
from orchestrator.model.grid import Window
from orchestrator.model.job import AreaSource, Job
from orchestrator.model.objects import StoredObject
from orchestrator.model.plan import TaskPlan
from orchestrator.model.states import Failure, PartState, RunState, TaskState, UnitState, Who
from orchestrator.model.unit import UnitPlan

S = RunState
ORDER = (S.ADMITTED, S.PLANNED, S.EXPORTING, S.ASSEMBLING, S.PUBLISHED, S.CLEANED)
RESULT = json.dumps({"path": "/results/east_clipped.tif", "sha256": "aa", "bytes": 1, "valid": {}})


@pytest.fixture(scope="module")
def records(tmp_path_factory):
    """A state folder for the tests of this file."""
    folder = tmp_path_factory.mktemp("state")
    found = Records(load(None, environment={}, overrides={"local": {"state_dir": str(folder)}}).settings)
    yield found
    found.store.close()


@pytest.fixture(autouse=True)
def _alone(records):
    """No run and no daemon of another test waits."""
    for run in records.store.queue.waiting():
        records.store.runs.set_state(run.id, S.CLEANED if run.state is S.PUBLISHED else S.CANCELLED)
    records.store.processes.end(DAEMON, 7)


NUMBER = itertools.count()
WORDS = {S.HELD: "It is held: ", S.CLEANED: "It is done: ", S.EXPORTING: "2 tasks wait for a place"}


def begin(records, state=S.EXPORTING, *, priority=0, name="", **given):
    """A run in a state it may come into, of two tasks of two parts each."""
    number = next(NUMBER)
    job = Job(name or f"job{number}", "/results", AreaSource(f"{number}.gpkg"), "2024-05-01", "2024-06-01", **given)
    order = Admission(job.base_name, "", job.fingerprints(), job.to_json(), f"declaration {number}", priority=priority)
    run = records.store.runs.admit(order).id
    for step in ORDER[1 : ORDER.index(state) + 1]:
        if step is S.PLANNED:
            plans = [TaskPlan(n, Window(256 * n, 0, 256, 512), 256, 256) for n in range(2)]
            records.store.runs.save_plan(run, "{}", "image", "{}", plans)
        else:
            records.store.runs.set_state(run, step)
        if step is S.ASSEMBLING:
            records.store.runs.save_result(run, RESULT)
    return run


def serve(records, slots=2):
    """A daemon was heard of just now."""
    now = SystemClock().now().timestamp()
    facts = {"slots": slots, "busy": 0, "service": "google"}
    records.store.processes.beat(ProcessRow(DAEMON, "host", 7, "2024-01-01T00:00:00", now, facts))


def said(records, run, unit=""):
    return why(records, run, unit).because


@settings(max_examples=30, deadline=None)
@given(
    step=st.sampled_from(ORDER),
    ending=st.sampled_from([None, S.HELD, S.FAILED, S.CANCELLED]),
    who=st.sampled_from(Who),
    seconds=st.sampled_from([-60, 0, 600]),
    request_=st.sampled_from(["", "cancel"]),
    daemon=st.booleans(),
    worked_on=st.booleans(),
)
def test_in_every_state_it_is_right(records, step, ending, who, seconds, request_, daemon, worked_on):
    """
    Whole sentences; the state or its reason; a hold with since when and who; what has to be started where nobody is
    there, and nothing where somebody is.
    """
    run = begin(records, step)
    store, now = records.store, records.clock.now().timestamp()
    if ending is not None and step not in (S.CLEANED, S.PUBLISHED):
        store.runs.set_state(run, ending, "the reason it has", who=who, next_at=now + seconds)
    store.runs.request(run, request_)
    serve(records) if daemon else store.processes.end(DAEMON, 7)
    state = store.runs.head(run).state

    if worked_on:
        with records.lock(run):
            sentences = said(records, run)
    else:
        sentences = said(records, run)

    text = " ".join(sentences)
    assert [
        sentence for sentence in sentences if not (sentence.strip("`")[0].isalnum() and sentence.endswith("."))
    ] == []
    assert WORDS.get(state, f"It is {state}: ") in text
    if state in (S.HELD, S.FAILED, S.CANCELLED):
        assert "the reason it has" in text
        assert " UTC, " in text
    if state is S.HELD:
        assert "It is held since" in text
        person = who is Who.PERSON
        assert ("waits for a person" in text, "waits for time" in text) == (person, not person)
        assert f"retry {run}" in text or not person
    if worked_on or daemon or state in (S.CLEANED, S.FAILED, S.CANCELLED):
        assert "start" not in text
    else:
        assert "`run` or `serve`" in text


def test_a_run_in_the_queue_has_a_place(records):
    """By priority, then by age; with those before it, and who has the slots."""
    serve(records)
    busy = begin(records, name="busy")
    later = records.clock.now().timestamp() + 600
    for who, until in ((Who.PERSON, 0.0), (Who.TIME, later)):  # these wait for something else
        records.store.runs.set_state(begin(records, priority=9), S.HELD, "why", who=who, next_at=until)
    older, urgent, mine = begin(records, name="older"), begin(records, priority=5, name="urgent"), begin(records)

    with records.lock(busy):
        text = " ".join(said(records, mine))

    assert f"Of its 2 slots, run {busy} (busy, EXPORTING) has one." in text
    assert f"It is number 3 of 3 runs that wait for a slot; before it are run {urgent} (urgent, EXPORTING)" in text
    assert f"and run {older} (older, EXPORTING)." in text


def test_a_run_alone_in_the_queue_waits(records):
    """One run waits, several wait."""
    serve(records)
    mine = begin(records)

    assert "It is number 1 of 1 run that waits for a slot." in said(records, mine)


def test_one_date_waits_for_another_of_its_job(records):
    """They share a place; which one it is, is said."""
    serve(records)
    first = begin(records, name="night")
    declaration = records.store.runs.head(first).declaration
    job = Job("night2", "/results", AreaSource("x.gpkg"), "2024-06-01", "2024-07-01")
    second = records.store.runs.admit(Admission("night", "", job.fingerprints(), job.to_json(), declaration)).id

    with records.lock(first):
        text = " ".join(said(records, second))

    assert f"It waits for run {first} (night, EXPORTING), another date of the same job" in text


def test_a_hold_is_as_old_as_its_reason(records):
    """Looked at in vain every few minutes, a run is held since it was held."""
    run = begin(records)
    records.store.events.record(run, "run.held", {"reason": "the disk is full", "who": "time"})
    with sqlite3.connect(records.settings.state_dir / "state.db") as database:
        database.execute("UPDATE events SET at = '2024-01-02T03:04:05.000+00:00' WHERE run_id = ?", [run])
    database.close()
    for _ in range(3):
        records.store.runs.set_state(run, S.HELD, "the disk is full", who=Who.TIME, next_at=0.0)

    assert "It is held since 2024-01-02 03:04 UTC" in said(records, run)[1]


def live(records, run, state):
    store = records.store
    store.tasks.intend(run, Attempt("0000", 1, f"{run}id", f"{run} name", "p", "", 0.0))
    store.tasks.identify(run, "0000", "projects/p/operations/X", TaskState.QUEUED)
    if state is not TaskState.QUEUED:
        store.tasks.change(run, {"0000": TaskChange(state=TaskState.RUNNING, progress=0.4)})
    if state not in (TaskState.QUEUED, TaskState.RUNNING):
        store.tasks.change(run, {"0000": TaskChange(state=state, error="The frobnicator is out of phase.")})


@pytest.mark.parametrize(
    ("state", "says"),
    [
        (TaskState.QUEUED, ["waits in Earth Engine's queue, attempt 1.", "Its operation is projects/p/operations/X."]),
        (TaskState.RUNNING, ["runs in Earth Engine, 40% of it, attempt 1."]),
        (TaskState.FAILED, ["has failed in Earth Engine", "Earth Engine said: The frobnicator is out of phase."]),
        (TaskState.SUCCEEDED, ["is done in Earth Engine", "Its files have not all been listed yet."]),
    ],
)
def test_a_task_says_what_it_waits_for(records, state, says):
    """By its key."""
    run = begin(records)
    live(records, run, state)

    text = " ".join(said(records, run, "0000"))

    assert all(words in text for words in ["Task 0000 (256 × 512 pixels at row 0, column 0)", *says])


def test_a_part_is_found_by_any_of_its_pixels(records):
    """With its file, once there is one."""
    run = begin(records)
    live(records, run, TaskState.SUCCEEDED)
    window = Window(0, 256, 256, 256)
    found = {w: StoredObject(f"o/{w.col}.tif", 2048, "1", None, None) for w in (Window(0, 0, 256, 256), window)}
    records.store.parts.collect(run, "0000", found, 1)
    for state in (PartState.DOWNLOADING, PartState.VERIFIED):
        records.store.parts.move(run, window, state)

    assert said(records, run, "255,300")[0] == (
        "The part at row 0, column 256 of task 0000 is here and whole, and waits to be placed in the result; "
        "its file is o/256.tif, 2.0 KiB."
    )


def test_a_chip_that_was_given_up_says_why(records):
    """And one that is tried again says when, and what went wrong."""
    run, now = begin(records), records.clock.now().timestamp()
    units = records.store.units
    units.add(run, [UnitPlan("chip", "a"), UnitPlan("chip", "b")])
    a, b = units.claim(run, "chip", 2, now=now, seconds=60)
    units.finish(a, UnitState.EMPTY, error="Image.load: not found.")
    units.again(b, now + 90, Failure.TRANSIENT, "no answer")

    assert said(records, run, "a") == ("chip a was given up: Image.load: not found. The others go on without it.",)
    first, wrong, again = said(records, run, "b")
    assert (first, wrong) == ("chip b waits for its turn.", "What went wrong last: no answer.")
    assert again.startswith("It is tried again at ")


def test_a_piece_of_a_held_run_points_to_its_run(records):
    """What it waits for is the run."""
    run = begin(records)
    records.store.runs.set_state(run, S.HELD, "why", who=Who.PERSON)

    assert said(records, run, "0001")[-1] == f"Its run is HELD; `orchestrator why {run}` says why."


@pytest.mark.parametrize(
    ("key", "says"),
    [("001", "did you mean '0001'"), ("99,9999", "they are called 0000, 0001"), ("x", "they are called 0000")],
)
def test_a_piece_that_is_none_is_refused(records, key, says):
    """With those there are."""
    with pytest.raises(UserError, match=f"has no task, unit or part '{key}'; {says}"):
        said(records, begin(records), key)

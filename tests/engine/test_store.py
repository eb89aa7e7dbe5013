"""The store's contract, to be run over every store there is."""

from __future__ import annotations

import threading

import pytest
import store_kit
from sqlalchemy import text
from store_kit import TASKS, an_attempt, an_object, collect_all, submit

from orchestrator.core.errors import IntegrityError, UserError
from orchestrator.engine.stores.contract import TaskChange
from orchestrator.engine.stores.records import Admission
from orchestrator.engine.stores.work_records import Attempt
from orchestrator.model.grid import Window
from orchestrator.model.objects import Deletion, StoredObject
from orchestrator.model.plan import TaskPlan
from orchestrator.model.states import PartState, RunState, TaskState
from orchestrator.model.unit import UnitPlan

store, planned = store_kit.store, store_kit.planned


def test_the_same_declaration_continues_its_run(store):
    """A job that is admitted twice has one run."""
    first = store.runs.admit(Admission("night", "", ("f",), "{}"))

    assert store.runs.admit(Admission("night", "", ("f",), "{}")).id == first.id


def test_again_follows_an_ended_run_only(store, planned):
    """`again` never starts beside a run that still works."""
    assert store.runs.admit(Admission("night", "2024-06-01", ("f" * 64,), "{}"), again=True).id == planned

    store.runs.set_state(planned, RunState.CANCELLED)

    assert store.runs.admit(Admission("night", "2024-06-01", ("f" * 64,), "{}"), again=True).turn == 2


def test_a_scheduled_date_fires_once(store):
    """However often the clock wakes us, one (job, logical date) has one run."""
    assert store.runs.fire(Admission("night", "2024-06-01", ("f",), "{}")) is not None

    assert store.runs.fire(Admission("night", "2024-06-01", ("g",), "{}")) is None
    assert store.runs.fire(Admission("night", "2024-06-02", ("f",), "{}")) is not None


def test_a_plan_is_stored_whole(store, planned):
    """Tasks and their parts appear together with the state PLANNED."""
    assert [task.plan for task in store.tasks.of(planned)] == list(TASKS)
    assert {part.window for part in store.parts.of(planned)} == {w for task in TASKS for w in task.parts()}


def test_a_second_plan_is_refused(store, planned):
    """A run is planned once; what was promised to Earth Engine does not change under it."""
    with pytest.raises(IntegrityError, match="EXPORTING to PLANNED"):
        store.runs.save_plan(planned, "other", "image", "{}", ())


def test_an_intent_is_there_before_its_operation(store, planned):
    """Between the commit and the answer the attempt can be found again by what it was called."""
    store.tasks.intend(planned, an_attempt())

    assert store.tasks.of(planned)[0].state is TaskState.SUBMITTING
    assert store.tasks.attempts(planned) == [an_attempt()]


def test_a_request_id_is_used_once(store, planned):
    """Two attempts can never share a request id, whatever the code above does."""
    store.tasks.intend(planned, an_attempt())

    with pytest.raises(Exception, match=r"(?i)unique"):
        store.tasks.intend(planned, Attempt("0001", 1, an_attempt().request_id, "other", "p", "", 0.0))


def test_a_change_outside_the_table_changes_nothing(store, planned):
    """States move as the tables say, or not at all."""
    with pytest.raises(IntegrityError, match="PLANNED to SUCCEEDED"):
        store.tasks.change(planned, {"0001": TaskChange(state=TaskState.SUCCEEDED)})

    assert store.tasks.of(planned)[1].state is TaskState.PLANNED


def test_collected_parts_are_owned(store, planned):
    """An object enters the ledger in the moment its part becomes EXPORTED."""
    submit(store, planned)

    collect_all(store, planned, TASKS[0])

    assert {owned.source.name for owned in store.ledger.of(planned)} == {
        part.source.name for part in store.parts.of(planned) if part.state is PartState.EXPORTED
    }


def test_owning_twice_is_owning_once(store, planned):
    """The ledger holds one row for one generation of one object."""
    store.ledger.own(planned, [an_object("a")])
    store.ledger.own(planned, [an_object("a"), an_object("a", "2")])

    assert [owned.source.generation for owned in store.ledger.of(planned)] == ["1", "2"]


def test_a_reset_task_keeps_what_is_placed(store, planned):
    """A new attempt asks again only for what is not in the output yet."""
    submit(store, planned)
    collect_all(store, planned, TASKS[0])
    placed = TASKS[0].parts()[0]
    for state in (PartState.DOWNLOADING, PartState.VERIFIED, PartState.MERGED):
        store.parts.move(planned, placed, state)

    store.tasks.reset(planned, "0000", TaskChange(error="lost"))

    states = {part.window: part.state for part in store.parts.of(planned) if part.task == "0000"}
    assert states.pop(placed) is PartState.MERGED
    assert set(states.values()) == {PartState.WAITING}


def test_a_cut_task_passes_its_parts_on(store, planned):
    """After a split the same pixels are planned, by the children."""
    submit(store, planned)
    store.tasks.change(planned, {"0000": TaskChange(state=TaskState.FAILED)})
    halves = [TaskPlan(0, Window(0, 0, 256, 512), 256, 256), TaskPlan(0, Window(256, 0, 256, 512), 256, 256)]

    store.tasks.split(planned, "0000", [(f"0000.{i}", half, 3) for i, half in enumerate(halves)])

    owners = {part.window: part.task for part in store.parts.of(planned)}
    assert {w: owners[w] for w in TASKS[0].parts()} == {w: f"0000.{w.row // 256}" for w in TASKS[0].parts()}


def test_a_part_that_is_cut_inside_is_replaced(store, planned):
    """A task of one part passes its pixels on as smaller parts, the first of which begins where it began."""
    store.tasks.intend(planned, an_attempt(task="0001"))
    store.tasks.identify(planned, "0001", "op", TaskState.RUNNING)
    store.tasks.change(planned, {"0001": TaskChange(state=TaskState.FAILED)})
    halves = [TaskPlan(1, Window(row, 512, 128, 256), 128, 256) for row in (0, 128)]

    store.tasks.split(planned, "0001", [(f"0001.{i}", half, 3) for i, half in enumerate(halves)])

    assert {p.window: p.task for p in store.parts.of(planned) if p.task.startswith("0001")} == {
        half.window: f"0001.{i}" for i, half in enumerate(halves)
    }


def test_only_a_waiting_task_can_be_reshaped(store, planned):
    """What was handed to Earth Engine keeps its parts."""
    larger = TaskPlan(0, TASKS[0].window, 512, 512)
    store.tasks.reshape(planned, "0000", larger)
    assert store.tasks.of(planned)[0].plan == larger

    submit(store, planned)

    with pytest.raises(IntegrityError, match="only a PLANNED task"):
        store.tasks.reshape(planned, "0000", TASKS[0])


def test_a_held_run_remembers_where_it_was(store, planned):
    """A run that failed while it was held still goes on from the step that was interrupted."""
    store.runs.set_state(planned, RunState.HELD, "no network")

    assert store.runs.set_state(planned, RunState.FAILED, "gave up").resume is RunState.EXPORTING


@pytest.mark.parametrize("cut", [slice(6), slice(15), slice(0)], ids=["a beginning", "all but one", "nothing"])
def test_a_run_is_looked_up_by_its_whole_id(store, planned, cut):
    """A program never means another run than the one it names, whatever ids there are."""
    assert store.runs.get(planned).id == planned

    with pytest.raises(UserError, match="status"):
        store.runs.get(planned[cut])


def test_a_name_that_a_person_typed_may_be_the_beginning_of_an_id(store, planned):
    """People type as much of an id as tells it apart."""
    assert [head.id for head in store.runs.named(planned[:6])] == [planned]


def test_threads_do_not_lose_each_others_writes(store, planned):
    """Every worker's event is there in the end."""
    workers = [
        threading.Thread(target=lambda n=n: [store.events.record(planned, "e", {"n": n, "i": i}) for i in range(20)])
        for n in range(4)
    ]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()

    assert len(store.events.latest(planned, 1000)) == 80


def test_heads_are_the_runs_without_their_weight(store, planned):
    """Newest first, with what a list shows; of one run where that is asked for."""
    other = store.runs.admit(Admission("day", "", ("g",), "{}", base_name="west"))

    heads = {head.id: head for head in store.runs.heads()}

    assert set(heads) == {planned, other.id}
    assert all(getattr(heads[other.id], name) == getattr(other, name) for name in heads[other.id].__slots__)
    assert [head.id for head in store.runs.heads(run_id=planned)] == [planned]
    assert len(store.runs.heads(1)) == 1


def test_a_run_that_is_not_there_has_no_head(store):
    """As with the whole run: a program names it wrongly, or a person."""
    with pytest.raises(UserError, match="status"):
        store.runs.head("zzz")


def test_tallies_are_those_of_each_run(store, planned):
    """Counted together, what each run's own tally says."""
    other = store.runs.admit(Admission("day", "", ("g",), "{}"))
    collect = store.tasks.of(planned)[0]
    submit(store, planned)
    collect_all(store, planned, collect.plan)

    tallies = store.parts.tallies([planned, other.id])

    assert tallies == {planned: {state: tally.parts for state, tally in store.parts.tally(planned).items()}}


def test_a_pace_counts_the_downloads_since_a_time(store, planned):
    """Parts and bytes of one run's downloads, none older, none of another event or run."""
    for name in ("part.downloaded", "part.downloaded", "part.trouble"):
        store.events.record(planned, name, {"bytes": 7})
    store.events.record("other", "part.downloaded", {"bytes": 100})

    pace = store.events.paces([planned], "2024-05-31T00:00:00.000+00:00")[planned]

    assert (pace.parts, pace.bytes) == (2, 14)
    assert store.events.paces([planned], "2024-06-02T00:00:00.000+00:00") == {}


def test_events_are_followed_from_where_one_was(store, planned):
    """What came after a sequence number, oldest first."""
    for number in range(5):
        store.events.record(planned, f"e{number}", {})
    first = store.events.latest(planned)[-4].sequence

    assert [event.name for event in store.events.latest(planned, after=first)] == ["e2", "e3", "e4"]


def test_a_transaction_that_writes_is_alone_from_its_beginning(store, planned):
    """Another that writes in between would make one fail that reads first, or decide on what is no more: it waits."""
    ends: list[str] = []
    other = threading.Thread(target=lambda: (store.events.record(planned, "late", {}), ends.append("other")))

    with store._db.write() as db:
        before = db.execute(text("SELECT count(*) FROM events")).scalar()
        other.start()
        other.join(0.5)  # nothing tells that it waits; one that does not wait has ended by then
        assert db.execute(text("SELECT count(*) FROM events")).scalar() == before
        ends.append("first")
    other.join()

    assert ends == ["first", "other"]


def test_who_reads_sees_one_state_of_the_whole_database(store, planned):
    """What is committed meanwhile is seen by the next look."""
    with store._db.read() as db:
        before = db.execute(text("SELECT count(*) FROM events")).scalar()
        writer = threading.Thread(target=store.events.record, args=(planned, "late", {}))
        writer.start()
        writer.join()
        assert db.execute(text("SELECT count(*) FROM events")).scalar() == before

    assert [event.name for event in store.events.latest(planned)] == ["late"]


def test_what_was_begun_and_failed_is_not_there(store, planned):
    """A transaction is whole or nothing, and the next one finds nothing of it."""

    def fail(db):
        db.execute(text("DELETE FROM part_counts"))
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError), store._db.write() as db:
        fail(db)

    assert store.parts.tally(planned)


@pytest.mark.parametrize(
    "text_", ["a\0b", "Zürich \N{SNOWMAN} \N{GRINNING FACE}", "'; DROP TABLE runs; --", "%s %(x)s"]
)
def test_a_text_of_a_service_is_kept_whatever_is_in_it(store, planned, text_):
    """But for the letter of number 0, which PostgreSQL has no place for."""
    store.runs.set_state(planned, RunState.HELD, text_)

    assert store.runs.head(planned).reason.replace("\N{REPLACEMENT CHARACTER}", "\0") == text_


def test_keys_are_sorted_by_code_point(store):
    """So that both databases, in any language, give one order: capitals come before small letters."""
    run = store.runs.admit(Admission("night", "", ("g",), "{}")).id
    names = ["b", "B", "a-1", "a_1", "a1", "ä", "z", "Z"]

    store.units.add(run, [UnitPlan("fetch", name) for name in names])

    assert [unit.key for unit in store.units.of(run)] == sorted(names)
    assert [unit.key for unit in store.units.claim(run, "fetch", 9, now=0.0, seconds=1.0)] == sorted(names)


def test_bytes_are_counted_beyond_32_bits(store, planned):
    """A result weighs terabytes; so does what lies in a bucket."""
    submit(store, planned)
    store.tasks.change(planned, {"0000": TaskChange(state=TaskState.SUCCEEDED)})
    found = {w: StoredObject(f"{w.row}-{w.col}", 2**40, "1", "AAAAAA==") for w in TASKS[0].parts()}

    store.parts.collect(planned, "0000", found, 1)
    store.events.record(planned, "part.downloaded", {"bytes": 2**40})

    assert store.parts.tally(planned)[PartState.EXPORTED].bytes == 2**40 * len(found)
    assert store.events.paces([planned], "")[planned].bytes == 2**40


def test_deletions_are_settled_together(store, planned):
    """Each with its own outcome, in one transaction."""
    store.ledger.own(planned, [an_object("a"), an_object("b"), an_object("c")])
    first, second, third = store.ledger.of(planned)

    store.ledger.settle({first.id: Deletion.DELETED, third.id: Deletion.CHANGED})

    assert [owned.outcome for owned in store.ledger.of(planned)] == ["deleted", "", "changed"]
    assert second.outcome == ""


def test_tasks_are_read_as_they_are_although_rows_are_known(store, planned):
    """What has not changed is not built anew; what has, by whichever connection, is."""
    before = store.tasks.of(planned)
    store.tasks.change(planned, {"0001": TaskChange(rung=2)})

    after = store.tasks.of(planned)

    assert after[0] is before[0]
    assert (before[1].rung, after[1].rung) == (0, 2)
    assert store.tasks.of("another") == []
    assert store.tasks.of(planned) == after

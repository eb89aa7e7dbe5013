"""Single histories that went wrong once, or could: each is told by the promise it would break."""

from __future__ import annotations

import json
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
from model_product import FileSink
from model_world import TASKS, FakeClock, NoStop
from run_machine import Machine
from run_process import BACKOFF, BUCKET_BYTES, WhenTold

from orchestrator.core.errors import IntegrityError, TransientError
from orchestrator.engine.batch.transfers import StaleError, Transfers
from orchestrator.engine.batch.watch import OperationsWatch
from orchestrator.engine.execution import retry_run
from orchestrator.engine.placing import Placing
from orchestrator.engine.stores.contract import TaskChange
from orchestrator.engine.stores.work_records import Attempt
from orchestrator.model.batch import Operation, OperationState
from orchestrator.model.states import Failure, PartState, RunState, TaskState, Who
from orchestrator.routes.names import prefix_of


@pytest.fixture
def story():
    """A machine that is driven by hand; what is left of its run need not end well."""
    machine = Machine()
    machine.admit(heavy=False, keep_parts=True, split="square")
    yield machine
    machine.run_id = ""  # no demand on how it ends
    machine.store.close()
    machine.teardown()


def exporting(story, rounds=4):
    for _ in range(rounds):
        story._step()
        story.clock.seconds += 2


def finish(story):
    story._the_run_ends_when_all_is_well()


def test_a_failure_written_before_a_crash_is_answered_after_it(story):
    """A process that dies between noting a failed task and answering it leaves no run that waits for ever."""
    exporting(story)
    (task, *_) = [t for t in story.store.tasks.of(story.run_id) if t.operation]
    story.world.fail(task.operation, Failure.TRANSIENT, leaving=0)
    change = TaskChange(state=TaskState.FAILED, error="internal error")
    story.store.tasks.change(story.run_id, {task.key: change})
    story.crash_now()

    exporting(story, 2)

    assert story.store.tasks.of(story.run_id)[0].state is not TaskState.FAILED
    finish(story)
    assert story.store.tasks.of(story.run_id)[0].attempt == 2


def test_a_forgotten_failure_is_answered_too(story):
    """A failed task whose operation is listed no more gets a new attempt."""
    exporting(story)
    (task, *_) = [t for t in story.store.tasks.of(story.run_id) if t.operation]
    story.store.tasks.change(story.run_id, {task.key: TaskChange(state=TaskState.FAILED, error="internal error")})
    del story.world.started[task.operation]
    story.crash_now()

    exporting(story, 2)

    assert story.store.tasks.of(story.run_id)[0].state is not TaskState.FAILED
    finish(story)
    assert story.store.tasks.of(story.run_id)[0].attempt == 2


def test_a_run_whose_unfinished_file_is_gone_brings_its_parts_again(story):
    """After `cancel`, `clean` and `retry`, parts that were placed and taken away come again."""
    exporting(story)
    while not any(part.state is PartState.MERGED for part in story.store.parts.of(story.run_id)):
        story.work_off(0)
        story._step()
        story.transfer(1)
        story.clock.seconds += 2
    story.process.execution.cancel()
    story.process.execution.sweep(story.store.runs.get(story.run_id))
    story.crash_now()

    retry_run(story.store.runs.get(story.run_id), story.store)
    finish(story)

    assert story._state() is RunState.CLEANED


def test_a_held_run_is_cancelled_when_its_user_asks(story):
    """A cancel request ends the wait of a held run; nobody waits for the end of the hold."""
    exporting(story)
    story.store.runs.set_state(story.run_id, RunState.HELD, "the network is down", who=Who.TIME)
    held = story.store.runs.get(story.run_id)
    story.store.runs.request(story.run_id, "cancel")
    before = story.clock.seconds

    story.process.execution.step(held)
    story._step()

    assert story._state() is RunState.CANCELLED
    assert story.clock.seconds - before < BACKOFF.hold_seconds
    assert story.world.live() == []


@pytest.mark.parametrize("state", [RunState.ADMITTED, RunState.PLANNED, RunState.EXPORTING, RunState.ASSEMBLING])
def test_a_run_is_cancelled_in_any_state_before_its_result_is_there(story, state):
    """A cancel request is obeyed wherever the run is."""
    for step in (RunState.ADMITTED, RunState.PLANNED, RunState.EXPORTING, RunState.ASSEMBLING):
        if story._state() is step is not state:
            story.store.runs.set_state(story.run_id, _AFTER[step]) if step is not RunState.ADMITTED else story._step()
    story.store.runs.request(story.run_id, "cancel")

    story._step()

    assert story._state() is RunState.CANCELLED


_AFTER = {RunState.PLANNED: RunState.EXPORTING, RunState.EXPORTING: RunState.ASSEMBLING}


def test_an_operation_that_no_list_shows_yet_is_cancelled_too(story):
    """What the store knows is cancelled, also when the service's list lags behind."""
    exporting(story)
    (task, *_) = [t for t in story.store.tasks.of(story.run_id) if t.operation]
    story.world.started[task.operation].unlisted = 9

    story.process.execution.cancel()

    assert story.world.started[task.operation].operation.state == "CANCELLED"


def test_a_submission_in_doubt_is_taken_up_again_after_a_cancellation(story):
    """Its operation may live unseen: a retry looks for it and begins nothing new beside it."""
    exporting(story, 1)
    story.world.next_submission = "answer lost"
    while not [t for t in story.store.tasks.of(story.run_id) if t.state is TaskState.SUBMITTING]:
        exporting(story, 1)
    (task, *_) = [t for t in story.store.tasks.of(story.run_id) if t.state is TaskState.SUBMITTING]
    story.process.execution.cancel()

    retry_run(story.store.runs.get(story.run_id), story.store)
    finish(story)

    assert story.store.tasks.of(story.run_id)[int(task.key)].attempt == task.attempt


def test_a_cancellation_without_an_answer_is_held_and_done_later(story):
    """When the service cannot be asked what runs, the run is not given up as if nothing ran."""
    exporting(story)
    story.store.runs.request(story.run_id, "cancel")
    story.world.list_fails = True

    story._step()

    assert story._state() is RunState.HELD
    story._wait_out_a_hold()
    story._step()
    story._step()
    assert story._state() is RunState.CANCELLED
    assert story.world.live() == []


def test_no_task_is_handed_over_while_the_bucket_is_full(story):
    """When downloads are slower than exports, the objects that wait are counted, also when no task is live."""
    story.world.bytes_per_pixel = 1.0
    exporting(story, 3)
    for _ in range(12):  # nothing is downloaded
        story.work_off(0)
        story._step()
        story.clock.seconds += 2

    waiting = sum(part.source.size for part in story.store.parts.of(story.run_id) if part.source)
    assert 0 < waiting <= BUCKET_BYTES
    assert any(task.state is TaskState.PLANNED for task in story.store.tasks.of(story.run_id))


def test_after_too_many_exports_a_person_can_still_order_another(story):
    """`retry` of a run that is held because its objects vanish again and again exports them once more."""
    exporting(story)
    for _ in range(120):
        story._step()
        for name in story.world.live():
            story.world.advance(name)
        story.world.blobs.clear()
        story.clock.seconds += 5
        if story.store.runs.get(story.run_id).needs_person:
            break
    assert story.store.runs.get(story.run_id).needs_person

    finish(story)

    assert story._state() is RunState.CLEANED


def test_the_proof_names_who_wrote_a_part_that_outlived_its_task(story):
    """A part placed before its task was cut is proved by the attempt that wrote it, and is not exported again."""
    exporting(story)
    while not story.store.tasks.of(story.run_id)[0].collected:
        story.work_off(0)
        story._step()
        story.clock.seconds += 2
    story._step()
    story.transfer(1)
    merged = next(p for p in story.store.parts.of(story.run_id) if p.state is PartState.MERGED)
    story.store.tasks.reset(story.run_id, "0000", TaskChange(error="an object was lost"))
    story.store.tasks.change(story.run_id, {"0000": TaskChange(rung=3)})
    for _ in range(20):
        story._step()
        task = story.store.tasks.of(story.run_id)[0]
        if task.attempt == 2 and task.operation:
            break
        story.clock.seconds += 2
    story.world.fail(task.operation, Failure.MEMORY, leaving=0)

    finish(story)

    proof = json.loads((story.folder / "out_clipped.json").read_text())
    told = next(p for p in proof["parts"] if p["window"] == [0, 0, 256, 256])
    assert merged.window == TASKS[0].parts()[0]
    assert (told["task"], told["attempt"]) == ("0000", 1)
    assert story.world.started[told["operation"]].order.names.prefix == prefix_of(told["object"]["name"])


class OneObject:
    """Transfers of one part, in this thread's hands; what is to be placed waits in `later`."""

    def __init__(self, story, sink=FileSink):
        folder = story.folder / "one"
        folder.mkdir()
        context = replace(story.process.execution._context, record=lambda _n, _f: None)
        self.later = WhenTold()
        placing = Placing(sink(folder), NoStop(FakeClock()), self.later)
        self.transfers = Transfers(context, placing, story.folder)


def test_bytes_of_a_replaced_object_are_not_placed(story):
    """A download that waited while its task was exported anew is not taken for the new object."""
    exporting(story)
    while not story.store.tasks.of(story.run_id)[0].collected:
        story.work_off(0)
        story._step()
        story.clock.seconds += 2
    stale = story.store.parts.of(story.run_id)[0]
    story.store.tasks.reset(story.run_id, stale.task, TaskChange(error="lost"))
    task = story.store.tasks.of(story.run_id)[0]
    story.store.tasks.intend(story.run_id, Attempt(task.key, 9, "x9", "d9", "p9", "", 0.0))
    story.store.tasks.identify(story.run_id, task.key, "op/9", TaskState.QUEUED)
    story.store.tasks.change(story.run_id, {task.key: TaskChange(state=TaskState.SUCCEEDED)})
    newer = {w: replace(stale.source, name=f"p9-{w.row}-{w.col}") for w in task.plan.parts()}
    story.store.parts.collect(story.run_id, task.key, newer, 9)
    one = OneObject(story)

    one.transfers._bring(stale)

    (trouble,) = one.transfers.troubles()
    assert isinstance(trouble.error, StaleError)
    assert not one.later.waiting
    assert story.store.parts.of(story.run_id)[0].state is PartState.EXPORTED


class PickySink(FileSink):
    """Refuses one part, as the assembler does: after telling of those before it."""

    def __init__(self, folder, refused):
        super().__init__(folder)
        self._refused = refused

    def place(self, parts, on_placed):
        for cell, part in list(parts):  # it reads ahead
            if cell.window == self._refused:
                raise IntegrityError("not the planned part")
            super().place([(cell, part)], on_placed)


def test_a_part_that_cannot_be_placed_does_not_keep_others_out(story):
    """Parts are placed many at a time; only the one at fault is in trouble."""
    exporting(story)
    while len(story.store.parts.of(story.run_id, [PartState.EXPORTED])) < 4:
        story.work_off(0)
        story._step()
        story.clock.seconds += 2
    parts = story.store.parts.of(story.run_id, [PartState.EXPORTED])
    one = OneObject(story, lambda folder: PickySink(folder, parts[1].window))
    for part in parts:
        one.transfers._bring(part)

    one.later.run(len(parts))

    states = {part.window: part.state for part in story.store.parts.of(story.run_id)}
    (trouble,) = one.transfers.troubles()
    assert trouble.part.window == parts[1].window
    assert trouble.placing
    assert [states[p.window] for p in parts] == [
        PartState.VERIFIED if p is parts[1] else PartState.MERGED for p in parts
    ]


def test_a_part_whose_window_was_cut_is_refused_by_name(story):
    """Moving a part that its task has no more is a fault of state, not of the database."""
    exporting(story)
    whole = story.store.parts.of(story.run_id)[0].window

    with pytest.raises(IntegrityError, match="no part"):
        story.store.parts.move(story.run_id, replace(whole, height=whole.height - 1), PartState.LOST)


def test_other_runs_do_not_wait_for_a_list_that_takes_long():
    """While one run's question is under way, another gets the last answer at once."""
    asked, answer = threading.Event(), threading.Event()

    def listing():
        asked.set()
        assert answer.wait(10)
        return (Operation("op/1", OperationState.RUNNING),)

    watch = OperationsWatch(listing, FakeClock(), 1, 4)
    with ThreadPoolExecutor(1) as pool:
        slow = pool.submit(watch.latest)
        assert asked.wait(10)

        meanwhile = watch.latest()
        watch.hasten()
        answer.set()

        assert meanwhile == (0, ())
        assert slow.result(10)[0] == 1


def test_a_list_that_fails_leaves_the_watch_usable():
    """After a failed question the next one is asked."""
    answers = iter([TransientError("no"), ()])

    def listing():
        answer = next(answers)
        if isinstance(answer, Exception):
            raise answer
        return answer

    watch = OperationsWatch(listing, FakeClock(), 1, 4)
    with pytest.raises(TransientError):
        watch.latest()

    assert watch.latest() == (1, ())


def test_an_operation_that_comes_to_life_late_is_ended(story):
    """An attempt that was given up and shows up after all does not compute for nobody."""
    exporting(story)
    (task, *_) = [t for t in story.store.tasks.of(story.run_id) if t.operation]
    (first, *_) = [a for a in story.store.tasks.attempts(story.run_id) if a.task == task.key]
    story.world.fail(task.operation, Failure.TRANSIENT, leaving=0)
    while story.store.tasks.of(story.run_id)[0].attempt < 2:
        story.clock.seconds += 20
        story.work_off(0)
    late = replace(
        story.world.started[task.operation].operation, name="projects/p/operations/late", state=OperationState.RUNNING
    )
    story.world.started[late.name] = replace(story.world.started[task.operation], operation=late)
    assert late.description == first.description

    exporting(story)

    assert story.world.started[late.name].operation.state == "CANCELLED"

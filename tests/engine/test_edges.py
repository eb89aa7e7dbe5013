"""What lies at the edges of the service: other names, lists that lag, objects that fit nothing, clocks that are set."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from model_world import TASKS, FakeClock, FileSink
from test_machine import BACKOFF, Killed, Machine

from orchestrator.core import crash
from orchestrator.core.errors import DamagedObjectError, IntegrityError, WayError
from orchestrator.core.files import remove_tree
from orchestrator.engine.execution import retry_run
from orchestrator.engine.limits import Limits, Usage
from orchestrator.engine.waiting import Waits
from orchestrator.model.states import Failure, PartState, RunState, TaskState, Who


@pytest.fixture
def story():
    """A machine that is driven by hand; what is left of its run need not end well."""
    machine = Machine()
    machine.admit(heavy=False, keep_parts=True, split="square")
    yield machine
    machine.run_id = ""  # no demand on how it ends
    machine.process.execution.close()
    machine.store.close()
    machine.teardown()


def go_on(story, rounds=1, *, working=False):
    for _ in range(rounds):
        story._step()
        if working:
            story.work_off(0)
            story.transfer(9)
        story.clock.seconds += 2


def finish(story):
    story._the_run_ends_when_all_is_well()
    assert story._state() is RunState.CLEANED


def exports(story):
    return len(story.world.prefixes)


@pytest.mark.parametrize("dash", [False, True], ids=["no dash", "dash"])
def test_a_run_ends_with_either_form_of_names(story, dash):
    """Both forms occur; every task is exported once."""
    story.world.dash = dash

    finish(story)

    assert exports(story) == len(TASKS)


def rename_all(story):
    for name in [name for name in story.world.blobs if name.endswith(".tif")]:
        blob = story.world.blobs.pop(name)
        story.world.blobs[name.replace(".tif", ".geotiff")] = replace(blob, foreign=True)


def until_held(story):
    for _ in range(60):
        story._step()
        for name in story.world.live():
            story.world.advance(name)
        rename_all(story)
        story.clock.seconds += 5
        if story.store.runs.get(story.run_id).needs_person:
            return story.store.runs.get(story.run_id)
    raise AssertionError(story._why())


def test_objects_that_fit_no_part_hold_the_run_and_are_named(story):
    """Nothing is exported again while objects lie under our prefix that cannot be told."""
    held = until_held(story)

    assert ".geotiff" in held.reason
    assert exports(story) <= len(TASKS)


def test_after_a_persons_retry_what_fits_nothing_is_exported_again(story):
    """First it is looked at once more; then the person's word counts."""
    until_held(story)
    before = exports(story)

    retry_run(story.store.runs.get(story.run_id), story.store)
    finish(story)

    assert exports(story) > before


def test_after_a_persons_retry_objects_that_fit_by_now_are_taken(story):
    """A person who gave the files their names back pays for no second export."""
    until_held(story)
    for name in list(story.world.blobs):
        blob = story.world.blobs.pop(name)
        story.world.blobs[name.replace(".geotiff", ".tif")] = replace(blob, foreign=False)

    retry_run(story.store.runs.get(story.run_id), story.store)
    finish(story)

    assert exports(story) == len(TASKS)


# ------------------------------------------------------------- lists that lag


def test_an_operation_missing_from_lists_is_asked_for_by_name(story):
    """However many lists it is missing from: it is not exported beside the live one."""
    go_on(story, 4)
    for started in story.world.started.values():
        started.unlisted = 10**6

    go_on(story, 40)
    assert exports(story) == len(story.world.started) <= len(TASKS)
    finish(story)

    assert exports(story) == len(TASKS)


def test_an_operation_that_even_its_name_does_not_bring_is_waited_for(story):
    """A 404 for the name may be a lag as well: it counts only when it has lasted."""
    go_on(story, 4)
    hidden = list(story.world.started.values())
    for started in hidden:
        started.unlisted, started.unknown = 10**6, True
    begun = story.clock.seconds
    while story.clock.seconds < begun + BACKOFF.lag_seconds * 0.8:
        go_on(story)

    assert exports(story) == len(story.world.started)
    for started in hidden:
        started.unlisted, started.unknown = 0, False
    finish(story)
    assert exports(story) == len(TASKS)


@given(
    waits=st.lists(st.tuples(st.integers(0, 2), st.integers(1, 300), st.booleans()), max_size=6),
    lost=st.lists(st.booleans(), max_size=3),
)
@settings(max_examples=settings().max_examples // 2)
def test_exports_are_as_many_as_tasks_however_blind_the_list(waits, lost):
    """Histories of operations that lists do not show for up to ten minutes, and of answers that are lost."""
    machine = Machine()
    machine.admit(heavy=False, keep_parts=True, split="square")
    try:
        for answer_lost in lost:
            machine.world.next_submission = "answer lost" if answer_lost else ""
            go_on(machine, 2)
        for pick, lists, dies in waits:
            started = list(machine.world.started.values())
            for hidden in started[pick : pick + 1]:
                hidden.unlisted = lists
            go_on(machine, 5)
            if dies:
                machine.crash_now()
        finish(machine)

        assert exports(machine) == len(TASKS)
    finally:
        machine.process.execution.close()
        machine.teardown()


def test_a_known_request_id_is_not_given_up_because_its_order_is_old(story):
    """An order committed before a long pause may have been sent a moment ago, and lists may lag."""
    die_at(story, "task.intended")
    story.clock.seconds += 100 * BACKOFF.burnt_seconds
    story.world.next_submission = "answer lost"
    story.world.refuses_known_ids = True
    begun = story.clock.seconds
    while story.clock.seconds < begun + BACKOFF.burnt_seconds * 0.5:
        for started in story.world.started.values():
            started.unlisted = 10
        go_on(story)

    assert exports(story) == len(story.world.started) == len(story.world.live())


def die_at(story, name):
    """Go on until the process dies at the named point."""
    begun = story.process

    def point(here):
        if here == name:
            raise Killed

    crash.point = point
    for _ in range(50):
        if story.process is not begun:
            break
        go_on(story)
    crash.point = story._point


# ------------------------------------------------------------------- failures


FIRST = TASKS[0].window


def fail_first(story, failure):
    """Let the first task fail, once it is live, and the run answer; the others get on meanwhile."""
    while FIRST not in [story.world.started[name].order.window for name in story.world.live()]:
        others_get_on(story)
        go_on(story)
    story.world.fail(next(name for name in story.world.live() if is_first(story, name)), failure, leaving=0)
    for _ in range(4):
        go_on(story)


def is_first(story, name):
    return story.world.started[name].order.window == FIRST


def others_get_on(story):
    for name in story.world.live():
        if not is_first(story, name):
            story.world.advance(name)


def first_task(story):
    return next(t for t in story.store.tasks.of(story.run_id) if t.key == "0000")


def until_begun_again(story):
    before = first_task(story).attempt
    for _ in range(200):
        if first_task(story).attempt > before and first_task(story).operation:
            return
        others_get_on(story)
        go_on(story)
    raise AssertionError(story._why())


def test_a_masked_export_is_a_result(story):
    """Where every pixel is masked there is no file; the run ends, and no task is exported twice."""
    fail_first(story, Failure.EMPTY)

    finish(story)

    assert exports(story) == len(TASKS)


@pytest.mark.parametrize("failure", [Failure.UNKNOWN, Failure.OUT_OF_MEMORY])
def test_what_may_pass_once_is_repeated_unchanged(story, failure):
    """The first time the same order is given again."""
    fail_first(story, failure)
    until_begun_again(story)

    assert (first_task(story).attempt, first_task(story).rung) == (2, 0)


def test_an_unknown_sentence_that_comes_again_ends_the_run(story):
    """It is final then, with the service's own words."""
    for _ in range(2):
        fail_first(story, Failure.UNKNOWN)

    assert story._state() is RunState.FAILED
    assert "the service says UNKNOWN" in story.store.runs.get(story.run_id).reason


def test_memory_that_runs_out_again_is_asked_for_in_smaller_pieces(story):
    """The second time it counts as too much at once."""
    for _ in range(2):
        fail_first(story, Failure.OUT_OF_MEMORY)

    assert first_task(story).rung == 1


def test_a_days_quota_holds_the_run_until_it_returns(story):
    """No attempt is made before; nobody is asked; the time stands in the row."""
    fail_first(story, Failure.QUOTA)

    held = story.store.runs.get(story.run_id)
    # 2024-06-01 00:00 UTC is the evening before in California: the quota returns at 00:05 there, 07:05 UTC.
    assert held.next_at == pytest.approx(datetime(2024, 6, 1, 7, 5, tzinfo=UTC).timestamp())
    assert not held.needs_person


@pytest.mark.parametrize("moment", range(1, 12))
def test_one_failure_climbs_one_rung_wherever_the_process_dies(story, moment):
    """A crash between the rung and the new attempt must not climb twice."""
    while not story.world.live():
        go_on(story)
    story.world.fail(story.world.live()[0], Failure.MEMORY, leaving=0)
    story.countdown = moment
    go_on(story, 8)

    assert first_task(story).rung == 1


def test_a_retry_counts_attempts_from_there(story):
    """A person's `retry` gives every task its attempts again."""
    for _ in range(BACKOFF.max_attempts):
        fail_first(story, Failure.TRANSIENT)
    assert story._state() is RunState.FAILED

    retry_run(story.store.runs.get(story.run_id), story.store)
    fail_first(story, Failure.TRANSIENT)

    assert story._state() is RunState.EXPORTING


# ------------------------------------------------------ what an ended run leaves


def test_a_run_that_failed_leaves_nothing_running(story):
    """What still computes for it is cancelled: nobody waits for it, and its files would lie in the bucket."""
    fail_first(story, Failure.PERMANENT)

    assert story._state() is RunState.FAILED
    assert story.world.live() == []


def test_what_had_ended_by_itself_when_a_run_failed_is_not_exported_again(story):
    """A retry finds it: the operation is known."""
    while len(story.world.live()) < 2:
        go_on(story)
    first, second = story.world.live()
    for _ in range(2):
        story.world.advance(second)
    story.world.fail(first, Failure.PERMANENT, leaving=0)
    go_on(story, 5)
    assert story._state() is RunState.FAILED

    retry_run(story.store.runs.get(story.run_id), story.store)
    finish(story)

    assert exports(story) == len(TASKS) + 1


def test_a_refused_submission_counts_no_more(story):
    """Neither it nor the other tasks of the failed run use up what the runs share."""
    story.world.next_submission = "refused"
    go_on(story, 4)

    assert story._state() is RunState.FAILED
    assert story.store.tasks.live() == {}


def test_tasks_that_wait_for_the_end_of_a_long_pause_say_so(story):
    """Each has what the service said, and when it is handed over: in an hour at most, whatever was asked."""
    story.world.next_submission = "for days"
    go_on(story, 4)

    now = story.clock.now().timestamp()
    tasks = story.store.tasks.of(story.run_id)
    waiting = [t for t in tasks if t.state in (TaskState.PLANNED, TaskState.SUBMITTING)]
    assert len(waiting) == len(tasks)
    assert {"come back in eleven days" in t.error for t in waiting} == {True}
    assert all(3000 < t.next_at - now <= 3600 for t in waiting)
    finish(story)


def test_a_run_that_waits_for_a_person_counts_no_more(story):
    """It may wait for months, and nobody asks for news of its tasks meanwhile."""
    while not story.world.live():
        go_on(story)
    assert story.store.tasks.live() != {}

    story.store.runs.set_state(story.run_id, RunState.HELD, "look at this", who=Who.PERSON)

    assert story.store.tasks.live() == {}


@pytest.mark.parametrize("end", [RunState.CLEANED, RunState.FAILED, RunState.CANCELLED])
def test_an_output_is_given_up_before_its_run_ends(story, end):
    """A process that dies in between leaves no owner of a run that nobody will take up."""
    owned = []
    ask, change = story.store.runs.request, story.store.runs.set_state

    def note(run_id, state, *more, **named):
        if state is end:
            owned.append(list(story.folder.glob(".orchestrator/*.owner")))
        return change(run_id, state, *more, **named)

    story.process.execution._store.runs.set_state = note
    if end is RunState.CLEANED:
        finish(story)
    elif end is RunState.FAILED:
        fail_first(story, Failure.PERMANENT)
    else:
        go_on(story, 4)
        ask(story.run_id, "cancel")
        go_on(story, 2)

    assert owned == [[]]


def test_a_whole_object_that_is_no_part_is_exported_once_more(story, monkeypatch):
    """Its checksum is right, and it cannot be read: another copy of it would be the same."""
    place, left = FileSink.place, [1]

    def picky(self, parts, on_placed):
        for part in parts:
            if left[0]:
                left[0] -= 1
                raise IntegrityError("no readable GeoTIFF")
            place(self, [part], on_placed)

    monkeypatch.setattr(FileSink, "place", picky)
    finish(story)

    assert exports(story) == len(TASKS) + 1


def test_what_is_no_part_again_ends_the_run(story, monkeypatch):
    """Twice is no accident: what Earth Engine writes is another thing than was planned."""

    def refuse(_self, parts, _on_placed):
        for _ in parts:
            raise IntegrityError("no readable GeoTIFF")

    monkeypatch.setattr(FileSink, "place", refuse)
    for _ in range(80):
        go_on(story, working=True)
        if story._state() is RunState.FAILED:
            break

    assert "no readable GeoTIFF" in story.store.runs.get(story.run_id).reason
    assert all(task.attempt <= 2 for task in story.store.tasks.of(story.run_id))


def test_a_folder_taken_away_in_the_middle_is_made_again(story):
    """The same process goes on; nothing is exported again."""
    while not any(part.state is PartState.MERGED for part in story.store.parts.of(story.run_id)):
        go_on(story, working=True)
    remove_tree(story.folder / ".orchestrator")

    finish(story)

    assert exports(story) == len(TASKS)


# --------------------------------------------------------------- bytes and way


def wrong(story, error, times):
    """Let the reading of every object fail so often."""
    left = [times]
    read = story.world.read

    def spoilt(source):
        if left[0] > 0:
            left[0] -= 1
            raise error(f"{source.name}: wrong bytes")
        return read(source)

    story.world.read = spoilt
    return left


def test_bytes_that_arrive_wrong_are_brought_again_not_exported_again(story):
    """The object is sound: the way is waited for, however often it fails."""
    left = wrong(story, WayError, 40)
    for _ in range(400):
        go_on(story, working=True)
        if not left[0]:
            break
    finish(story)

    assert exports(story) == len(TASKS)


def test_a_way_that_stays_bad_holds_the_run(story):
    """Nobody is asked; it is tried again later."""
    wrong(story, WayError, 10**9)
    for _ in range(60):
        go_on(story, working=True)
        if story._state() is RunState.HELD:
            break

    held = story.store.runs.get(story.run_id)
    assert (held.state, held.needs_person) == (RunState.HELD, False)
    assert held.next_at > 0


def test_an_object_that_is_damaged_itself_is_exported_again(story):
    """Proved bad by its own checksum, it never becomes right."""
    wrong(story, DamagedObjectError, 1)

    finish(story)

    assert exports(story) == len(TASKS) + 1


# --------------------------------------------------------------- limits, time


def test_runs_share_the_limit_of_live_tasks():
    """What one has under way another cannot use; each gets its share when it comes."""
    live = {"a": 6}
    limits = Limits(6, 1e9, lambda: live, FakeClock())
    limits.report("a", Usage(100, 0.0))
    limits.report("b", Usage(100, 0.0))
    assert limits.room("b") == 0

    live["a"] = 4

    assert (limits.room("a"), limits.room("b")) == (0, 2)


@given(steps=st.lists(st.tuples(st.sampled_from("abc"), st.booleans()), max_size=80), limit=st.integers(1, 9))
def test_no_order_of_runs_exceeds_the_limit(steps, limit):
    """Three runs that take what room they are told, and give it back in any order."""
    live = dict.fromkeys("abc", 0)
    limits = Limits(limit, 1e9, lambda: live, FakeClock())
    for run, takes in steps:
        limits.report(run, Usage(5, 0.0))
        if takes and limits.room(run) > 0:
            live[run] += 1
        elif not takes and live[run]:
            live[run] -= 1
        assert sum(live.values()) <= limit


def test_bytes_of_all_runs_count_against_the_bucket():
    """What is too heavy for the budget goes alone, when nothing else lies there."""
    limits = Limits(6, 100.0, dict, FakeClock())
    assert limits.fits(1000.0)

    limits.report("a", Usage(0, 80.0))

    assert limits.fits(20.0)
    assert not limits.fits(21.0)


class TwoClocks:
    """A time of day that is set, and one that only grows."""

    def __init__(self):
        self.day, self.grown = 1e9, 0.0

    def now(self):
        return datetime.fromtimestamp(self.day, UTC)

    def monotonic(self):
        return self.grown


@pytest.mark.parametrize("jump", [-86400.0, 0.0, 86400.0], ids=["set back", "untouched", "set forth"])
def test_a_wait_takes_its_time_whatever_is_done_to_the_clock(jump):
    """Ten seconds are ten seconds."""
    clock = TwoClocks()
    waits = Waits(clock)
    at = clock.day + 10.0
    assert not waits.due("x", at)
    clock.day += jump

    clock.grown += 9.9
    assert not waits.due("x", at)
    clock.grown += 0.2
    assert waits.due("x", at)


def test_a_time_written_by_a_clock_that_was_ahead_is_not_waited_for():
    """After a restart with the clock set back by a day, the longest wait is the longest there is."""
    clock = TwoClocks()
    waits = Waits(clock)

    assert waits.left("x", clock.day + 86400.0, longest=300.0) == 300.0


def test_a_poll_that_brings_nothing_new_writes_nothing(story):
    """Thousands of waiting tasks are not written anew with each list."""
    go_on(story, 6)
    before = story._ask("PRAGMA data_version")

    go_on(story, 5)

    assert story.store.parts.tally(story.run_id)[PartState.WAITING].parts
    assert story._ask("PRAGMA data_version") == before
    assert all(t.state in (TaskState.QUEUED, TaskState.PLANNED) for t in story.store.tasks.of(story.run_id))


def test_killed_is_not_an_error_the_engine_may_catch():
    """The model's crash passes every `except Exception` of the engine."""
    assert not issubclass(Killed, Exception)

"""A run that lacks room on a disk waits for it without a slot, and goes on alone."""

from __future__ import annotations

import errno
from pathlib import Path

import pytest
from model_world import FakeClock
from story_kit import exports, go_on

from orchestrator.core.errors import IntegrityError, SpaceError
from orchestrator.engine.space import LOOK_SECONDS, DiskMarks, DiskWait
from orchestrator.engine.stores.sql import SqlStore
from orchestrator.model.states import RunState, Who

FOLDERS = (Path("work"),)


class Disk:
    """A disk with so much free as a test says."""

    def __init__(self, free):
        self.free, self.looks = free, 0

    def __call__(self, _folder):
        self.looks += 1
        return self.free


@pytest.fixture
def waits(tmp_path):
    """What a run waits for, and the disk."""
    store = SqlStore(f"sqlite:///{tmp_path / 'state.db'}", FakeClock())
    disk = Disk(0)
    yield DiskWait(DiskMarks(100, 200, disk), store.limits, "run"), disk
    store.close()


@pytest.mark.parametrize(("free", "fits"), [(99, False), (100, True)], ids=["below the mark", "at the mark"])
def test_below_the_mark_nothing_is_brought(free, fits):
    marks = DiskMarks(100, 200, Disk(free))

    if fits:
        marks.check(FOLDERS)
    else:
        with pytest.raises(SpaceError, match=r"work has 99 B free, .* at 200 B"):
            marks.check(FOLDERS)


@pytest.mark.parametrize(
    ("error", "free", "lacks"),
    [
        pytest.param(SpaceError("less than the mark", 200), 199, True, id="below the high mark"),
        pytest.param(SpaceError("less than the mark", 200), 200, False, id="at the high mark"),
        pytest.param(SpaceError("patches take much", 1000), 1199, True, id="a fifth more than is needed"),
        pytest.param(SpaceError("patches take much", 1000), 1200, False, id="room for what is needed"),
        pytest.param(OSError(errno.ENOSPC, "full"), 199, True, id="the system says full"),
        pytest.param(OSError(errno.EIO, "worn out"), 0, False, id="another fault of a disk is none of room"),
    ],
)
def test_a_run_goes_on_when_what_it_lacked_is_there(waits, error, free, lacks):
    """And until then not: whatever it was that needed room would only fail again."""
    wait, disk = waits
    wait.begin(error, FOLDERS)
    disk.free = free

    assert wait.lacking(FOLDERS) is lacks


def test_room_that_was_not_enough_is_doubled(waits):
    """Written full again and again, a disk is waited for until it has much more room."""
    wait, disk = waits
    for _ in range(3):
        disk.free = 10
        wait.begin(OSError(errno.ENOSPC, "full"), FOLDERS)
        disk.free = 10_000
        assert not wait.lacking(FOLDERS)
    disk.free = 10
    wait.begin(OSError(errno.ENOSPC, "full"), FOLDERS)

    disk.free = 1900  # 200 doubled three times is 1,600, and a fifth more 1,920
    assert wait.lacking(FOLDERS)
    disk.free = 1920
    assert not wait.lacking(FOLDERS)


def test_a_disk_with_room_is_not_waited_for(waits):
    """A quota or a limit of file sizes says full, too: what is free says nothing of it, and no room is asked for."""
    wait, disk = waits
    disk.free = 10_000
    for _ in range(8):
        wait.begin(OSError(errno.EDQUOT, "quota"), FOLDERS)

    assert not wait.lacking(FOLDERS)


def with_marks(story, disk):
    story.process.change(marks=DiskMarks(100, 200, disk))


def export_by_itself(story):
    """Let the process export as it does, not round by round."""
    execution = story.process.execution
    execution._steps = {**execution._steps, RunState.EXPORTING: execution._export}


def test_a_run_without_room_is_held_and_resumes_alone(story):
    """Nothing is handed over; it says which disk, and a look costs no more than a look at the disk."""
    disk = Disk(50)
    with_marks(story, disk)
    export_by_itself(story)
    go_on(story, 3)
    head = story.store.runs.head(story.run_id)
    seen, wait = (head.state, head.who, exports(story)), head.next_at - story.clock.now().timestamp()
    names = [event.name for event in story.store.events.latest(story.run_id)]
    for _ in range(20):
        story.clock.seconds += LOOK_SECONDS
        go_on(story)
    again = [event.name for event in story.store.events.latest(story.run_id)]

    assert seen == (RunState.HELD, Who.TIME, 0)
    assert "has 50 B free" in head.reason
    assert LOOK_SECONDS - 6 <= wait <= LOOK_SECONDS
    assert (story._state(), again.count("run.held")) == (RunState.HELD, names.count("run.held"))
    disk.free = 199
    story.clock.seconds += LOOK_SECONDS
    go_on(story)
    assert story._state() is RunState.HELD
    disk.free = 200
    story.clock.seconds += LOOK_SECONDS
    go_on(story)
    assert story._state() is not RunState.HELD


def test_another_error_holds_as_it_always_did(story):
    """Room is not what it waits for."""

    def step(_run):
        raise IntegrityError("no")

    story.process.execution._steps = {**story.process.execution._steps, RunState.ADMITTED: step}
    go_on(story)

    assert story.store.limits.granted("local.bytes", story.run_id) is None

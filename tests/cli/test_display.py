"""What is drawn of a run under way, on terminals of any width and on pipes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from orchestrator.app.display import View, flow, running_words
from orchestrator.engine.progress import Progress, Snapshot, counted
from orchestrator.engine.stores.work_records import Tally, Task
from orchestrator.model.grid import Window
from orchestrator.model.plan import TaskPlan
from orchestrator.model.states import PartState, RunState, TaskState, UnitState


class Watch:
    """A clock that stands until it is turned."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


def task(state, progress=0.0, eecu=0.0, key="0000"):
    plan = TaskPlan(0, Window(0, 0, 256, 256), 256, 256)
    return Task(key, plan, state, 1, 0, "op", False, progress, eecu, "", 0, 0.0)


TASKS = [
    task(TaskState.SUCCEEDED, 1.0, 10.0),
    task(TaskState.RUNNING, 0.2, 1.5),
    task(TaskState.RUNNING, 0.6, 1.0),
    task(TaskState.QUEUED),
    task(TaskState.SPLIT, 0.9, 2.0),
]
EXPORTING = counted(
    Snapshot(state=RunState.EXPORTING),
    {PartState.MERGED: Tally(3, 3, 300), PartState.DOWNLOADING: Tally(1, 1, 100), PartState.WAITING: Tally(8, 0, 0)},
    TASKS,
)


def test_earth_engine_is_told_from_its_tasks():
    """Running with their mean percent, queued, the share of all (a cut task is its children), compute units."""
    text = "\n".join(View(lambda: EXPORTING, "east").lines(200))

    # (1 done + 0.2 + 0.6) of 4; (0.2 + 0.6) of the 2 that run; 10 + 1.5 + 1 + 2 EECU-seconds were paid for.
    assert "2 running (40%), 1 queued, 45% of 4 tasks done, 14.5 EECU-seconds" in text
    assert "3/12" in text


def test_units_are_called_what_their_product_calls_them():
    """Files that are fetched, of how many bytes; units of other kinds are not counted."""
    progress = Progress()
    progress.call("files", "fetching", ("file",))
    progress.set(state=RunState.EXPORTING)
    progress.count_units({"list": {UnitState.DONE: 2}, "file": {UnitState.DONE: 3, UnitState.WAITING: 5}})
    progress.expect(4 << 20)
    progress.received(1 << 20)

    text = View(progress.snapshot, "december", Watch()).line()

    assert text.startswith("december: fetching")
    assert "files: 3/8" in text
    assert "1.0 MiB of 4.0 MiB at" in text


def test_the_time_is_told_from_the_first_second():
    """How long it has taken stands in the first line."""
    clock = Watch()
    view = View(lambda: EXPORTING, "east", clock)

    clock.seconds = 65

    assert "1 min 05 s" in view.lines(80)[0]
    assert "1 min 05 s" in view.line()


def test_a_step_says_how_long_it_has_taken():
    """Surveying for 12 s in a run of 100 s is not mistaken for a stand-still."""
    clock = Watch()
    progress = Progress(monotonic=clock)
    view = View(progress.snapshot, "east", clock)

    clock.seconds = 88
    progress.set(detail="asking Earth Engine for the scenes")
    clock.seconds = 100

    assert view.lines(120)[0] == "east: planning: asking Earth Engine for the scenes, for 12 s, 1 min 40 s in all"


@given(
    st.integers(20, 200),
    st.text(st.characters(min_codepoint=32, max_codepoint=0x9FFF, exclude_categories=("C", "Z", "M")), max_size=90),
    st.sampled_from(list(RunState)),
    st.integers(0, 10**6),
)
def test_no_line_is_wider_than_the_terminal(width, detail, state, merged):
    """Whatever is shown, however narrow: nothing wraps."""
    parts = {PartState.MERGED: merged, PartState.EXPORTED: 17, PartState.WAITING: 10**6}
    seen = Snapshot(state, detail, 77.0, parts, {"RUNNING": 2, "PLANNED": 40_000}, 0.2, 0.1, 10**9, 10**12, 3, 1e6)

    lines = View(lambda: seen, "a_name_of_some_length_2024-06-01").lines(width)

    assert [line for line in lines if cell_len(line) > width] == []


@pytest.mark.parametrize("width", [40, 60])
def test_everything_stays_on_a_narrow_terminal(width):
    """Lines are broken between facts, never inside one; none is left out."""
    lines = View(lambda: EXPORTING, "east").lines(width)

    facts = ("2 running (40%)", "1 queued", "45% of 4 tasks done", "14.5 EECU-seconds", "3/12", "1 on the way")
    assert [fact for fact in facts if not any(fact in line for line in lines)] == []
    assert lines[0] == "east: exporting, 0 s"


def test_the_time_stays_when_the_detail_is_cut():
    """A long sentence gives way to how long it has taken."""
    seen = Snapshot(detail="asking Earth Engine for the scenes of a whole year", seconds=1.0)

    (line,) = View(lambda: seen, "east").lines(40)

    assert line.endswith("…, 0 s")


def test_lines_are_broken_between_pieces():
    """What does not fit begins a new line; a piece that is wider than all is cut."""
    assert flow(["one", "three", "five"], 10, " ") == ["one, three", " five"]
    assert flow(["one", "three", "five"], 9, " ") == ["one", " three", " five"]
    assert flow(["seventeen"], 5) == ["seve…"]


def test_a_pipe_gets_everything_in_one_line():
    """For a log file: no bar, no line break."""
    line = View(lambda: EXPORTING, "east").line()

    assert "\n" not in line
    assert all(word in line for word in ("exporting", "2 running", "3/12", "EECU"))


@pytest.mark.parametrize(
    ("running", "share", "words"),
    [
        pytest.param(2, 0.4, "2 running (40%)", id="on the way"),
        pytest.param(1, 1.0, "1 running (computed, its files are awaited)", id="all computed"),
        pytest.param(0, 0.0, "", id="none"),
    ],
)
def test_an_export_that_runs_is_never_all_done(running, share, words):
    """What has computed everything still writes, for minutes, and 100 % of it would say that nothing is left."""
    assert running_words(running, share) == words


def test_what_finds_out_what_is_to_be_done_is_shown_until_it_is_known():
    """Files of Copernicus are known when its products have told of them, which takes a while; then they are counted."""
    progress = Progress()
    progress.set(state=RunState.EXPORTING)
    progress.call("files", "fetching", ["file"])
    view = View(progress.snapshot, "scenes", Watch())

    progress.count_units({"list": {UnitState.DONE: 2, UnitState.WAITING: 3}})
    listing = view.line()
    progress.count_units({"list": {UnitState.DONE: 5}, "file": {UnitState.DONE: 1, UnitState.WAITING: 33}})

    assert "looking which files there are: 2/5" in listing
    assert "looking which files there are: 2/5" not in view.line()
    assert "files: 1/34" in view.line()

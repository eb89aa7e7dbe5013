"""Pixels that come in the answers to requests are told as those that come by export."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from orchestrator.app.display import View
from orchestrator.app.verbs.reports import progress_of, report_runs
from orchestrator.engine.progress import Snapshot
from orchestrator.faces.cli.output import Output
from orchestrator.model.grid import Window
from orchestrator.model.states import RunState, UnitState
from orchestrator.model.unit import Cell, UnitPlan

WINDOWS = [Window(0, 256 * n, 256, 256) for n in range(4)]


@pytest.fixture
def direct(kept):
    """A run of four requests, of which none is answered, and no task."""
    run = kept.admit("east", route="pixels")
    units = [UnitPlan("pixels", f"{n}", Cell(w), spec={"bytes": 9}) for n, w in enumerate(WINDOWS)]
    kept.store.runs.save_plan(run.id, "{}", "image", "{}", [], units)
    return kept.store.runs.set_state(run.id, RunState.EXPORTING)


@pytest.mark.parametrize(
    ("facts", "said"),
    [
        ({"parts": 0, "tasks": 0, "requests": 27}, "planned: 27 requests on a grid of 5 × 6 pixels"),
        ({"parts": 4, "tasks": 1, "requests": 0}, "planned: 4 parts in 1 task on a grid of 5 × 6 pixels"),
        ({"parts": 4, "tasks": 2, "requests": 1}, "planned: 4 parts in 2 tasks and 1 request on a grid of"),
        ({"parts": 1, "tasks": 1}, "planned: 1 part in 1 task on"),
    ],
    ids=["requests alone", "exports alone", "both", "an event of an earlier version"],
)
def test_a_plan_says_what_it_is_made_of(capfd, facts, said):
    """Nothing that there is none of, and one in the singular."""
    Output(as_json=False).event("run.planned", "r", {**facts, "height": 5, "width": 6})

    assert said in " ".join(capfd.readouterr().err.split())


def test_a_request_that_is_cut_says_into_how_many(capfd):
    """Requests, and no parts of exports."""
    facts = {"unit": "9-1x2", "pieces": 2, "failure": "TIMEOUT", "error": "it took too long"}
    Output(as_json=False).event("unit.split", "r", facts)

    assert "request 9-1x2: cut into 2 requests (TIMEOUT): it took too long" in " ".join(capfd.readouterr().err.split())


def test_answered_requests_make_a_pace(kept, direct):
    """Bytes and requests since ten minutes ago give bytes a second and seconds left."""
    claimed = kept.store.units.claim(direct.id, "pixels", 2, now=0.0, seconds=4e9)
    for unit in claimed:
        kept.store.units.finish(unit, UnitState.DONE, result={"bytes": 5000})
        kept.store.events.record(direct.id, "request.answered", {"bytes": 5000})
    first = datetime.fromisoformat(kept.store.events.latest(direct.id)[0].at)

    (facts,) = report_runs(kept.store, 10, first.astimezone(UTC) + timedelta(seconds=20))

    # 10,000 bytes and 2 requests in 20 s; 2 of 4 are left.
    assert (facts.bytes_per_second, facts.eta_seconds) == (500, 20)


def test_a_run_of_requests_has_no_lines_about_tasks(direct, call):
    """`none yet` would promise some."""
    shown = call("status", direct.id).out

    assert "none yet" not in shown
    assert "4 WAITING" in shown


def test_requests_that_nobody_sends_are_not_under_way(direct, call):
    """Where no process works on the run, they wait for one."""
    shown = call("why", direct.id).out

    assert "4 requests are still to be answered." in shown
    assert "under way" not in shown


def test_the_time_left_is_told_of_requests():
    """By the pace since the look began, as of parts."""
    seen = [Snapshot(state=RunState.EXPORTING, units={UnitState.WAITING: 4})]
    clock = [0.0]
    view = View(lambda: seen[-1], "east", lambda: clock[0])
    view.facts()

    seen.append(Snapshot(state=RunState.EXPORTING, units={UnitState.WAITING: 1, UnitState.DONE: 3}))
    clock[0] = 60.0

    # Three in 60 s; one is left.
    assert view.facts()["eta_seconds"] == 20
    assert "requests 3/4, about 20 s left" in "\n".join(view.lines(100))


def test_the_plan_of_requests_has_no_lines_about_exports(call):
    """No tasks and no bucket; what the pixels weigh stays."""
    area = ("--area", "14.40,46.00,14.50,46.08", "--scale", "100", "--bands", "B2", "--crs", "EPSG:32633")
    dates = ("--start-date", "2024-06-01", "--end-date", "2024-07-01")

    shown = call("plan", *area, *dates, "--output", "o", "--base-name", "a", "--route", "pixels").out

    assert "  requests 1; " in shown
    assert "1 band of " in shown
    assert "uncompressed" in shown
    assert not [line for line in shown.splitlines() if line.startswith(("  tasks", "  bucket"))]


def test_what_was_given_up_is_failed_while_the_run_goes_on(kept, direct, call):
    """Not empty, which is success; it counts as settled, as it will in the end."""
    one, two, three, _ = kept.store.units.claim(direct.id, "pixels", 4, now=0.0, seconds=4e9)
    kept.store.units.finish(one, UnitState.DONE)
    kept.store.units.finish(two, UnitState.EMPTY)
    kept.store.units.finish(three, UnitState.EMPTY, error="Image.load: not found.")

    seen = progress_of(kept.store, kept.store.runs.head(direct.id), [])

    assert dict(seen.units) == {"CLAIMED": 1, "DONE": 1, "EMPTY": 1, "FAILED": 1}
    assert (seen.done_units, seen.total_units, seen.given_up) == (3, 4, 1)
    assert "1 failed" in View(lambda: seen, "east").line()
    assert "1 CLAIMED, 1 DONE, 1 EMPTY, 1 FAILED" in call("status", "east").out

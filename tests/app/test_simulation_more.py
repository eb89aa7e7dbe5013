"""What else a simulation is made of: costs and where they are from, cells, runs that share what there is."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from simulation_kit import FREE, exports, requests, setting, simulated, simulated_again

from orchestrator.app.records import Records
from orchestrator.app.simulation.bounds import resource_uses
from orchestrator.app.simulation.cells import cells_of_area
from orchestrator.app.simulation.costs import NAMES, SOURCES, KnownCosts, RunCosts, read_costs
from orchestrator.app.simulation.doubling import uses_with_twice
from orchestrator.app.simulation.learning import learn_costs
from orchestrator.app.simulation.report import strips_of
from orchestrator.app.simulation.several import simulate_series
from orchestrator.app.simulation.virtual_time import VirtualClock
from orchestrator.app.verbs.simulations import SimulationOrder
from orchestrator.config.sections import LocalSettings, Settings
from orchestrator.core.errors import UserError
from orchestrator.engine.stores.contract import TaskChange
from orchestrator.engine.stores.limit_records import Within
from orchestrator.engine.stores.records import Admission
from orchestrator.engine.stores.work_records import Attempt
from orchestrator.model.batch import AttemptNames
from orchestrator.model.job import AreaSource, GridRequest, Job
from orchestrator.model.plan_json import plan_to_json
from orchestrator.model.states import RunState, TaskState
from orchestrator.plan.aoi import read_areas


@pytest.fixture(scope="module")
def one():
    """Five exports in two slots, with something to do for a line and a processor."""
    return simulated(exports([2, 1, 3, 1, 2], parts=2), FREE.but(task_eecu_per_second=1.0, bandwidth=1e5))


def test_every_cost_has_a_source():
    """No figure is shown that nobody can look up."""
    assert set(SOURCES) == set(NAMES)


def test_costs_are_read_as_they_are_written(tmp_path):
    """What `--measure` prints is what `--costs` takes; the source is then the file."""
    file = tmp_path / "costs.toml"
    file.write_text(KnownCosts(RunCosts(request_seconds=7.25)).to_toml())

    known = read_costs(file, KnownCosts())

    assert known.costs == RunCosts(request_seconds=7.25)
    assert known.source("request_seconds") == str(file)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[costs]\nbandwith = 1", "a cost 'bandwith' is unknown; did you mean 'bandwidth'"),
        ("[costs]\nbandwidth = '1 MB'", "bandwidth is '1 MB'; give a number, such as 1e+08"),
        ("[costs]\nbandwidth = 0", "bandwidth = 0 is no cost; give more than 0"),
        ("[costs]\nbegin_seconds = -1", "begin_seconds = -1 is no cost; give 0 or more"),
        ("[costs]\nbegin_seconds = nan", "begin_seconds = nan is no cost"),
        ("begin_seconds = 1", "has not one table [costs]"),
        ("[costs", "is no TOML"),
    ],
    ids=["unknown name", "text", "nothing", "negative", "no number", "no table", "no TOML"],
)
def test_costs_that_are_none_are_refused(tmp_path, text, said):
    """With the name, what stands there and what is taken."""
    file = tmp_path / "costs.toml"
    file.write_text(text)

    with pytest.raises(UserError) as told:
        read_costs(file, KnownCosts())
    assert said in str(told.value)


@pytest.mark.parametrize(
    ("given_", "said"),
    [
        ({"workers": 0}, "--workers is 0; give 1 to 10,000"),
        ({"slots": 3001}, "--slots is 3001; give 0 to 3,000"),
        ({"times": 0}, "--times is 0"),
        ({"bandwidth": 0.0}, "--bandwidth is 0; give a number above 0"),
        ({"request_seconds": math.nan}, "--latency is nan"),
        ({"times": 2, "cells": 1000}, "give one of them"),
    ],
)
def test_what_is_no_simulation_is_refused(given_, said):
    """Before anything is planned."""
    with pytest.raises(UserError, match=said):
        SimulationOrder(**given_)


@given(st.lists(st.floats(0.01, 1.0), max_size=20), st.integers(1, 5))
def test_many_runs_take_at_least_what_the_busiest_takes_for_all(one, weights, at_once):
    """And at least what those alone take of which so many go at a time; what they compute is the sum."""
    whole = simulate_series(one, [1.0, *weights], at_once)
    busiest = max(use.busy_seconds / use.places for use in resource_uses(one))
    total = 1.0 + sum(weights)

    assert whole.run.makespan >= total * busiest - 1e-6
    assert whole.run.makespan >= one.makespan
    assert whole.run.eecu_seconds == pytest.approx(total * one.eecu_seconds)
    assert all(use.share <= 1 + 1e-9 for use in whole.uses)


def test_a_single_export_gains_nothing_by_a_second_slot():
    """It uses one of two, all the time that it computes, and twice as many slots change nothing."""
    subject, costs = exports([2]), FREE.but(task_seconds=100.0)
    run = simulated(subject, costs)

    (use, *_) = uses_with_twice(subject, costs, setting(), run, simulated_again)

    assert (use.name, use.places, use.usable, use.without) == ("exports", 2, 1, run.makespan)
    assert use.share == pytest.approx(100.0 / run.makespan)


def test_twice_the_slots_are_simulated():
    """Three exports of 100 s in two slots take two rounds, in four one: no scaling of the whole would say so."""
    subject, costs = exports([1, 1, 1]), FREE.but(task_seconds=100.0)
    run = simulated(subject, costs)

    (use, *_) = uses_with_twice(subject, costs, setting(), run, simulated_again)

    assert use.without == pytest.approx(simulated(subject, costs, slots=4).makespan)
    assert use.without < 0.6 * run.makespan


def test_one_at_a_time_is_one_after_the_other(one):
    """Three alike take three times as long as one."""
    assert simulate_series(one, [1.0] * 3, 1).run.makespan == pytest.approx(3 * one.makespan)


def test_what_was_busy_is_drawn_as_it_was(one):
    """The strips of a run hold the place-seconds that it was busy."""
    for occupation, strip in zip(one.occupations, strips_of(one.occupations, one.makespan), strict=False):
        if occupation.places:
            drawn = sum(strip.shares) * one.makespan / len(strip.shares) * occupation.places
            assert drawn == pytest.approx(occupation.busy_seconds, abs=1e-3)


def test_cells_hold_the_area_once(tmp_path):
    """Luxembourg at 100 m in squares of 256 pixels: together they weigh what its 2,586 km² are."""
    job = Job(
        "cells", str(tmp_path), AreaSource("Luxembourg"), "2024-01-01", "2025-01-01", grid=GridRequest(scale=100.0)
    )
    (area,) = read_areas("Luxembourg")

    cells = cells_of_area(job, area, 256)

    assert sum(cell.pixels for cell in cells) * 100**2 / 1e6 == pytest.approx(2586, rel=0.02)
    assert max(cell.pixels for cell in cells) <= 256**2 * (1 + 1e-9)
    assert len({cell.job.base_name for cell in cells}) == len(cells) > 4
    with pytest.raises(UserError, match="degrees"):
        cells_of_area(replace(job, grid=GridRequest(0.01, "EPSG:4326")), area, 256)


def test_what_a_finished_run_took_is_learned_from_its_events(tmp_path):
    """
    Six exports of 100 s in two slots, handed over 2 s apart; each is seen 3 s after its end. A file of 65,536 bytes for
    131,072 of pixels: half. Parts come at 1 MB a second. Published 5 s after the last one was here.
    """
    app = Records(Settings(local=LocalSettings(state_dir=str(tmp_path))))
    app.clock = clock = VirtualClock()
    finished_run(app, clock)

    costs = learn_costs(app, KnownCosts(), products=["mosaic"]).costs

    assert costs.begin_seconds == pytest.approx(7.0)
    assert costs.submit_seconds == pytest.approx(2.0)
    assert costs.task_seconds == pytest.approx(100.0)
    assert costs.file_share == pytest.approx(0.5)
    assert costs.bandwidth == pytest.approx(1e6, rel=0.02)  # events have milliseconds
    assert costs.finish_seconds == pytest.approx(5.0)
    assert costs.task_eecu_per_pixel == pytest.approx(20.0 / 65_536)


def test_exports_that_are_seen_in_one_look_have_taken_time(tmp_path):
    """Six in two slots, all seen 30 s after they were handed over: 2 × 30 s of slots, of which each had 10 s."""
    app = Records(Settings(local=LocalSettings(state_dir=str(tmp_path))))
    app.clock = clock = VirtualClock()
    finished_run(app, clock, submitted=lambda _number: 9.0, seen=lambda _number: 39.0)

    costs = learn_costs(app, KnownCosts(), products=["mosaic"]).costs

    assert costs.task_seconds == pytest.approx(10.0)
    assert costs.begin_seconds == pytest.approx(9.0)


def usual_submitted(number):
    return 7.0 + 2 * number


def usual_seen(number):
    return 7.0 + 2 * (number % 2) + 100 * (1 + number // 2) + 3


def finished_run(app, clock, submitted=usual_submitted, seen=usual_seen):
    """Write a finished run into the state, event by event, each at its time."""
    subject = exports([1] * 6)
    job = replace(subject.job, output="/nowhere")
    run = app.store.runs.admit(Admission("small", "", job.fingerprints(), job.to_json()))
    app.store.runs.save_plan(run.id, plan_to_json(subject.plan), "", "{}", subject.tasks)
    told = [(7.0, "run.planned", {})]
    for number in range(6):
        told.append((submitted(number), "task.submitted", {"task": f"{number:04d}"}))
        told.append((seen(number), "task.exported", {"task": f"{number:04d}", "bytes": 65_536}))
        told.append((seen(number) + 0.065536, "part.downloaded", {"bytes": 65_536}))
    last = max(at for at, *_ in told)
    told.append((last + 5.0, "output.published", {"bytes": 400_000}))
    for at, name, facts in sorted(told, key=lambda one: one[0]):
        clock.advance(at)
        app.store.events.record(run.id, name, facts)
    for key in (task.key for task in app.store.tasks.of(run.id)):
        names = AttemptNames(f"x{key}", f"d{key}", f"p{key}")
        attempt = Attempt(key, 1, names.request_id, names.description, names.prefix, "", 0.0)
        app.store.tasks.intend(run.id, attempt, Within("ee.tasks", 10, 1, "gcs.bytes", 0.0, 1.0, 1e9, 1e9))
        app.store.tasks.identify(run.id, key, f"o{key}", TaskState.QUEUED)
        app.store.tasks.change(run.id, {key: TaskChange(state=TaskState.SUCCEEDED, eecu_seconds=20.0)})
    for state in ("EXPORTING", "ASSEMBLING", "PUBLISHED", "CLEANED"):
        app.store.runs.set_state(run.id, RunState(state))


def test_what_a_request_takes_is_learned_from_answers_after_the_first_places(tmp_path):
    """Eight at once, 4 s each, the first round 5 s late: that is the beginning's, and no request's."""
    app = Records(Settings(local=LocalSettings(state_dir=str(tmp_path))))
    app.clock = clock = VirtualClock()
    job = replace(requests(32).job, output="/nowhere")
    run = app.store.runs.admit(Admission("small", "", job.fingerprints(), job.to_json(), product="chips"))
    clock.advance(3.0)
    app.store.events.record(run.id, "run.planned", {})
    for number in range(32):
        clock.advance(3.0 + 5.0 + 4.0 * (1 + number // 8))
        app.store.events.record(run.id, "request.answered", {"bytes": 1})
    for state in ("PLANNED", "EXPORTING", "ASSEMBLING", "PUBLISHED", "CLEANED"):
        app.store.runs.set_state(run.id, RunState(state))

    costs = learn_costs(app, KnownCosts(), products=["chips"]).costs

    assert costs.request_seconds == pytest.approx(4.0)
    assert costs.begin_seconds == pytest.approx(8.0)

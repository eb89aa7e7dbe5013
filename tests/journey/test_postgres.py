"""A run whose state is in PostgreSQL, as processes: killed, moved there half-way, its server restarted."""

from __future__ import annotations

import signal
from contextlib import suppress

import journey_kit as kit
import pytest

STORE = "ORCHESTRATOR_STORE__URL"


@pytest.fixture
def target(postgres):
    made = postgres.empty()
    yield made
    postgres.drop(made)


@pytest.mark.parametrize("point", ["task.posted", "part.placed"])
def test_a_run_that_is_moved_half_way_ends_as_if_nothing_had_happened(home, undisturbed, target, point):
    """Killed on SQLite, moved, taken up on PostgreSQL: the same bytes, nothing exported twice, nothing left."""
    before = home.service.exports
    assert home.run(**{kit.CRASH_AT: point}).code == kit.KILLED

    home.command("db", "move", "--to", target).expect(0)
    home.environment[STORE] = target
    outcome = home.run().expect(0)

    tasks = home.tasks(outcome.summary["run"])
    assert outcome.sha256 == undisturbed.sha256
    assert home.service.exports - before == len(tasks)
    assert {task["attempt"] for task in tasks} == {1}
    assert (home.service.objects(), home.leftovers()) == ([], [])


def test_a_run_on_postgres_survives_kills_and_a_server_that_crashes(home, undisturbed, target, postgres):
    """Killed where it has most to remember; in between the server loses every connection."""
    before, home.environment[STORE] = home.service.exports, target

    for point in ("run.planned", "task.intended", "part.downloaded", "output.published"):
        assert home.run(**{kit.CRASH_AT: point}).code == kit.KILLED
        postgres.restart()
    outcome = home.run().expect(0)

    assert outcome.sha256 == undisturbed.sha256
    assert home.service.exports - before == len(home.tasks(outcome.summary["run"]))
    assert not (home.folder / "state" / "state.db").exists()


def test_after_the_move_the_old_place_says_where_the_state_is(home, target):
    """Whoever forgets the setting is told, and begins nothing."""
    home.run(**{kit.CRASH_AT: "run.planned"})
    home.command("db", "move", "--to", target).expect(0)
    before = home.service.exports

    refused = home.run()

    assert refused.code == 4
    assert "the state of this folder was moved to postgresql://" in refused.err
    assert home.service.exports == before


def test_two_state_folders_of_one_machine_do_not_take_each_others_runs(home, target):
    """Their lock files are two: that one is free does not say that the run's process is dead."""
    home.environment[STORE] = target
    home.service.order({"action": "task_stuck", "count": None})
    running = home.start("run")
    home.wait_until(lambda: any(run["state"] == "EXPORTING" for run in home.runs()))
    words = ["run", *home.job(), "--sandbox-url", home.service.url, "--bucket", kit.BUCKET]

    other = home.program.start([*words, "--state-dir", "elsewhere", "--json"], home.folder, **home.environment)
    try:
        home.wait_until(lambda: "is already being worked on by process" in other.said())
    finally:
        for each in (running, other):
            with suppress(ProcessLookupError):
                each.signal(signal.SIGKILL)
            each.wait()

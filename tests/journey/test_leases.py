"""A process that was stopped for too long comes back, and changes nothing of the run that is another's by now."""

from __future__ import annotations

import signal

from stopped_kit import stop_outside_a_transaction

from orchestrator.core.clock import SystemClock
from orchestrator.engine.leases import Worker
from orchestrator.engine.stores.sql import SqlStore

OTHER = "another-host 7 2026-11-26T03:00:00+00:00 another-kernel"


def begun(home):
    """Start the small job, and wait until the service works on all of it, for as long as it is told to."""
    home.service.order({"action": "task_hold", "count": None})
    before = home.service.exports
    running = home.start("run")
    home.wait_until(lambda: home.service.exports > before)
    return running


def taken_over(home, run_id):
    """Claim a run as the process of another host does, after the lease of the one that has it is over."""
    store = SqlStore(f"sqlite:///{home.folder / 'state' / 'state.db'}", SystemClock())
    store.leases.claim(run_id, OTHER, seconds=3600, is_gone=lambda _worker: True)
    store.close()


def test_a_stopped_process_that_wakes_up_without_its_lease_leaves_the_run_alone(home):
    """SIGSTOP, a paused machine, a file server that was gone: it says so in a sentence, and ends."""
    running = begun(home)
    stop_outside_a_transaction(home, running)
    (run,) = home.runs()
    taken_over(home, run["run"])
    before = home.tasks(run["run"])
    home.service.delete("/sandbox/faults")
    running.signal(signal.SIGCONT)

    outcome = running.wait().expect(5)

    assert f"run {run['run']} was taken over by another process" in outcome.err
    assert home.tasks(run["run"]) == before
    assert [each for each in home.service.requests("objects.delete") if run["run"] in each["path"]] == []


def test_a_second_command_says_who_works_on_the_run(home):
    """Host, process and since when, as the lease has it."""
    running = begun(home)

    outcome = home.run()

    home.service.delete("/sandbox/faults")
    here = Worker.here()
    assert outcome.code == 5
    assert f"is already being worked on by process {running.pid} on {here.host}, since 20" in outcome.err
    running.wait().expect(0)
    assert home.final.is_file()

"""Compute time of runs through the sandbox: what tasks cost is ordered there, unevenly, and counted by the sandbox."""

from __future__ import annotations

import json
import urllib.request

import pytest

import orchestrator as orc
from orchestrator.faces.cli.main import run_cli

HOUR = 3600.0
# EECU-seconds of the tasks of a run, in the order in which they are handed over.
COSTS = [90.0, 110.0, 60.0, 150.0, 75.0, 120.0, 95.0, 130.0, 100.0, 80.0, 140.0, 70.0, 85.0, 105.0, 115.0, 125.0]


def ask(sandbox, path, body=None, method=None):
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(f"{sandbox.url}/sandbox/{path}", data, method=method)  # noqa: S310  loopback
    with urllib.request.urlopen(request) as answer:  # noqa: S310
        return json.load(answer)


def spent(sandbox, run):
    """EECU-seconds of a run's operations, as the sandbox counts them."""
    told = [each["metadata"] for each in ask(sandbox, "state")["operations"]]
    return sum(each["batchEecuUsageSeconds"] for each in told if run.id[:12] in each["description"])


@pytest.fixture
def begin(declare, sandbox):
    """Begin a job of sixteen tasks, which cost what `COSTS` says; return its run."""
    ask(sandbox, "faults", {"faults": [{"action": "task_costs", "value": cost} for cost in COSTS]})

    def begun(**given):
        job = declare(split="square", max_part_size="0.41MiB", scale=2, bands=["mixed"], **given)
        return orc.submit(job, connection=sandbox)

    yield begun
    ask(sandbox, "faults", method="DELETE")


def test_a_run_is_held_before_the_task_that_would_exceed_its_budget(begin, sandbox, capsys):
    """By the sandbox's own count; with numbers and what to do, which brings it to its end and into the proof."""
    run = begin(max_eecu_hours=600 / HOUR)
    with pytest.raises(orc.NeedsPerson, match=r"budget is 0\.167 EECU-hours: .* retry \S+ --eecu-hours"):
        run.wait()
    assert 300 < spent(sandbox, run) <= 600

    run.retry(eecu_hours=0)
    result = run.wait()

    assert spent(sandbox, run) == pytest.approx(sum(COSTS))
    assert result.proof["eecu_seconds"] == pytest.approx(sum(COSTS))
    capsys.readouterr()
    run_cli(["--json", "--state-dir", str(sandbox.state_dir), "usage"])
    told = json.loads(capsys.readouterr().out.splitlines()[0])
    assert told["eecu_hours"] * HOUR == pytest.approx(sum(COSTS))

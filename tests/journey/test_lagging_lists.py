"""An Earth Engine whose list of operations is blind for a while, and files named in either way."""

from __future__ import annotations

import journey_kit as kit
import pytest

# Eight tasks of one to four parts.
SEVERAL = ("--bands", "x", "--scale", "3", "--max-size-mb", "0.6")


@pytest.mark.parametrize("action", ["operation_unlisted", "operations_lag"])
def test_a_blind_list_costs_no_second_export(home, action):
    """For twelve seconds no list shows what was started, though it runs: each task is exported once."""
    before = home.service.exports
    home.service.order({"action": action, "seconds": 12})

    outcome = home.run(ORCHESTRATOR_RETRY__LAG="30", ORCHESTRATOR_RETRY__BURNT="60")

    home.service.delete("/sandbox/faults")
    outcome.expect(0)
    assert home.service.exports - before == len(outcome.named("task.exported"))


def test_an_answer_lost_while_the_list_is_blind_costs_none_either(home):
    """The request id is known, the operation not to be seen: it is waited for."""
    before = home.service.exports
    home.service.order(
        {"action": "commit_then_fail", "text": "image:export", "count": 1, "then": 503},
        {"action": "operation_unlisted", "seconds": 4},
    )

    outcome = home.run(ORCHESTRATOR_RETRY__BURNT="60")

    home.service.delete("/sandbox/faults")
    outcome.expect(0)
    assert home.service.exports - before == len(outcome.named("task.exported"))


@pytest.mark.parametrize("dash", [False, True], ids=["no dash", "dash"])
@pytest.mark.parametrize("route", ["gcs", "drive"])
def test_parts_are_found_by_either_form_of_name(home, route, dash):
    """Of several files of one task, on either way."""
    before = home.service.exports
    home.service.order(
        {"action": "part_names", "destination": "bucket" if route == "gcs" else "drive", "dash": dash, "count": None}
    )

    outcome = home.run("--route", route, *SEVERAL)

    home.service.delete("/sandbox/faults")
    outcome.expect(0)
    assert any(event["parts"] > 1 for event in outcome.named("task.exported"))
    assert home.service.exports - before == len(outcome.named("task.exported"))


def test_names_that_nobody_expects_hold_the_run(home):
    """The objects are named, and nothing is exported again while they lie there."""
    before = home.service.exports
    home.service.order({"action": "part_names", "form": "_{row}x{col}.tif", "count": None})

    outcome = home.run(*SEVERAL)

    home.service.delete("/sandbox/faults")
    outcome.expect(3)
    assert "_0x0.tif" in outcome.summary["reason"]
    assert home.service.exports - before == len(outcome.named("task.submitted"))


def test_runs_of_one_daemon_share_the_limit_of_live_tasks(home):
    """Three runs at once, two live tasks in all: the limit is the project's."""
    for number in range(3):
        home.start("submit", "--base-name", f"small{number}", "--sandbox-url", home.service.url).wait().expect(0)
    home.service.order({"action": "task_stuck", "count": None})
    words = ["serve", "--sandbox-url", home.service.url, "--bucket", kit.BUCKET, "--state-dir", "state"]
    limits = {"ORCHESTRATOR_EE__LIVE_TASKS": "2", "ORCHESTRATOR_SERVE__SLOTS": "3"}
    daemon = home.program.start(words, home.folder, **limits)
    home.wait_until(lambda: len(live(home)) >= 2)
    # A few more looks, in which a second or third run would hand something over.
    seen = len(home.service.requests())
    home.wait_until(lambda: len(home.service.requests()) > seen + 5)

    found = len(live(home))
    daemon.signal(15)
    daemon.wait()
    home.service.delete("/sandbox/faults")

    assert found == 2


def live(home):
    operations = home.service.get(f"/v1/projects/{kit.PROJECT}/operations").get("operations", [])
    return [each for each in operations if each["metadata"]["state"] in ("PENDING", "RUNNING")]

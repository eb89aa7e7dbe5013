"""Faults of the network, of the service and of other people, met by the real clients: the result is the same."""

from __future__ import annotations

import numpy as np
import pytest

EXPORT, LIST, MEDIA = "image.export", "operations.list", "objects.media"
MEMORY = "User memory limit exceeded."
INTERNAL = "An internal server error has occurred."

FULL = "Too many tasks already in the queue (3000). Please wait for some of them to complete."

# Each costs no second export: the same attempt goes through. Faults that do not get in each other's way share a run.
PASSING = {
    "503 twice on submission, polling and download": [
        {"action": "http", "status": 503, "api": EXPORT, "count": 2},
        {"action": "http", "status": 503, "api": LIST, "count": 2},
        {"action": "http", "status": 503, "api": MEDIA, "count": 2},
    ],
    "429 on submission and download, 503 as a page of HTML": [
        {"action": "http", "status": 429, "api": EXPORT, "count": 2},
        {"action": "http", "status": 429, "api": MEDIA, "count": 2},
        {"action": "http", "status": 503, "api": LIST, "html": True},
    ],
    "resets on submission, polling and download": [
        {"action": "reset", "api": EXPORT},
        {"action": "reset", "api": LIST},
        {"action": "reset", "api": MEDIA, "count": 2},
    ],
    "queue full; the service repeats a task itself": [
        {"action": "http", "status": 429, "api": EXPORT, "count": 3, "message": FULL},
        {"action": "task_retried"},
    ],
    "export accepted, answer 503": [{"action": "commit_then_fail", "then": 503, "api": EXPORT}],
    "export accepted, answer lost, then refused as known": [
        {"action": "commit_then_fail", "then": "reset", "api": EXPORT},
        {"action": "request_id_refused", "api": EXPORT},
    ],
    "one download truncated twice, one with a flipped bit, one silently short": [
        {"action": "truncate", "bytes": 30_000, "api": MEDIA, "count": 2},
        {"action": "flip", "offset": 20_000, "api": MEDIA},
        {"action": "short", "bytes": 1000, "api": MEDIA},
    ],
    "flipped bit after a truncation; deleted, but the answer lost": [
        {"action": "truncate", "bytes": 30_000, "api": MEDIA},
        {"action": "flip", "offset": 5_000, "api": MEDIA, "ranged": True},
        {"action": "commit_then_fail", "then": 503, "api": "objects.delete"},
    ],
}


@pytest.mark.parametrize("faults", PASSING.values(), ids=PASSING.keys())
def test_what_passes_is_waited_out(home, undisturbed, faults):
    """Every ordered fault is met; the bytes are the same, no task is exported twice, nothing is left."""
    before = home.service.exports
    home.service.order(*faults)

    outcome = home.run().expect(0)

    assert [fault["pending"] for fault in home.service.state()["faults"]] == [0] * len(faults)
    assert outcome.sha256 == undisturbed.sha256
    assert home.service.exports - before == len(home.tasks(outcome.summary["run"]))
    assert home.service.objects() == []


def attempts(home, outcome):
    return sorted(task["attempt"] for task in home.tasks(outcome.summary["run"]))


# Each spoils one operation: that task, and no other, is exported once more.
SPOILT = {
    "internal error": {"action": "task_fail", "message": INTERNAL, "after": 0.5},
    "a file never appears": {"action": "task_lose_file"},
    "the request id is burnt": {"action": "request_id_burnt", "api": EXPORT},
}


@pytest.mark.parametrize("fault", SPOILT.values(), ids=SPOILT.keys())
def test_a_spoilt_export_costs_one_more_attempt(home, undisturbed, fault):
    """The task that failed gets a second attempt under a fresh name; the others keep their first."""
    home.service.order(fault)

    outcome = home.run().expect(0)

    first, *_, last = attempts(home, outcome)
    assert (first, last) == (1, 2)
    assert sum(attempts(home, outcome)) == len(attempts(home, outcome)) + 1
    assert outcome.sha256 == undisturbed.sha256
    assert home.service.objects() == []


def test_a_task_too_heavy_is_computed_in_smaller_tiles_then_cut_in_two(home, undisturbed):
    """Three times out of memory: tiles of 128, tiles of 64, then two halves; the pixels are the same."""
    home.service.order({"action": "task_fail", "message": MEMORY, "code": 8, "count": 3})

    outcome = home.run("--max-size-mb", "16").expect(0)

    assert outcome.named("run.planned")[0]["tasks"] == 1
    assert [event["shard"] for event in outcome.named("task.rung")] == [128, 64]
    assert outcome.named("task.split")[0]["into"] == ["0000.0", "0000.1"]
    assert np.array_equal(home.pixels(), undisturbed.pixels)
    assert home.service.objects() == []


def test_what_was_learned_about_memory_is_remembered(home, undisturbed):
    """The same expression starts at once with the size of tiles that worked before; the pixels are the same."""
    home.service.order({"action": "task_fail", "message": MEMORY, "code": 8})
    first = home.run().expect(0)
    heard = len(home.service.requests(EXPORT))

    again = home.run("--again").expect(0)

    posted = home.service.requests(EXPORT)[heard:]
    assert attempts(home, first) == [1, 1, 1, 2]
    assert attempts(home, again) == [1, 1, 1, 1]
    assert len(posted) == 4
    assert np.array_equal(home.pixels(), undisturbed.pixels)


def test_a_task_cancelled_by_somebody_waits_for_a_person(home, undisturbed):
    """The run is held, says who must act, ends with code 3; the same command goes on with a new attempt."""
    home.service.order({"action": "task_cancelled"})

    held = home.run()
    assert held.code == 3
    assert "cancelled in Earth Engine by somebody else" in held.summary["reason"]
    run_id = held.summary["run"]
    home.command("retry", run_id).expect(0)
    outcome = home.run().expect(0)

    assert outcome.summary["run"] == run_id
    assert attempts(home, outcome)[-1] == 2
    assert outcome.sha256 == undisturbed.sha256
    assert home.service.objects() == []


def test_a_permanent_failure_ends_the_run_with_the_services_sentence(home, undisturbed):
    """What will not pass is said in one line, with the service's words; `retry` goes on from there."""
    sentence = "Image.load: Image asset 'a/b' not found (does not exist or caller does not have access)."
    home.service.order({"action": "task_fail", "message": sentence})

    failed = home.run().expect(1)
    assert sentence in failed.err
    assert len(failed.err.strip().splitlines()) == 1
    outcome = home.run().expect(0)

    assert outcome.sha256 == undisturbed.sha256
    assert home.service.objects() == []


def test_a_service_that_is_away_for_long_holds_the_run_until_it_is_back(home, undisturbed):
    """After many refusals the run is held with the reason, looks again by itself and ends well."""
    home.service.order({"action": "http", "status": 503, "api": "objects.list", "count": 12})

    outcome = home.run().expect(0)

    assert outcome.named("run.held")
    assert outcome.sha256 == undisturbed.sha256


def test_a_refusal_while_cleaning_holds_the_run_and_loses_nothing(home, undisturbed):
    """The result is there; that objects may not be deleted is said, code 3; the same command cleans later."""
    home.service.order({"action": "http", "status": 400, "api": "objects.delete", "message": "a policy forbids it"})

    held = home.run().expect(3)
    assert "a policy forbids it" in held.summary["reason"]
    outcome = home.run().expect(0)

    assert outcome.sha256 == undisturbed.sha256
    assert home.service.objects() == []

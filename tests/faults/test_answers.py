"""Whatever a service answers, and whatever becomes of the answer on its way: at every step, the result is the same."""

from __future__ import annotations

from dataclasses import dataclass

import journey_kit as kit
import pytest

STEPS = {
    "plan": "value.compute",
    "submit": "image.export",
    "poll": "operations.list",
    "download": "objects.media",
    "del_cloud": "objects.delete",
}
EVERYWHERE = tuple(STEPS)
BODIES = ("plan", "submit", "poll", "download")  # a deletion is answered without one
# What passes by itself: the call is made again, and the run is not even held for it.
PASSING = {
    "HTTP 403 rate": ({"action": "http", "status": 403, "reason": "rateLimitExceeded"}, EVERYWHERE),
    "HTTP 409": ({"action": "http", "status": 409}, ("submit", "download", "del_cloud")),
    "HTTP 429": ({"action": "http", "status": 429}, EVERYWHERE),
    "HTTP 500": ({"action": "http", "status": 500}, EVERYWHERE),
    "HTTP 503": ({"action": "http", "status": 503}, EVERYWHERE),
    "conn reset before reply (op committed)": ({"action": "commit_then_fail", "then": "reset"}, EVERYWHERE),
    "conn reset mid-body": ({"action": "reset_inside"}, BODIES),
    "truncated body": ({"action": "truncate"}, BODIES),
    "HTML/200 captive portal": ({"action": "http", "status": 200, "html": True}, EVERYWHERE),
}
# What somebody must look at: the run is held, and goes on by itself when it is over.
HELD_AT = ("submit", "poll", "download", "del_cloud")
HELD = {
    "HTTP 401": ({"action": "http", "status": 401}, HELD_AT),
    "HTTP 403 permission": ({"action": "http", "status": 403, "reason": "forbidden"}, HELD_AT),
}


@dataclass(frozen=True)
class Met:
    """A run that met faults: how often each acted, what the run said, and what it made."""

    acted: dict[tuple[str, str], int]
    outcome: kit.Outcome
    exports: int
    tasks: list
    objects: list


def met(folder, program, service, faults):
    """Run the small job once, with each of these faults ordered once at each of its steps."""
    service.delete("/sandbox/faults")
    wanted = [(name, step) for name, (_, steps) in faults.items() for step in steps]
    service.order(*(faults[name][0] | {"api": STEPS[step]} for name, step in wanted))
    home, before = kit.Home(folder, program, service, {"ORCHESTRATOR_RETRY__HOLD": "0.05"}), service.exports
    outcome = home.run()
    told = [fault["consumed"] for fault in service.state()["faults"]]
    service.delete("/sandbox/faults")
    tasks = home.tasks(outcome.summary["run"])
    return Met(dict(zip(wanted, told, strict=True)), outcome, service.exports - before, tasks, service.objects())


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory, program, service):
    return kit.Home(tmp_path_factory.mktemp("undisturbed"), program, service).run().expect(0)


@pytest.fixture(scope="module")
def passing(tmp_path_factory, program, service):
    return met(tmp_path_factory.mktemp("passing"), program, service, PASSING)


@pytest.fixture(scope="module", params=HELD)
def held(request, tmp_path_factory, program, service):
    """A run for each: what two transfers are refused for at once is said in one sentence, of one of them."""
    return met(tmp_path_factory.mktemp("held"), program, service, {request.param: HELD[request.param]})


def cells(faults):
    return [pytest.param(name, step, id=f"{name}-{step}") for name, (_, steps) in faults.items() for step in steps]


def assert_as_if_nothing_had_happened(found, undisturbed):
    """The same bytes, each task exported once, at its first attempt; nothing left in the bucket."""
    assert found.outcome.code == 0, found.outcome.err
    assert found.outcome.sha256 == undisturbed.sha256
    assert (found.exports, {task["attempt"] for task in found.tasks}) == (len(found.tasks), {1})
    assert found.objects == []


@pytest.mark.parametrize(("fault", "step"), cells(PASSING))
def test_what_passes_is_met_and_waited_out(passing, undisturbed, fault, step):
    """It acted, once; the run ends as if it had not."""
    assert passing.acted[fault, step] == 1
    assert_as_if_nothing_had_happened(passing, undisturbed)


@pytest.mark.parametrize("step", HELD_AT)
def test_what_somebody_must_look_at_holds_the_run_and_it_goes_on_alone(held, undisturbed, step):
    """It acted, the run was held with the service's words, and looked again by itself."""
    (fault,) = {fault for fault, _ in held.acted}
    status = fault.split()[1]

    assert held.acted[fault, step] == 1
    assert any(f"HTTP {status}" in event["reason"] for event in held.outcome.named("run.held"))
    assert_as_if_nothing_had_happened(held, undisturbed)

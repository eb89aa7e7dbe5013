"""What the tasks look like from outside: lists that lack a live operation, or lag; look-ups that do not know it yet."""

from __future__ import annotations

import ee
import pytest
import requests

from orchestrator.sandbox.server import Options, Sandbox


@pytest.fixture
def running(kit, prefix):
    """`running(description)` starts a task that stays alive, and returns it."""

    def start(description):
        kit.order("task_stuck", text=f"^{description}$")
        task = kit.to_bucket(f"{prefix}/{description}", description=description)
        task.start()
        return task

    return start


def listed():
    return [each["metadata"]["description"] for each in ee.data.listOperations()]


def test_an_operation_is_missing_from_as_many_lists_as_were_ordered(kit, running):
    """Twice the list lacks it, then it is back; get knew it all the time, and others are listed."""
    hidden, shown = running("hide-me"), running("show-me")
    number = kit.order("operation_unlisted", text="^hide-me$", count=2)

    lists = [listed() for _ in range(3)]

    assert [("hide-me" in each, "show-me" in each) for each in lists] == [(False, True), (False, True), (True, True)]
    assert kit.consumed(number) == 2
    assert ee.data.getOperation(hidden.name)["metadata"]["state"] == "PENDING"
    assert shown.id != hidden.id


def test_a_look_up_answers_while_the_list_does_not(kit, running):
    """An unlisted operation is found by its name, and looking it up consumes nothing."""
    task = running("by-name")
    number = kit.order("operation_unlisted", text="by-name", count=1)

    found = ee.data.getOperation(task.name)

    assert found["metadata"]["description"] == "by-name"
    assert kit.consumed(number) == 0


def test_an_operation_is_missing_for_seconds_of_the_sandboxs_clock(kit, running):
    """Ordered for 600 s: still missing after 599, back after 601, however often it is asked for."""
    running("for-a-while")
    number = kit.order("operation_unlisted", text="for-a-while", seconds=600)
    clock = kit.sandbox.clock

    before = [listed() for _ in range(3)]
    clock.advance(599)
    late = listed()
    clock.advance(2)
    after = listed()

    assert not any("for-a-while" in each for each in [*before, late])
    assert "for-a-while" in after
    assert kit.consumed(number) == 4


def test_the_seconds_of_a_later_task_begin_with_its_submission(kit, running):
    """An order for everything hides each new operation for so long after it was submitted."""
    kit.order("operation_unlisted", seconds=60)
    kit.sandbox.clock.advance(100)
    running("late-comer")

    before = listed()
    kit.sandbox.clock.advance(61)

    assert "late-comer" not in before
    assert "late-comer" in listed()


def test_all_operations_can_be_missing(kit, running):
    """Without a pattern the list is empty."""
    running("one-of-all")
    kit.order("operation_unlisted")

    assert listed() == []
    assert "one-of-all" in listed()


def test_an_operation_can_be_hidden_by_its_name(kit, running):
    """The pattern is tried on the resource's name, too."""
    task = running("by-its-id")
    kit.order("operation_unlisted", text=task.id)

    assert "by-its-id" not in listed()


def test_a_page_that_lacks_an_operation_still_leads_to_the_next(kit, running):
    """Hiding the only operation of a page loses none of the later ones."""
    for name in ("page-1", "page-2"):
        running(name)
    kit.order("operation_unlisted", text="page-2")
    url = f"{kit.sandbox.url}/v1/projects/ee-sandbox/operations"

    first = requests.get(url, params={"pageSize": 1}, timeout=20).json()
    second = requests.get(url, params={"pageSize": 1, "pageToken": first["nextPageToken"]}, timeout=20).json()

    assert "operations" not in first
    assert [each["metadata"]["description"] for each in second["operations"]] == ["page-1"]


def test_a_new_operation_can_be_unknown_for_a_while(kit, running):
    """List, get and cancel do not know it right after its submission; afterwards they do."""
    kit.order("operation_unknown", text="unborn", seconds=12)
    task = running("unborn")
    url = f"{kit.sandbox.url}/v1/{task.name}"

    early = [requests.get(url, timeout=20), requests.post(url + ":cancel", json={}, timeout=20)]
    early_list = listed()
    kit.sandbox.clock.advance(13)

    assert [each.status_code for each in early] == [404, 404]
    assert early[0].json()["error"]["message"] == f'Operation "{task.name}" not found.'
    assert "unborn" not in early_list
    assert requests.get(url, timeout=20).status_code == 200
    assert "unborn" in listed()


def test_a_list_can_be_a_snapshot_of_the_past(kit, prefix):
    """A list of 600 s ago shows neither what was submitted since nor that a task has ended."""
    kit.order("task_stuck", text="^old$")
    old = kit.to_bucket(f"{prefix}/old", description="old")
    old.start()
    kit.sandbox.clock.advance(700)
    kit.sandbox.faults.release()
    kit.sandbox.tasks.nudge()
    kit.finish(old)
    kit.finish(kit.to_bucket(f"{prefix}/new", description="new-since"))
    number = kit.order("operations_lag", seconds=600, count=1)

    then, now = ee.data.listOperations(), ee.data.listOperations()

    def states(operations):
        return {o["metadata"]["description"]: o["metadata"]["state"] for o in operations if o["name"] == old.name}

    assert (states(then), states(now)) == ({"old": "PENDING"}, {"old": "SUCCEEDED"})
    assert "new-since" not in [each["metadata"]["description"] for each in then]
    assert kit.consumed(number) == 1


def test_what_is_hidden_can_be_released(kit, running):
    """Released, the operation is listed at once."""
    running("let-go")
    number = kit.order("operation_unlisted", text="let-go", seconds=600)
    before = listed()

    kit.sandbox.faults.release(number)

    assert "let-go" not in before
    assert "let-go" in listed()


def test_after_a_restart_an_old_task_is_in_the_snapshot(tmp_path, ramps, connect, kit_of):
    """What ended before the restart is listed by a list of any time since its submission."""
    options = Options(data_dir=tmp_path)
    with Sandbox(ramps, options) as first:
        connect(first)
        kit = kit_of(first)
        kit.order("task_stuck")
        task = kit.to_bucket("x", description="before")
        task.start()
        first.clock.advance(100)
        first.faults.release()
        first.tasks.nudge()
        kit.finish(task)

    with Sandbox(ramps, options) as second:
        connect(second)
        second.clock.advance(60)
        kit_of(second).order("operations_lag", seconds=30)

        assert listed() == ["before"]

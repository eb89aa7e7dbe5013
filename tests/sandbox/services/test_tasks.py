"""The queue: order, slots, cancellation, request ids, paging, restarts."""

from __future__ import annotations

import copy
from concurrent.futures import ThreadPoolExecutor

import ee
import pytest
import requests

from orchestrator.sandbox.earthengine.operations import TERMINAL, TRANSITIONS
from orchestrator.sandbox.server import Options, Sandbox


def submit(sandbox, body, **changes):
    changed = {**copy.deepcopy(body), **changes}
    return requests.post(f"{sandbox.url}/v1/projects/ee-sandbox/image:export", json=changed, timeout=20)


def number_of(answer):
    return answer.json()["name"].rpartition("/")[2]


def test_a_waiting_task_shows_the_epoch_and_a_running_one_its_stages(kit, prefix):
    """PENDING carries a start in 1970; RUNNING shows stages without numbers; both are not done."""
    kit.order("task_stuck", text="stuck")
    kit.order("task_hold", text="held")
    stuck, held = kit.to_bucket(prefix + "-s", description="stuck"), kit.to_bucket(prefix + "-h", description="held")
    stuck.start()
    held.start()
    kit.sandbox.tasks.wait(held.id, "RUNNING")

    waiting, running = ee.data.getOperation(stuck.name), ee.data.getOperation(held.name)

    assert waiting["metadata"]["state"] == "PENDING"
    assert not waiting["done"]
    assert waiting["metadata"]["startTime"] == "1970-01-01T00:00:00Z"
    assert running["metadata"]["state"] == "RUNNING"
    assert running["metadata"]["attempt"] == 1
    assert "completeWorkUnits" not in running["metadata"]["stages"][0]
    assert stuck.status()["state"] == "READY"


def test_a_released_task_goes_on(kit, prefix):
    """What was stuck succeeds as soon as the fault is released."""
    kit.order("task_stuck")
    task = kit.to_bucket(prefix)
    task.start()

    requests.post(kit.sandbox.url + "/sandbox/release", json={}, timeout=20)

    assert kit.finish(task)["state"] == "COMPLETED"


def test_a_succeeded_task_tells_its_cost_and_destination(kit, prefix):
    """Compute seconds, end time, progress 1 and a destination URI stand in the operation."""
    task = kit.to_bucket(prefix)
    kit.finish(task)

    metadata = ee.data.getOperation(task.name)["metadata"]

    assert metadata["batchEecuUsageSeconds"] > 0
    assert metadata["progress"] == 1
    assert metadata["destinationUris"][0].startswith("https://console.developers.google.com/storage/browser/")
    assert metadata["startTime"] <= metadata["endTime"]


def test_the_urgent_run_first_then_the_older(tiny, kit_of):
    """Priority orders the queue; submission orders what is equal."""
    kit = kit_of(tiny)
    kit.order("task_hold", text="first")
    blocker = kit.to_bucket("o/first", description="first")
    blocker.start()
    tiny.tasks.wait(blocker.id, "RUNNING")
    waiting = [
        kit.to_bucket(f"o/{p}-{i}", description=f"p{p}-{i}", priority=p) for i, p in enumerate([100, 50, 100, 9])
    ]
    for task in waiting:
        task.start()

    tiny.faults.release()

    ended = sorted((tiny.tasks.wait(task.id) for task in waiting), key=lambda each: each.started)
    assert [each.description for each in ended] == ["p100-0", "p100-2", "p50-1", "p9-3"]


def test_a_full_queue_refuses_with_the_services_sentence(tiny, kit_of):
    """Beyond the limit of waiting tasks a submission is 429, and nothing is queued."""
    kit = kit_of(tiny)
    kit.order("task_stuck", count=99)
    for i in range(4):
        kit.to_bucket(f"q/{i}").start()

    with pytest.raises(ee.EEException, match=r"Too many tasks already in the queue \(4\)\. Please wait"):
        kit.to_bucket("q/more").start()

    assert tiny.tasks.pending() == 4


def test_a_waiting_task_is_cancelled_at_once(kit, prefix):
    """CANCELLED, code 1, `Cancelled.`"""
    kit.order("task_stuck")
    task = kit.to_bucket(prefix)
    task.start()

    task.cancel()

    shown = ee.data.getOperation(task.name)
    assert shown["metadata"]["state"] == "CANCELLED"
    assert shown["done"]
    assert shown["error"] == {"code": 1, "message": "Cancelled."}


def test_a_running_task_passes_through_cancelling(kit, bucket, prefix):
    """A running task ends CANCELLED and writes no further file."""
    kit.order("task_hold")
    task = kit.to_bucket(prefix)
    task.start()
    kit.sandbox.tasks.wait(task.id, "RUNNING")

    task.cancel()

    assert kit.sandbox.tasks.wait(task.id).state == "CANCELLED"
    assert list(bucket.list_blobs(prefix=prefix)) == []


def test_a_finished_task_cannot_be_cancelled(kit, prefix):
    """400, as the service answers."""
    task = kit.to_bucket(prefix)
    kit.finish(task)

    with pytest.raises(ee.EEException, match="Operation is already done"):
        ee.data.cancelOperation(task.name)


def test_eight_submissions_at_once_start_one_task(kit, prefix):
    """A race of equal requests has one winner; the others are refused."""
    body = kit.body(kit.to_bucket(prefix))
    before = kit.sandbox.state()["exportsStarted"]

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: submit(kit.sandbox, body, requestId="race-1"), range(8)))

    assert sorted(each.status_code for each in answers) == [200] + [400] * 7
    assert kit.sandbox.state()["exportsStarted"] == before + 1


def test_no_more_tasks_run_than_there_are_slots(kit, prefix):
    """Of three tasks two run and one waits."""
    kit.order("task_hold", count=3)
    tasks = [kit.to_bucket(f"{prefix}-{i}") for i in range(3)]
    for task in tasks:
        task.start()
    for task in tasks[:2]:
        kit.sandbox.tasks.wait(task.id, "RUNNING")

    assert [task.status()["state"] for task in tasks] == ["RUNNING", "RUNNING", "READY"]


def test_a_request_id_with_another_body_is_refused(kit, prefix):
    """The id belongs to the first request."""
    body = kit.body(kit.to_bucket(prefix))
    submit(kit.sandbox, body, requestId="again-2")

    other = submit(kit.sandbox, body, requestId="again-2", description="other")

    assert other.status_code == 400
    assert other.json()["error"]["message"] == ("A different Operation was already started with the given request_id.")


def test_a_request_sent_again_with_its_id_is_refused(kit, prefix):
    """Nobody has reported that Google answers it with the same operation, so it starts and tells nothing."""
    body = kit.body(kit.to_bucket(prefix))
    before = kit.sandbox.state()["exportsStarted"]

    answers = [submit(kit.sandbox, body, requestId="again-3") for _ in range(2)]

    assert [each.status_code for each in answers] == [200, 400]
    assert "already started" in answers[1].json()["error"]["message"]
    assert kit.sandbox.state()["exportsStarted"] == before + 1


def test_a_burnt_request_id_has_no_operation_and_stays_refused(kit, prefix):
    """503, nothing started, and the id is of no use afterwards."""
    body = kit.body(kit.to_bucket(prefix))
    kit.order("request_id_burnt", api="image.export")
    before = kit.sandbox.state()["exportsStarted"]

    answers = [submit(kit.sandbox, body, requestId="burnt-1") for _ in range(2)]

    assert [each.status_code for each in answers] == [503, 400]
    assert kit.sandbox.state()["exportsStarted"] == before


def test_operations_are_listed_newest_first_in_pages(tiny, kit_of):
    """Pages join to the whole list, even when a new task comes between two of them."""
    kit = kit_of(tiny)
    tasks = [kit.to_bucket(f"l/{i}", description=f"l{i}") for i in range(3)]
    for task in tasks:
        kit.finish(task)
    url = f"{tiny.url}/v1/projects/ee-sandbox/operations"
    first = requests.get(url, params={"pageSize": 2}, timeout=20).json()
    kit.finish(kit.to_bucket("l/late", description="late"))

    second = requests.get(url, params={"pageSize": 2, "pageToken": first["nextPageToken"]}, timeout=20).json()

    shown = [each["metadata"]["description"] for each in first["operations"] + second["operations"]]
    assert shown[:3] == ["l2", "l1", "l0"]
    assert [each["metadata"]["description"] for each in ee.data.listOperations()][:2] == ["late", "l2"]


@pytest.mark.parametrize(
    ("rule", "state", "error"),
    [
        pytest.param(
            {"action": "task_fail", "message": "User memory limit exceeded. (Error code: 8)", "code": 8},
            "FAILED",
            {"code": 8, "message": "User memory limit exceeded. (Error code: 8)"},
            id="failed with a sentence",
        ),
        pytest.param(
            {"action": "task_cancelled"}, "CANCELLED", {"code": 1, "message": "Cancelled."}, id="cancelled by someone"
        ),
    ],
)
def test_a_task_ends_as_it_is_told_to(kit, prefix, rule, state, error):
    """Task faults end the task with exactly the state and error that were ordered."""
    number = kit.order(**rule)
    task = kit.to_bucket(prefix)

    kit.finish(task)

    shown = ee.data.getOperation(task.name)
    assert (shown["metadata"]["state"], shown["error"]) == (state, error)
    assert kit.consumed(number) == 1


def test_a_late_failure_leaves_the_files_written_before(kit, bucket, prefix):
    """A task that fails after half of its work has already written some of its files."""
    kit.order("task_fail", after=0.5)

    status = kit.finish(kit.to_bucket(prefix, fileDimensions=256))

    assert status["state"] == "FAILED"
    assert 0 < len(list(bucket.list_blobs(prefix=prefix))) < 9


def test_a_task_that_the_service_repeats_shows_attempt_two(kit, prefix):
    """`attempt` grows and the task succeeds."""
    kit.order("task_retried")

    status = kit.finish(kit.to_bucket(prefix))

    assert (status["state"], status["attempt"]) == ("COMPLETED", 2)


def test_a_lost_file_is_missing_although_the_task_succeeded(kit, bucket, prefix):
    """SUCCEEDED with one file less than the image needs."""
    kit.order("task_lose_file", offset=1)

    kit.finish(kit.to_bucket(prefix, fileDimensions=512))

    names = [blob.name.removeprefix(prefix) for blob in bucket.list_blobs(prefix=prefix)]
    assert len(names) == 3
    assert "0000000000-0000000512.tif" not in names


def test_a_restart_keeps_what_is_done_and_repeats_what_was_running(tmp_path, ramps, connect, kit_of):
    """On the same folder, objects and operations are back; the interrupted task runs again as attempt 2."""
    options = Options(data_dir=tmp_path)
    with Sandbox(ramps, options) as first:
        connect(first)
        kit = kit_of(first)
        done, cut = kit.to_bucket("r/done"), kit.to_bucket("r/cut", description="cut")
        kit.finish(done)
        kit.order("task_hold", text="cut")
        cut.start()
        first.tasks.wait(cut.id, "RUNNING")
        generation = first.buckets.objects(kit.bucket_name, "r/done")[0].generation

    with Sandbox(ramps, options) as second:
        ended = second.tasks.wait(cut.id)

        assert (ended.state, ended.attempt) == ("SUCCEEDED", 2)
        assert second.state()["exportsStarted"] == 2
        assert second.operations.get("ee-sandbox", done.id).state == "SUCCEEDED"
        assert second.buckets.objects(kit.bucket_name, "r/done")[0].generation == generation
        assert [each.name for each in second.buckets.objects(kit.bucket_name, "r/")] == ["r/cut.tif", "r/done.tif"]


def test_two_sandboxes_do_not_share_a_folder(tmp_path, ramps):
    """The second waits for the first to leave, and says so when it does not."""
    options = Options(data_dir=tmp_path, folder_wait_seconds=0)

    with Sandbox(ramps, options), pytest.raises(OSError, match="in use by another sandbox"):
        Sandbox(ramps, options).__enter__()
    with Sandbox(ramps, options) as free:
        assert free.state()["operations"] == []


def test_a_done_task_goes_nowhere_and_every_state_can_end():
    """No transition leaves a terminal state; from every other one a terminal state can be reached."""
    for state, onward in TRANSITIONS.items():
        assert onward <= TRANSITIONS.keys()
        assert (not onward) == (state in TERMINAL)
        assert not onward or onward & TERMINAL

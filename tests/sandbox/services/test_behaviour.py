"""What only an account could tell is one value: by option, by file, and as the services show it."""

from __future__ import annotations

import json
import math

import ee
import pytest
import requests

from orchestrator.sandbox.behaviour import Behaviour, BehaviourError
from orchestrator.sandbox.faults import Rule
from orchestrator.sandbox.main import _options, _parser, main
from orchestrator.sandbox.server import Options, Sandbox

PROJECT = "/v1/projects/ee-sandbox"
SIGN = "x-earth-engine-quota-status"


def written(path, **told):
    path.write_text(json.dumps({"behaviour": told, "when": "2026-01-01"}))
    return path


def asked(kit, path):
    return requests.get(kit.sandbox.url + path, timeout=20)


def test_a_file_of_behaviour_is_read_and_options_go_before_it(tmp_path):
    """What neither tells is the default."""
    path = written(tmp_path / "b.json", repeated_request_id="answered", compression="zstd", float_fill="NaN")

    found = _options(_parser().parse_args(["--behaviour", str(path), "--compression", "deflate"])).behaviour

    assert (found.repeated_request_id, found.compression, found.interleave) == ("answered", "deflate", "pixel")
    assert math.isnan(found.float_fill)


@pytest.mark.parametrize(
    "text", ['{"behaviour": {"compresion": "lzw"}}', '{"behaviour": {"predictor": 7}}', "{}", "no JSON"]
)
def test_a_file_that_is_none_is_refused_by_its_name(tmp_path, capsys, text):
    """One line on standard error and exit code 2, before anything is served."""
    path = tmp_path / "bad.json"
    path.write_text(text)

    assert main(["--behaviour", str(path)]) == 2

    said = capsys.readouterr().err
    assert "bad.json" in said
    assert said.count("\n") == 1


def test_a_choice_that_does_not_exist_is_named():
    """So is what could be chosen."""
    with pytest.raises(BehaviourError, match="interleave is 'line'; choose one of pixel, band"):
        Behaviour(interleave="line")


def test_a_request_sent_again_can_be_answered_by_its_operation(kit, prefix, ramps):
    """The other answer that Google may give."""
    body = {**kit.body(kit.to_bucket(prefix)), "requestId": "twice-1"}
    with Sandbox(ramps, Options(behaviour=Behaviour(repeated_request_id="answered"))) as other:
        answers = [requests.post(f"{other.url}{PROJECT}/image:export", json=body, timeout=20) for _ in range(2)]

        assert answers[0].json()["name"] == answers[1].json()["name"]
        assert other.state()["exportsStarted"] == 1


def test_the_projects_configuration_sets_the_slots(kit, prefix):
    """A third task begins when the project may run three at a time."""
    kit.order("task_hold", count=None)
    tasks = [kit.to_bucket(prefix + each) for each in "abc"]
    for task in tasks:
        task.start()
    for task in tasks[:2]:
        kit.sandbox.tasks.wait(task.id, "RUNNING")
    assert tasks[2].status()["state"] == "READY"

    ee.data.updateProjectConfig({"maxConcurrentExports": 3}, ["max_concurrent_exports"])
    kit.sandbox.tasks.wait(tasks[2].id, "RUNNING")

    assert ee.data.getProjectConfig()["maxConcurrentExports"] == 3
    ee.data.updateProjectConfig({"maxConcurrentExports": 2}, ["max_concurrent_exports"])


@pytest.mark.filterwarnings("ignore:.*restricted mode:UserWarning")
def test_in_restricted_mode_tasks_wait_and_only_a_header_tells(kit, prefix, bucket):
    """One task begins every four hours of the sandbox's time; answers of Cloud Storage carry no sign."""
    kit.sandbox.faults.order(Rule("restricted", count=None))
    tasks = [kit.to_bucket(prefix + each) for each in "ab"]
    for task in tasks:
        task.start()

    listed = asked(kit, f"{PROJECT}/operations")
    assert "parallelism_restricted=true" in listed.headers[SIGN]
    assert SIGN not in asked(kit, f"/storage/v1/b/{bucket.name}").headers
    assert [task.status()["state"] for task in tasks] == ["READY", "READY"]

    requests.post(f"{kit.sandbox.url}/sandbox/clock", json={"advanceSeconds": 4 * 3600}, timeout=20)
    kit.sandbox.tasks.wait(tasks[0].id)

    assert [task.status()["state"] for task in tasks] == ["COMPLETED", "READY"]


@pytest.mark.filterwarnings("ignore:.*restricted mode:UserWarning")
def test_a_higher_tier_ends_restricted_mode(kit, prefix):
    """A larger number of concurrent exports lets everything run at once, and the sign is gone."""
    kit.sandbox.faults.order(Rule("restricted", count=None))
    task = kit.to_bucket(prefix)
    task.start()

    ee.data.updateProjectConfig({"maxConcurrentExports": 4}, ["max_concurrent_exports"])
    kit.sandbox.tasks.wait(task.id)

    assert SIGN not in asked(kit, f"{PROJECT}/operations").headers
    ee.data.updateProjectConfig({"maxConcurrentExports": 2}, ["max_concurrent_exports"])

"""Operations as the client hands them on: by name, listed, and out of answers that are none."""

from __future__ import annotations

import json
import math
import threading

import pytest
from google.auth.credentials import AnonymousCredentials

from orchestrator.clients.earthengine import EarthEngine
from orchestrator.clients.operations import read_operation
from orchestrator.core.errors import TransientError
from orchestrator.core.retry import RetryPolicy
from orchestrator.model.batch import OperationState
from orchestrator.model.states import Failure
from orchestrator.routes.gcs_export import gcs_export
from orchestrator.routes.names import Naming

NAME = "projects/ee-sandbox/operations/ABCDEFGHIJKLMNOPQRSTUVWX"


@pytest.fixture
def started(sandbox):
    """An operation that the service knows."""
    request = {"description": "ours"}
    return sandbox.operations.add(project=sandbox.options.project, request=request, priority=100).name


def test_an_operation_is_had_by_its_name(engine, started):
    """A list may lag behind; the operation itself does not."""
    found = gcs_export(engine, None, "bucket", Naming("me")).find(started)

    assert (found.name, found.description) == (started, "ours")


def test_an_operation_the_service_denies_is_none(engine):
    """The service's own 404, in Google's shape, is the proof."""
    assert engine.operation(NAME) is None


def google(status, message, code=404):
    return json.dumps({"error": {"code": code, "message": message, "status": status}})


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param({"html": True}, id="a page"),
        pytest.param({"body": "Not Found"}, id="plain text"),
        pytest.param({"body": "{}"}, id="an object without an error"),
        pytest.param({"body": "[]"}, id="a list"),
        pytest.param({"body": google("NOT_FOUND", "Method not found.")}, id="a path the service does not serve"),
        pytest.param({"body": google("NOT_FOUND", "Project 'projects/p' not found or deleted.")}, id="the project"),
        pytest.param({"body": google("NOT_FOUND", f"Operation {NAME} not found.", 500)}, id="another code"),
        pytest.param({"body": google("PERMISSION_DENIED", "Operation not found.")}, id="another status"),
    ],
)
def test_any_other_404_proves_nothing(engine, order, answer):
    """A proxy's page or a missing project must not make a live operation look gone."""
    order(api="operations.get", status=404, **answer)

    with pytest.raises(TransientError, match=r"cannot be told|not Earth Engine's"):
        engine.operation(NAME)


def test_an_answer_about_another_operation_is_not_taken(engine, order, started):
    """A cache in between may answer with what it has."""
    order(api="operations.get", status=200, body=json.dumps({"name": NAME}))

    with pytest.raises(TransientError, match="answered about"):
        engine.operation(started)


NO_ANSWERS = [
    pytest.param({"html": True}, id="a page"),
    pytest.param({"body": '{"name": "projects/p/oper'}, id="cut in the middle"),
    pytest.param({"body": "null"}, id="null"),
    pytest.param({"body": "17"}, id="a number"),
    pytest.param({"body": "[]"}, id="a list"),
    pytest.param({"body": '{"name": 17}'}, id="a name that is none"),
    pytest.param({"body": '{"done": true}'}, id="no name"),
]


@pytest.mark.parametrize("answer", NO_ANSWERS)
def test_a_submission_without_an_answer_is_in_doubt(engine, order, answer):
    """Whatever came instead of the operation, the operation may be there: it is looked up, not sent as a new one."""
    order(api="image.export", count=1, status=200, **answer)

    with pytest.raises(TransientError):
        engine.export("id-1", {"expression": {"result": "0", "values": {"0": {"constantValue": 1}}}})


@pytest.mark.parametrize("answer", NO_ANSWERS)
def test_an_operation_without_an_answer_is_asked_for_again(engine, order, started, answer):
    """One answer that is none costs one more call."""
    order(api="operations.get", count=1, status=200, **answer)

    assert engine.operation(started).name == started


@pytest.mark.parametrize(
    ("field", "value"),
    [
        pytest.param("metadata", None, id="no metadata"),
        pytest.param("metadata", "text", id="metadata that is text"),
        pytest.param("metadata", {"progress": "much", "attempt": [], "batchEecuUsageSeconds": {}}, id="no numbers"),
        pytest.param("metadata", {"progress": float("nan"), "attempt": None}, id="numbers that are none"),
        pytest.param("metadata", {"state": 4, "description": 5, "createTime": 6}, id="no texts"),
        pytest.param("error", "text", id="an error that is text"),
        pytest.param("error", {"message": 5}, id="an error without words"),
    ],
)
def test_an_odd_field_is_not_an_odd_answer(field, value):
    """Only the name is needed; the rest has a value for when it is missing."""
    found = read_operation({"name": NAME, field: value})

    assert (found.name, found.attempt, found.progress, found.eecu_seconds) == (NAME, 1, 0.0, 0.0)


def test_a_failure_without_a_sentence_is_unknown():
    """What is not said cannot be permanent."""
    found = read_operation({"name": NAME, "metadata": {"state": "FAILED"}})

    assert found.failure is Failure.UNKNOWN


def test_a_failure_carries_what_its_sentence_asks_for():
    """Class and advice travel with the operation."""
    error = {"code": 3, "message": "No valid (un-masked) pixels in export region."}
    found = read_operation({"name": NAME, "metadata": {"state": "FAILED"}, "error": error})

    assert (found.failure, found.diagnosis.failure) == (Failure.EMPTY, Failure.EMPTY)


def test_a_token_asked_for_in_the_middle_of_a_list_is_no_page_of_it(sandbox):
    """A machine's own identity is asked for by GET, and answered in a form of its own."""
    elsewhere = sandbox.url.replace("127.0.0.1", "localhost")

    class Machine(AnonymousCredentials):
        def before_request(self, request, _method, _url, _headers):
            request(url=f"{elsewhere}/sandbox/state", method="GET")

    engine = EarthEngine(
        project=sandbox.options.project + "-machine",
        credentials=Machine(),
        url=sandbox.url,
        stop=threading.Event(),
        policy=RetryPolicy(attempts=1),
    )

    assert engine.operations() == ()


def test_a_project_in_restricted_mode_is_noticed(engine, order):
    """Nothing else tells why tasks stay in the queue; and the client's own warning goes nowhere."""
    order("headers", api="operations.list", headers={"x-earth-engine-quota-status": "parallelism_restricted=true"})
    engine.operations()
    noticed = engine.restricted

    order("headers", api="operations.get", headers={"x-earth-engine-quota-status": "parallelism_restricted=false"})
    engine.operation(NAME)

    assert (noticed, engine.restricted) == (True, False)


def test_every_answer_is_heard_with_its_quota_or_without(engine, order):
    """An answer that lacks the header counts as well: it is how restricted mode is seen to end."""
    said = []
    engine._heard = said.append
    order("headers", api="operations.get", headers={"x-earth-engine-quota-status": "parallelism_restricted=true"})

    engine.operations()
    engine.operation(NAME)

    assert said == [None, "parallelism_restricted=true"]


def test_a_list_comes_in_pages_of_500(sandbox, engine):
    """So that a look at a full queue, 3,000 tasks of everybody, is at most seven calls."""
    for number in range(1001):
        sandbox.operations.add(project=sandbox.options.project, request={"description": f"n{number}"}, priority=100)

    def asked():
        return sum(each["api"] == "operations.list" for each in sandbox.journal.requests())

    before = asked()
    found = engine.operations()

    assert len(found) > 1000
    assert asked() - before == math.ceil(len(found) / 500)


def test_how_many_tasks_run_at_once_is_asked_of_the_service(sandbox, engine):
    """Of the project's configuration."""
    sandbox.tasks.set_slots(7)

    assert engine.slots() == 7


@pytest.mark.parametrize(
    ("word", "state"),
    [
        ("PENDING", OperationState.QUEUED),
        ("RUNNING", OperationState.RUNNING),
        ("CANCELLING", OperationState.CANCELLING),
        ("SUCCEEDED", OperationState.SUCCEEDED),
        ("CANCELLED", OperationState.CANCELLED),
        ("FAILED", OperationState.FAILED),
    ],
)
def test_the_services_words_become_ours(word, state):
    """The engine compares no word of Google's."""
    found = read_operation({"name": NAME, "metadata": {"state": word}})

    assert (found.state, found.said) == (state, "")


def test_a_word_nobody_knows_stays_visible():
    """It is no state of ours, and a person can read it."""
    found = read_operation({"name": NAME, "metadata": {"state": "HIBERNATING"}})

    assert (found.state, found.said) == (OperationState.UNKNOWN, "HIBERNATING")

"""Faults: each does what its name says, to the real client, and is reported as consumed."""

from __future__ import annotations

import base64
import random
import socket
import threading

import ee
import pytest
import requests
from google.api_core.exceptions import ServiceUnavailable, TooManyRequests
from googleapiclient.errors import HttpError

from orchestrator.sandbox.faults import Faults, Rule
from orchestrator.sandbox.web import ProtocolViolation, Request

DATA = bytes(range(256)) * 400


@pytest.fixture
def blob(bucket, prefix):
    made = bucket.blob(f"{prefix}/data")
    made.upload_from_string(DATA)
    return made


def test_the_status_is_what_the_client_sees(kit):
    """An ordered 503 reaches the caller with its status, and the next call succeeds."""
    number = kit.order("http", api="operations.list", status=503, message="later")

    with pytest.raises(ee.EEException, match="later") as caught:
        ee.data.listOperations()
    ee.data.listOperations()

    assert caught.value.__context__.resp.status == 503
    assert kit.consumed(number) == 1


def test_the_clients_own_retries_consume_the_fault(kit, monkeypatch):
    """503 twice, then success: three requests, two of them consumed."""
    monkeypatch.setattr("googleapiclient.http.random.random", lambda: 0.0)  # no waiting between retries
    number = kit.order("http", api="value.compute", count=2)
    ee.data.setMaxRetries(3)
    try:
        assert kit.image().bandNames().getInfo() == ["ramp"]
    finally:
        ee.data.setMaxRetries(0)
    assert kit.consumed(number) == 2


def test_a_rate_limit_carries_its_reason(drive, kit):
    """403 rateLimitExceeded in the form that Drive's client understands."""
    kit.order("http", api="drive.list", status=403, reason="rateLimitExceeded", message="Rate Limit Exceeded")

    with pytest.raises(HttpError) as caught:
        drive.files().list().execute()

    assert caught.value.resp.status == 403
    assert caught.value.error_details[0]["reason"] == "rateLimitExceeded"


def test_a_page_of_html_is_no_json(kit):
    """502 with a page: the Earth Engine client has nothing to say but `Ok`."""
    kit.order("http", api="operations.list", status=502, html=True)

    with pytest.raises(ee.EEException, match=r"^Ok$"):
        ee.data.listOperations()


def test_given_bytes_are_the_answer(blob, kit):
    """Any of them, such as no text could be."""
    kit.order("http", api="objects.media", status=200, body_base64=base64.b64encode(DATA[:256]).decode())

    assert blob.download_as_bytes(raw_download=True, checksum=None) == DATA[:256]


def test_a_throttled_bucket_raises_what_google_raises(bucket, kit):
    """429 and 503 become the client's own exceptions."""
    kit.order("http", api="objects.list", status=429)
    kit.order("http", api="objects.list", status=503)

    with pytest.raises(TooManyRequests):
        list(bucket.client.list_blobs(bucket, retry=None))
    with pytest.raises(ServiceUnavailable):
        list(bucket.client.list_blobs(bucket, retry=None))


def test_a_reset_breaks_the_connection_without_an_answer(kit):
    """The call is not run; the client sees a broken connection."""
    number = kit.order("reset", api="operations.list")

    with pytest.raises(ConnectionError):
        ee.data.listOperations()

    assert kit.consumed(number) == 1


def test_a_reset_is_a_reset_and_not_a_polite_end(kit):
    """The peer's socket sees ECONNRESET: the sandbox sends RST, not FIN."""
    kit.order("reset", api="operations.list")
    host, port = kit.sandbox.url.removeprefix("http://").split(":")

    with socket.create_connection((host, int(port)), timeout=20) as connection:
        connection.sendall(b"GET /v1/projects/ee-sandbox/operations HTTP/1.1\r\nHost: here\r\n\r\n")
        with pytest.raises(ConnectionResetError):
            connection.recv(1)


@pytest.mark.parametrize("then", ["reset", 503])
def test_a_lost_reply_leaves_the_task_behind(kit, prefix, then):
    """After commit-then-fail the caller knows nothing, but the export was started, once."""
    kit.order("commit_then_fail", api="image.export", then=then)
    before = kit.sandbox.state()["exportsStarted"]

    with pytest.raises((ConnectionError, ee.EEException)):
        kit.to_bucket(prefix, description=f"lost-{then}").start()

    listed = [each for each in ee.data.listOperations() if each["metadata"]["description"] == f"lost-{then}"]
    assert len(listed) == 1
    assert kit.sandbox.state()["exportsStarted"] == before + 1


def test_a_deleted_object_whose_answer_was_lost_is_gone(bucket, blob, kit):
    """commit-then-fail on delete: 503, and the object does not exist any more."""
    kit.order("commit_then_fail", api="objects.delete", then=503)

    with pytest.raises(ServiceUnavailable):
        blob.delete(retry=None, if_generation_match=blob.generation)

    assert bucket.get_blob(blob.name) is None


def test_a_truncated_body_ends_early(blob, kit):
    """Content-Length promises all, 1,000 bytes come, then the connection closes."""
    kit.order("truncate", api="objects.media", bytes=1000)

    answer = requests.get(blob.media_link, stream=True, timeout=20)
    received = answer.raw.read(1000)
    with pytest.raises(requests.exceptions.ChunkedEncodingError):
        list(answer.iter_content(100))

    assert answer.headers["Content-Length"] == str(len(DATA))
    assert received == DATA[:1000]


def test_a_flipped_bit_changes_one_byte(blob, kit):
    """One byte differs, the headers are those of the true object."""
    kit.order("flip", api="objects.media", offset=77)

    answer = requests.get(blob.media_link, timeout=20)

    assert [i for i, (a, b) in enumerate(zip(answer.content, DATA, strict=True)) if a != b] == [77]
    assert blob.crc32c in answer.headers["x-goog-hash"]


def test_a_short_range_says_nothing(blob, kit):
    """Only the resumed request is short, and its Content-Length agrees with what comes."""
    kit.order("short", api="objects.media", bytes=10, ranged=True)

    whole = requests.get(blob.media_link, timeout=20)
    rest = requests.get(blob.media_link, headers={"Range": "bytes=100-"}, timeout=20)

    assert len(whole.content) == len(DATA)
    assert rest.content == DATA[100:-10]
    assert rest.headers["Content-Length"] == str(len(DATA) - 110)


def test_a_stalled_call_goes_on_when_released(kit):
    """The call waits until the fault is released, then answers as if nothing had been."""
    number = kit.order("stall", api="operations.list")
    answers = []
    caller = threading.Thread(target=lambda: answers.append(ee.data.listOperations()))
    caller.start()
    caller.join(0.2)
    assert caller.is_alive()

    requests.post(kit.sandbox.url + "/sandbox/release", json={"id": number}, timeout=20)

    caller.join(20)
    assert len(answers) == 1


def test_a_stall_longer_than_the_deadline_is_a_timeout(kit):
    """With setDeadline the client gives up by itself."""
    kit.order("stall", api="operations.list")
    ee.data.setDeadline(200)
    try:
        with pytest.raises(TimeoutError):
            ee.data.listOperations()
    finally:
        kit.sandbox.faults.clear()
        ee.data.setDeadline(20_000)


def test_a_slow_body_arrives_whole(blob, kit):
    """Bytes trickle; nothing is missing."""
    kit.order("slow", api="objects.media", bytes_per_second=2_000_000)

    assert requests.get(blob.media_link, timeout=20).content == DATA


def test_orders_are_given_and_read_over_http(sandbox):
    """POST orders, the state reports them as pending and consumed, DELETE forgets them."""
    url = sandbox.url + "/sandbox/faults"
    orders = [{"action": "http", "api": "operations.list", "status": 429, "count": 2}, {"action": "task_stuck"}]
    given = requests.post(url, json={"faults": orders}, timeout=20).json()["ids"]
    requests.get(sandbox.url + "/v1/projects/ee-sandbox/operations", timeout=20)

    reported = {each["id"]: each for each in requests.get(sandbox.url + "/sandbox/state", timeout=20).json()["faults"]}
    requests.delete(url, timeout=20)

    assert [(reported[i]["consumed"], reported[i]["pending"]) for i in given] == [(1, 1), (0, 1)]
    assert sandbox.faults.report() == []


@pytest.mark.parametrize(
    "order",
    [
        pytest.param({"action": "explode"}, id="unknown action"),
        pytest.param({"action": "http", "colour": 1}, id="unknown name"),
        pytest.param({"action": "http", "path": "("}, id="no regular expression"),
        pytest.param({"action": "http", "body_base64": "AAA"}, id="no base64"),
        pytest.param({"action": "http", "status": "503"}, id="a status that is a text"),
        pytest.param({"action": "http", "status": True}, id="a status that is a truth"),
        pytest.param({"action": "http", "headers": "x"}, id="headers that are a text"),
        pytest.param({"action": "http", "count": -1}, id="a count below nothing"),
        pytest.param({"action": "slow", "bytes_per_second": 0}, id="a rate of nothing"),
    ],
)
def test_an_order_that_makes_no_sense_is_refused(order):
    """A misspelt fault must not silently never happen."""
    with pytest.raises(ProtocolViolation):
        Rule.of(order)


def test_the_orders_can_be_asked_for_where_they_are_given(web, kit):
    """GET answers what the state reports of them."""
    number = kit.order("reset", api="objects.rewrite")

    (found,) = web("GET", "/sandbox/faults").json()["faults"]

    assert (found["id"], found["consumed"]) == (number, 0)
    assert found["rule"]["api"] == "objects.rewrite"


def test_a_fault_for_a_call_that_does_not_exist_is_refused_with_the_nearest_names(sandbox, web):
    """It would never happen; of several orders none is taken."""
    orders = [{"action": "reset"}, {"action": "http", "api": "value.comput"}]

    answer = web("POST", "/sandbox/faults", json={"faults": orders})

    assert answer.status_code == 400
    assert "'value.comput'" in answer.text
    assert "'value.compute'" in answer.text
    assert sandbox.faults.report() == []


@pytest.mark.parametrize("api", ["value.compute", "xml.objects.get", "buckets.insert", "drive.watch", "storage.batch"])
def test_a_fault_is_ordered_for_every_call_that_has_a_name(web, api):
    """Also for one that is only refused by its name."""
    assert web("POST", "/sandbox/faults", json={"action": "http", "api": api}).status_code == 200


def test_orders_act_one_after_the_other_and_skip_what_they_are_told_to():
    """Skip 1, act 2; then the next rule; then nothing."""
    faults = Faults()
    faults.order(Rule("http", api="x", skip=1, count=2, status=500))
    faults.order(Rule("reset", api="x"))
    request = Request.of("GET", "/x?a=b", {}, b"", "http://here")

    drawn = [faults.for_call("x", request) for _ in range(5)]

    # The call that the first rule lets pass goes to the second.
    assert [None if each is None else each.rule.action for each in drawn] == ["reset", "http", "http", None, None]


def test_holds_with_a_tail_are_drawn_from_a_pareto_distribution():
    """By inversion, (1 - u) ** (-1 / shape) times the least, from the seed that was ordered."""
    faults, chance = Faults(), random.Random(7)  # noqa: S311  a distribution, no secret
    faults.order(Rule.of({"action": "stall", "count": None, "seconds": 2, "tail": 1.5, "seed": 7}))
    request = Request.of("GET", "/x", {}, b"", "http://here")

    held = [faults.for_call("x", request).seconds for _ in range(20)]

    assert held == pytest.approx([2 * (1 - chance.random()) ** (-1 / 1.5) for _ in range(20)])


def test_a_rule_fits_by_path_method_and_body():
    """Every condition must hold."""
    rule = Rule("http", method="POST", path=r"/b/x/.*generation=3", text="needle")

    def fits(method="POST", target="/b/x/o?generation=3", body=b"hay needle hay"):
        return rule.fits_call("any", Request.of(method, target, {}, body, "http://here"))

    assert fits()
    assert not fits(method="GET")
    assert not fits(target="/b/x/o?generation=4")
    assert not fits(body=b"hay")


def test_every_request_is_in_the_journal(kit, blob):
    """Method, path, status and fault of each call can be asked for."""
    kit.order("http", api="objects.media", status=503)
    requests.get(blob.media_link, headers={"Range": "bytes=1-2"}, timeout=20)

    found = requests.get(kit.sandbox.url + "/sandbox/requests?api=objects.media", timeout=20).json()["requests"][-1]

    assert (found["status"], found["fault"], found["range"]) == (503, "http", "bytes=1-2")
    assert found["query"]["generation"] == str(blob.generation)

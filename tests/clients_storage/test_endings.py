"""Every call of every client ends: within its deadline, within its size, and soon after a stop."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import ee
import pytest
from google.auth.credentials import AnonymousCredentials
from google.oauth2 import service_account

from orchestrator.clients import connections
from orchestrator.clients.drive import connect_drive
from orchestrator.clients.earthengine import EarthEngine
from orchestrator.clients.gcs import connect_gcs
from orchestrator.clients.transport import Transport
from orchestrator.clients.watch import CallLimits, Watch, watching
from orchestrator.core.errors import Stopped, TransientError
from orchestrator.core.retry import RetryPolicy
from orchestrator.model.objects import StoredObject

PROJECT = "ee-sandbox"
OPERATION = f"projects/{PROJECT}/operations/ABCDEFGHIJKLMNOPQRSTUVWX"
EXPORT = {"expression": {"result": "0", "values": {"0": {"constantValue": 1}}}}
HASTY = CallLimits(call_seconds=0.5, list_seconds=0.5)
PATIENT = CallLimits(grace_seconds=0.1, answer_bytes=4 << 20)
ONCE = RetryPolicy(attempts=1)


class StopsLater:
    """A stop that is set when it has been looked at some times: in the middle of a call that waits."""

    def __init__(self, looks: int) -> None:
        self._looks = looks

    def is_set(self) -> bool:
        self._looks -= 1
        return self._looks < 0

    def wait(self, _timeout: float | None = None) -> bool:
        return self.is_set()


@dataclass(frozen=True)
class Clients:
    """All three clients of one sandbox, and something for them to ask about."""

    engine: EarthEngine
    gcs: Any
    drive: Any
    blob: StoredObject
    file: StoredObject


@pytest.fixture
def clients(cloud, sandbox):
    """`clients(stop, limits)` connects all three, with an object in the bucket and a file in the folder."""
    opened = []

    def connect(stop, limits=PATIENT):
        nobody = AnonymousCredentials()
        sandbox.operations.add(project=PROJECT, request={"description": "ours"}, priority=100)
        engine = EarthEngine(
            project=PROJECT,
            credentials=nobody,
            url=cloud.url,
            stop=threading.Event(),
            policy=ONCE,
        )
        gcs = connect_gcs(cloud.url, PROJECT, nobody, cloud.bucket, stop=threading.Event())
        drive = connect_drive(cloud.url, nobody, cloud.folder, stop=threading.Event())
        opened.extend([engine, gcs, drive])
        blob = gcs.create("probe", b"x" * 100_000)
        made = cloud.call("POST", "/drive/v3/files", {"name": "a.tif", "parents": [drive.folder_id()]})
        engine._limits = gcs._limits = drive._limits = limits  # of what follows, not of the preparations
        engine._stop = gcs._stop = gcs._session.stop = drive._stop = drive._session.stop = stop
        return Clients(engine, gcs, drive, blob, StoredObject("a.tif", 0, "1", md5="0" * 32, id=made["id"]))

    yield connect
    for each in opened:
        each.close()


def body_of(client, source):
    with client.open_body(source, 0) as body:
        while body.read(1 << 16):
            pass


CALLS: dict[str, tuple[str, Callable[[Clients], Any]]] = {
    "a submission": ("image.export", lambda c: c.engine.export("id-1", EXPORT)),
    "a list of operations": ("operations.list", lambda c: c.engine.operations()),
    "an operation": ("operations.get", lambda c: c.engine.operation(OPERATION)),
    "a cancel request": ("operations.cancel", lambda c: c.engine.cancel(OPERATION)),
    "a value": ("value.compute", lambda c: c.engine.value(ee.Number(1))),
    "a listing of the bucket": ("objects.list", lambda c: c.gcs.find("")),
    "an object": ("objects.get", lambda c: c.gcs.look(c.blob)),
    "a deletion from the bucket": ("objects.delete", lambda c: c.gcs.delete(c.blob)),
    "a body from the bucket": ("objects.media", lambda c: body_of(c.gcs, c.blob)),
    "a listing of the folder": ("drive.list", lambda c: c.drive.find("")),
    "a file": ("drive.get", lambda c: c.drive.look(c.file)),
    "a deletion from the folder": ("drive.get", lambda c: c.drive.delete(c.file)),
}
EVERY_CALL = pytest.mark.parametrize(("api", "call"), CALLS.values(), ids=CALLS)
PAGED = [CALLS[name] for name in ("a list of operations", "a listing of the bucket", "a listing of the folder")]
# A deletion from the bucket is answered with nothing, which neither trickles nor inflates.
SPEAKING = {name: call for name, call in CALLS.items() if name != "a deletion from the bucket"}
ANSWERED = {name: call for name, call in SPEAKING.items() if "body" not in name}


@EVERY_CALL
def test_a_stop_ends_a_call_that_waits_for_its_answer(cloud, clients, api, call):
    """The service holds the call; the process was asked to stop."""
    made = clients(StopsLater(2))
    cloud.order(api=api, action="stall", seconds=60)

    with pytest.raises(Stopped):
        call(made)

    assert cloud.pending() == 0


@pytest.mark.parametrize(("api", "call"), SPEAKING.values(), ids=SPEAKING)
def test_a_stop_ends_a_call_whose_answer_trickles(cloud, clients, api, call):
    """Bytes keep coming, so no silence ends it."""
    made = clients(StopsLater(4))
    cloud.order(api=api, action="slow", bytes_per_second=4)

    with pytest.raises(Stopped):
        call(made)


@pytest.mark.parametrize(("api", "call"), ANSWERED.values(), ids=ANSWERED)
def test_a_call_whose_answer_trickles_has_an_end(cloud, clients, api, call):
    """Four bytes a second are never silent, and never enough."""
    made = clients(threading.Event(), HASTY)
    cloud.order(api=api, action="slow", bytes_per_second=4)

    with pytest.raises(TransientError, match=r"no complete answer within 0.5 s"):
        call(made)


@pytest.mark.parametrize(("api", "call"), ANSWERED.values(), ids=ANSWERED)
def test_an_answer_is_not_inflated_beyond_its_cap(cloud, clients, api, call):
    """A thousandth of it comes over the wire; the memory would have to hold all of it."""
    made = clients(threading.Event())
    cloud.order(api=api, action="inflate", bytes=64 << 20)

    with pytest.raises(TransientError, match="the answer is larger than 4194304 bytes"):
        call(made)


@pytest.mark.parametrize(("api", "call"), PAGED, ids=["operations", "bucket", "folder"])
def test_a_list_that_goes_round_in_circles_has_an_end(cloud, clients, api, call):
    """Each page names a next one, which is the first again."""
    made = clients(threading.Event())
    cloud.order(api=api, action="endless_pages", count=50)

    with pytest.raises(TransientError, match="goes round in circles"):
        call(made)


def test_a_name_that_is_looked_up_for_ever_does_not_hold_up_a_stop(clients, monkeypatch):
    """The system's own look-up knows no stop; it is left behind."""
    made, never = clients(StopsLater(2)), threading.Event()
    made.gcs.close()
    monkeypatch.setattr("socket.getaddrinfo", lambda *_arguments, **_options: never.wait(60))

    with pytest.raises(Stopped):
        made.gcs.find("")

    never.set()


def test_a_stop_ends_the_renewal_of_a_token(cloud):
    """The token is asked for inside the call, and is part of it."""
    credentials = signed_by_nobody(f"{cloud.url}/token")
    gcs = connect_gcs(cloud.url, PROJECT, credentials, cloud.bucket, stop=StopsLater(3), limits=PATIENT)
    cloud.order(api="oauth.token", action="stall", seconds=60)

    with pytest.raises(Stopped):
        gcs.find("")

    gcs.close()


@pytest.mark.parametrize("what", ["a listing", "a body"])
def test_a_token_is_not_inflated_beyond_its_cap(cloud, what):
    """Whoever answers for the token can fill no memory either."""
    nobody = connect_gcs(cloud.url, PROJECT, AnonymousCredentials(), cloud.bucket)
    blob = nobody.create("probe", b"x")
    nobody.close()
    gcs = connect_gcs(cloud.url, PROJECT, signed_by_nobody(f"{cloud.url}/token"), cloud.bucket, limits=PATIENT)
    cloud.order(api="oauth.token", action="inflate", bytes=80 << 20)

    with pytest.raises(TransientError, match="the answer is larger than"):
        gcs.find("") if what == "a listing" else body_of(gcs, blob)

    gcs.close()


def signed_by_nobody(token_uri):
    """Return credentials of a service account that ask the sandbox for their token, with a signature nobody checks."""

    class Signer:
        key_id = "1"

        def sign(self, _message):
            return b"signature"

    return service_account.Credentials(Signer(), "runner@example.com", token_uri, scopes=["a"])


def test_a_password_in_netrc_does_not_take_the_tokens_place(cloud, tmp_path, monkeypatch):
    """requests would sign with it, in silence."""
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login me password hunter2\n")
    monkeypatch.setenv("NETRC", str(netrc))
    session = connections.make_session()

    sent = session.get(f"{cloud.url}/sandbox/state", headers={"Authorization": "Bearer ours"}).request

    session.close()
    assert sent.headers["Authorization"] == "Bearer ours"


@pytest.mark.parametrize("name", ["a deletion from the bucket", "a deletion from the folder"])
@pytest.mark.parametrize(
    "answer",
    [
        pytest.param({"html": True}, id="a page"),
        pytest.param({"body": "ok"}, id="a word"),
        pytest.param({"body": json.dumps({"kind": "else"})}, id="another object"),
        pytest.param({"body": ""}, id="nothing"),
    ],
)
def test_a_page_with_status_200_deletes_nothing(cloud, clients, name, answer):
    """Only the service's own answer says that an object is gone."""
    made = clients(threading.Event())
    api = "objects.delete" if "bucket" in name else "drive.delete"
    source = made.blob if "bucket" in name else made.file
    client = made.gcs if "bucket" in name else made.drive
    if "folder" in name:
        client._get = lambda _source: source  # its revision is looked at first, and is not what this is about
    cloud.order(api=api, action="http", status=200, **answer)

    with pytest.raises(TransientError):
        client.delete(source)

    assert cloud.pending() == 0


@pytest.mark.parametrize("name", ["an object", "a file", "a deletion from the bucket", "a deletion from the folder"])
def test_a_page_with_status_404_says_nothing_of_the_object(cloud, clients, name):
    """A proxy that does not know the way must not make an object look gone."""
    api, call = CALLS[name]
    made = clients(threading.Event())
    cloud.order(api=api, action="http", status=404, html=True)

    with pytest.raises(TransientError, match="not the service's"):
        call(made)


ODD = [
    pytest.param("null", id="null"),
    pytest.param("[]", id="a list"),
    pytest.param("17", id="a number"),
    pytest.param('"text"', id="a text"),
    pytest.param('{"error": {}}', id="an object without a list"),
    pytest.param('{"kind": "storage#objects", "items": {}, "files": {}, "operations": {}}', id="an object for a list"),
    pytest.param(
        '{"kind": "storage#objects", "items": [1], "files": [1], "operations": [1]}', id="numbers for entries"
    ),
    pytest.param(
        '{"kind": "storage#objects", "items": [{}], "files": [{}], "operations": [{}]}', id="entries without fields"
    ),
    pytest.param(
        '{"kind": "storage#objects", "items": [], "files": [], "operations": [], "nextPageToken": 5}', id="an odd token"
    ),
    pytest.param('{"kind": "storage#objects", "ite', id="cut in the middle"),
    pytest.param("[" * 100_000, id="nested without end"),
    pytest.param("<html><title>Log in</title></html>", id="a page"),
]


@pytest.mark.parametrize("body", ODD)
@pytest.mark.parametrize(("api", "call"), PAGED, ids=["operations", "bucket", "folder"])
def test_a_list_that_is_none_is_no_list(cloud, clients, api, call, body):
    """Taken for an empty listing it would say that everything is gone; taken apart it would be a traceback."""
    made = clients(threading.Event())
    cloud.order(api=api, action="http", status=200, body=body)

    with pytest.raises(TransientError):
        call(made)

    assert cloud.pending() == 0


def test_the_error_says_how_long_was_waited_for_an_answer(cloud):
    """Where a service computes in silence, that is longer than any pause the libraries were told to allow."""
    transport = Transport()
    cloud.order(api="config.get", action="stall", seconds=60)
    cloud.order(api="config.get", action="stall", seconds=0.15)
    watch = Watch("pixels", None, CallLimits(first_seconds=0.3))
    transport.timeout = 0.05

    with pytest.raises(TimeoutError, match=r"^127\.0\.0\.1: nothing came for 0\.3 s$"), watching(watch):
        transport.request(f"{cloud.url}/v1/projects/{PROJECT}/config")
    with watching(watch):
        headers, _ = transport.request(f"{cloud.url}/v1/projects/{PROJECT}/config")

    assert headers["status"] == "200"
    transport.close()

"""Places of each kind for the contract: a folder, and a bucket of a sandbox that really composes."""

from __future__ import annotations

import itertools
import json
import os
import sys
import threading
import urllib.request
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from google.auth.credentials import AnonymousCredentials
from s3_server import S3Server

from orchestrator.clients.gcs import connect_gcs
from orchestrator.clients.s3 import S3Connection, S3Objects
from orchestrator.core.retry import RetryPolicy
from orchestrator.places.bucket import BucketPlace
from orchestrator.places.folder import FolderPlace
from orchestrator.places.s3 import S3Place
from orchestrator.sandbox.server import Options, Sandbox

STORAGE = os.environ.get("ORCHESTRATOR_TEST_STORAGE", "")
_numbers = itertools.count()
AT_ONCE = RetryPolicy(attempts=5, first_wait_seconds=0.0, max_wait_seconds=0.0)


@pytest.fixture(scope="session")
def sandbox():
    with Sandbox(None, Options(), evaluator=object()) as running:
        yield running


class Orders:
    """A bucket of a sandbox, and what is ordered of the sandbox or asked of it."""

    def __init__(self, url: str, name: str) -> None:
        self.url, self.name = url, name
        self.call("POST", "/sandbox/buckets", {"name": name})

    def call(self, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
        data = None if body is None else json.dumps(body).encode()
        headers = {"Content-Type": "application/json"}
        request = urllib.request.Request(self.url + path, data, headers, method=method)  # noqa: S310  loopback
        with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310  loopback
            return json.load(answer)

    def order(self, **fault: Any) -> None:
        """Order a fault for the next fitting call."""
        self.call("POST", "/sandbox/faults", fault)

    def pending(self) -> int:
        """Count the ordered faults nothing has met yet."""
        return sum(fault["pending"] for fault in self.call("GET", "/sandbox/state")["faults"])

    def asked(self, api: str) -> int:
        return len(self.call("GET", f"/sandbox/requests?api={api}")["requests"])


@pytest.fixture
def orders(sandbox):
    made = Orders(sandbox.url, f"places-{next(_numbers)}")
    yield made
    made.call("DELETE", "/sandbox/faults")


@pytest.fixture
def cloud(request):
    """A bucket of its own, as the real client sees it; where a variable names another server, of that one."""
    if STORAGE:
        url, name = STORAGE, f"places-{os.getpid()}-{next(_numbers)}"
        _posted(f"{url}/storage/v1/b?project=p", {"name": name})
    else:
        orders = request.getfixturevalue("orders")
        url, name = orders.url, orders.name
    client = connect_gcs(url, "sandbox", AnonymousCredentials(), name, stop=threading.Event())
    yield client
    client.close()


def _posted(url: str, body: dict[str, Any]) -> None:
    headers = {"Content-Type": "application/json"}
    request = urllib.request.Request(url, json.dumps(body).encode(), headers)  # noqa: S310  loopback
    urllib.request.urlopen(request, timeout=30).close()  # noqa: S310  loopback


@pytest.fixture
def bucket_place(cloud):
    return BucketPlace(cloud, "gs://bucket/work", "work", AT_ONCE, threading.Event())


@pytest.fixture
def s3_server():
    with S3Server() as server:
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        yield server
        server.shutdown()


@pytest.fixture
def s3_place(s3_server):
    """A prefix in a bucket that speaks S3, by the real client."""
    keys = {"access_key_id": "key", "secret_access_key": "secret", "region": "us-east-1"}
    where = S3Connection("results", keys | {"endpoint": s3_server.url, "allow_http": "true"})
    return S3Place(S3Objects(where), "s3://results/work", "work", AT_ONCE, threading.Event())


@pytest.fixture(params=["folder", "bucket", "s3"])
def place(request, tmp_path):
    if request.param == "folder":
        return FolderPlace(tmp_path / "place")
    return request.getfixturevalue(f"{request.param}_place")

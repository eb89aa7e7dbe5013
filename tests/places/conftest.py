"""Places of each kind for the contract: a folder, and a bucket of a sandbox that really composes."""

from __future__ import annotations

import itertools
import json
import threading
import urllib.request
from typing import Any

import pytest
from google.auth.credentials import AnonymousCredentials

from orchestrator.clients.gcs import connect_gcs
from orchestrator.core.retry import RetryPolicy
from orchestrator.places.bucket import BucketPlace
from orchestrator.places.folder import FolderPlace
from orchestrator.sandbox.server import Options, Sandbox

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
def cloud(orders):
    """A bucket of its own, as the real client sees it."""
    client = connect_gcs(orders.url, "sandbox", AnonymousCredentials(), orders.name, stop=threading.Event())
    yield client
    client.close()


@pytest.fixture
def bucket_place(cloud):
    return BucketPlace(cloud, "gs://bucket/work", "work", AT_ONCE, threading.Event())


@pytest.fixture(params=["folder", "bucket"])
def place(request, tmp_path):
    if request.param == "folder":
        return FolderPlace(tmp_path / "place")
    return request.getfixturevalue("bucket_place")

"""A sandbox for the storage clients: one for all tests, with a bucket and a Drive folder for each of them."""

from __future__ import annotations

import itertools
import json
import urllib.request
from dataclasses import dataclass
from typing import Any

import ee
import pytest

from orchestrator.sandbox.server import Options, Sandbox

_numbers = itertools.count()


@dataclass(frozen=True)
class Cloud:
    """The sandbox as seen over HTTP."""

    url: str
    bucket: str
    folder: str

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


@pytest.fixture(scope="session")
def sandbox():
    with Sandbox(None, Options(), evaluator=object()) as running:
        yield running
    ee.Reset()


@pytest.fixture
def cloud(sandbox):
    number = next(_numbers)
    made = Cloud(sandbox.url, f"bucket-{number}", f"folder {number} of Ann's")
    made.call("POST", "/sandbox/buckets", {"name": made.bucket})
    yield made
    made.call("DELETE", "/sandbox/faults")

"""What is created to be fetched by a link: thumbnails, maps, tables to be downloaded."""

from __future__ import annotations

import hashlib
import json
import threading
from collections import OrderedDict
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from orchestrator.sandbox.clock import Clock
from orchestrator.sandbox.web import ApiError

# REST reference: an id is valid "for a moderate period (a few hours)".
VALID = timedelta(hours=4)
_MOST = 20_000


def key_of(value: Any) -> str:
    """Give a name that is the same for the same JSON, and that nobody guesses who does not know it."""
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()[:32]


class Links:
    """
    Keep orders by the name of their resource, until they expire on the sandbox's clock.

    Whoever knows the name may fetch, without credentials. Safe from several threads; a restart forgets all.
    """

    def __init__(self, clock: Clock, folder: str, what: str) -> None:
        """Name the folder of the resources in a project (`thumbnails`), and one of them (`Thumbnail`)."""
        self._clock = clock
        self._folder = folder
        self._what = what
        self._lock = threading.Lock()
        self._orders: OrderedDict[str, tuple[datetime, Mapping[str, Any]]] = OrderedDict()

    def keep(self, project: str, order: Mapping[str, Any]) -> str:
        """Keep an order from now on; return the name of its resource."""
        name = f"projects/{project}/{self._folder}/{key_of(order)}"
        with self._lock:
            self._orders[name] = (self._clock.now() + VALID, order)
            self._orders.move_to_end(name)
            if len(self._orders) > _MOST:
                self._orders.popitem(last=False)
        return name

    def find(self, project: str, number: str) -> Mapping[str, Any]:
        """
        Give the order of a resource.

        Raises:
            ApiError: 404 if there is none, or not any more.
        """
        name = f"projects/{project}/{self._folder}/{number}"
        with self._lock:
            until, order = self._orders.get(name, (self._clock.now(), {}))
        if until <= self._clock.now():
            raise ApiError(404, f"{self._what} '{name}' not found.")
        return order

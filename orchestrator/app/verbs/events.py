"""`watch` and `logs`: a run that another process works on, as the store tells it."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from dataclasses import replace

from orchestrator.app.records import Records
from orchestrator.app.verbs.reports import progress_of
from orchestrator.core.errors import Stopped
from orchestrator.engine.progress import Snapshot
from orchestrator.engine.stores.records import EventRow, Head
from orchestrator.model.states import RUN_FINAL, PartState

LOOK_SECONDS = 1.0
_ALL = 1_000_000
_HERE = (PartState.VERIFIED, PartState.MERGED, PartState.CLEANED)


class Followed:
    """How far a run is, read from the store at most once a second."""

    def __init__(self, app: Records, run_id: str) -> None:
        self._app = app
        self._id = run_id
        self._read_at = float("-inf")
        self._seen = Snapshot()
        self._since = time.monotonic()
        self._here_at_first: int | None = None

    def look(self) -> Snapshot:
        """Return how far it is; the bytes are those received since the first look."""
        now = time.monotonic()
        if now - self._read_at >= LOOK_SECONDS:
            before, self._seen, self._read_at = self._seen, self._read(), now
            if (before.state, before.detail) != (self._seen.state, self._seen.detail):
                self._since = now
        return replace(self._seen, seconds=now - self._since)

    def _read(self) -> Snapshot:
        store = self._app.store
        head = store.runs.heads(run_id=self._id)[0]
        here = sum(held.bytes for state, held in store.parts.tally(self._id).items() if state in _HERE)
        if self._here_at_first is None:
            self._here_at_first = here
        seen = progress_of(store, head, store.tasks.of(self._id))
        return replace(seen, bytes_done=max(0, here - self._here_at_first))


def latest_events(app: Records, run_id: str, lines: int) -> tuple[list[EventRow], int]:
    """Return the latest events of a run, oldest first, and the sequence of the last one there is."""
    seen = app.store.events.latest(run_id, lines or 1)
    return (seen if lines else []), max((event.sequence for event in seen), default=0)


def events_after(app: Records, run_id: str, after: int, limit: int) -> list[EventRow]:
    """Return the events of a run after a sequence, oldest first; of more than `limit` the latest."""
    return app.store.events.latest(run_id, limit, after=after)


def follow(app: Records, run_id: str, last: int, stop: threading.Event) -> Iterator[EventRow]:
    """
    Yield the events of a run after sequence `last` as they come, until it has ended or waits for a person.

    Raises:
        Stopped: `stop` was set.
    """
    while True:
        ended = has_ended(app.store.runs.heads(run_id=run_id)[0])  # before the events: those of its end are among them
        while found := app.store.events.latest(run_id, _ALL, after=last):
            last = found[-1].sequence
            yield from found
        if ended:
            return
        if stop.wait(LOOK_SECONDS):
            raise Stopped("stopped watching; the run goes on")


def has_ended(run: Head) -> bool:
    """Tell whether nothing more happens to a run until a person does something."""
    return run.state in RUN_FINAL or run.needs_person

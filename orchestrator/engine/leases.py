"""
Leases on runs: a run is worked on by the one process that has it, and by nobody who had it before.

The lease is a row of the store, and the truth. A process says every `SECONDS / 3` that it lives; one that is not heard
of for `SECONDS` has lost its runs to whoever claims them. It cannot know that while it is stopped, so each of its
writes carries the lease's number (`Store.under`), and it looks before each effect elsewhere (`Lease.check`).
"""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime

from orchestrator.core.clock import Clock
from orchestrator.core.errors import OrchestratorError
from orchestrator.core.locks import LockedError
from orchestrator.core.machine import kernel
from orchestrator.engine.stores.contract import Store

# Long enough for a slow disk and a busy database, short enough to wait for after a machine has died.
SECONDS = 60.0
BEATS = 3  # in the time of a lease: two may come late


@dataclass(frozen=True, slots=True)
class Worker:
    """
    A process that works on runs.

    Attributes:
        host: Of the machine or container.
        pid: Its process id there.
        since: When it began, RFC 3339.
        kernel: Which running kernel it is a process of: within one, file locks tell who is dead.
    """

    host: str
    pid: int
    since: str
    kernel: str

    @staticmethod
    def here() -> Worker:
        """Return this process."""
        return Worker(socket.gethostname(), os.getpid(), datetime.now(UTC).isoformat(timespec="seconds"), kernel())

    @staticmethod
    def parse(text: str) -> Worker | None:
        """Read what `str` wrote; None where it is nothing of that kind."""
        match text.split(" "):
            case [host, pid, since, kernel] if pid.isdigit():
                return Worker(host, int(pid), since, kernel)
        return None

    def __str__(self) -> str:
        return f"{self.host.replace(' ', '_')} {self.pid} {self.since} {self.kernel}"

    def is_told_by_locks(self, own: Worker) -> bool:
        """
        Tell whether the lock files that `own` has say that it is dead.

        Also of one that worked before the state was moved to a database of another kind, which waits for its end.
        """
        return self.kernel == own.kernel or ("/" in self.kernel) != ("/" in own.kernel)

    def told(self) -> str:
        """Return what a person is told of it."""
        return f"process {self.pid} on {self.host}, since {self.since[:19]} UTC"


def unled() -> None:
    """Of a process that leads nobody there is nothing to look at."""


class Lease:
    """
    One run, held by this process.

    Attributes:
        run_id: Which.
        store: The store, whose writes carry the lease's number: they fail once another process has the run.
    """

    def __init__(
        self,
        run_id: str,
        fence: int,
        store: Store,
        clock: Clock,
        seconds: float = SECONDS,
        check_leader: Callable[[], None] = unled,
    ) -> None:
        """Take what was claimed just now; `check_leader` is asked with each `check`, where this process leads."""
        self.run_id = run_id
        self.store = store.under(run_id, fence)
        self._fence = fence
        self._clock = clock
        self._seconds = seconds
        self._good_until = clock.monotonic() + seconds
        self._check_leader = check_leader

    def check(self) -> None:
        """
        Make sure that the run is this process's, before an effect that no store can take back.

        By the clock that nobody sets and by the database's: what is over by either is prolonged first, so that nobody
        claims it in the time that one call takes. This machine's time of day takes no part.

        Raises:
            FencedError: Another has it: nothing more may be done for it here.
            TransientError, SpaceError: The store cannot say so now.
        """
        self._check_leader()
        row = self.store.leases.at(self.run_id)
        is_over = row.left_seconds <= 0 or self._good_until <= self._clock.monotonic()
        if row.fence != self._fence or is_over:
            self.renew()

    def renew(self) -> None:
        """Say that this process lives. Errors as `check`."""
        began = self._clock.monotonic()
        self.store.leases.renew(self.run_id, self._fence, self._seconds)
        self._good_until = began + self._seconds

    def release(self) -> None:
        """Let others have the run. Errors as `check`."""
        self.store.leases.release(self.run_id, self._fence)


class RunLeases:
    """The leases of a process, kept good by one thread while there are any."""

    def __init__(
        self,
        store: Callable[[], Store],
        clock: Clock,
        seconds: float = SECONDS,
        worker: Worker | None = None,
        check_leader: Callable[[], None] = unled,
    ) -> None:
        """Take the store, opened when it is first needed; `worker` is this process unless told."""
        self._store = store
        self._clock = clock
        self._seconds = seconds
        self.worker = worker or Worker.here()
        self.deposed = ""  # the worker that led before this one and did not end: its runs are not waited for
        self._check_leader = check_leader
        self._held: dict[str, Lease] = {}
        self._guard = threading.Lock()
        self._ended = threading.Event()

    @contextmanager
    def hold(self, run_id: str) -> Iterator[Lease]:
        """
        Hold a run for the time of the block.

        The caller has the run's lock file: a holder that is a process of this same kernel is dead, then, and is not
        waited for.

        Raises:
            LockedError: Another process has it; the message says which, and until when.
        """
        lease = self._claim(run_id)
        self._add(lease)
        try:
            yield lease
        finally:
            self._remove(lease)
            with suppress(OrchestratorError):  # it was another's already, or is over soon
                lease.release()

    def held(self, run_id: str) -> Lease | None:
        """Return the lease that this process has on a run."""
        with self._guard:
            return self._held.get(run_id)

    @property
    def count(self) -> int:
        """How many runs this process has."""
        with self._guard:
            return len(self._held)

    def beat(self) -> None:
        """Prolong every lease; one that cannot be is found lost, or is prolonged, by whoever works under it."""
        with self._guard:
            held = list(self._held.values())
        for lease in held:
            with suppress(OrchestratorError):
                lease.renew()

    def _claim(self, run_id: str) -> Lease:
        store = self._store()
        row = store.leases.claim(run_id, str(self.worker), seconds=self._seconds, is_gone=self._is_gone)
        if row is None:
            raise LockedError(taken(run_id, store.leases.at(run_id).worker))
        return Lease(run_id, row.fence, store, self._clock, self._seconds, self._check_leader)

    def _is_gone(self, worker: str) -> bool:
        found = Worker.parse(worker)
        return found is None or worker == self.deposed or found.is_told_by_locks(self.worker)

    def _add(self, lease: Lease) -> None:
        with self._guard:
            if not self._held:
                self._ended = threading.Event()
                threading.Thread(target=self._keep, args=(self._ended,), name="leases", daemon=True).start()
            self._held[lease.run_id] = lease

    def _remove(self, lease: Lease) -> None:
        with self._guard:
            self._held.pop(lease.run_id, None)
            if not self._held:
                self._ended.set()

    def _keep(self, ended: threading.Event) -> None:
        while not ended.wait(self._seconds / BEATS):
            self.beat()


def taken(run_id: str, worker: str) -> str:
    """Return the sentence about a run that another process has."""
    found = Worker.parse(worker)
    return f"run {run_id} is already being worked on by {found.told() if found else 'another process'}"

"""What the daemon tells the world about itself: a row in the database, and words to systemd."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from typing import Any

from orchestrator import __version__
from orchestrator.app.records import Records
from orchestrator.config import Settings
from orchestrator.core.clock import Clock
from orchestrator.core.errors import MovedError, OrchestratorError
from orchestrator.core.locks import LockedError
from orchestrator.core.process import process_name
from orchestrator.core.units import format_count
from orchestrator.engine.stores.contract import Store
from orchestrator.engine.stores.records import PROCESS, ProcessRow

DAEMON = "daemon"  # its name among the processes of a state
STANDBY = "standby"  # the first word of the name of one that waits until it leads
BEAT_SECONDS = 10.0
# A beat may be late by a slow disk and a busy database; two of them are not lost by chance.
FRESH_SECONDS = 60.0


class Heartbeat:
    """
    Says that the daemon's loop goes round: to systemd's watchdog at each beat, and into the database.

    It is told so by the loop itself, not by a thread of its own, which would go on beating beside a loop that hangs.
    """

    def __init__(
        self,
        store: Store,
        clock: Clock,
        facts: Callable[[], Mapping[str, Any]],
        name: str = DAEMON,
        noun: str = "run",
    ) -> None:
        """
        Take where it is said, what is told beside it, the process's name, and what it has in its slots.

        Without a noun it has no slots: it stands by.
        """
        self._store = store
        self._clock = clock
        self._facts = facts
        self._name = name
        self._noun = noun
        self._next = float("-inf")

    def beat(self, busy: int = 0, waiting: int = 0) -> None:
        """
        Say so, unless it was said a moment ago; a database that cannot be written shows by itself.

        Raises:
            LockedError: Another daemon took this one's place, which had not been heard of for long.
            MovedError: The state is in another database by now.
        """
        now = self._clock.monotonic()
        if now < self._next:
            return
        self._next = now + BEAT_SECONDS
        left = f", {waiting} not ended" if self._noun == "run" else ""
        status = f"{format_count(busy, self._noun)} in slots{left}" if self._noun else "stands by"
        tell_systemd("WATCHDOG=1", f"STATUS={status}")
        facts = {"version": __version__, "busy": busy, "waiting": waiting, **self._facts()}
        row, other = daemon_row(self._name, self._clock, facts), None
        try:
            other = self._store.processes.at(self._name)
            if other is None or _is_same(other, row):
                self._store.processes.beat(row)
        except MovedError:
            raise
        except OrchestratorError:
            pass  # it shows by itself
        if other is not None and not _is_same(other, row):
            raise LockedError(
                f"process {other.pid} on {other.host} has become the daemon of this state, since this one had not been "
                "heard of for too long; this one ends"
            )

    def soon(self) -> None:
        """Say so at the next turn of the loop: something of the facts is new."""
        self._next = float("-inf")

    def end(self) -> None:
        """Say that the daemon ended by itself."""
        with suppress(OrchestratorError):
            self._store.processes.end(self._name, os.getpid())


@cache
def _started(_pid: int) -> str:
    """Return when this process began to be a daemon."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def daemon_row(name: str, clock: Clock, facts: Mapping[str, Any]) -> ProcessRow:
    """Return what this process says of itself as a daemon, now."""
    pid = os.getpid()
    told = {PROCESS: process_name(), **facts}
    return ProcessRow(name, socket.gethostname(), pid, _started(pid), clock.now().timestamp(), told)


def _is_same(other: ProcessRow, row: ProcessRow) -> bool:
    return (other.host, other.pid, other.started) == (row.host, row.pid, row.started)


def find_daemon(store: Store, clock: Clock, max_age_seconds: float = FRESH_SECONDS) -> tuple[ProcessRow | None, str]:
    """Return the daemon of this state when it was heard of lately, and a sentence about it in any case."""
    rows = store.processes.of(DAEMON)
    row = next((row for row in rows if not row.is_known_dead), rows[0] if rows else None)
    beside = _standing_by(store, clock, max_age_seconds)
    if row is None and beside:
        return None, f"no daemon leads this state yet{beside}"
    if row is None:
        return None, "no daemon works on this state; start `orchestrator serve`"
    age = clock.now().timestamp() - row.beat
    who = f"the daemon (process {row.pid} on {row.host}, since {row.started[:19]} UTC)"
    if row.is_known_dead:
        return None, f"{who} was ended without a word, and is gone{beside or '; start `orchestrator serve`'}"
    # A beat from the future was written before the clock was set back; the next one comes at once.
    if abs(age) > max_age_seconds:
        gone = f"{who} was last heard of {age:.0f} s ago, more than {max_age_seconds:.0f} s: it hangs or is gone"
        return None, gone + beside
    busy = format_count(row.facts.get("busy", 0), "run")
    return row, f"{who} was heard of {max(0.0, age):.0f} s ago: {busy} in slots{beside}"


def standbys_of(store: Store, clock: Clock, max_age_seconds: float = FRESH_SECONDS) -> list[ProcessRow]:
    """Return the processes that stand by for the daemon and were heard of lately, the last one first."""
    now = clock.now().timestamp()
    rows = store.processes.of(STANDBY)
    return [row for row in rows if abs(now - row.beat) <= max_age_seconds and not row.is_known_dead]


def _standing_by(store: Store, clock: Clock, max_age_seconds: float) -> str:
    """Return who stands by, as the end of a sentence; empty where nobody does."""
    names = [f"process {row.pid} on {row.host}" for row in standbys_of(store, clock, max_age_seconds)]
    return f"; {' and '.join(names)} {'stands' if len(names) == 1 else 'stand'} by" if names else ""


def addresses(settings: Settings) -> dict[str, str]:
    """Return where a process finds the services that products ask; empty is the real one's."""
    return {"ee": settings.ee.url, "copernicus": settings.copernicus.url}


def as_daemon(app: Records) -> Settings:
    """Return the settings with the services of the daemon that works on this state; as they are where none does."""
    row = find_daemon(app.store, app.clock)[0] if app.has_state() else None
    told: Mapping[str, str] = row.facts.get("addresses", {}) if row else {}
    found = {name: getattr(app.settings, name).model_copy(update={"url": url}) for name, url in told.items()}
    return app.settings.model_copy(update=found)


@dataclass(frozen=True, slots=True)
class Health:
    """
    How the daemon of a state is.

    Attributes:
        alive: Whether it was heard of lately.
        ready: Whether it takes work, too: not while it reads areas at its start.
        because: A sentence about it.
        age_seconds: Since it was heard of; None where there is none.
        facts: What it says of itself.
    """

    alive: bool
    ready: bool
    because: str
    age_seconds: float | None = None
    facts: Mapping[str, Any] = field(default_factory=dict)


def health_of(store: Store, clock: Clock, max_age_seconds: float = FRESH_SECONDS) -> Health:
    """Return how the daemon of a state is."""
    row, sentence = find_daemon(store, clock, max_age_seconds)
    if row is None:
        return Health(alive=False, ready=False, because=sentence)
    # One that was begun with an earlier version says nothing of it.
    ready = bool(row.facts.get("ready", True))
    because = sentence if ready else f"{sentence}; it begins, and takes no work yet"
    return Health(True, ready, because, max(0.0, clock.now().timestamp() - row.beat), row.facts)


def health_here(store: Store, clock: Clock, max_age_seconds: float = FRESH_SECONDS) -> Health:
    """Return how the daemon on this machine is, or in this container: whether it leads, shares, or stands by."""
    here, now = socket.gethostname(), clock.now().timestamp()
    rows = [row for kind in (DAEMON, STANDBY) for row in store.processes.of(kind) if row.host == here]
    row = min(rows, key=lambda row: (row.is_known_dead, abs(now - row.beat)), default=None)
    if row is None:
        return Health(alive=False, ready=False, because=f"no daemon works on {here}; start `orchestrator serve`")
    age = max(0.0, now - row.beat)
    what = "stands by" if row.name.split(" ")[0] == STANDBY else "works"
    said = f"process {row.pid} on {here} {what}; it was heard of {age:.0f} s ago"
    if row.is_known_dead:
        gone = f"process {row.pid} on {here} was ended without a word, and is gone; start `orchestrator serve`"
        return Health(alive=False, ready=False, because=gone, age_seconds=age, facts=row.facts)
    if abs(now - row.beat) > max_age_seconds:
        late = f"{said}, more than {max_age_seconds:.0f} s: it hangs or is gone"
        return Health(alive=False, ready=False, because=late, age_seconds=age, facts=row.facts)
    return Health(True, bool(row.facts.get("ready", True)), said, age, row.facts)


def tell_systemd(*states: str) -> None:
    """Tell systemd (Type=notify) where we are; elsewhere this does nothing."""
    address = os.environ.get("NOTIFY_SOCKET", "")
    family = getattr(socket, "AF_UNIX", None)
    if not address or family is None:
        return
    # The daemon's work does not depend on being watched.
    with suppress(OSError), socket.socket(family, socket.SOCK_DGRAM) as channel:
        channel.sendto("\n".join(states).encode(), f"\0{address[1:]}" if address.startswith("@") else address)

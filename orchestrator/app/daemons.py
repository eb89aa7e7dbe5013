"""One daemon works on a state and others stand by, or several work that all say that they share it."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from typing import Any, TypeVar

from orchestrator.app.application import Application
from orchestrator.app.heartbeat import DAEMON, FRESH_SECONDS, STANDBY, Heartbeat, daemon_row, find_daemon, tell_systemd
from orchestrator.core.errors import OrchestratorError, Stopped
from orchestrator.core.locks import LockedError, exclusive
from orchestrator.engine.leadership import Term
from orchestrator.engine.leases import Worker
from orchestrator.engine.service import LOOK_SECONDS
from orchestrator.engine.stores.contract_leadership import LeadershipRow
from orchestrator.engine.stores.records import ProcessRow
from orchestrator.engine.trouble import WAITED_FOR, StoreTrouble

_SHARE = "end it, let this one stand by (`--standby`), or let both share the work with `share = true` under [serve]"
# Whoever stands by looks at the leader so often, and at a database that is in trouble not more seldom than that.
_LOOK_SECONDS, _TROUBLE_LOOK_SECONDS = 1.0, 5.0
_T = TypeVar("_T")


@contextmanager
def lock_state(app: Application, *, standby: bool = False) -> Iterator[bool]:
    """
    Hold the state folder's lock file for the time of the block; give whether this process has it.

    Where daemons share, one of them has it, and the others work without. Who stands by goes on without it, too.

    Raises:
        LockedError: A daemon works here that does not share, or this one does not; the message says which.
    """
    with ExitStack() as stack:
        try:
            stack.enter_context(_lock_of(app))
        except LockedError as error:
            row, sentence = None, ""
            with suppress(OrchestratorError):  # a busy database does not say who it is
                row, sentence = find_daemon(app.store, app.clock)
            if not standby and (row is None or not (app.settings.serve.share and row.facts.get("share"))):
                raise LockedError(f"{sentence if row else error}; {_SHARE}") from None
            yield False
        else:
            yield True


def _lock_of(app: Application, deposed: str = "") -> AbstractContextManager[None]:
    """Return the state folder's lock; a `deposed` leader that was stopped with it does not keep it."""
    found = Worker.parse(deposed)
    # Another machine's process has no lock file here, and its id may be anybody's: in each container it is 1.
    pid = str(found.pid) if found and found.kernel == app.kernel else ""
    return exclusive(app.folder() / "serve.lock", "this state folder", lambda holder: holder == pid)


@contextmanager
def working(app: Application, *, locked: bool, standby: bool = False, patient: bool = True) -> Iterator[str]:
    """
    Be a daemon of the state for the time of the block, whose name there is yielded: the one that leads, or one of many.

    Who leads has `app.term`, and `app.store` writes no more once another leads; `app.stop` is set then. Who is to stand
    by waits for its turn; others wait for a leader that may be dead, until it is heard of again.

    Raises:
        LockedError: Another daemon lives, and this one is not to stand by.
        Stopped: This one is to end.
        TransientError, SpaceError, ClosedStateError: The store cannot be used now, and this one is not `patient`.
    """
    with ExitStack() as stack:
        if not app.settings.serve.share:
            candidate = _Candidate(app, stack, locked=locked, standby=standby)
            locked = True  # nobody leads without it
            stack.enter_context(candidate.leading(patient=patient))
        yield _patiently(app, lambda: enter(app, locked=locked), lambda: None, patient=patient)


def _patiently(app: Application, look: Callable[[], _T | None], waiting: Callable[[], None], *, patient: bool) -> _T:
    """
    Look until something is found, and return it; a database that cannot be used is waited for.

    Raises:
        Stopped: The process is to end.
        TransientError, SpaceError, ClosedStateError: The database cannot be used, and nobody is `patient`.
    """
    trouble = StoreTrouble(app.clock, app.notify)
    while True:
        try:
            found = look()
        except WAITED_FOR as error:
            if not patient:
                raise
            trouble.begin(error)
        else:
            trouble.end()
            if found is not None:
                return found
        waiting()
        if app.stop.wait(max(_LOOK_SECONDS, min(trouble.left(), _TROUBLE_LOOK_SECONDS))):
            raise Stopped("stopped before it led")


class _Candidate:
    """A process that is to lead."""

    def __init__(self, app: Application, stack: ExitStack, *, locked: bool, standby: bool) -> None:
        """Take whose state it is, what keeps the lock file, whether that is had already, and whether it stands by."""
        self._app = app
        self._stack = stack
        self._locked = locked
        self._standby = standby
        self._seen: LeadershipRow | None = None
        self._looked_at = 0.0
        self._heart = Heartbeat(app.store, app.clock, self._facts, _standby_name(), "")

    @contextmanager
    def leading(self, *, patient: bool) -> Iterator[None]:
        """Lead for the time of the block, once it is this one's turn."""
        app = self._app
        try:
            claimed = _patiently(app, self._look, self._wait, patient=patient)
        except BaseException:
            self._heart.end()
            raise
        seconds = app.settings.serve.lease
        app.term = Term(app.store, claimed.fence, seconds, app.clock)
        app.store = app.term.store
        if claimed.is_kept and claimed.worker != str(app.leases.worker):
            app.leases.deposed = claimed.worker
            app.notify("serve.took_over", "", _told(claimed))
        with app.term.kept(app.stop.set):
            _patiently(app, self._stand_by_no_more, lambda: None, patient=patient)
            yield

    def _stand_by_no_more(self) -> bool:
        processes = self._app.store.processes
        processes.end(_standby_name(), os.getpid())
        processes.forget(STANDBY, self._app.clock.now().timestamp() - FRESH_SECONDS)
        return True

    def _look(self) -> LeadershipRow | None:
        """Claim the leadership, where it is free; None where it is not."""
        app, row = self._app, self._app.store.leadership.at()
        own, is_over = str(app.leases.worker), row.left_seconds <= 0
        self._lock(row.worker if is_over and row.is_kept else "")
        found = Worker.parse(row.worker)
        # The kernel has freed its lock file; or it is this one, which did not hear that its claim was written down.
        is_dead = (found is not None and found.is_told_by_locks(app.leases.worker)) or row.worker == own
        if self._locked and (is_over or is_dead):
            return app.store.leadership.claim(own, app.settings.serve.lease, lambda who: is_dead and who == row.worker)
        self._give_way(row)
        return None

    def _lock(self, deposed: str) -> None:
        if not self._locked:
            with suppress(LockedError):
                self._stack.enter_context(_lock_of(self._app, deposed))
                self._locked = True

    def _give_way(self, row: LeadershipRow) -> None:
        """
        Wait for the one that leads.

        Raises:
            LockedError: It lives, and this one does not stand by.
        """
        before, self._seen = self._seen, row
        elapsed, self._looked_at = self._app.clock.monotonic() - self._looked_at, self._app.clock.monotonic()
        if self._standby:
            if before is None or before.fence != row.fence:
                self._app.notify("serve.standing_by", "", _told(row))
                self._heart.soon()
        elif before is None:
            self._app.notify("serve.waiting", "", _told(row))
        elif row.fence != before.fence or row.left_seconds > before.left_seconds - elapsed / 2:  # it was heard of again
            raise LockedError(f"{find_daemon(self._app.store, self._app.clock)[1]}; {_SHARE}")

    def _wait(self) -> None:
        """Say that this process lives, and waits."""
        if self._standby:
            self._heart.beat()
            tell_systemd("READY=1")

    def _facts(self) -> dict[str, Any]:
        return {"ready": True, "for": _told(self._seen) if self._seen else {}}


def _standby_name() -> str:
    return f"{STANDBY} {socket.gethostname()} {os.getpid()}"


def _told(row: LeadershipRow) -> dict[str, Any]:
    """Return who leads, or led, as facts of an event."""
    found = Worker.parse(row.worker)
    return {"pid": found.pid, "host": found.host, "term": row.fence} if found else {"term": row.fence}


def enter(app: Application, *, locked: bool) -> str:
    """
    Enter this process as a daemon of the state, and return its name there.

    One of another machine may be dead: it is waited for until it is heard of again, or has not been for long.

    Raises:
        LockedError: Another daemon lives that does not share, or this one does not.
        Stopped: This one is to end.
    """
    share, term = app.settings.serve.share, app.term
    name = f"{DAEMON} {socket.gethostname()} {os.getpid()}" if share else DAEMON
    facts: dict[str, Any] = {"share": share, "kernel": app.kernel} | ({"term": term.number} if term else {})

    def is_in_the_way(row: ProcessRow) -> bool:
        if not share and "term" in row.facts:
            return False  # it led, and this one does now
        here = row.facts.get("kernel", app.kernel if row.host == socket.gethostname() else "") == app.kernel
        is_dead = here and locked and not row.facts.get("share")  # it would have the lock file
        is_old = abs(app.clock.now().timestamp() - row.beat) > FRESH_SECONDS
        return not (is_dead or is_old or (share and row.facts.get("share")))

    first: ProcessRow | None = None
    while (other := app.store.processes.begin(daemon_row(name, app.clock, facts), is_in_the_way)) is not None:
        if first is None:
            first = other
            app.notify("serve.waiting", "", {"pid": other.pid, "host": other.host})
        elif other != first:
            raise LockedError(f"{find_daemon(app.store, app.clock)[1]}; {_SHARE}")
        if app.stop.wait(LOOK_SECONDS):
            raise Stopped(f"stopped while the daemon on {other.host} might have been alive")
    return name

"""One daemon works on a state, or several that all say that they share it."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress

from orchestrator.app.application import Application
from orchestrator.app.heartbeat import DAEMON, FRESH_SECONDS, daemon_row, find_daemon
from orchestrator.core.errors import OrchestratorError, Stopped
from orchestrator.core.files import LockedError, exclusive
from orchestrator.engine.service import LOOK_SECONDS
from orchestrator.engine.stores.records import ProcessRow

_SHARE = "end it, or let both share the work with `share = true` under [serve]"


@contextmanager
def lock_state(app: Application) -> Iterator[bool]:
    """
    Hold the state folder's lock file for the time of the block; give whether this process has it.

    Where daemons share, one of them has it, and the others work without.

    Raises:
        LockedError: A daemon works here that does not share, or this one does not; the message says which.
    """
    with ExitStack() as stack:
        try:
            stack.enter_context(exclusive(app.folder() / "serve.lock", "this state folder's daemon"))
        except LockedError as error:
            row, sentence = None, ""
            with suppress(OrchestratorError):  # a busy database does not say who it is
                row, sentence = find_daemon(app.store, app.clock)
            if row is None or not (app.settings.serve.share and row.facts.get("share")):
                raise LockedError(f"{sentence if row else error}; {_SHARE}") from None
            yield False
        else:
            yield True


def enter(app: Application, *, locked: bool) -> str:
    """
    Enter this process as a daemon of the state, and return its name there.

    One of another machine may be dead: it is waited for until it is heard of again, or has not been for long.

    Raises:
        LockedError: Another daemon lives that does not share, or this one does not.
        Stopped: This one is to end.
    """
    share = app.settings.serve.share
    name = f"{DAEMON} {socket.gethostname()} {os.getpid()}" if share else DAEMON
    facts = {"share": share, "kernel": app.kernel}

    def is_in_the_way(row: ProcessRow) -> bool:
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

"""A process of ours beside this one: begun when first needed, spoken to over a pipe, ended with us in any case."""

from __future__ import annotations

import multiprocessing
import shutil
import signal
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from multiprocessing.connection import Connection
from multiprocessing.context import SpawnProcess
from pathlib import Path
from typing import Any, NoReturn

from orchestrator.core.system import end_process

_END_SECONDS = 5.0
_STARTING = threading.Lock()
_folders: list[str] = []  # of this process, where it is a child


class ChildProcess:
    """
    One process and the way to it. May be ended from any thread, several times.

    It has a temporary folder of its own, which goes with it, and it is a fresh interpreter: nothing of this process's
    threads, locks and connections is in it.
    """

    def __init__(self, name: str, work: Callable[[Connection, Any], None], given: Any, *, daemon: bool = True) -> None:
        """
        Take what it does: `work`, a function of a module, with the pipe and with `given`, which can be pickled.

        `daemon` as in `multiprocessing`: without it the process may begin others, and must be ended by its owner.
        """
        self._name, self._work, self._given, self._daemon = name, work, given, daemon
        self._process: SpawnProcess | None = None
        self._connection: Connection | None = None
        self._ended = False
        self._folder = ""

    def ready(self) -> Connection:
        """Return the pipe; the process is begun where it was not. One thread calls this."""
        if self._connection is None:
            context = multiprocessing.get_context("spawn")
            self._connection, theirs = context.Pipe()
            self._folder = tempfile.mkdtemp(prefix=f"orchestrator-{self._name}-")
            given = (theirs, self._work, self._given, self._folder)
            self._process = context.Process(target=_begin, args=given, daemon=self._daemon, name=self._name)
            with _without_main():
                self._process.start()
            theirs.close()  # so that its death is seen at our end
            if self._ended:
                self.end()
        return self._connection

    @property
    def pid(self) -> int | None:
        """Its number, once it was begun."""
        return self._process.pid if self._process is not None else None

    def is_alive(self) -> bool:
        return not self._ended and self._process is not None and self._process.is_alive()

    @property
    def exit_code(self) -> int | None:
        """How it ended, negative the signal; None where it has not, or was never begun."""
        return self._process.exitcode if self._process is not None else None

    def end(self, grace_seconds: float = 0.0) -> None:
        """
        Wait so long for its own end, then kill it.

        Its pipe goes with us: a thread that still reads it sees the end.
        """
        self._ended = True
        if self._process is not None:
            self._process.join(grace_seconds)
            self._process.kill()
            self._process.join(_END_SECONDS)
        if self._folder:
            shutil.rmtree(self._folder, ignore_errors=True)


@contextmanager
def _without_main() -> Iterator[None]:
    """
    Hide which program this process is: a child would load it again, as `multiprocessing` has it.

    That of a person's script may do its work again then, and ours is not needed.
    """
    main = sys.modules["__main__"]
    with _STARTING:
        kept: dict[str, Any] = {name: main.__dict__[name] for name in ("__spec__", "__file__") if name in main.__dict__}
        main.__dict__.pop("__file__", None)
        main.__spec__ = None
        try:
            yield
        finally:
            main.__dict__.update(kept)


def keep_folder() -> None:
    """Make sure, in a child, that its temporary folder is there: what clears /tmp of old folders may have taken it."""
    for folder in _folders:
        with suppress(FileExistsError):
            Path(folder).mkdir(mode=0o700, parents=True)


def end_here() -> NoReturn:
    """End this process, a child whose parent is gone, wherever its threads are."""
    for folder in _folders:
        shutil.rmtree(folder, ignore_errors=True)
    end_process(1)


def _begin(connection: Connection, work: Callable[[Connection, Any], None], given: Any, folder: str) -> None:
    _folders.append(folder)
    tempfile.tempdir = folder  # what is unpacked there goes with the process, however that ends
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # of the terminal, for who started us
    try:
        work(connection, given)
    finally:
        shutil.rmtree(folder, ignore_errors=True)  # nobody else may be there any more to do it

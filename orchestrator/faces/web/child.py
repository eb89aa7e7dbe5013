"""
`serve --web`: the page as a child of the daemon, started again when it dies.

A process of its own, so that nothing a browser does can slow a run or end one. It needs nothing but the package: this
file is imported by a daemon, and loads no part of the page.
"""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress

FIRST_WAIT_SECONDS = 1.0
LONGEST_WAIT_SECONDS = 60.0
# One that lived so long was well; the next death is a first one again.
WELL_SECONDS = 60.0
END_SECONDS = 8.0

# Told what became of it: `web.started` with its address and link, `web.ended` with why and when it is tried again.
Heard = Callable[[str, dict[str, str | float]], None]


@contextmanager
def page_beside(words: Sequence[str], tell: Heard) -> Iterator[None]:
    """
    Keep the page alive for the time of the block; it ends with this process however that dies.

    `words` are the command line after `orchestrator`, which says `web` and the options of the daemon.
    """
    keeper = _Keeper([sys.executable, "-m", "orchestrator", "--json", *words, "--die-with-parent"], tell)
    thread = threading.Thread(target=keeper.keep, name="web", daemon=True)
    thread.start()
    try:
        yield
    finally:
        keeper.end()
        thread.join(END_SECONDS)


class _Keeper:
    """Starts it, waits for its end, and starts it again, each time a little later."""

    def __init__(self, command: list[str], tell: Heard) -> None:
        self._command = command
        self._tell = tell
        self._ending = threading.Event()
        self._guard = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None

    def keep(self) -> None:
        wait = FIRST_WAIT_SECONDS
        while not self._ending.is_set():
            since = time.monotonic()
            said = self._live()
            if time.monotonic() - since > WELL_SECONDS:
                wait = FIRST_WAIT_SECONDS
            if self._ending.is_set():
                return
            self._tell("web.ended", {"because": said, "again_in_seconds": wait})
            self._ending.wait(wait)
            wait = min(2 * wait, LONGEST_WAIT_SECONDS)

    def end(self) -> None:
        """Ask it to end, and see that it does."""
        self._ending.set()
        with self._guard:
            process = self._process
        if process is None:
            return
        if process.stdin:
            with suppress(OSError):
                process.stdin.close()  # which it reads until its end
        try:
            process.wait(END_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def _live(self) -> str:
        """Run it to its end; return why it ended."""
        with self._guard:
            if self._ending.is_set():
                return ""
            try:
                self._process = process = _start(self._command)
            except OSError as error:
                return str(error)
        said = ""
        with process:
            for line in process.stdout or ():
                told = _told(line)
                if told.get("message_type") == "web":
                    self._tell("web.started", {"address": str(told["url"]), "link": str(told["link"])})
                said = str(told.get("sentence", said))
        return said or f"it ended with exit code {process.returncode}"


def _start(command: list[str]) -> subprocess.Popen[bytes]:
    # Its log goes where the daemon's goes. A session of its own: Ctrl-C is for the daemon, which ends it.
    return subprocess.Popen(  # noqa: S603  our own program, by the interpreter that runs us
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True
    )


def _told(line: bytes) -> dict[str, object]:
    with suppress(ValueError):
        told = json.loads(line)
        return told if isinstance(told, dict) else {}
    return {}

"""
`serve --web`: the page as a child of the daemon, started again when it dies or hangs.

A process of its own, so that nothing a browser does can slow a run or end one. It needs nothing but the package: this
file is imported by a daemon, and loads no part of the page.
"""

from __future__ import annotations

import http.client
import json
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from urllib.parse import urlsplit

from orchestrator.core import log

FIRST_WAIT_SECONDS = 1.0
LONGEST_WAIT_SECONDS = 60.0
# One that lived so long was well; the next death is a first one again.
WELL_SECONDS = 60.0
END_SECONDS = 8.0
# How often it is asked whether it answers, and how long that may take. It gives way to runs, so that a busy machine
# makes it slow: only one that said nothing at all so many times in a row hangs.
ASK_SECONDS = 20.0
ANSWER_SECONDS = 30.0
MOST_UNANSWERED = 3

# Told what became of it: `web.started` with its address and link, `web.ended` with why and when it is tried again; of
# several ends for the same reason, with no start between them, the first.
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
        self._heard = tell
        self._ending = threading.Event()
        self._guard = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None

    def keep(self) -> None:
        wait, told = FIRST_WAIT_SECONDS, ""
        while not self._ending.is_set():
            since = time.monotonic()
            answered, said = self._live()
            if time.monotonic() - since > WELL_SECONDS:
                wait = FIRST_WAIT_SECONDS
            if self._ending.is_set():
                return
            if answered or said != told:
                self._tell("web.ended", {"because": said, "again_in_seconds": wait})
                told = said
            self._ending.wait(wait)
            wait = min(2 * wait, LONGEST_WAIT_SECONDS)

    def _tell(self, name: str, facts: dict[str, str | float]) -> None:
        try:
            self._heard(name, facts)
        except Exception as error:  # noqa: BLE001  the edge of a thread: a closed terminal must not end the page's keeper
            log.get("web").error("web.unheard", what=name, exc_info=error)

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

    def _live(self) -> tuple[bool, str]:
        """Run it to its end; return whether it ever answered, and why it ended."""
        with self._guard:
            if self._ending.is_set():
                return False, ""
            try:
                self._process = process = _start(self._command)
            except OSError as error:
                return False, str(error)
        said, watch = "", None
        with process:
            for line in process.stdout or ():
                told = _told(line)
                if told.get("message_type") == "web":
                    watch = _Watch(process, str(told["url"]))
                    self._tell("web.started", {"address": str(told["url"]), "link": str(told["link"])})
                said = str(told.get("sentence", said))
        hung = watch.end() if watch else ""
        return watch is not None, hung or said or f"it ended with exit code {process.returncode}"


class _Watch:
    """Asks a page now and then whether it answers, and ends one that does not, of whose hanging no other word comes."""

    def __init__(self, process: subprocess.Popen[bytes], url: str) -> None:
        self._process = process
        self._url = url
        self._over = threading.Event()
        self._said = ""
        self._thread = threading.Thread(target=self._ask, name="web-watch", daemon=True)
        self._thread.start()

    def end(self) -> str:
        """Ask no more; return why the page was ended from here, empty where it was not."""
        self._over.set()
        self._thread.join(END_SECONDS)
        return self._said

    def _ask(self) -> None:
        unanswered = 0
        while not self._over.wait(ASK_SECONDS):
            unanswered = 0 if _answers(self._url, ANSWER_SECONDS) else unanswered + 1
            if unanswered == MOST_UNANSWERED and not self._over.is_set():
                self._said = f"it did not answer, asked {unanswered} times, and was ended"
                self._process.kill()
                return


def _answers(url: str, seconds: float) -> bool:
    """Tell whether whoever listens there answers anything; nothing is said that only a friend may know."""
    where = urlsplit(url)
    host, port = where.hostname or "", where.port
    if where.scheme == "https":
        unproved = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        unproved.check_hostname, unproved.verify_mode = False, ssl.CERT_NONE
        asking: http.client.HTTPConnection = http.client.HTTPSConnection(host, port, timeout=seconds, context=unproved)
    else:
        asking = http.client.HTTPConnection(host, port, timeout=seconds)
    try:
        asking.request("HEAD", "/favicon.ico")
        asking.getresponse()
    except (OSError, http.client.HTTPException):
        return False
    else:
        return True
    finally:
        asking.close()


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

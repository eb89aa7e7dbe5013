"""Which page runs on a state: what it writes down when it answers, and whether that still holds."""

from __future__ import annotations

import hashlib
import json
import os
import socket
import sys
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from orchestrator.core.files import write_whole
from orchestrator.core.process import is_gone, process_name

_FILE = "web.json"
_CONNECT_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class RunningPage:
    """
    A page as it wrote itself down.

    Attributes:
        url: Where it is, without the token.
        process: Its name among all processes; empty of one that an earlier version began.
        token_mark: Tells its token from every other, and does not tell the token; empty likewise.
    """

    url: str
    process: str
    token_mark: str

    def knows(self, token: str) -> bool:
        """Tell whether it lets in whoever has this token."""
        return self.token_mark in ("", _mark(token))


def note_page(folder: Path, url: str, token: str) -> None:
    """Write down that this process is the page of a state folder."""
    told = {"url": url, "pid": os.getpid(), "process": process_name(), "token_mark": _mark(token)}
    write_whole(folder / _FILE, json.dumps(told).encode())


def find_page(folder: Path) -> RunningPage | None:
    """Return the page of a state folder; None where none was begun, or it is gone without a word."""
    with suppress(OSError, ValueError, KeyError):
        told = json.loads((folder / _FILE).read_bytes())
        found = RunningPage(str(told["url"]), str(told.get("process", "")), str(told.get("token_mark", "")))
        return found if not is_gone(found.process) and _is_listening(found.url) else None
    return None


def forget_page(folder: Path) -> None:
    """Take back what this process wrote down, unless another page has written since."""
    file = folder / _FILE
    with suppress(OSError, ValueError, KeyError):
        if json.loads(file.read_bytes())["pid"] == os.getpid():
            file.unlink()


def page_line(url: str, link: str) -> str:
    """Return what is said of a page: the link with the token to a person, to a file or a pipe how to ask for it."""
    if sys.stdout.isatty():
        return f"The page: {link}"
    return f"The page: {url} (`orchestrator web --link` prints its address with the token)"


def _mark(token: str) -> str:
    return hashlib.sha256(f"orchestrator page {token}".encode()).hexdigest()[:16]


def _is_listening(url: str) -> bool:
    where = urlsplit(url)
    with suppress(OSError), socket.create_connection((where.hostname or "", where.port or 0), _CONNECT_SECONDS):
        return True
    return False

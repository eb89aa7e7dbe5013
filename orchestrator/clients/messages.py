"""Messages to people: handed to a process that has so many seconds for them, and is ended when they are over."""

from __future__ import annotations

import hashlib
import json
import re
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from importlib.util import find_spec
from typing import Any, Self
from urllib.parse import urlsplit

from orchestrator.core.guard import for_children
from orchestrator.core.log import MASK, one_line
from orchestrator.core.optional import required

LONGEST_REASON = 300
_BETWEEN = re.compile(r"[\s,]+(?=[A-Za-z][A-Za-z0-9+.-]*://)|[\s]+")
# What is short or a word of an address is no secret.
_SECRET_CHARACTERS = 6


@dataclass(frozen=True, slots=True)
class Addressee:
    """Where messages go: a name that tells no secret, and apprise's address, which may be one."""

    name: str
    url: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Letter:
    """
    A message to one target.

    Attributes:
        id: To tell what became of it.
        target: Where it goes.
        title: One line.
        text: Some lines.
        kind: `info`, `success`, `warning` or `failure`.
    """

    id: int
    target: Addressee
    title: str
    text: str
    kind: str = "info"


@dataclass(frozen=True, slots=True)
class Delivery:
    """What became of a message; `why` it was not taken, without secrets; whether that was answered at all."""

    id: int
    ok: bool
    why: str = ""
    answered: bool = True


def targets_in(text: str) -> tuple[Addressee, ...]:
    """
    Return the addresses in a text, with commas, blanks or lines between them; what begins with `#` is a remark.

    A target is called by its scheme and the beginning of a hash: an address is made of tokens, host included.
    """
    lines = (line for line in text.splitlines() if not line.lstrip().startswith("#"))
    urls = filter(None, (url.strip(" ,") for line in lines for url in _BETWEEN.split(line.strip())))
    return tuple(Addressee(_name(url), url) for url in dict.fromkeys(urls))


def _name(url: str) -> str:
    scheme = url.split("://", 1)[0].lower() if "://" in url else "address"
    return f"{scheme}-{hashlib.sha256(url.encode()).hexdigest()[:8]}"


def can_send() -> bool:
    """Tell whether apprise is installed; it is imported where it sends, not here, where it would stay for months."""
    return find_spec("apprise") is not None


def deliver(letters: Sequence[Letter], seconds: float, stop: threading.Event | None = None) -> Iterator[Delivery]:
    """
    Send messages, those of several targets at once; yield what became of each, as it is known.

    Those of which nothing is known after `seconds`, or when `stop` is set, are said to be unanswered: they may have
    arrived all the same.

    Raises:
        ExtraError: Apprise is not installed.
    """
    if not letters:
        return
    if not can_send():
        required("apprise", "notify", "sending notifications")
    by_id = {letter.id: letter for letter in letters}
    with _Messenger(letters) as messenger:
        for said in messenger.answers(seconds, stop):
            letter = by_id.pop(said["id"], None)
            if letter is not None:
                yield Delivery(letter.id, bool(said["ok"]), _without_secrets(str(said["why"]), letter.target.url))
    yield from (Delivery(left, ok=False, why=f"no answer within {seconds:.0f} s", answered=False) for left in by_id)


class _Messenger:
    """The process that sends, for the time of a block."""

    def __init__(self, letters: Sequence[Letter]) -> None:
        self._letters = [
            {"id": one.id, "target": one.target.name, "url": one.target.url}
            | {"title": one.title, "text": one.text, "kind": one.kind}
            for one in letters
        ]

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "orchestrator.clients.messenger"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,  # a plug-in's words may hold its address
            env=for_children(),
            start_new_session=True,  # Ctrl-C is for us
        )
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                pipe.close()

    def answers(self, seconds: float, stop: threading.Event | None) -> Iterator[Mapping[str, Any]]:
        """Yield what it says, a line each, until it ends, is ended, or says no more in time."""
        give_up_at = time.monotonic() + seconds
        watch = threading.Thread(target=self._end_in_time, args=(give_up_at, stop), name="messages", daemon=True)
        watch.start()
        # Addresses are secrets: they go through a pipe, not on a command line that everybody may read.
        line = json.dumps({"letters": self._letters}) + "\n"
        try:
            if self._process.stdin is not None:
                self._process.stdin.write(line.encode())
                self._process.stdin.close()
            for said in self._process.stdout or ():
                yield json.loads(said)
        except (OSError, ValueError):  # it was ended in the middle of a word
            pass
        finally:
            self._process.kill()
            watch.join()

    def _end_in_time(self, give_up_at: float, stop: threading.Event | None) -> None:
        while self._process.poll() is None:
            left = give_up_at - time.monotonic()
            if left <= 0 or (stop is not None and stop.is_set()):
                self._process.kill()
                return
            try:
                self._process.wait(min(left, 0.2))
            except subprocess.TimeoutExpired:
                continue


def _without_secrets(why: str, url: str) -> str:
    """Return a reason in one line, without the pieces that an address is made of, its scheme apart."""
    text = why
    rest = url.split("://", 1)[-1]
    for piece in sorted({url, *re.split(r"[/:@?&=,#]+", rest)}, key=len, reverse=True):
        if len(piece) >= _SECRET_CHARACTERS:
            text = text.replace(piece, MASK)
    return one_line(text, LONGEST_REASON)


def check_address(url: str) -> str:
    """Return what is wrong with an address as it is written, empty where nothing is seen; nobody is asked."""
    if "://" not in url:
        return "an address of apprise has a scheme, as `mailtos://...`, `slack://...` or `jsons://...`"
    parts = urlsplit(url)
    if parts.scheme in _PLAIN and not _is_here(parts.hostname or ""):
        return f"{parts.scheme}:// is not encrypted: write {_PLAIN[parts.scheme]}://, or an address of this machine"
    return ""


def _is_here(host: str) -> bool:
    return host in ("localhost", "::1") or host.startswith("127.")


# Webhooks of one's own, and how they are written with TLS.
_PLAIN: Mapping[str, str] = {"json": "jsons", "xml": "xmls", "form": "forms", "http": "https"}

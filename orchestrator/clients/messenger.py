"""
A process of its own that sends messages by apprise: `python -m orchestrator.clients.messenger`.

Apprise has some two hundred services, each with its own way to wait. Whoever started this process ends it when it takes
too long, so that no service can hold anybody up. What it may reach is narrowed here for all of them alike, and for
nobody else:

* HTTP only to this machine, HTTPS elsewhere;
* no redirect is followed: it would lead a secret address, or us, elsewhere;
* no link-local address and no metadata server of a cloud, whatever name points there.

It reads one line of JSON, `{"letters": [{"id", "target", "url", "title", "text", "kind"}]}`, and writes a line for
each: `{"id", "ok", "why"}`.
"""

from __future__ import annotations

import ipaddress
import json
import logging
import socket
import sys
import threading
from collections import defaultdict
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Self
from urllib.parse import urlsplit

# Besides link-local ones: the metadata servers of AWS over IPv6 and of Alibaba Cloud.
METADATA = frozenset({"fd00:ec2::254", "100.100.100.200"})
MOST_TARGETS_AT_ONCE = 8
_writing = threading.Lock()
_refusals = threading.local()  # what was refused to this thread; libraries tell of it as a connection that failed


class ForbiddenAddressError(OSError):
    """An address that no message goes to."""


def main() -> None:
    """Send what standard input names; say on standard output what became of each."""
    letters = json.loads(sys.stdin.readline())["letters"]
    narrow()
    by_target: dict[str, list[Mapping[str, Any]]] = defaultdict(list)
    for letter in letters:
        by_target[letter["target"]].append(letter)
    with ThreadPoolExecutor(min(MOST_TARGETS_AT_ONCE, len(by_target) or 1), thread_name_prefix="target") as pool:
        for done in [pool.submit(_send_all, of_one) for of_one in by_target.values()]:
            done.result()


def _send_all(letters: Sequence[Mapping[str, Any]]) -> None:
    """Send the messages of one target in their order; one that cannot be sent does not keep the next."""
    for letter in letters:
        with _Listener() as heard:
            try:
                ok, why = _send(letter)
            except Exception as error:  # noqa: BLE001  the edge of a thread: a plug-in's fault is one message's
                ok, why = False, f"{type(error).__name__}: {error}"
        line = json.dumps({"id": letter["id"], "ok": ok, "why": why or ("" if ok else heard.text())})
        with _writing:
            sys.stdout.write(line + "\n")
            sys.stdout.flush()


def _send(letter: Mapping[str, Any]) -> tuple[bool, str]:
    import apprise  # noqa: PLC0415  an extra; who asks for help needs none

    asset = apprise.AppriseAsset(
        app_id="orchestrator", app_desc="", app_url="", async_mode=False, storage_mode="memory", http_redirects=False
    )
    target = apprise.Apprise.instantiate(letter["url"], asset=asset)
    if target is None:
        return False, "apprise does not understand this address; https://appriseit.com lists what there is"
    sent = target.notify(
        body=letter["text"],
        title=letter["title"],
        notify_type=apprise.NotifyType(letter["kind"]),
        body_format=apprise.NotifyFormat.TEXT,
    )
    return bool(sent), ""


class _Listener(logging.Handler):
    """What apprise says in this thread for the time of a block, as its reason."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self._thread = threading.get_ident()
        self._lines: list[str] = []
        _refusals.said = []

    def __enter__(self) -> Self:
        logging.getLogger("apprise").addHandler(self)
        return self

    def __exit__(self, *_: object) -> None:
        logging.getLogger("apprise").removeHandler(self)

    def emit(self, record: logging.LogRecord) -> None:
        if record.thread == self._thread:
            self._lines.append(record.getMessage())

    def text(self) -> str:
        return "; ".join((*_refusals.said[:1], *self._lines[:3])) or "it was not taken"


def narrow() -> None:
    """Narrow what this process may reach, for every library in it."""
    import requests  # noqa: PLC0415  see `_send`

    look_up, send = socket.getaddrinfo, requests.Session.send

    def looked_up(*words: Any, **more: Any) -> Any:
        found = look_up(*words, **more)
        allowed = [one for one in found if not _is_forbidden(str(one[4][0]))]
        if found and not allowed:
            raise _refused(f"{found[0][4][0]} is a link-local address or a metadata server")
        return allowed

    def sent(session: Any, request: Any, **more: Any) -> Any:
        check_url(str(request.url))
        return send(session, request, **(more | {"allow_redirects": False}))

    # The type of apprise's own choice may be overruled in an address (`?redirect=yes`); this cannot.
    setattr(socket, "getaddrinfo", looked_up)  # noqa: B010  a plain assignment would be typed as a slip
    setattr(requests.Session, "send", sent)  # noqa: B010


def check_url(url: str) -> None:
    """
    Make sure that a message may go there.

    Raises:
        ForbiddenAddressError: It would go over the network unencrypted.
    """
    parts = urlsplit(url)
    if parts.scheme != "https" and not _is_here(parts.hostname or ""):
        raise ForbiddenAddressError(
            f"{parts.scheme}://{parts.hostname} is not encrypted; use https, or this machine's loopback"
        )


def _refused(why: str) -> ForbiddenAddressError:
    _refusals.said = [*getattr(_refusals, "said", ()), why]
    return ForbiddenAddressError(why)


def _is_here(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _is_forbidden(address: str) -> bool:
    found = ipaddress.ip_address(address.split("%", 1)[0])
    mapped = getattr(found, "ipv4_mapped", None) or found
    return mapped.is_link_local or mapped.is_multicast or mapped.is_unspecified or str(found) in METADATA


if __name__ == "__main__":
    main()

"""Who listens on a port: what a person needs to know when the sandbox cannot have it."""

from __future__ import annotations

import http.client
import ipaddress
import json
from contextlib import suppress
from pathlib import Path
from typing import Any

ASK_SECONDS = 2.0
LISTENING = "0A"  # the state of a socket in /proc/net/tcp


def is_loopback(host: str) -> bool:
    """Tell whether an address is of this machine alone; a name other than localhost may be anybody's."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def sandbox_at(host: str, port: int) -> str | None:
    """Name the sandbox that answers at `port`, with its process; None if none does."""
    connection = http.client.HTTPConnection("127.0.0.1" if host == "0.0.0.0" else host, port, timeout=ASK_SECONDS)  # noqa: S104  asked, not bound
    try:
        connection.request("GET", "/sandbox/about")
        told: Any = json.loads(connection.getresponse().read())
        return f"another sandbox (process {told['pid']}, project {told['project']})"
    except (OSError, http.client.HTTPException, ValueError, KeyError, TypeError):
        return None
    finally:
        connection.close()


def occupant(host: str, port: int) -> str:
    """Name who listens at `port` as well as this machine lets us know."""
    return sandbox_at(host, port) or _program(port) or "another program"


def _program(port: int) -> str | None:
    """Look the listener up in Linux's /proc, which shows the processes of the same user."""
    sockets = {f"socket:[{inode}]" for inode in _inodes(port)}
    for process in Path("/proc").glob("[0-9]*") if sockets else ():
        with suppress(OSError):  # it belongs to somebody else, or has just ended
            if any(str(each.readlink()) in sockets for each in (process / "fd").iterdir()):
                name = (process / "comm").read_text(encoding="utf-8", errors="replace").strip()
                return f"the program {name} (process {process.name})"
    return None


def _inodes(port: int) -> set[str]:
    found = set()
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        with suppress(OSError):
            for line in Path(table).read_text(encoding="ascii").splitlines()[1:]:
                words = line.split()
                if words[3] == LISTENING and int(words[1].rpartition(":")[2], 16) == port:
                    found.add(words[9])
    return found

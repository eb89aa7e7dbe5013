"""What keeps the secrets of a process to itself: no core dump, no tracer of the same user, none for its children."""

from __future__ import annotations

import contextlib
import ctypes
import os
from collections.abc import Mapping
from pathlib import Path

from orchestrator.core.log import is_secret_name

_SET_DUMPABLE = 4  # Linux, prctl(2)
# Addresses that hold a password or a token, though nothing in their name says so.
_ADDRESSES = frozenset({"ORCHESTRATOR_NOTIFY__URLS"})


def seal() -> None:
    """
    Keep the memory of this process from disk and from other processes of its user, where the system can.

    A core dump, and `ptrace` or `/proc/PID/mem` of another process, would show tokens and keys.
    """
    with contextlib.suppress(ImportError, OSError, ValueError):  # Windows has no such limits
        import resource  # noqa: PLC0415

        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    with contextlib.suppress(AttributeError, OSError, TypeError):  # Linux alone
        ctypes.CDLL(None).prctl(_SET_DUMPABLE, 0, 0, 0, 0)


def for_children(environment: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return an environment, by default that of this process, without what is called like a secret."""
    found = os.environ if environment is None else environment
    return {name: value for name, value in found.items() if name not in _ADDRESSES and not is_secret_name(name)}


def make_private(file: Path) -> None:
    """Make an empty file that only its owner may read, if there is none: what is written there later stays so."""
    with contextlib.suppress(FileExistsError):
        os.close(os.open(file, os.O_CREAT | os.O_EXCL | os.O_WRONLY | getattr(os, "O_CLOEXEC", 0), 0o600))

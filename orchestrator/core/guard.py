"""What keeps the secrets of a process to itself: no core dump, no tracer of the same user, none for its children."""

from __future__ import annotations

import contextlib
import ctypes
import os
from collections.abc import Mapping
from pathlib import Path

from orchestrator.core.errors import ConfigError
from orchestrator.core.log import is_secret_name

_SET_DUMPABLE = 4  # Linux, prctl(2)
# Addresses that hold a password or a token, though nothing in their name says so.
_ADDRESSES = frozenset({"ORCHESTRATOR_NOTIFY__URLS", "ORCHESTRATOR_STORE__URL"})

# What we keep in a state folder.
OURS = frozenset(
    {
        *("state.db", "state.db-wal", "state.db-shm", "state.db-journal", "owner", "prefix.json", "prefix.lock"),
        *("serve.lock", "locks", "backups", "sandbox", "areas", "web.token", "web.json"),
    }
)


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


def read_secret(file: Path, key: str) -> str:
    """
    Return what a file says that holds a secret; `key` is the setting that names it, such as `[notify]: urls_file`.

    Raises:
        ConfigError: It cannot be read, or may be read by everybody.
    """
    try:
        # Not the group's bits: systemd's credentials and Kubernetes' secrets are 0440.
        open_to_all, text = file.stat().st_mode & 0o007, file.read_text(encoding="utf-8")
    except (OSError, UnicodeError) as error:
        raise ConfigError(f"{key} {file} cannot be read: {error}") from None
    if open_to_all:
        raise ConfigError(f"{key} {file} may be read by everybody; chmod 0400 it")
    return text


def make_private(file: Path) -> None:
    """Make an empty file that only its owner may read, if there is none: what is written there later stays so."""
    with contextlib.suppress(FileExistsError):
        os.close(os.open(file, os.O_CREAT | os.O_EXCL | os.O_WRONLY | getattr(os, "O_CLOEXEC", 0), 0o600))


def make_private_folder(folder: Path) -> None:
    """
    Make a folder that only its owner may look into, if there is none.

    One that is there and ours, and that others may look into, is closed to them where a mark of ours lies in it, or
    nothing: a folder of a person's own, in which there is more, is not taken from those who share it.
    """
    try:
        folder.mkdir(parents=True, mode=0o700)
    except FileExistsError:
        _close(folder)


def _close(folder: Path) -> None:
    with contextlib.suppress(OSError):
        is_open = os.name == "posix" and folder.stat().st_mode & 0o077 and folder.stat().st_uid == os.geteuid()
        if is_open and {path.name for path in folder.iterdir()} <= OURS:
            folder.chmod(0o700)

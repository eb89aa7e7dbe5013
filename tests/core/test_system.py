"""Where a call of the system is missing, what stands in for it keeps the same promises."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from orchestrator.clients.credentials import check_key_file
from orchestrator.core import system
from orchestrator.core.files import write_whole
from orchestrator.core.locks import LockFile
from orchestrator.core.machine import processors
from orchestrator.core.system import LockTakenError
from orchestrator.recipes.file_modes import check_modes

WITHOUT = ("pread", "pwrite", "copy_file_range", "fdatasync", "sched_getaffinity", "geteuid", "O_DIRECTORY")


@pytest.fixture
def lacking(monkeypatch):
    """The system without what only some have."""
    for name in WITHOUT:
        monkeypatch.delattr(os, name, raising=False)
    monkeypatch.setattr(system, "HAS_LOCKS", False)


@pytest.fixture
def descriptor(tmp_path):
    fd = system.open_descriptor(tmp_path / "file", os.O_RDWR | os.O_CREAT)
    yield fd
    os.close(fd)


@pytest.mark.usefixtures("lacking")
def test_threads_that_share_a_descriptor_do_not_move_each_other(descriptor):
    """Each reads what it wrote, where it wrote it."""

    def there_and_back(n):
        data = bytes([n % 251]) * 1000
        assert system.write_at(descriptor, data, n * 1000) == 1000
        return system.read_at(descriptor, 1000, n * 1000) == data

    with ThreadPoolExecutor(8) as threads:
        assert all(threads.map(there_and_back, range(500)))


@pytest.mark.usefixtures("lacking")
def test_what_is_missing_has_something_in_its_place(descriptor, tmp_path):
    """A durable file, a folder, a copy, a number of processors, a user."""
    system.sync_data(descriptor)
    system.sync_folder(tmp_path)

    assert system.copy_at(descriptor, descriptor, 1, 0, 0) is None
    assert processors(tmp_path) == os.cpu_count()
    assert system.user_id() is None


@pytest.mark.usefixtures("lacking")
def test_rights_that_are_made_up_are_not_judged(tmp_path):
    """Where users have no numbers, a mode says nothing of who may read a key or write code."""
    file = tmp_path / "key.json"
    file.write_text("{}")
    file.chmod(0o666)

    check_key_file(file)

    assert check_modes(file) == ()


@pytest.mark.parametrize("follows", [True, False], ids=["O_NOFOLLOW", "without O_NOFOLLOW"])
def test_a_planted_link_is_not_followed(tmp_path, monkeypatch, follows):
    """Bytes are not led elsewhere, whether the system has a word for that or not."""
    if not follows:
        monkeypatch.setattr(system, "_NOFOLLOW", 0)
    (tmp_path / "link").symlink_to(tmp_path / "elsewhere")

    with pytest.raises(OSError, match="link"):
        system.open_descriptor(tmp_path / "link", os.O_RDWR | os.O_CREAT, follow=False)

    assert not (tmp_path / "elsewhere").exists()


@pytest.mark.usefixtures("lacking")
def test_without_locks_on_descriptors_one_holds_a_file(tmp_path, descriptor):
    """SQLite's own lock stands in, in this process too, and leaves nothing."""
    held = system.hold(descriptor, tmp_path / "file")

    with pytest.raises(LockTakenError):
        system.hold(descriptor, tmp_path / "file")
    held.close()

    system.hold(descriptor, tmp_path / "file").close()
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


@pytest.mark.usefixtures("lacking")
def test_a_file_that_cannot_be_locked_is_an_error_not_a_wait(tmp_path, descriptor):
    """What stands where the lock belongs is no database: said at once."""
    (tmp_path / "file.held").write_bytes(b"not a database" * 100)

    with pytest.raises(OSError, match="cannot be locked"):
        system.hold(descriptor, tmp_path / "file")


@pytest.mark.usefixtures("lacking")
def test_a_lock_file_says_who_holds_it(tmp_path):
    """Its content is read and written by position."""
    lock = LockFile(tmp_path / "locks/one")
    lock.acquire(lambda _: "")
    lock.write(b"first, and long")
    lock.write(b"second")

    assert lock.content == b"second"

    lock.remove()
    assert not (tmp_path / "locks").exists()


@pytest.mark.usefixtures("lacking")
def test_a_file_is_written_whole(tmp_path):
    """Without locks nothing of others is swept; the file itself appears by one rename."""
    (tmp_path / f".a.json.{'0' * 12}.tmp").write_text("somebody else's")

    write_whole(tmp_path / "a.json", b"{}")

    assert sorted(path.name for path in tmp_path.iterdir()) == [f".a.json.{'0' * 12}.tmp", "a.json"]


@pytest.mark.parametrize("platform", ["win32", "darwin"])
def test_what_other_systems_lack_is_asked_for_only_where_it_is_looked_after(platform, tmp_path):
    """The type checker knows what the standard library has there; of what else these files import, nothing is read."""
    root = Path(system.__file__).parents[2]
    files = [
        "core/errors.py",
        "core/system.py",
        "core/files.py",
        "core/locks.py",
        "core/machine.py",
        "core/crash.py",
        "sandbox/folder_lock.py",
    ]
    command = [
        sys.executable,
        "-m",
        "mypy",
        "--platform",
        platform,
        "--cache-dir",
        str(tmp_path),
        "--follow-imports=skip",
    ]

    checked = subprocess.run(
        [*command, *[str(root / "orchestrator" / file) for file in files]],
        cwd=root,
        capture_output=True,
        text=True,
        check=False,
    )

    assert checked.stdout.startswith("Success"), checked.stdout


ONLY_SOMEWHERE = re.compile(
    r"^\s*(?:import|from) (?:fcntl|grp|pwd|resource|termios|msvcrt)\b"
    r"|\bos\.(?:open|pread|pwrite|preadv|pwritev|fork|copy_file_range|fdatasync|sendfile|get(?:e?[ug]id)|sched_\w+|posix_\w+"
    r"|statvfs|O_(?:CLOEXEC|DIRECTORY|NOFOLLOW|BINARY))\b|\bsocket\.AF_UNIX\b|\bsignal\.SIG(?:KILL|HUP|USR\d)\b",
    re.MULTILINE,
)
# `guard` hides what a process holds, where the system knows how; `crash` asks whether there is a SIGKILL.
ROOMS = {"core/system.py", "core/guard.py", "sandbox/folder_lock.py", "core/crash.py"}


def test_one_room_knows_what_systems_do_differently():
    """A call that only some systems have stands there (and in the sandbox's lock), where something stands in for it."""
    package = Path(system.__file__).parents[1]

    found = {
        str(path.relative_to(package)): sorted(set(ONLY_SOMEWHERE.findall(path.read_text(encoding="utf-8"))))
        for path in package.rglob("*.py")
        if str(path.relative_to(package)) not in ROOMS
    }

    assert {name: calls for name, calls in found.items() if calls} == {}

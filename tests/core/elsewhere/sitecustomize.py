"""
Python as on a system that lacks what Linux has: put this folder on PYTHONPATH, and every process of a test is so.

With ORCHESTRATOR_TEST_OPEN_FILES_STAY a file that this process has open is neither renamed nor removed, as on Windows.
"""

import asyncio  # noqa: F401  the standard library's own use of what is hidden below is not looked at
import ctypes  # noqa: F401
import os
import select
import signal
import stat
import sys

for name in ("fcntl", "grp", "pwd", "resource", "termios"):
    sys.modules[name] = None

for name in (
    *("copy_file_range", "fdatasync", "fork", "forkpty", "getegid", "geteuid", "getgid", "getloadavg", "getuid"),
    *(
        "killpg",
        "mkfifo",
        "posix_fadvise",
        "posix_fallocate",
        "pread",
        "preadv",
        "pwrite",
        "pwritev",
        "sched_getaffinity",
    ),
    *("setsid", "sync", "sysconf", "O_CLOEXEC", "O_DIRECTORY", "O_DSYNC", "O_NOFOLLOW"),
):
    if hasattr(os, name):
        delattr(os, name)
for module, names in ((select, ("epoll", "poll")), (signal, ("SIGHUP", "SIGUSR1", "alarm", "setitimer"))):
    for name in names:
        if hasattr(module, name):
            delattr(module, name)

_looking = []


def _refuse(event, arguments):
    if event in ("open", "os.listdir", "os.scandir") and isinstance(arguments[0], str):
        if arguments[0].startswith("/proc") and not _looking:
            raise FileNotFoundError(2, "there is no /proc here", arguments[0])
    elif event == "ctypes.dlopen" and arguments[0] is None:
        raise TypeError("a library has a name here")


sys.addaudithook(_refuse)


def _is_open(path):
    try:
        wanted = os.lstat(path)
    except OSError:
        return False
    if stat.S_ISDIR(wanted.st_mode):
        return False
    _looking.append(True)
    try:
        for fd in os.listdir("/proc/self/fd"):  # noqa: PTH208  the plain call
            try:
                found = os.fstat(int(fd))
            except OSError:
                continue
            if (found.st_dev, found.st_ino) == (wanted.st_dev, wanted.st_ino):
                return True
    finally:
        _looking.pop()
    return False


def _staying(call):
    def checked(*paths, **options):
        for path in paths[:2]:
            if isinstance(path, str | bytes | os.PathLike) and _is_open(path):
                raise PermissionError(13, f"{call.__name__}: this process has it open", os.fspath(path))
        return call(*paths, **options)

    return checked


if os.environ.get("ORCHESTRATOR_TEST_OPEN_FILES_STAY"):
    for name in ("rename", "replace", "unlink", "remove"):
        setattr(os, name, _staying(getattr(os, name)))

    from orchestrator.core import system

    system.OPEN_FILES_STAY = True

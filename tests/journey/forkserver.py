"""
Starts the program many times without paying for its imports each time.

One process imports everything once, without starting a thread, and forks a child for each command; the child is the
program from its first line to its exit code, and may be killed by any signal. Where a `script` is named, a module or a
file, the child is that instead. A child whose environment has POINTS_TO names the crash points that it passes, a line
each, in that file; with SYNCS_TO, what it makes durable and what it names. Spoken to in lines of JSON.

Named a socket, it forks one of its kind for each who connects to it: processes of tests share what is imported once.
"""

from __future__ import annotations

import atexit
import gc
import importlib
import json
import os
import pkgutil
import runpy
import select
import signal
import socket
import sys
import threading
from pathlib import Path
from typing import Any, NoReturn

# The heavy libraries the program would load on its way; the sandbox comes with the program.
import alembic.command
import alembic.config
import alembic.ddl.sqlite
import apscheduler.schedulers.background
import ee
import geopandas
import google.cloud.storage
import googleapiclient.discovery
import matplotlib.backends.backend_agg
import matplotlib.figure
import pyogrio
import pystac
import rasterio
import rich.traceback
import rio_cogeo
import structlog.dev
import tenacity
import tifffile

import orchestrator
from orchestrator.core import crash
from orchestrator.faces.cli.main import COMMANDS, cli, main

COMMANDS_LOADED = [cli.commands[name] for name in COMMANDS]
LOADED = (alembic, apscheduler, ee, geopandas, google, googleapiclient, matplotlib, pyogrio, pystac, rasterio, rich)
LOADED += (rio_cogeo, structlog, tenacity, tifffile)
# What another program (the interpreter, Alembic) runs.
NOT_IMPORTED = ".__main__"
SYNCS_TO = "ORCHESTRATOR_TEST_SYNCS_TO"
POINTS_TO = "ORCHESTRATOR_TEST_POINTS_TO"
NOR_BELOW = "orchestrator.engine.stores.migrations."


def load() -> None:
    """Import every module of the program and of the sandbox."""
    for found in pkgutil.walk_packages(orchestrator.__path__, "orchestrator."):
        if not found.name.endswith(NOT_IMPORTED) and not found.name.startswith(NOR_BELOW):
            importlib.import_module(found.name)


def share(path: str) -> bool:
    """
    Fork a server for each who connects; in that one, return True: its standard streams are the connection.

    Ends when nobody holds our input any more; servers that were begun go on.
    """
    listening = socket.socket(socket.AF_UNIX)
    listening.bind(path)
    listening.listen()
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for them
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    while sys.stdin not in (readable := select.select([listening, sys.stdin], [], [])[0]):
        connection, _ = readable[0].accept()
        if os.fork() == 0:
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            listening.close()
            for stream in (0, 1):
                os.dup2(connection.fileno(), stream)
            connection.close()
            _answer({"pid": os.getpid()})
            return True
        connection.close()
    return False


def serve() -> dict[str, Any] | None:
    """Fork for each `start`, wait for each `wait`; in a child, return what it is to be."""
    for line in sys.stdin:
        asked = json.loads(line)
        if "wait" in asked:
            _, status = os.waitpid(asked["wait"], 0)
            _answer({"code": os.waitstatus_to_exitcode(status)})
            continue
        sys.stdout.flush()
        child = os.fork()
        if child == 0:
            _become(asked)
            return dict(asked)
        _answer({"pid": child})
    return None


def _become(asked: dict[str, Any]) -> None:
    """Take the folder, environment and standard streams that were asked for."""
    os.setsid()
    os.chdir(asked["folder"])
    os.environ.update(asked["environment"])
    streams = ((asked["in"], os.O_RDONLY), (asked["out"], _WRITE), (asked["err"], _WRITE))
    for number, (path, flags) in enumerate(streams):
        opened = os.open(path, flags, 0o600)
        os.dup2(opened, number)
        os.close(opened)
    if path := os.environ.get(POINTS_TO):
        _name_points(path)
    if path := os.environ.get(SYNCS_TO):
        _tell_syncs(path)


def _name_points(path: str) -> None:
    """Write down every crash point that is passed from here on, also by processes that this one forks."""
    file, passed = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), crash.point

    def named(name: str) -> None:
        os.write(file, f"{name}\n".encode())
        passed(name)

    crash.point = named


def _tell_syncs(path: str) -> None:
    """
    Write down each sync, as inode, size and time of change, and each naming: its path, the same of the file or of all
    below it, and the inode of its folder.
    """
    file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)

    def tell(*facts: Any) -> None:
        os.write(file, (json.dumps(facts) + "\n").encode())

    def synced(sync: Any) -> Any:
        def call(fd: int) -> None:
            sync(fd)
            tell("sync", _content(os.fstat(fd)))

        return call

    def named(name: Any) -> Any:
        def call(source: Any, target: Any, **how: Any) -> None:
            below = [os.path.join(root, each) for root, _, names in os.walk(source) for each in names]  # noqa: PTH118
            inodes = [_content(Path(each).stat()) for each in below or [source]]
            folder = Path(target).parent.stat().st_ino
            name(source, target, **how)
            tell("name", os.fspath(target), inodes, folder)

        return call

    os.fsync, os.fdatasync = synced(os.fsync), synced(os.fdatasync)
    os.replace, os.rename, os.link = named(os.replace), named(os.rename), named(os.link)


def _content(found: os.stat_result) -> tuple[int, int, int]:
    return found.st_ino, found.st_size, found.st_mtime_ns


_WRITE = os.O_WRONLY | os.O_CREAT | os.O_TRUNC


def _answer(facts: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(facts) + "\n")
    sys.stdout.flush()


def run(asked: dict[str, Any]) -> None:
    """Be the program, or the script that was asked for."""
    if not asked["script"]:
        main(asked["arguments"])
        return
    sys.argv = [asked["script"], *asked["arguments"]]
    if asked["script"].endswith(".py"):
        sys.path.insert(0, os.path.dirname(asked["script"]))  # noqa: PTH120  as the interpreter does
        runpy.run_path(asked["script"], run_name="__main__")
    else:
        runpy.run_module(asked["script"], run_name="__main__")


def leave(ended: BaseException | None) -> NoReturn:
    """
    End a child as the interpreter does, but let the system take back the memory of all that is imported.

    To destroy every module is a quarter of a second for each child, which copies each page for that.
    """
    code = 0
    if isinstance(ended, SystemExit):
        code = ended.code if isinstance(ended.code, int) else int(ended.code is not None)
        if isinstance(ended.code, str):
            sys.stderr.write(f"{ended.code}\n")
    elif ended is not None:
        sys.excepthook(type(ended), ended, ended.__traceback__)
        code = 1
    threading._shutdown()  # waits for threads, as the interpreter does first
    atexit._run_exitfuncs()
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except OSError:
            code = 120  # the interpreter's own, where what was written could not be
    os._exit(code)


if __name__ == "__main__":
    load()
    gc.freeze()  # a child that collects garbage would else copy every page
    if sys.argv[1:] and not share(sys.argv[1]):
        os._exit(0)
    asked = serve()
    if asked is not None:
        try:
            run(asked)
        except BaseException as error:  # noqa: BLE001  the interpreter would be the next to see it
            leave(error)
        leave(None)

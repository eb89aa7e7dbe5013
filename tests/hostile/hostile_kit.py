"""Hands hostile input to a child under limits, and looks at what became of it and of the world around."""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
import sys
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

# How much of each corpus: a part of it in CI, all of it where this is set.
WHOLE = os.environ.get("ORCHESTRATOR_TEST_CORPUS") == "1"
MEMORY = 3 << 30  # of addresses; libraries and their threads take a half
# A plan asks nobody; the area and the address of a service are added.
PLAN = [
    "plan", "--output", "out", "--recipe", "sentinel2-cloudless", "--bands", "B2", "--scale", "10",
    "--start-date", "2024-01-01", "--end-date", "2024-02-01", "--base-name", "x",
]  # fmt: skip


def sentences(said: str) -> int:
    """Return how many lines were said that are a refusal and nothing else, all of them fit to be shown."""
    lines = [line for line in said.splitlines() if not WAITED.fullmatch(line)]
    return len(lines) if all(line.isprintable() for line in lines) else -1


WAITED = re.compile(r".*, \d+ s")  # what a slow machine says meanwhile


@dataclass(frozen=True)
class End:
    """What became of one thing: the exit code, what was said, a traceback, or the signal that ended the child."""

    code: int
    said: str
    fault: str
    seconds: float


class Listener:
    """A server on loopback that notes whoever comes."""

    def __init__(self) -> None:
        self.heard: list[bytes] = []
        self._server = socket.create_server(("127.0.0.1", 0))
        self.address = f"http://127.0.0.1:{self._server.getsockname()[1]}"
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while True:
            try:
                channel, _ = self._server.accept()
            except OSError:
                return
            with channel:
                self.heard.append(channel.recv(4096))

    def close(self) -> None:
        self._server.shutdown(socket.SHUT_RDWR)
        self._server.close()


class World:
    """A child, started again where it was ended, and all that it could have reached."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.work, self.home, self.scratch = (folder / name for name in ("work", "home", "scratch"))
        for made in (self.work, self.home, self.scratch):
            made.mkdir()
        self._child: subprocess.Popen[str] | None = None
        self._before: dict[str, tuple[int, int]] = {}

    def __enter__(self) -> Self:
        self.listener = Listener()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop()
        self.listener.close()

    def begin(self) -> None:
        """Remember what there is; whatever changes from here on is found by `traces`."""
        self._before = self._seen()
        self.listener.heard.clear()

    def traces(self) -> list[str]:
        """Return what is there, was changed or taken away since `begin`; temporary files must be gone again."""
        now = self._seen()
        return sorted(path for path in now.keys() | self._before.keys() if now.get(path) != self._before.get(path))

    def give(self, what: str, argument: Any) -> End:
        """Let the child do one thing."""
        child = self._child or self._start()
        assert child.stdin is not None
        assert child.stdout is not None
        child.stdin.write(json.dumps([what, argument, MEMORY]) + "\n")
        child.stdin.flush()
        while line := child.stdout.readline():
            if line.startswith('{"code"'):
                return End(**json.loads(line))
        code = child.wait()
        self._child = None
        return End(code, "", f"the child ended with {code}", 0)

    def _start(self) -> subprocess.Popen[str]:
        self._child = subprocess.Popen(
            [sys.executable, str(Path(__file__).with_name("victim.py"))],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=self.work,
            env={
                **{name: value for name, value in os.environ.items() if not name.startswith("ORCHESTRATOR_")},
                "HOME": str(self.home),
                "TMPDIR": str(self.scratch),
                "PYTHONPATH": str(Path(__file__).resolve().parents[2]),
                "OMP_NUM_THREADS": "1",
                "OPENBLAS_NUM_THREADS": "1",
                "MALLOC_ARENA_MAX": "2",
                "MPLCONFIGDIR": str(self.folder / "mpl"),
            },
        )
        return self._child

    def _stop(self) -> None:
        if self._child is not None:
            self._child.communicate()

    def _seen(self) -> dict[str, tuple[int, int]]:
        """Return every file and folder by path, with its size and when it was written."""
        found = {}
        for root in (self.work, self.home, self.scratch):
            for path in root.rglob("*"):
                told = path.lstat()
                found[str(path.relative_to(self.folder))] = (told.st_size, told.st_mtime_ns if path.is_file() else 0)
        return found

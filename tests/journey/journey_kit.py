"""The program as processes, a sandbox as a process, and a job small enough to be done in a few seconds."""

from __future__ import annotations

import fcntl
import json
import os
import signal
import socket
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self
from urllib.parse import quote

import rasterio
import requests
from small_job import CHEAP_IMAGE, write_area

BUCKET = "orchestrator-sandbox"
PROJECT = "orchestrator-sandbox"  # what `--sandbox-url` expects
CRASH_AT = "ORCHESTRATOR_CRASH_AT"
STORE_URL = "ORCHESTRATOR_STORE__URL"
KILLED = -signal.SIGKILL
# Waiting is what a run does most; here everything that waits for a distant service waits a moment.
IMPATIENT = {
    "ORCHESTRATOR_RETRY__FIRST_WAIT": "0.02",
    "ORCHESTRATOR_RETRY__MAX_WAIT": "0.2",
    "ORCHESTRATOR_RETRY__COOL_DOWN": "0.1",
    "ORCHESTRATOR_RETRY__REPOST": "0.2",
    "ORCHESTRATOR_RETRY__BURNT": "1",
    "ORCHESTRATOR_RETRY__COLLECT": "0.2",
    "ORCHESTRATOR_RETRY__HOLD": "0.5",
    "ORCHESTRATOR_RETRY__LAG": "1",
    "ORCHESTRATOR_ASSEMBLE__THREADS": "1",
    "ORCHESTRATOR_SERVE__ALLOW_CODE": "true",  # its jobs are of the recipe that costs a sandbox least
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
}


def real_data() -> Path | None:
    """Return the folder of real data, where there is one."""
    named = os.environ.get("ORCHESTRATOR_TEST_DATA")
    folder = Path(named) if named else Path(__file__).resolve().parents[3] / "shared" / "data"
    return folder if (folder / "aoi").is_dir() else None


def state_rows(program: Program, folder: Path, query: str) -> list[tuple[Any, ...]]:
    """Return what a query of the state finds that the commands of `program` keep in a folder, or with a server."""
    if url := program.everywhere.get(STORE_URL):
        import psycopg  # noqa: PLC0415  an extra

        with psycopg.connect(url) as database:
            return database.execute(query).fetchall()  # type: ignore[arg-type]
    with closing(sqlite3.connect(folder / "state" / "state.db")) as database:
        return database.execute(query).fetchall()


@dataclass(frozen=True)
class Outcome:
    """How one command ended: its exit code (negative: the signal), and what it wrote."""

    code: int
    out: str
    err: str

    @property
    def messages(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.out.splitlines() if line.startswith("{")]

    @property
    def events(self) -> list[dict[str, Any]]:
        return [message for message in self.messages if message["message_type"] == "event"]

    def named(self, event: str) -> list[dict[str, Any]]:
        return [message for message in self.events if message["event"] == event]

    @property
    def summary(self) -> dict[str, Any]:
        return next(m for m in reversed(self.messages) if m["message_type"] == "summary")

    @property
    def sha256(self) -> str:
        return str(self.summary["sha256"])

    def expect(self, code: int) -> Outcome:
        """Make sure that the command ended so; its words are in the failure."""
        assert self.code == code, f"exit code {self.code}, not {code}\n{self.out[-3000:]}\n{self.err[-3000:]}"
        assert "Traceback" not in self.err, self.err
        return self


class Program:
    """
    Starts commands of the program; each is a process of its own.

    Where `shared` is a path, processes of tests that name the same have one process which imports everything, and each
    a fork of it; the first begins it.

    Attributes:
        everywhere: Variables of every command that is started, below those of its own.
        die_after: Seconds after which a command that is waited for is killed; None lets it live.
        pid: Of the process that begins all others.
    """

    def __init__(self, shared: Path | None = None, **environment: str) -> None:
        self._environment = {**IMPATIENT, **environment, "PYTHONPATH": str(Path(__file__).resolve().parents[2])}
        self._shared = shared
        self._server: subprocess.Popen[str] | None = None
        self._connection: socket.socket | None = None
        self._started = 0
        self.everywhere: dict[str, str] = {}
        self.die_after: float | None = None

    def __enter__(self) -> Self:
        if self._shared is None:
            self._server = self._load()
            assert self._server.stdin is not None
            assert self._server.stdout is not None
            self._told, self._answers, self.pid = self._server.stdin, self._server.stdout, self._server.pid
            return self
        self._connection = self._connected(self._shared)
        self._told, self._answers = self._connection.makefile("w"), self._connection.makefile("r")
        self.pid = int(json.loads(self._answers.readline())["pid"])
        return self

    def __exit__(self, *_: object) -> None:
        if self._connection is not None:
            self._told.close()
            self._answers.close()
            self._connection.close()
        if self._server is not None:
            self._server.communicate(timeout=30)

    def _load(self, *words: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, str(Path(__file__).with_name("forkserver.py")), *words],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=os.environ | self._environment,
        )

    def _connected(self, path: Path) -> socket.socket:
        """Connect to the process that others share; the first begins it, and whoever finds it gone another."""
        made = socket.socket(socket.AF_UNIX)
        with path.with_suffix(".lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            try:
                made.connect(str(path))
            except OSError:
                path.unlink(missing_ok=True)
                self._server = self._load(str(path))
                assert self._server.stdout is not None
                assert self._server.stdout.readline() == "ready\n"
                made.connect(str(path))
        return made

    def start(
        self, arguments: list[str], folder: Path, *, script: str = "", pipes: bool = False, **environment: str
    ) -> Running:
        """Start a command in `folder`, or a script of Python; `pipes` are its input and output, else there is none."""
        self._started += 1
        out, err = (folder / f"{name}-{self._started}.log" for name in ("out", "err"))
        given = folder / f"in-{self._started}" if pipes else Path(os.devnull)
        if pipes:
            os.mkfifo(given)
            os.mkfifo(out)
        asked = {
            "arguments": arguments,
            "script": script,
            "folder": str(folder),
            "environment": self._environment | self.everywhere | environment,
            "in": str(given),
            "out": str(out),
            "err": str(err),
        }
        return Running(self, self._ask(asked)["pid"], out, err, given)

    def wait(self, pid: int) -> int:
        return int(self._ask({"wait": pid})["code"])

    def _ask(self, asked: dict[str, Any]) -> dict[str, Any]:
        self._told.write(json.dumps(asked) + "\n")
        self._told.flush()
        answer: dict[str, Any] = json.loads(self._answers.readline())
        return answer


@dataclass(frozen=True)
class Running:
    """A command under way."""

    program: Program
    pid: int
    out: Path
    err: Path
    given: Path

    def signal(self, number: int) -> None:
        os.kill(self.pid, number)

    def said(self) -> str:
        """Return what it has written so far."""
        return "".join(path.read_text() for path in (self.out, self.err) if path.exists())

    def wait(self) -> Outcome:
        if self.program.die_after is not None:
            time.sleep(self.program.die_after)
            self.signal(signal.SIGKILL)  # one that has ended is a zombie until it is waited for
        code = self.program.wait(self.pid)
        return Outcome(code, self.out.read_text(), self.err.read_text())


class Service:
    """A sandbox in a process of its own, spoken to over HTTP."""

    def __init__(self, program: Program, folder: Path, *arguments: str) -> None:
        self._program, self._folder = program, folder
        self._arguments = ["--die-with-parent", "--project", PROJECT, "--bucket", BUCKET]
        self._arguments += ["--data-dir", str(folder / "data"), *arguments]

    def __enter__(self) -> Self:
        self._folder.mkdir(exist_ok=True)
        running = self._program.start(self._arguments, self._folder, script="orchestrator.sandbox", pipes=True)
        self._pid, self._input, self._output = running.pid, running.given.open("w"), running.out.open()
        told = self._output.readline()
        assert told, running.err.read_text()
        self.url = json.loads(told)["url"]
        return self

    def __exit__(self, *_: object) -> None:
        self._input.close()
        self._program.wait(self._pid)
        self._output.close()

    def get(self, path: str) -> dict[str, Any]:
        return self._checked(requests.get(self.url + path, timeout=30))

    def post(self, path: str, body: Any) -> dict[str, Any]:
        return self._checked(requests.post(self.url + path, json=body, timeout=30))

    def delete(self, path: str) -> None:
        requests.delete(self.url + path, timeout=30).raise_for_status()

    @staticmethod
    def _checked(answer: requests.Response) -> dict[str, Any]:
        answer.raise_for_status()
        found: dict[str, Any] = answer.json()
        return found

    def state(self) -> dict[str, Any]:
        return self.get("/sandbox/state")

    def order(self, *faults: dict[str, Any]) -> None:
        """Order what shall go wrong."""
        self.post("/sandbox/faults", {"faults": list(faults)})

    def requests(self, api: str = "") -> list[dict[str, Any]]:
        """Return the requests received, those of the control API left out."""
        found: list[dict[str, Any]] = self.get("/sandbox/requests" + (f"?api={api}" if api else ""))["requests"]
        return [each for each in found if each["api"] != "control"]

    @property
    def exports(self) -> int:
        """How many exports were started since the sandbox began."""
        return int(self.state()["exportsStarted"])

    def objects(self, prefix: str = "") -> list[str]:
        listed = self.get(f"/storage/v1/b/{BUCKET}/o?prefix={quote(prefix, safe='')}")
        return [item["name"] for item in listed.get("items", [])]

    def sizes(self) -> list[int]:
        """Return the sizes of the parts in the bucket, as the bucket weighs them."""
        listed = self.get(f"/storage/v1/b/{BUCKET}/o")
        assert "nextPageToken" not in listed
        return [int(item["size"]) for item in listed.get("items", []) if item["name"].endswith(".tif")]

    def put(self, name: str, content: bytes) -> None:
        """Write an object, as somebody else would."""
        url = f"{self.url}/upload/storage/v1/b/{BUCKET}/o?uploadType=media&name={quote(name, safe='')}"
        requests.post(url, data=content, timeout=30).raise_for_status()

    def put_drive(self, name: str, folder: str, content: bytes) -> None:
        """Write a file into a Drive folder, as somebody else would."""
        told = json.dumps({"name": name, "parents": [folder]}).encode()
        parts = [b"--b\r\nContent-Type: application/json\r\n\r\n" + told]
        parts += [b"--b\r\nContent-Type: application/octet-stream\r\n\r\n" + content, b"--b--"]
        headers = {"Content-Type": "multipart/related; boundary=b"}
        url = f"{self.url}/upload/drive/v3/files?uploadType=multipart"
        requests.post(url, data=b"\r\n".join(parts), headers=headers, timeout=30).raise_for_status()

    def remove(self, name: str) -> None:
        self.delete(f"/storage/v1/b/{BUCKET}/o/{quote(name, safe='')}")


@dataclass
class Home:
    """
    A user's folder: `area.geojson`, `image.py`, results in `out`, state in `state`.

    `run` starts the small job: about 310 × 310 pixels of three bands, in four parts.
    """

    folder: Path
    program: Program
    service: Service
    environment: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        write_area(self.folder / "area.geojson")
        (self.folder / "image.py").write_text(CHEAP_IMAGE)

    @property
    def out(self) -> Path:
        return self.folder / "out"

    @property
    def final(self) -> Path:
        return self.out / "small_clipped.tif"

    def job(self, *more: str) -> list[str]:
        """Return the options of the small job; later ones win."""
        return [
            *("--shapefile", "area.geojson", "--output", "out", "--base-name", "small"),
            *("--start-date", "2024-05-01", "--end-date", "2024-06-01", "--crs", "EPSG:32633", "--scale", "10"),
            *("--recipe", "image-code", "--param", f"file={self.folder / 'image.py'}", "--bands", "x,y,mixed"),
            *("--max-size-mb", "1.25"),
            *more,
        ]

    def start(self, command: str = "run", *more: str, **environment: str) -> Running:
        """Start a command about the small job."""
        there = [] if command in ("plan", "submit") else ["--sandbox-url", self.service.url, "--bucket", BUCKET]
        words = [command, *self.job(*more), *there, "--state-dir", "state", "--json"]
        return self.program.start(words, self.folder, **self.environment, **environment)

    def run(self, *more: str, **environment: str) -> Outcome:
        """Run the small job to its end."""
        return self.start("run", *more, **environment).wait()

    def command(self, *words: str, **environment: str) -> Outcome:
        """Run any other command."""
        told = [*words, "--state-dir", "state", "--json"]
        return self.program.start(told, self.folder, **self.environment, **environment).wait()

    def runs(self) -> list[dict[str, Any]]:
        return [m for m in self.command("status").expect(0).messages if m["message_type"] == "run"]

    @staticmethod
    def wait_until(happened: Callable[[], bool], seconds: float = 60) -> None:
        """Look ten times a second until something has happened in another process."""
        pause, end = threading.Event(), time.monotonic() + seconds
        while not happened():
            assert time.monotonic() < end, "it never happened"
            pause.wait(0.1)

    def tasks(self, run_id: str) -> list[dict[str, Any]]:
        """Return the tasks of a run as `status` shows them."""
        shown = self.command("status", run_id).expect(0).messages
        return list(next(m["tasks"] for m in shown if m["message_type"] == "run"))

    def proof(self) -> dict[str, Any]:
        """Return the result's provenance."""
        found: dict[str, Any] = json.loads(self.final.with_suffix(".json").read_text())
        return found

    def pixels(self) -> Any:
        """Return the result's pixels, (band, row, col)."""
        with rasterio.open(self.final) as raster:
            return raster.read()

    def leftovers(self) -> list[str]:
        """Return what lies in the output folder besides results."""
        results = {".tif", ".json", ".png"}
        found = (p for p in self.out.rglob("*"))
        return sorted(str(p.relative_to(self.out)) for p in found if p.suffix not in results or p.parent != self.out)

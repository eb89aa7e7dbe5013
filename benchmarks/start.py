"""
What starting costs, in processor seconds, and what the demo takes.

    python benchmarks/start.py [--quick] [--against FOLDER] [--runs 5] [--json FILE]

A command is measured from its first instruction to its end; `run` to the first request that reaches its service,
`serve` until it says that it is ready, as systemd hears it; then they are ended. The demo is counted with its sandbox
and that one's workers. Compiled modules are kept in a folder of the benchmark's, as an installation keeps them, and one
start before the first that counts fills it; IPython, which Earth Engine's client imports where it is there, is hidden,
as an installation does not have it. With `--against`, the package of another checkout takes turns with this one. The
least of the runs counts: what else runs on a machine only adds to it.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parents[1]
AREA = "6.10,49.60,6.12,49.61"
WAIT_SECONDS = 120.0
CLI = ("-c", "import sys; sys.modules['IPython'] = None; from orchestrator.faces.cli.main import main; main()")
LIBRARIES = (
    "import sys; sys.modules['IPython'] = None; import ee, sqlalchemy, pydantic, structlog, pyproj, shapely, rich"
)


@dataclass(frozen=True)
class Place:
    """A checkout, the folder it is measured in, and its environment."""

    code: Path
    folder: Path

    @property
    def environment(self) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
        return kept | {"PYTHONPATH": str(self.code), "PYTHONPYCACHEPREFIX": str(self.folder / "compiled")}

    def start(self, *words: str, **more: Any) -> subprocess.Popen[bytes]:
        """Begin a command in the folder."""
        command = [sys.executable, *(CLI if words[0] != "-c" else ()), *words]
        environment = self.environment | more.pop("env", {})
        quiet = subprocess.DEVNULL
        return subprocess.Popen(command, cwd=self.folder, env=environment, stdout=quiet, stderr=quiet, **more)


@dataclass(frozen=True)
class Case:
    """One row: what is started, how, the least that is wanted of it, and how often it is done in the short form."""

    name: str
    spend: Callable[[Place], dict[str, float]]
    limit: float | None = None
    dear: bool = False


def main() -> None:
    asked = _arguments()
    with tempfile.TemporaryDirectory(prefix="start-") as scratch:
        codes = [HERE] if asked.against is None else [Path(asked.against).resolve(), HERE]
        places = [Place(code, Path(scratch) / str(at)) for at, code in enumerate(codes)]
        for place in places:
            place.folder.mkdir()
        rows = list(_rows(asked, places))
    if asked.json is not None:
        asked.json.write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="two runs of each, one of the demo: a minute")
    parser.add_argument("--against", metavar="FOLDER", help="another checkout")
    parser.add_argument("--runs", type=int, default=5, help="of each; three of the demo (default: %(default)s)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="rows for programs")
    return parser.parse_args()


def _rows(asked: argparse.Namespace, places: list[Place]) -> Iterator[dict[str, Any]]:
    print("| start | checkout | CPU s | floor, CPU s | wanted | wall s |\n|---|---|---|---|---|---|")
    floors: dict[Place, float] = {}
    for case in CASES:
        times = (1 if asked.quick else 3) if case.dear else (2 if asked.quick else asked.runs)
        if not case.dear:
            for place in places:
                case.spend(place)  # compiles
        found: dict[Place, list[dict[str, float]]] = {place: [] for place in places}
        for _ in range(times):
            for place in places:
                found[place].append(case.spend(place))
        for place in places:
            best = {name: min(each[name] for each in found[place]) for name in found[place][0]}
            floors.setdefault(place, best["cpu"])
            wanted = "" if case.limit is None else f"{case.limit:g}"
            figures = f"{best['cpu']:.3f} | {floors[place]:.3f} | {wanted} | {best['wall']:.2f}"
            print(f"| {case.name} | {place.code.name} | {figures} |", flush=True)
            row = {"line": "start", "case": case.name, "checkout": place.code.name, "floor": floors[place]}
            yield row | {"figure": best["cpu"], "unit": "CPU s", "limit": case.limit}
            if case.dear:
                yield row | {"figure": best["wall"], "unit": "s", "floor": None, "limit": WANTED_DEMO_SECONDS}


def whole(*words: str) -> Callable[[Place], dict[str, float]]:
    """A command until its end, with all processes that it waited for."""

    def spend(place: Place) -> dict[str, float]:
        before, began = _children(), time.monotonic()
        code = place.start(*words).wait()
        if code != 0:
            raise SystemExit(f"{' '.join(words)} ended with {code}")
        return {"cpu": _children() - before, "wall": time.monotonic() - began}

    return spend


def demo(place: Place) -> dict[str, float]:
    """The demo in a new folder."""
    with tempfile.TemporaryDirectory(dir=place.folder) as folder:
        return whole("demo", "--output", folder)(place)


def to_first_request(place: Place) -> dict[str, float]:
    """`run` of a small area until a request of it is there, which is not answered."""
    with socket.create_server(("127.0.0.1", 0)) as service, tempfile.TemporaryDirectory(dir=place.folder) as folder:
        service.settimeout(WAIT_SECONDS)
        url = f"http://127.0.0.1:{service.getsockname()[1]}"
        job = ("--area", AREA, "--base-name", "small", "--start-date", "2024-06-01", "--end-date", "2024-07-01")
        words = ("--state-dir", folder, "run", "--sandbox-url", url, "--output", folder, *job)
        with _ended(place.start(*words)) as process:
            return _spent(process, service.accept)


def to_ready(place: Place) -> dict[str, float]:
    """`serve` until it tells its supervisor that it is ready."""
    with (
        tempfile.TemporaryDirectory(dir=place.folder) as folder,
        socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as ear,
    ):
        ear.bind(f"{folder}/ear")
        ear.settimeout(WAIT_SECONDS)

        def ready() -> None:
            while b"READY=1" not in ear.recv(4096):
                pass

        words = ("--state-dir", folder, "serve", "--sandbox-url", "http://127.0.0.1:9")  # nobody need answer
        with _ended(place.start(*words, env={"NOTIFY_SOCKET": f"{folder}/ear"})) as process:
            return _spent(process, ready)


def _spent(process: subprocess.Popen[bytes], wait: Callable[[], object]) -> dict[str, float]:
    began = time.monotonic()
    wait()
    clock = (~process.pid << 3) | 2  # Linux: the processor time of all threads of a process (clock_getcpuclockid)
    return {"cpu": time.clock_gettime(clock), "wall": time.monotonic() - began}


@contextmanager
def _ended(process: subprocess.Popen[bytes]) -> Iterator[subprocess.Popen[bytes]]:
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def _children() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


WANTED_DEMO_SECONDS = 15.0
CASES = (
    Case("python -c pass", whole("-c", "pass")),
    Case("python, the libraries of `run`", whole("-c", LIBRARIES)),
    Case("--help", whole("--help"), 0.2),
    Case("status", whole("status"), 0.5),
    Case("run, to its first request", to_first_request, 1.0),
    Case("serve, until it is ready", to_ready, 1.5),
    Case("demo", demo, dear=True),
)

if __name__ == "__main__":
    main()

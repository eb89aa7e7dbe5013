"""
What open pages cost a run: 50 pages that follow it, and 1,000 connections that say nothing for long.

A sandbox as a process, and a daemon with its page, `serve --web`. Runs of one kind go one after the other: alone;
beside a crowd, pages that listen to the stream and ask for their parts at each message, as browsers do, and slow
connections that send a byte a second and are made anew when they are cut off; and beside a process that burns as much
of the processor as that crowd had just taken, and speaks to nobody. The crowd is a process of lower priority, since it
stands for other machines; where it must share this machine's cores, the last of the three is what it is compared with.
Run from the root:

    PYTHONPATH=. python benchmarks/page.py FOLDER [--rounds 3] [--pages 50] [--slow 1000] [--side 2048]

Printed are, for the three and as ratios: poll latency, which is how long after an operation's end in the sandbox the
state knew of it; parts placed a second, from the first part that came to the last; the run's whole time; and what the
crowd was answered.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import re
import resource
import signal
import sqlite3
import statistics
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from contextlib import closing, suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import urlopen

IMAGE = """
import ee


def get_ee_image():
    x = ee.Image.pixelCoordinates(ee.Projection("EPSG:32633").atScale(10)).select("x")
    return x.updateMask(x.toInt().mod(2))
"""
PROGRAM = [sys.executable, "-m", "orchestrator"]
SANDBOX = [sys.executable, "-m", "orchestrator.sandbox", "--die-with-parent"]
PROJECT = BUCKET = "orchestrator-sandbox"
ARMS = ("alone", "crowd", "burning")
_SLICE_SECONDS = 0.05
FOLLOWS = re.compile(r'hx-get="([^"]+)"[^>]*live from:body')


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--pages", type=int, default=50)
    parser.add_argument("--slow", type=int, default=1000)
    parser.add_argument("--side", type=int, default=2048, help="pixels")
    parser.add_argument("--crowd", default="", help=argparse.SUPPRESS)
    parser.add_argument("--burn", type=float, default=0.0, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.burn:
        burn(given.burn)
    if given.crowd:
        asyncio.run(Crowd(given.crowd, given.pages, given.slow).gather())
        return
    given.folder.mkdir(parents=True, exist_ok=True)
    measure(given)


# ---------------------------------------------------------------- the runs


@dataclass(frozen=True)
class Took:
    """
    What one run took: seconds from an operation's end to the state's knowledge of it, parts a second, seconds.

    The processor's are those of the page.
    """

    polls: list[float]
    rate: float
    seconds: float
    processor: float


def measure(given: argparse.Namespace) -> None:
    home = given.folder
    (home / "image.py").write_text(IMAGE)
    sandbox = subprocess.Popen(
        [*SANDBOX, "--project", PROJECT, "--bucket", BUCKET, "--data-dir", str(home / "sandbox")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    url = json.loads(sandbox.stdout.readline())["url"]
    environment = os.environ | {"ORCHESTRATOR_WEB__PORT": "0", "ORCHESTRATOR_SERVE__ALLOW_CODE": "true"}
    with (home / "daemon.log").open("wb") as log:
        daemon = subprocess.Popen(
            [*PROGRAM, "--state-dir", "state", "serve", "--sandbox-url", url, "--web"],
            cwd=home,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
        )
        link = daemon.stdout.readline().partition("http")
        took: dict[str, list[Took]] = {name: [] for name in ARMS}
        answered: Counter[str] = Counter()
        carry(home, url, "warm", given.side, environment)
        for number in range(given.rounds):
            taken = 0.0
            for arm in ARMS:
                other = begin(arm, "http" + link[2].strip(), taken, given)
                spent, began = processor_seconds(other.pid) if other else 0.0, time.monotonic()
                found = carry(home, url, f"{arm}{number}", given.side, environment)
                if other:
                    spent = (processor_seconds(other.pid) - spent) / (time.monotonic() - began)
                    taken = spent + found.processor / found.seconds
                    answered += end(other)
                took[arm].append(found)
                print(f"{arm} {found.seconds:6.1f} s, {spent:.2f} of a processor beside it", flush=True)
        daemon.send_signal(signal.SIGTERM)
        code = daemon.wait(60)
    sandbox.communicate(timeout=60)
    report(took, answered, code)


def carry(home: Path, url: str, name: str, side: int, environment: dict[str, str]) -> Took:
    """Submit a run and wait for its end."""
    area = f"500000,{5_200_000 - 10 * side},{500_000 + 10 * side},5200000;EPSG:32633"
    words = f"--output out --base-name {name} --start-date 2024-05-01 --end-date 2024-06-01 --recipe image-code"
    words += " --param file=image.py --bands x --crs EPSG:32633 --scale 10 --max-size-mb 0.5"
    command = [*PROGRAM, "--state-dir", "state", "--json", "submit", "--sandbox-url", url, "--area", area]
    said = subprocess.run([*command, *words.split()], cwd=home, env=environment, capture_output=True, check=True)
    run = json.loads(said.stdout.splitlines()[-1])["run"]
    page = json.loads((home / "state" / "web.json").read_bytes())["pid"]
    before = processor_seconds(page)
    with closing(sqlite3.connect(home / "state" / "state.db", timeout=60)) as database:
        while (state := database.execute("SELECT state FROM runs WHERE id = ?", [run]).fetchone()[0]) != "CLEANED":
            if state in ("FAILED", "HELD", "CANCELLED"):
                sys.exit(f"{run} is {state}")
            time.sleep(0.25)
        events = database.execute(
            "SELECT name, at, facts FROM events WHERE run_id = ? ORDER BY sequence", [run]
        ).fetchall()
        operations = dict(database.execute('SELECT "key", operation FROM tasks WHERE run_id = ?', [run]).fetchall())
    parts = [seconds(at) for name, at, _ in events if name == "part.downloaded"]
    known = {
        operations[json.loads(facts)["task"]]: seconds(at) for name, at, facts in events if name == "task.exported"
    }
    ended = {name: seconds(at) for name, at in ends(url).items() if name in known}
    processor = processor_seconds(page) - before
    whole = seconds(events[-1][1]) - seconds(events[0][1])
    return Took([known[name] - ended[name] for name in known], len(parts) / (max(parts) - min(parts)), whole, processor)


def processor_seconds(pid: int) -> float:
    """Return what a process has had of the processor (proc(5), /proc/PID/stat)."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def ends(url: str) -> dict[str, str]:
    """Return when each operation ended, as the sandbox says."""
    found, page = {}, ""
    while True:
        with urlopen(f"{url}/v1/projects/{PROJECT}/operations?pageSize=500&pageToken={page}") as answer:  # noqa: S310  on loopback
            told = json.load(answer)
        found |= {one["name"]: one["metadata"]["endTime"] for one in told["operations"] if one.get("done")}
        page = told.get("nextPageToken", "")
        if not page:
            return found


def seconds(at: str) -> float:
    return datetime.fromisoformat(at).timestamp()


def report(took: dict[str, list[Took]], answered: Counter[str], code: int) -> None:
    rows: dict[str, Callable[[list[Took]], float]] = {
        "poll latency, s (median)": lambda runs: statistics.median(p for one in runs for p in one.polls),
        "poll latency, s (largest)": lambda runs: max(p for one in runs for p in one.polls),
        "parts a second (median)": lambda runs: statistics.median(one.rate for one in runs),
        "page's processor time, of one": lambda runs: sum(r.processor for r in runs) / sum(r.seconds for r in runs),
        "seconds a run (median)": lambda runs: statistics.median(one.seconds for one in runs),
    }
    print(f"| | {' | '.join(ARMS)} | crowd / alone | crowd / burning |\n|---|---|---|---|---|---|")
    for name, counted in rows.items():
        alone, beside, burning = (counted(took[arm]) for arm in ARMS)
        ratios = f"{beside / alone:.2f} | {beside / burning if burning else 0:.2f}"
        print(f"| {name} | {alone:.2f} | {beside:.2f} | {burning:.2f} | {ratios} |")
    print("the crowd:", dict(answered), "; the daemon ended with", code)


# ---------------------------------------------------------------- the crowd


def begin(arm: str, link: str, share: float, given: argparse.Namespace) -> subprocess.Popen[str] | None:
    """Start what a run of this kind goes beside; on return it is under way."""
    if arm == "alone":
        return None
    words = [str(given.folder), "--pages", str(given.pages), "--slow", str(given.slow)]
    words += ["--crowd", link] if arm == "crowd" else ["--burn", str(share)]
    other = subprocess.Popen([sys.executable, __file__, *words], stdout=subprocess.PIPE, text=True)
    other.stdout.readline()
    return other


def end(other: subprocess.Popen[str]) -> Counter[str]:
    other.send_signal(signal.SIGTERM)
    out, _ = other.communicate(timeout=60)
    return Counter(json.loads(out.splitlines()[-1]) if out else {})


def burn(share: float) -> None:
    """Take this share of a processor until killed."""
    os.nice(10)
    print("there", flush=True)
    while True:
        began = time.monotonic()
        until = time.process_time() + share * _SLICE_SECONDS
        while time.process_time() < until:
            pass
        time.sleep(max(0.0, began + _SLICE_SECONDS - time.monotonic()))


class Crowd:
    """Open pages, and connections that dawdle; counts what they were answered."""

    def __init__(self, link: str, pages: int, slow: int) -> None:
        found = urlsplit(link)
        self.host, self.port = found.hostname, found.port
        self.token = found.query.partition("=")[2]
        self.pages, self.slow = pages, slow
        self.counted: Counter[str] = Counter()
        self.slowest = 0.0

    async def gather(self) -> None:
        os.nice(10)
        resource.setrlimit(resource.RLIMIT_NOFILE, (resource.getrlimit(resource.RLIMIT_NOFILE)[1],) * 2)
        loop, over = asyncio.get_running_loop(), asyncio.Event()
        loop.add_signal_handler(signal.SIGTERM, over.set)
        follows = [path for view in ("/", "/runs") for path in FOLLOWS.findall((await self.get(view)).decode())]
        tasks = [asyncio.create_task(self.page(follows)) for _ in range(self.pages)]
        tasks += [asyncio.create_task(self.dawdle()) for _ in range(self.slow)]
        await asyncio.sleep(2)
        print("there", flush=True)
        await over.wait()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        print(json.dumps({**self.counted, "slowest answer, ms": round(1000 * self.slowest)}), flush=True)

    async def page(self, follows: list[str]) -> None:
        """Listen, and ask for every part at each message."""
        while True:
            with suppress(OSError):
                reader, writer = await asyncio.open_connection(self.host, self.port)
                with closing(writer):
                    writer.write(self.request("/live"))
                    self.counted["streams"] += 1
                    while line := await reader.readline():
                        if line.startswith(b"data: "):
                            await asyncio.gather(*(self.get(path) for path in follows))
            self.counted["streams lost"] += 1
            await asyncio.sleep(2)

    async def get(self, path: str) -> bytes:
        began, answer = time.monotonic(), b""
        with suppress(OSError):
            reader, writer = await asyncio.open_connection(self.host, self.port)
            with closing(writer):
                writer.write(self.request(path, "Connection: close\r\n"))
                answer = await reader.read(-1)
        self.slowest = max(self.slowest, time.monotonic() - began)
        self.counted[f"answers {answer[9:12].decode() or 'none'}"] += 1
        return answer

    def request(self, path: str, more: str = "") -> bytes:
        head = f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {self.token}\r\n{more}\r\n"
        return head.encode()

    async def dawdle(self) -> None:
        """Send a byte a second, and begin again when it is cut off."""
        while True:
            with suppress(OSError):
                _, writer = await asyncio.open_connection(self.host, self.port)
                self.counted["slow connections"] += 1
                with closing(writer):
                    for byte in self.request("/"):
                        writer.write(bytes([byte]))
                        await writer.drain()
                        await asyncio.sleep(1)
            await asyncio.sleep(1)


if __name__ == "__main__":
    main()

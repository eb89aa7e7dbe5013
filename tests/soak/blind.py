"""
Kills a run at system calls that nobody chose by name: the k-th of its kind, for every k until there is no k-th.

    PYTHONPATH=. .venv/bin/python tests/soak/blind.py                       every call of every kind, in one thread each
    PYTHONPATH=. .venv/bin/python tests/soak/blind.py --call fsync --every 3

strace follows the program and sends SIGKILL instead of the call; what was counted are the calls of one thread. Each run
is then continued and looked at as in `kills.py`. Needs strace, and the right to trace processes.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from kills import HEAD, PLAYS, Theatre
from plays import kit, served

# What makes bytes durable, names them, and writes them; the kernel has several calls for one thing.
CALLS = {
    "fsync": "fsync,fdatasync",
    "rename": "rename,renameat,renameat2,link,linkat",
    "unlink": "unlink,unlinkat,rmdir",
    "write": "pwrite64,ftruncate,copy_file_range",
}


def why_not() -> str:
    """Say why nothing can be traced here; empty where it can."""
    if shutil.which("strace") is None:
        return "strace is not installed"
    tried = subprocess.run(["strace", "-e", "trace=none", "true"], capture_output=True, check=False)
    return f"processes may not be traced here: {tried.stderr.decode().strip()[:200]}" if tried.returncode else ""


@contextmanager
def killing(program: kit.Program, calls: str, number: int) -> Iterator[None]:
    """Kill whatever the program starts inside the block at its call of this number."""
    words = ["strace", "-f", "-q", "-o", "/dev/null", "-p", str(program.pid), "-e", f"trace={calls}"]
    tracer = subprocess.Popen([*words, "-e", f"inject={calls}:signal=SIGKILL:when={number}"], stderr=subprocess.PIPE)
    try:
        _until_traced(program.pid)
        yield
    finally:
        tracer.terminate()
        tracer.communicate(timeout=30)


def _until_traced(pid: int) -> None:
    status = Path(f"/proc/{pid}/status")
    while "TracerPid:\t0\n" in status.read_text():
        pass


class BlindTheatre(Theatre):
    """A play that is killed at its system calls."""

    def kill_at_call(self, kind: str, number: int) -> bool:
        """Kill the first command so, go on, and look; tell whether there was such a call."""
        play = self._begin()
        before = play.exports(), play.asked()
        with killing(self._program, CALLS[kind], number):
            ended = play.steps[0]()
        if ended.code != kit.KILLED:
            return False
        self.tally.runs += 1
        self.tally.points.add(kind)
        foreign = play.put_foreign()
        codes = [self._until_done(step) for step in play.steps]
        self._look(play, f"{kind} number {number}", codes, foreign, before)
        return True


def main() -> int:
    about = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    about.add_argument("--play", default="mosaic by Cloud Storage", choices=sorted(PLAYS))
    about.add_argument("--call", action="append", choices=sorted(CALLS), help="default: all")
    about.add_argument("--every", type=int, default=1, help="only each so many-th call")
    given = about.parse_args()
    if reason := why_not():
        sys.exit(reason)
    print(HEAD)  # noqa: T201
    with tempfile.TemporaryDirectory(prefix="blind-") as folder, kit.Program() as program:
        place = Path(folder)
        with kit.Service(program, place / "sandbox", *served(given.play, place)) as service:
            theatre = BlindTheatre(given.play, place / "plays", program, service)
            for kind in given.call or CALLS:
                number = 1
                while theatre.kill_at_call(kind, number):
                    number += given.every
        print(theatre.tally.row(given.play), flush=True)  # noqa: T201
        return 1 if theatre.tally.wrong else 0


if __name__ == "__main__":
    sys.exit(main())

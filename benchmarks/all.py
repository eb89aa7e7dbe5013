"""
Every table of speed and memory, one after the other, and one JSON of all.

    PYTHONPATH=. .venv/bin/python benchmarks/all.py                   small forms: an hour on two idle cores
    PYTHONPATH=. .venv/bin/python benchmarks/all.py --full            what README.md tells of
    PYTHONPATH=. .venv/bin/python benchmarks/all.py --only start engine --json tables.json
    PYTHONPATH=. .venv/bin/python benchmarks/all.py --peer VENV/bin/python    with programs of other people (README.md)

Each benchmark is a command of its own and brings its floors and peers; this one begins them and reads their tables. The
JSON is a list of rows: the line it belongs to, the command, the table's heading, and each column by its name. The exit
code is 1 where a benchmark failed.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parent
FOLDER, PEER = "FOLDER", "PEER"


@dataclass(frozen=True)
class Line:
    """
    One benchmark.

    Attributes:
        name: What is measured.
        small: The command after `python benchmarks/`, FOLDER a scratch one, PEER the interpreter of other people's.
        full: The same for `--full`; empty is the small form.
    """

    name: str
    small: str
    full: str = ""


LINES = (
    Line("start", "start.py --quick", "start.py"),
    Line("counters", "counters.py"),
    Line("merge and clip", "assemble.py --sizes 0.45 --runs 3", "assemble.py --sizes 0.45,2,8 --runs 3"),
    Line("merge and clip", "strips.py --sides 6000 --workers 2 --folder FOLDER", "strips.py --folder FOLDER"),
    Line("memory", "memory.py"),
    Line("tail", "journey.py --side 4096 --runs 3", "journey.py --side 8192 --part-mb 48"),
    Line("parts on the way", "download.py --rounds 3", "download.py --rounds 5"),
    Line("pixels", "slots.py 100", "slots.py"),
    Line("pixels", "peers.py PEER", "peers.py PEER --case median,area,strip,storm,scene"),
    Line("chips", "chips.py --chips 300 --no-kills --peer PEER", "chips.py --peer PEER"),
    Line("cubes", "cube.py --cubes 2x2000 6x2000", "cube.py"),
    Line("copernicus", "copernicus.py --scenes 1 --pixels 2745", "copernicus.py"),
    Line("engine", "parts.py FOLDER --quick", "parts.py FOLDER"),
    Line("engine", "executors.py FOLDER --units 1000", "executors.py FOLDER --postgres"),
    Line("engine", "store.py FOLDER --units 500", "store.py FOLDER"),
    Line("engine", "state.py FOLDER --runs 200 --parts 500", "state.py FOLDER"),
    Line("engine", "waiting.py FOLDER --tasks 500 --runs 200 --seconds 30", "waiting.py FOLDER"),
    Line("engine", "scaling.py FOLDER --quick --processes 1 2", "scaling.py FOLDER"),
    Line("planner", "planning.py --quick", "planning.py"),
    Line("planner", "tiles.py 100000", "tiles.py"),
    Line("sandbox", "sandbox.py"),
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--full", action="store_true", help="the long forms: a night")
    parser.add_argument("--only", nargs="+", default=[], metavar="LINE", help="lines whose names contain one of these")
    parser.add_argument("--peer", default="", help="an interpreter with the programs of other people")
    parser.add_argument("--json", type=Path, default=Path("benchmarks.json"), help="default: %(default)s")
    asked = parser.parse_args()
    chosen = [line for line in LINES if not asked.only or any(word in line.name for word in asked.only)]
    rows, failed = [], []
    for line in chosen:
        words = ((asked.full and line.full) or line.small).split()
        if PEER in words and not asked.peer:
            print(f"## {line.name}: {' '.join(words)}: left out, --peer is not given\n", flush=True)
            continue
        told, code = measured(line, [asked.peer if word == PEER else word for word in words])
        rows += [{"line": line.name, "command": " ".join(words), **row} for row in tables(told)]
        failed += [" ".join(words)] * (code != 0)
        asked.json.write_text(json.dumps(rows, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    print(f"{len(rows)} rows in {asked.json}")
    if failed:
        raise SystemExit(f"failed: {'; '.join(failed)}")


def measured(line: Line, words: list[str]) -> tuple[str, int]:
    """Run a benchmark and show what it says as it comes; return that, and its exit code."""
    print(f"## {line.name}: {' '.join(words)}\n", flush=True)
    began, told = time.monotonic(), []
    with tempfile.TemporaryDirectory(prefix="benchmark-") as folder:
        command = [sys.executable, str(HERE / words[0]), *(folder if word == FOLDER else word for word in words[1:])]
        environment = os.environ | {"PYTHONPATH": str(HERE.parent), "PYTHONUNBUFFERED": "1"}
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment)
        for text in process.stdout or ():
            told.append(text)
            print(text, end="", flush=True)
        code = process.wait()
    print(f"\n{time.monotonic() - began:.0f} s, exit code {code}\n", flush=True)
    return "".join(told), code


def tables(text: str) -> Iterator[dict[str, str]]:
    """Find the tables of Markdown in a text; yield each row by its columns, with the heading that stands before it."""
    heading, columns = "", []
    for line in text.splitlines():
        cells = [cell.strip() for cell in line.strip().strip("|").split("|")] if line.startswith("|") else []
        if not cells:
            heading, columns = line.strip("# ").strip() or heading, []
        elif not columns:
            columns = cells
        elif any(cell.strip("-: ") for cell in cells):
            yield {"table": heading, **dict(zip(columns, cells, strict=False))}


if __name__ == "__main__":
    main()

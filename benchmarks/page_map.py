"""
What the map of a run of 40,000 parts costs the server: the first answer, an update, a look at one part.

    python benchmarks/page_map.py [--side 200] [--turns 10]

Makes the state of a run of side × side parts, then places fifty parts at each turn, as a run does. Reported are bytes
of each answer and the processor's milliseconds (median, and the most) to make it from the state, JSON included; in the
browser, `page_browser.py` measures the rest.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

HERE = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(HERE), str(HERE / "tests" / "web")]

import large  # noqa: E402  after the line that finds it

from orchestrator.app.records import Records  # noqa: E402
from orchestrator.app.verbs.failures import failures_of  # noqa: E402
from orchestrator.app.verbs.run_list import list_pieces  # noqa: E402
from orchestrator.app.verbs.run_map import places_of, stages_of  # noqa: E402
from orchestrator.app.verbs.run_pieces import pieces_at  # noqa: E402
from orchestrator.app.verbs.run_times import course_of  # noqa: E402
from orchestrator.config import load  # noqa: E402


def main() -> None:
    """Measure, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--side", type=int, default=large.SIDE, help="parts along each side of the area")
    parser.add_argument("--turns", type=int, default=10, help="how often some parts are placed, and the page asks")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as made:
        _measure(Path(made), asked.side, asked.turns)


def _measure(folder: Path, side: int, turns: int) -> None:
    run = large.make(folder, side)
    settings = load(None, environment={}, overrides={"local": {"state_dir": str(folder / "state")}}).settings
    records, worker = Records(settings), large.Worker(folder, run)
    rows: dict[str, list[tuple[int, float]]] = {}

    def timed(name: str, make: Callable[[], object]) -> None:
        began = time.process_time()
        text = json.dumps(make(), separators=(",", ":"), default=str)
        rows.setdefault(name, []).append((len(text), 1000 * (time.process_time() - began)))

    letters = stages_of(records, run).letters
    for _ in range(turns):
        timed("first answer", lambda: asdict(places_of(records, run)) | asdict(stages_of(records, run)))
        worker.turn()
        timed("update", lambda before=letters: stages_of(records, run).since(before))
        letters = stages_of(records, run).letters
        timed("one part", lambda: [asdict(piece) for piece in pieces_at(records, run, 0, 300, 300)])
        timed("course", lambda: asdict(course_of(records, run)))
        timed("failures", lambda: [asdict(group) for group in failures_of(records, run)])
        timed("list", lambda: asdict(list_pieces(records, run)))
    print(f"| {side * side:,} parts | bytes | CPU ms, median | most |\n|---|---|---|---|")
    for name, found in rows.items():
        sizes, times = zip(*found, strict=True)
        print(f"| {name} | {max(sizes):,} | {statistics.median(times):.0f} | {max(times):.0f} |")
    worker.close()
    records.store.close()


if __name__ == "__main__":
    main()

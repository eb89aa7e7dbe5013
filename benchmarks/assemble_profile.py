"""
Where joining and cutting spend their time: a table of what is called, how often, its bytes, wall and CPU seconds.

    python -m benchmarks.assemble_profile DATASET.json TARGET [overviews=none] [compress=lzw]

The functions that cost something are wrapped while the work is done, so that the sum is some percent more than without.
Each row is without what it calls; "the rest" is the process's CPU time without all rows: threads, Python per block.
"""

from __future__ import annotations

import functools
import json
import os
import sys
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

from benchmarks.assemble_methods import Usage, ours, usage_of


class Profile:
    """Counters by name: calls, bytes, wall and CPU seconds, without what was called inside."""

    def __init__(self) -> None:
        self.rows: dict[str, list[float]] = defaultdict(lambda: [0, 0, 0.0, 0.0])
        self._local, self._lock = threading.local(), threading.Lock()

    def wrapped(self, name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(function)
        def measured(*args: Any, **options: Any) -> Any:
            inside = getattr(self._local, "inside", None)
            self._local.inside = mine = [0.0, 0.0]
            wall, cpu = time.perf_counter(), time.thread_time()
            result = None
            try:
                result = function(*args, **options)
                return result
            finally:
                wall, cpu = time.perf_counter() - wall, time.thread_time() - cpu
                self._add(name, _bytes(name, result), wall - mine[0], cpu - mine[1])
                self._local.inside = inside
                if inside is not None:
                    inside[0] += wall
                    inside[1] += cpu

        return measured

    def _add(self, name: str, size: int, wall: float, cpu: float) -> None:
        with self._lock:
            row = self.rows[name]
            for place, value in enumerate((1, size, wall, cpu)):
                row[place] += value


def _bytes(name: str, result: Any) -> int:
    if name.startswith(("read", "decode")):
        return 0 if result is None else getattr(result, "nbytes", len(result))
    if name.startswith(("write", "copy inside")):
        return int(result or 0)
    return len(result) if name.startswith("encode") and result is not None else 0


@contextmanager
def profiled(profile: Profile) -> Iterator[None]:
    """Wrap what costs something."""
    from orchestrator.assemble import codec, finishing, header, journal, part, placing, sealing, settings, writing  # noqa: PLC0415
    from orchestrator.raster import coverage  # noqa: PLC0415

    places: list[tuple[str, Any, str]] = [
        ("read (pread)", os, "pread"),
        ("write (pwrite)", os, "pwrite"),
        ("copy inside the kernel (copy_file_range)", os, "copy_file_range"),
        ("sync (fdatasync)", os, "fdatasync"),
        ("sync (fsync)", os, "fsync"),
        ("decode a block", codec.Codec, "decode"),
        ("encode a block", codec.Codec, "encode"),
        ("mask a boundary block", coverage.Coverage, "clip"),
        ("put a part's pixels into a block", placing.Placement, "_clipped"),
        ("halve a block", placing, "halve"),
        ("halve a block", finishing, "halve"),
        ("look whether a block is empty", placing, "is_nodata"),
        ("join quarters", placing.Placement, "_joined"),
        ("decide what becomes of a block", placing.Placement, "_is_copied"),
        ("decide what becomes of a block", placing.Placement, "_has_work"),
        ("open a part by its tags", part, "_known"),
        ("open a part by GDAL", part, "_checked"),
        ("write the journal", journal.Journal, "append"),
        ("the area as runs of pixels", settings, "_spans"),
        ("head: tags that GDAL writes", header, "template"),
        ("head: tables of blocks", header, "header"),
        ("head: tables of blocks", writing, "header"),
        ("lay out the file", writing, "lay_out"),
        ("statistics of an overview", sealing, "statistics"),
    ]
    before = [(owner, name, owner.__dict__[name]) for _row, owner, name in places]
    try:
        for row, owner, name in places:
            setattr(owner, name, profile.wrapped(row, owner.__dict__[name]))
        yield
    finally:
        for owner, name, function in before:
            setattr(owner, name, function)


def main() -> None:
    description, target = Path(sys.argv[1]), Path(sys.argv[2])
    profile = Profile()
    with profiled(profile):
        ours(description, target, **dict(word.split("=", 1) for word in sys.argv[3:]))
    used: Usage = usage_of()
    rows = dict(sorted(profile.rows.items(), key=lambda each: -each[1][3]))
    print(json.dumps(asdict(used) | {"rows": rows}))


if __name__ == "__main__":
    main()

"""
How long tiles take, and what they hold in memory: `python benchmarks/tiles.py [CELLS]`.

A full grid of about CELLS cells (a million) over a square, one over a disk of 100,000 vertices, and the legacy grid,
with identifiers and areas, written as GeoParquet, and read again. Each in a process of its own; peak memory is the
process's largest resident set until the file is written.
"""

from __future__ import annotations

import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from orchestrator.plan.area import Area

SIZE = 1000.0


def area(kind: str, cells: int) -> Area:
    """Return an area of about so many cells, in EPSG:32632."""
    import shapely  # noqa: PLC0415

    from orchestrator.plan.area import Area  # noqa: PLC0415

    side = (cells**0.5) * SIZE
    left, bottom = 500_000 - side / 2, 5_000_000 - side / 2
    square = shapely.box(left, bottom, left + side, bottom + side)
    if kind == "round":
        radius = side / 3.1415926535**0.5
        square = shapely.Point(500_000, 5_000_000).buffer(radius, quad_segs=25_000)
    return Area("bench", square, "EPSG:32632", "benchmark", "0" * 64)


def measure(kind: str, cells: int) -> None:
    from orchestrator.tiling.file import read_tiles, write_tiles  # noqa: PLC0415
    from orchestrator.tiling.grids import full_tiles, legacy_tiles  # noqa: PLC0415

    outline = area("square" if kind == "legacy" else kind, cells)
    began = time.perf_counter()
    tiles, _ = legacy_tiles(outline, "bench", SIZE) if kind == "legacy" else full_tiles(outline, "bench", SIZE)
    laid = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        written = write_tiles(tiles, Path(folder))
        wrote = time.perf_counter()
        used = resource.getrusage(resource.RUSAGE_SELF)
        size = written.path.stat().st_size / 1e6
        read_tiles(written.path)
    read = time.perf_counter()
    print(
        f"{kind:8} {len(tiles.frame):>10,} tiles  laid {laid - began:6.1f} s  written {wrote - laid:5.1f} s"
        f"  together {wrote - began:6.1f} s ({used.ru_utime + used.ru_stime:.1f} of CPU)"
        f"  peak {used.ru_maxrss / 2**20:.2f} GiB  file {size:.0f} MB"
        f"  read and checked {read - wrote:.1f} s"
    )


if __name__ == "__main__":
    if len(sys.argv) == 3:
        measure(sys.argv[1], int(sys.argv[2]))
    else:
        for kind in ("square", "round", "legacy"):
            subprocess.run([sys.executable, __file__, kind, *(sys.argv[1:] or ["1000000"])], check=True)

"""
A child that does one thing after another to hostile input, under limits; spoken to in lines of JSON.

It may use so much memory and time for each, and a signal ends it where a library would hang. Whatever it does beyond
its own folder, whoever started it looks for.
"""

from __future__ import annotations

import contextlib
import io
import json
import resource
import signal
import sys
import time
import traceback
import warnings
from pathlib import Path
from typing import Any

from orchestrator.assemble.accepted import Accepted
from orchestrator.assemble.part import gdal, open_part
from orchestrator.assemble.settings import MosaicSettings
from orchestrator.core.errors import OrchestratorError
from orchestrator.faces.cli.main import run_cli
from orchestrator.model.grid import Grid, Window
from orchestrator.model.mosaic import MosaicSpec
from orchestrator.model.spec import PixelSpec
from orchestrator.products.preprocess.raster import StripReader
from orchestrator.products.tiff import read_tiff
from orchestrator.tiling.chip_raster import read_header

SECONDS, WAITING_SECONDS = 10, 200
GRID = Grid("EPSG:32633", (10.0, 0.0, 500_000.0, 0.0, -10.0, 5_100_000.0), 512, 512)
PIXELS = PixelSpec(("B2", "B3"), "uint16", 0)


def command(arguments: list[str]) -> tuple[int, str]:
    """Run a command of the program; return its exit code and what it said to a person."""
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = run_cli(arguments)
    return code, err.getvalue()


def raster(path: str) -> tuple[int, str]:
    """Do to a file what every product does to one: each must refuse it in a sentence, or give the pixels planned."""
    said = [_by(each, Path(path)) for each in (_as_part, _as_piece, _as_scene, _as_chip)]
    return (2 if any(said) else 0), "; ".join(filter(None, said))


def _by(read: Any, path: Path) -> str:
    try:
        read(path)
    except OrchestratorError as error:
        return " ".join(str(error).split())
    return ""


def _as_part(path: Path) -> None:
    settings = MosaicSettings.of(MosaicSpec(GRID, PIXELS))
    for data in (path, path.read_bytes()):
        with gdal(), open_part(data, Window(0, 0, 512, 512), settings, Accepted(GRID)) as part:
            side = part.encoding.block
            for row in range(0, 512, side):
                for col in range(0, 512, side):
                    pixels = part.read(Window(row, col, min(side, 512 - row), min(side, 512 - col)))
                    assert pixels.nbytes <= 512 * 512 * 4


def _as_piece(path: Path) -> None:
    assert read_tiff(path, GRID, 2, "uint16").shape == (2, 512, 512)


def _as_scene(path: Path) -> None:
    reader = StripReader(path)
    if reader.grid.height * reader.grid.width <= 1 << 24:
        assert reader.rows(0, reader.grid.height).shape == (reader.grid.height, reader.grid.width)


def _as_chip(path: Path) -> None:
    assert read_header(path).bands >= 1


def main() -> None:
    """Answer each line `[what, argument]` by one with the end, and the highest memory so far."""
    for line in sys.stdin:
        what, argument, limit = json.loads(line)
        resource.setrlimit(resource.RLIMIT_AS, (limit, resource.RLIM_INFINITY))
        # Nobody catches these: seconds of processor time, which a busy machine does not use up, and of waiting.
        signal.setitimer(signal.ITIMER_PROF, SECONDS)
        signal.alarm(WAITING_SECONDS)
        began = time.monotonic()
        try:
            code, said = {"command": command, "raster": raster}[what](argument)
            fault = ""
        except BaseException:  # noqa: BLE001  told
            code, said, fault = 1, "", traceback.format_exc()
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.alarm(0)
        answer = {"code": code, "said": said, "fault": fault, "seconds": time.monotonic() - began}
        sys.__stdout__.write(json.dumps(answer) + "\n")
        sys.__stdout__.flush()


if __name__ == "__main__":
    warnings.simplefilter("ignore")  # of rasters without a place
    main()

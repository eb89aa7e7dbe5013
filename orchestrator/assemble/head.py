"""The head of a finished mosaic that lies elsewhere, as a file here: tags, and overviews that a picture needs."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from orchestrator.assemble import tiff
from orchestrator.core.disks import space_errors
from orchestrator.core.errors import Stopped
from orchestrator.model.ports import Stop

_PIECE_BYTES = 8 << 20


def write_head(source: tiff.Readable, path: Path, side: int, stop: Stop) -> int:
    """
    Write the beginning of a mosaic to a file of its size, and return how many bytes were read for it.

    There are its tags and its overviews of at most `side` pixels, which lie first in the file. What is missing reads as
    nothing: the file shows what these levels hold, and is no result.

    Raises:
        IntegrityError, TransientError: As whoever has the bytes.
        Stopped: `stop` was set.
    """
    end = _end(tiff.read(source), side, source.size)
    with space_errors(path), path.open("wb") as file:
        for at in range(0, end, _PIECE_BYTES):
            if stop.is_set():
                raise Stopped("stopped while reading the head of the joined raster; the same command goes on")
            file.write(source.read(at, min(_PIECE_BYTES, end - at)))
        file.truncate(source.size)
    return end


def _end(found: tiff.File, side: int, size: int) -> int:
    """Return the first byte behind the overviews that are wanted; finer ones lie behind coarser ones."""
    wanted, first = 0, size
    for image in found.directories:
        offsets, sizes = image.numbers(tiff.TILE_OFFSETS), image.numbers(tiff.TILE_SIZES)
        stored = np.flatnonzero(sizes)
        if not len(stored):
            continue
        first = min(first, int(offsets[stored].min()))
        if max(image.number(tiff.HEIGHT), image.number(tiff.WIDTH)) <= side:
            wanted = max(wanted, int((offsets[stored] + sizes[stored]).max()))
    return max(first, wanted)

"""Counts the pixels of a finished mosaic that hold data: every block is decoded once, none is estimated."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

from orchestrator.assemble import tiff
from orchestrator.assemble.codec import COMPRESSIONS, Codec, Encoding, Pixels
from orchestrator.assemble.reduce import is_nodata
from orchestrator.assemble.settings import MosaicSettings
from orchestrator.assemble.storage import FileBytes
from orchestrator.core.errors import IntegrityError, Stopped
from orchestrator.core.flow import in_order
from orchestrator.core.system import open_descriptor
from orchestrator.model.ports import Stop
from orchestrator.raster.arrays import Ints

Block = tuple[int, int]  # (block row, block column)


def count_valid(
    path: Path, settings: MosaicSettings, stop: Stop, on_blocks: Callable[[int, int], None] = lambda _done, _all: None
) -> tuple[int, ...]:
    """
    Return for each band how many pixels of a mosaic hold data: are not nodata, and for floating types not NaN.

    Pixels outside the area are nodata in the file, so that what is counted lies inside. `on_blocks` is told how
    many blocks are done, and of how many.

    Raises:
        IntegrityError: A block cannot be decoded; the message names it.
        Stopped: `stop` was set.
    """
    fd = open_descriptor(path, os.O_RDONLY)
    try:
        return count_valid_in(str(path), FileBytes.of(fd), settings, stop, on_blocks)
    finally:
        os.close(fd)


def count_valid_in(
    name: str, source: tiff.Readable, settings: MosaicSettings, stop: Stop, on_blocks: Callable[[int, int], None]
) -> tuple[int, ...]:
    """As `count_valid`, of a mosaic that is called `name` and whose bytes lie wherever."""
    return _Counting(name, source, settings, tiff.read(source).directories[0]).total(stop, on_blocks)


class _Counting:
    """One file that is being counted."""

    def __init__(self, path: str, source: tiff.Readable, settings: MosaicSettings, image: tiff.Directory) -> None:
        block = image.number(tiff.TILE_WIDTH)
        encoding = Encoding(COMPRESSIONS[image.number(tiff.COMPRESSION, 1)], image.number(tiff.PREDICTOR, 1), block)
        self._path, self._source, self._threads = path, source, settings.spec.threads
        self._nodata = settings.spec.pixels.nodata
        self._codec = Codec(encoding, settings.dtype, len(settings.spec.pixels.bands))
        self._height, self._width = image.number(tiff.HEIGHT), image.number(tiff.WIDTH)
        shape = -(-self._height // block), -(-self._width // block)
        self._offsets = image.numbers(tiff.TILE_OFFSETS).reshape(shape)
        self._sizes = image.numbers(tiff.TILE_SIZES).reshape(shape)

    def total(self, stop: Stop, on_blocks: Callable[[int, int], None]) -> tuple[int, ...]:
        stored = int(np.count_nonzero(self._sizes))
        total: Ints = np.zeros(self._codec.bands, np.int64)
        with ThreadPoolExecutor(self._threads, "count") as pool:
            counted = in_order(pool, self._count, self._stored(), ahead=2 * self._threads)
            for done, counts in enumerate(counted, start=1):
                if stop.is_set():
                    raise Stopped(f"stopped while counting the valid pixels of {self._path}; it is counted again")
                total += counts
                on_blocks(done, stored)
        return tuple(total.tolist())

    def _stored(self) -> Iterator[Block]:
        """Yield the blocks that are stored in the order of the file, which is how a disk likes to be read."""
        rows, cols = np.nonzero(self._sizes)
        order = np.argsort(self._offsets[rows, cols], kind="stable")
        yield from zip(rows[order].tolist(), cols[order].tolist(), strict=True)

    def _count(self, block: Block) -> Ints:
        pixels = self._decoded(block)
        block_side = self._codec.encoding.block
        # What a block holds beyond the edge of the raster means nothing.
        height, width = self._height - block[0] * block_side, self._width - block[1] * block_side
        return valid_in(pixels[:height, :width], self._nodata)

    def _decoded(self, block: Block) -> Pixels:
        data = self._source.read(int(self._offsets[block]), int(self._sizes[block]))
        try:
            return self._codec.decode(data)
        except IntegrityError as error:
            raise IntegrityError(f"{self._path}: block {block} of (row, column) is damaged: {error}") from error


def valid_in(pixels: Pixels, nodata: float) -> Ints:
    """Return how many of (row, col, band) `pixels` hold data, for each band."""
    empty = is_nodata(pixels, nodata)
    if np.issubdtype(pixels.dtype, np.floating) and not np.isnan(nodata):
        empty |= np.isnan(pixels)
    # Band by band: along axes numpy makes a whole number of each truth value first, which takes ten times as long.
    missing = [np.count_nonzero(empty[:, :, band]) for band in range(pixels.shape[2])]
    return np.asarray(pixels.shape[0] * pixels.shape[1] - np.array(missing), np.int64)

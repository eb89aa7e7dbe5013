"""A tiled GeoTIFF written from the top down, a block of rows at a time: the same bytes for the same pixels."""

from __future__ import annotations

import os
from collections.abc import Sequence
from concurrent.futures import Executor
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
import rasterio
from numpy.typing import NDArray
from rasterio import Affine
from rasterio.io import MemoryFile

from orchestrator.assemble import tiff
from orchestrator.assemble.codec import Codec, Encoding
from orchestrator.assemble.header import TEMPLATE_SIDE, Image, header, header_size
from orchestrator.assemble.storage import BufferBytes
from orchestrator.core.copying import write_all_at
from orchestrator.core.disks import space_errors
from orchestrator.core.errors import IntegrityError
from orchestrator.core.system import open_descriptor
from orchestrator.model.grid import BLOCK, Grid
from orchestrator.products.terms import Tags


class TileWriter:
    """
    Writes (row, col, band) in whole blocks, left to right and top down; `with` finishes it, unless an error comes.

    Blocks are 256 x 256 pixels of all bands, deflate, with the predictor of the number type.
    """

    def __init__(
        self,
        path: Path,
        grid: Grid,
        bands: Sequence[str],
        dtype: str,
        *,
        nodata: float | None,
        tags: Tags,
        pool: Executor,
    ) -> None:
        """Begin a file; what lies at `path` is replaced."""
        self.path, self._grid, self._pool = path, grid, pool
        self._template = _template(grid, bands, dtype, nodata, tags)
        kind = np.dtype(dtype).newbyteorder("<")
        self._codec = Codec(Encoding("deflate", 3 if kind.kind == "f" else 2, BLOCK), kind, len(bands))
        self._sizes: list[int] = []
        self._at = header_size(self._template, self._codec.encoding, [(grid.height, grid.width)])
        self._first = self._at
        with space_errors(path):
            self._fd = open_descriptor(path, os.O_RDWR | os.O_CREAT | os.O_TRUNC)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if kind is None:
                self._finish()
        finally:
            os.close(self._fd)

    def append(self, pixels: NDArray[Any]) -> None:
        """
        Add (row, col, band), the next blocks: whole rows of blocks over the whole width, or part of one row of them.

        The last row and column of blocks may be cut by the edge.
        """
        rows, cols = pixels.shape[:2]
        blocks = [
            pixels[top : top + BLOCK, left : left + BLOCK]
            for top in range(0, rows, BLOCK)
            for left in range(0, cols, BLOCK)
        ]
        with space_errors(self.path):
            for encoded in self._pool.map(self._encoded, blocks):
                write_all_at(self._fd, encoded, self._at)
                self._sizes.append(len(encoded))
                self._at += len(encoded)

    def _encoded(self, pixels: NDArray[Any]) -> bytes:
        if pixels.shape[:2] != (BLOCK, BLOCK):
            whole = np.zeros(self._codec.shape, self._codec.dtype)
            whole[: pixels.shape[0], : pixels.shape[1]] = pixels
            pixels = whole
        return self._codec.encode(pixels)

    def _finish(self) -> None:
        shape = -(-self._grid.height // BLOCK), -(-self._grid.width // BLOCK)
        if len(self._sizes) != shape[0] * shape[1]:
            raise IntegrityError(f"{self.path.name} has {len(self._sizes)} blocks, expected {shape[0]} × {shape[1]}")
        sizes = np.array(self._sizes, np.int64).reshape(shape)
        offsets = (self._first + np.cumsum(sizes) - sizes.ravel()).reshape(shape)
        head = header(
            self._template, self._codec.encoding, [Image(self._grid.height, self._grid.width, offsets, sizes)]
        )
        with space_errors(self.path):
            write_all_at(self._fd, head, 0)
            os.fsync(self._fd)


def _template(grid: Grid, bands: Sequence[str], dtype: str, nodata: float | None, tags: Tags) -> tiff.Directory:
    """Return the tags that GDAL writes for CRS, bands and metadata."""
    profile = {
        "driver": "GTiff",
        "height": TEMPLATE_SIDE,
        "width": TEMPLATE_SIDE,
        "count": len(bands),
        "dtype": dtype,
        "crs": grid.crs,
        "transform": Affine(*grid.transform),
        "nodata": nodata,
        "photometric": "MINISBLACK",
        "interleave": "pixel",
    }
    with rasterio.Env(GDAL_PAM_ENABLED="NO"), MemoryFile() as memory:
        with memory.open(**profile) as dataset:
            dataset.update_tags(**dict(tags))
            dataset.descriptions = tuple(bands)
        return tiff.read(BufferBytes(memoryview(memory.read()))).directories[0]

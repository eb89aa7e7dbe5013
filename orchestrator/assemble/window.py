"""Pixels of a finished mosaic, read block by block wherever its bytes lie."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from orchestrator.assemble import tiff
from orchestrator.assemble.codec import COMPRESSIONS, Codec, Encoding
from orchestrator.assemble.settings import MosaicSettings
from orchestrator.model.grid import Window


def read_window(source: tiff.Readable, window: Window, settings: MosaicSettings) -> NDArray[Any]:
    """
    Return what a mosaic holds at full resolution, as (band, row, col) of a window; blocks it does not store are nodata.

    Raises:
        IntegrityError: A block cannot be decoded.
    """
    image = tiff.read(source).directories[0]
    side, pixels = image.number(tiff.TILE_WIDTH), settings.spec.pixels
    encoding = Encoding(COMPRESSIONS[image.number(tiff.COMPRESSION, 1)], image.number(tiff.PREDICTOR, 1), side)
    codec = Codec(encoding, settings.dtype, len(pixels.bands))
    across = -(-image.number(tiff.WIDTH) // side)
    offsets, sizes = image.numbers(tiff.TILE_OFFSETS), image.numbers(tiff.TILE_SIZES)
    found = np.full((len(pixels.bands), window.height, window.width), pixels.nodata, settings.dtype)
    for row in range(window.row // side, -(-window.bottom // side)):
        for col in range(window.col // side, -(-window.right // side)):
            block = row * across + col
            if not sizes[block]:
                continue
            decoded = codec.decode(source.read(int(offsets[block]), int(sizes[block])))
            here = Window(row * side, col * side, side, side).intersection(window)
            assert here is not None  # noqa: S101  the loops say so
            rows = slice(here.row - row * side, here.bottom - row * side)
            cols = slice(here.col - col * side, here.right - col * side)
            target = (
                slice(here.row - window.row, here.bottom - window.row),
                slice(here.col - window.col, here.right - window.col),
            )
            found[:, *target] = np.moveaxis(decoded[rows, cols], -1, 0)
    return found

"""Small pictures of small rasters, all of a set by one stretch, so that they stay comparable."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from orchestrator.previews.numbers import numbers_of
from orchestrator.previews.source import PublishedRaster, reading
from orchestrator.previews.style import Style, paint
from orchestrator.previews.tiles import png

SIDE = 128  # pixels of the longer side
SAMPLED = 12  # rasters that the stretch of all is taken of, spread over the set


def thumbnail(source: PublishedRaster, style: Style) -> bytes:
    """
    Return a raster as a PNG of at most `SIDE` × `SIDE` pixels, the nearest pixel at each place.

    Raises:
        UserError: It is gone, another one, or cannot be read.
    """
    with reading(source) as dataset:
        ratio = max(1.0, max(dataset.height, dataset.width) / SIDE)
        shape = (max(1, round(dataset.height / ratio)), max(1, round(dataset.width / ratio)))
        values = dataset.read(list(style.bands), out_shape=(len(style.bands), *shape), masked=True)
    return png(paint(values, style))


def common_ranges(sources: Sequence[PublishedRaster], bands: tuple[int, ...]) -> tuple[tuple[float, float], ...]:
    """
    Return the 2nd and 98th percentile of each band, of some rasters of a set together.

    Raises:
        UserError: See `thumbnail`.
    """
    step = max(1, len(sources) // SAMPLED)
    read: list[list[float]] = [[] for _ in bands]
    for source in sources[::step][:SAMPLED]:
        with reading(source) as dataset:
            values = dataset.read(list(bands), masked=True)
        for at, band in enumerate(values):
            read[at].extend(np.ma.compressed(band).tolist())
    return tuple(numbers_of("", np.ma.masked_array(band)).stretch("percentile") for band in read)

"""
Draws the image files of a product, several at once.

What costs time is the ground, which bands of one pixel size share: so squares of ground are gone through once, in rows,
for all of them. A row of squares need not end with a pixel of 60 m; what is left over goes to the next one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from orchestrator.sandbox.safe import jp2, pixels
from orchestrator.sandbox.safe.bands import Image
from orchestrator.sandbox.safe.product import COARSEST, Product
from orchestrator.sandbox.scenes.ground import SQUARE
from orchestrator.sandbox.scenes.pyramid import Pixels

_SQUARES_ACROSS = 4  # that are drawn for all bands before the next ones, and kept meanwhile
_LAYERS_OF_10_M = 4  # at once; of larger pixels there may be as many more
Layers = Mapping[str, Pixels]


def render(product: Product, folder: Path, done: Callable[[Image], None] = lambda _: None) -> None:
    """Write the image files of a product below its folder; `done` hears of each."""
    with jp2.environment():
        for group in _groups(product):
            _render(product, group, folder, done)


def class_counts(product: Product) -> NDArray[np.int64]:
    """Count the pixels of each class of the scene classification (20 m), 0 to 11."""
    counts = np.zeros(12, np.int64)
    image = Image("SCL", 20, 20)
    for _, layers in _strips(product, ("SCL",), image.native):
        counts += np.bincount(pixels.draw(product, image, layers).ravel(), minlength=12)
    return counts


def _groups(product: Product) -> Iterator[tuple[Image, ...]]:
    """Put images together that are made of the same few layers, which share a pixel size."""
    by_layers: dict[tuple[int, tuple[str, ...]], list[Image]] = {}
    for image in product.images:
        by_layers.setdefault((image.native, pixels.layers_of(product, image)), []).append(image)
    for native in (10, 20, 60):
        alike = iter([group for (size, _), group in by_layers.items() if size == native])
        while chunk := tuple(islice(alike, _LAYERS_OF_10_M * native // 10)):
            yield tuple(image for group in chunk for image in group)


def _render(product: Product, group: tuple[Image, ...], folder: Path, done: Callable[[Image], None]) -> None:
    native = group[0].native
    names = tuple(dict.fromkeys(name for image in group for name in pixels.layers_of(product, image)))
    writers = [_writer(product, image, folder) for image in group]
    for row, layers in _strips(product, names, native):
        for writer, image in zip(writers, group, strict=True):
            writer.write(row * native // image.metres, pixels.draw(product, image, layers))
    for writer, image in zip(writers, group, strict=True):
        writer.close()
        done(image)


def _writer(product: Product, image: Image, folder: Path) -> jp2.Writer:
    return jp2.Writer(folder / product.path(image), product.grid(image.metres), image.dtype, image.channels)


def _strips(product: Product, names: Sequence[str], native: int) -> Iterator[tuple[int, Layers]]:
    """Yield layers from the top, in strips of whole pixels of 60 m over the width of the cut, with their first row."""
    grid, times = product.grid(native), COARSEST // native
    begun, rest = 0, {name: _nothing(grid.width) for name in names}
    for rows in _pieces(-grid.north // native, grid.height, SQUARE):
        fresh = _read(product, names, native, rows)
        joined = {name: _joined(rest[name], fresh[name]) for name in names}
        whole = (rows.stop - begun) // times * times
        yield begun, {name: (values[:whole], valid[:whole]) for name, (values, valid) in joined.items()}
        rest = {name: (values[whole:], valid[whole:]) for name, (values, valid) in joined.items()}
        begun += whole


def _pieces(first: int, count: int, side: int) -> Iterator[slice]:
    """Cut `count` pixels, of which the first has the number `first` in its zone, where squares end."""
    start = 0
    while start < count:
        stop = min(count, start + side - (first + start) % side)
        yield slice(start, stop)
        start = stop


def _read(product: Product, names: Sequence[str], native: int, rows: slice) -> Layers:
    """Read rows of some layers, a few squares of ground at a time."""
    grid = product.grid(native)
    parts: dict[str, list[Pixels]] = {name: [] for name in names}
    for cols in _pieces(grid.west // native, grid.width, _SQUARES_ACROSS * SQUARE):
        for name in names:
            parts[name].append(pixels.read(product, name, native, rows, cols))
    return {name: (np.hstack([v for v, _ in each]), np.hstack([m for _, m in each])) for name, each in parts.items()}


def _nothing(width: int) -> Pixels:
    return np.zeros((0, width), np.uint8), np.zeros((0, width), np.bool_)


def _joined(above: Pixels, below: Pixels) -> Pixels:
    if above[0].shape[0] == 0:
        return below
    return np.vstack([above[0], below[0]]), np.vstack([above[1], below[1]])

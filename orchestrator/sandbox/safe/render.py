"""Draws the image files of a product, strip by strip, several at once: what they share of the ground is made once."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from orchestrator.sandbox.safe import jp2, pixels
from orchestrator.sandbox.safe.bands import Image
from orchestrator.sandbox.safe.product import Product

ROWS = 480  # of a strip: whole pixels of 10, 20 and 60 m
THREADS = 2
_LAYERS_AT_ONCE = 4
Strip = list[NDArray[np.generic]]


def render(product: Product, folder: Path, done: Callable[[Image], None] = lambda _: None) -> None:
    """Write the image files of a product below its folder; `done` hears of each."""
    with jp2.environment():
        for group in _groups(product):
            _render(product, group, folder, done)


def _groups(product: Product) -> Iterator[tuple[Image, ...]]:
    """Put images together that are made of the same few layers, which share a pixel size."""
    by_layers: dict[tuple[int, tuple[str, ...]], list[Image]] = {}
    for image in product.images:
        by_layers.setdefault((image.native, pixels.layers_of(product, image)), []).append(image)
    for native in (10, 20, 60):
        alike = iter([(layers, group) for (size, layers), group in by_layers.items() if size == native])
        while chunk := tuple(islice(alike, _LAYERS_AT_ONCE)):
            yield tuple(image for _, group in chunk for image in group)


def _render(product: Product, group: tuple[Image, ...], folder: Path, done: Callable[[Image], None]) -> None:
    height = product.grid(group[0].native).height
    writers = [_writer(product, image, folder) for image in group]
    with ThreadPoolExecutor(THREADS) as pool:
        starts = range(0, height, ROWS)
        waiting = [pool.submit(_strip, product, group, row, min(ROWS, height - row)) for row in starts[:THREADS]]
        for row in starts:
            strip = waiting.pop(0).result()
            ahead = row + THREADS * ROWS
            if ahead < height:
                waiting.append(pool.submit(_strip, product, group, ahead, min(ROWS, height - ahead)))
            for writer, image, values in zip(writers, group, strip, strict=True):
                writer.write(row * image.native // image.metres, values)
    for writer, image in zip(writers, group, strict=True):
        writer.close()
        done(image)


def _writer(product: Product, image: Image, folder: Path) -> jp2.Writer:
    return jp2.Writer(folder / product.path(image), product.grid(image.metres), image.dtype, image.channels)


def _strip(product: Product, group: tuple[Image, ...], row: int, height: int) -> Strip:
    native = group[0].native
    names = dict.fromkeys(name for image in group for name in pixels.layers_of(product, image))
    layers = {name: pixels.read(product, name, native, row, height) for name in names}
    return [pixels.draw(product, image, layers) for image in group]


def class_counts(product: Product) -> NDArray[np.int64]:
    """Count the pixels of each class of the scene classification (20 m), 0 to 11."""
    counts = np.zeros(12, np.int64)
    image = Image("SCL", 20, 20)
    height = product.grid(20).height
    for row in range(0, height, ROWS):
        values = _strip(product, (image,), row, min(ROWS, height - row))[0]
        counts += np.bincount(values.ravel(), minlength=12)
    return counts

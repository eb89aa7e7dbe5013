"""A file for each chip: arrays `image` (band, row, col) and `label` (row, col), read without pickle."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import numpy as np

from orchestrator.packing.formats import Placed, Target

if TYPE_CHECKING:
    from orchestrator.packing.pixels import Pixels
    from orchestrator.packing.samples import Sample


class Npz:
    """Writes `data/{split}/{key}.npz`. Numpy dates the arrays inside 1980, so that equal pixels are equal bytes."""

    def __init__(self, target: Target) -> None:
        self._folder = target.folder

    def add(self, sample: Sample, pixels: Pixels) -> Placed:
        arrays = {"image": pixels.image} | ({} if pixels.label is None else {"label": pixels.label})
        content = io.BytesIO()
        np.savez_compressed(content, allow_pickle=False, **arrays)
        name = f"data/{sample.split}/{sample.key}.npz"
        (self._folder / name).parent.mkdir(parents=True, exist_ok=True)
        (self._folder / name).write_bytes(content.getvalue())
        if pixels.label is None:
            return Placed(name, image_member="image.npy")
        return Placed(name, name, "image.npy", "label.npy")

    def close(self) -> None:
        """Have nothing left to write."""

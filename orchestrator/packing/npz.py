"""A file for each chip: arrays `image` (band, row, col) and `label` (row, col), read without pickle."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import numpy as np

from orchestrator.packing.formats import SamplePlace, Target

if TYPE_CHECKING:
    from orchestrator.packing.pixels import SamplePixels
    from orchestrator.packing.samples import TrainingSample


class Npz:
    """Writes `data/{split}/{key}.npz`. Numpy dates the arrays inside 1980, so that equal pixels are equal bytes."""

    def __init__(self, target: Target) -> None:
        self._folder = target.folder

    def add(self, sample: TrainingSample, pixels: SamplePixels) -> SamplePlace:
        arrays = {"image": pixels.image} | ({} if pixels.label is None else {"label": pixels.label})
        content = io.BytesIO()
        np.savez_compressed(content, allow_pickle=False, **arrays)
        name = f"data/{sample.split}/{sample.key}.npz"
        (self._folder / name).parent.mkdir(parents=True, exist_ok=True)
        (self._folder / name).write_bytes(content.getvalue())
        if pixels.label is None:
            return SamplePlace(name, image_member="image.npy")
        return SamplePlace(name, name, "image.npy", "label.npy")

    def close(self) -> None:
        """Have nothing left to write."""

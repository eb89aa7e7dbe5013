"""Pixels of patches, out of the files of scenes, as a shard has them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from rasterio.errors import RasterioError
from rasterio.windows import Window as RasterWindow

from orchestrator.core.errors import UserError
from orchestrator.packing.statistics import BandStatistics
from orchestrator.products.patches.arrange import Candidates
from orchestrator.products.patches.document import PatchPlan
from orchestrator.products.patches.measure import Measured
from orchestrator.products.patches.samples import PatchSample, usual_bytes
from orchestrator.products.patches.scenes import is_validity, reading_scenes
from orchestrator.raster.arrays import Ints
from orchestrator.raster.opening import open_raster

_OPEN = 24  # files of scenes at once


@dataclass(slots=True)
class SceneFiles:
    """Files of scenes, opened when they are needed, the longest unused closed first. For one thread."""

    plan: PatchPlan
    _open: dict[tuple[int, str], Any] = field(default_factory=dict)
    _stack: ExitStack = field(default_factory=ExitStack)

    def __enter__(self) -> Self:
        self._stack.enter_context(reading_scenes())
        return self

    def __exit__(self, *_: object) -> None:
        for file in self._open.values():
            file.close()
        self._stack.close()

    def read(self, scene: int, name: str, row: int, col: int, fill: float) -> NDArray[Any]:
        """
        Return a window of an asset, (band, row, col); what lies beyond the scene is `fill`.

        Raises:
            UserError: It cannot be read.
        """
        grid, size = self.plan.scenes[scene].grid, self.plan.keys.size
        height, width = min(size, grid.height - row), min(size, grid.width - col)
        try:
            pixels: NDArray[Any] = self._file(scene, name).read(window=RasterWindow(col, row, width, height))
        except RasterioError as error:
            path = self.plan.scenes[scene].files[name]
            raise UserError(f"{path} cannot be read: {error}; preprocess the scene again") from None
        if (height, width) == (size, size):
            return pixels
        return np.pad(pixels, ((0, 0), (0, size - height), (0, size - width)), constant_values=fill)

    def _file(self, scene: int, name: str) -> Any:
        file = self._open.pop((scene, name), None)
        if file is None:
            if len(self._open) >= _OPEN:
                self._open.pop(next(iter(self._open))).close()
            file = open_raster(Path(self.plan.scenes[scene].files[name]))
        self._open[scene, name] = file
        return file


def samples_of(
    plan: PatchPlan, found: Candidates, measured: Sequence[Measured], members: Sequence[Ints]
) -> Iterator[PatchSample]:
    """Yield samples with their pixels; `members` are the candidates of each, in the order of time."""
    with SceneFiles(plan) as files:
        for candidates in members:
            arrays = _arrays(plan, files, found, candidates)
            yield PatchSample(key_of(plan, found, candidates), arrays, facts_of(plan, found, measured, candidates))


def _arrays(plan: PatchPlan, files: SceneFiles, found: Candidates, candidates: Ints) -> dict[str, NDArray[Any]]:
    places = [(int(found.scene[one]), *map(int, found.corner[one])) for one in candidates]
    made = {"x": [files.read(scene, "x", row, col, 0) for scene, row, col in places]}
    if plan.has_labels:
        ignore = plan.scenes[places[0][0]].ignore
        made["y"] = [files.read(scene, "y", row, col, ignore)[0] for scene, row, col in places]
    if plan.has_angles:
        made["angles"] = [files.read(scene, "angles", row, col, np.nan) for scene, row, col in places]
    single = plan.keys.times == 1
    return {name: arrays[0] if single else np.stack(arrays) for name, arrays in made.items()}


def key_of(plan: PatchPlan, found: Candidates, candidates: Ints) -> str:
    """Return `T33UWQ_20251210T100319_r00256_c00512`; of several times the first and the last stand in it."""
    scenes = [plan.scenes[int(found.scene[one])] for one in candidates]
    row, col = map(int, found.corner[candidates[0]])
    when = [scenes[0].sensing] if plan.keys.times == 1 else [scenes[0].sensing, scenes[-1].sensing]
    return "_".join([scenes[0].tile, *when, f"r{row:05d}", f"c{col:05d}"])


def facts_of(plan: PatchPlan, found: Candidates, measured: Sequence[Measured], candidates: Ints) -> dict[str, Any]:
    """Return what is told of a sample: where and when it is, and what each of its patches holds."""
    first = int(candidates[0])
    scene = plan.scenes[int(found.scene[first])]
    row, col = map(int, found.corner[first])
    a, b, c, d, e, f = scene.grid.transform
    told = {
        "key": key_of(plan, found, candidates),
        "tile": scene.tile,
        "sensing": [plan.scenes[int(found.scene[one])].moment for one in candidates],
        "row": row,
        "col": col,
        "size": plan.keys.size,
        "crs": scene.grid.crs,
        "transform": [a, b, c + a * col, d, e, f + e * row],
        "valid": [float(found.valid[one]) for one in candidates],
    }
    if plan.has_labels:
        told["ignore"] = [float(found.ignored[one]) for one in candidates]
        told["labels"] = [labels_of(found, measured, int(one)) for one in candidates]
    return told


def labels_of(found: Candidates, measured: Sequence[Measured], candidate: int) -> dict[str, int]:
    """Return how many pixels of each class a candidate has, those that occur."""
    scene = int(found.scene[candidate])
    own = measured[scene]
    counts = own.labels[candidate - int(np.searchsorted(found.scene, scene))]
    return {str(value): int(count) for value, count in zip(own.classes, counts, strict=True) if count}


def sample_bytes(plan: PatchPlan) -> int:
    """Return what a patch of one scene weighs in a shard."""
    pixels, scene = plan.keys.size**2, plan.scenes[0]
    shapes = [(pixels * len(scene.bands), np.dtype(scene.dtype).itemsize)]
    shapes += [(pixels, 1)] if plan.has_labels else []
    shapes += [(pixels * len(scene.angles), 4)] if plan.has_angles else []
    return usual_bytes(shapes)


@dataclass(slots=True)
class ShardStatistics:
    """What the bands of a shard hold, sample by sample."""

    names: tuple[str, ...]
    bands: BandStatistics = field(init=False)

    def __post_init__(self) -> None:
        self.bands = BandStatistics(len(data_names(self.names)))

    def add(self, x: NDArray[Any]) -> None:
        """Take in (band, row, col), or (time, band, row, col), validity among the bands."""
        for one in x if x.ndim == 4 else x[None]:
            data, valid = data_and_valid(one, self.names)
            self.bands.add(data, valid)


def data_names(names: Sequence[str]) -> tuple[str, ...]:
    """Return the bands that hold data."""
    return tuple(name for name in names if not is_validity(name))


def data_and_valid(x: NDArray[Any], names: Sequence[str]) -> tuple[NDArray[Any], NDArray[np.bool_]]:
    """Return the bands of x that hold data, and where each does, both (band, row, col)."""
    at = [place for place, name in enumerate(names) if not is_validity(name)]
    flags: Mapping[str, NDArray[Any]] = {name: x[place] > 0 for place, name in enumerate(names) if is_validity(name)}
    every = np.logical_and.reduce(list(flags.values()))
    return x[at], np.stack([flags.get(f"valid_{names[place]}", every) for place in at])

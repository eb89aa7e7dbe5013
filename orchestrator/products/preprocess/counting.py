"""The counting pass over one scene: how often each value comes, as a histogram that adds up."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import Executor

import numpy as np

from orchestrator.core.errors import Stopped
from orchestrator.model.ports import Stop
from orchestrator.products.preprocess.bands import NODATA, NUMBERS, Band, scene_bands
from orchestrator.products.preprocess.document import ScenePlan
from orchestrator.products.preprocess.keys import PreprocessKeys
from orchestrator.products.preprocess.normalisation.histogram import Histogram, SceneCounter, bins_of
from orchestrator.products.preprocess.normalisation.settings import NormalisationSettings
from orchestrator.raster.arrays import Ints


def settings_of(keys: PreprocessKeys) -> NormalisationSettings:
    """Return what is counted, as a configuration says it."""
    normalize = keys.normalize
    return NormalisationSettings(
        keys.l1c_bands,
        normalize.hist_range,
        normalize.hist_bin_width,
        normalize.clip_percentiles,
        normalize.max_pixels_per_scene,
        normalize.seed,
        keys.to_toa_reflectance,
    )


def count_scene(scene: ScenePlan, keys: PreprocessKeys, stop: Stop, pool: Executor) -> Histogram:
    """
    Count the valid pixels of a scene.

    Raises:
        PermanentError, UserError: A file is not what it should be.
        Stopped: `stop` was set.
    """
    settings = settings_of(keys)
    bands = scene_bands(scene, keys)
    if settings.max_pixels_per_scene is not None:
        return _sampled(scene, bands, settings, stop)
    counts = np.stack(list(pool.map(lambda band: _counted(scene, band, stop), bands)))
    return _histogram(counts, bands, settings)


def _counted(scene: ScenePlan, band: Band, stop: Stop) -> Ints:
    counts = np.zeros(NUMBERS, np.int64)
    for row, height in strips(scene, stop):
        counts += np.bincount(band.warped.valid(row, height).ravel(), minlength=NUMBERS)
    return counts


def strips(scene: ScenePlan, stop: Stop) -> Iterator[tuple[int, int]]:
    """
    Yield (first row, rows) of the sample from the top down.

    Raises:
        Stopped: `stop` was set.
    """
    assert scene.grid is not None  # noqa: S101  settled before
    for row in range(0, scene.grid.height, scene.strip):
        if stop.is_set():
            raise Stopped("stopped between two strips of a scene; the same command begins it again")
        yield row, min(scene.strip, scene.grid.height - row)


def _histogram(counts: Ints, bands: Sequence[Band], settings: NormalisationSettings) -> Histogram:
    """Return the bins of values of which each number's count is known: the same as value by value."""
    # One place more on each side: of what lies below and above.
    made = np.zeros((len(bands), settings.bins + 2), np.int64)
    for at, band in enumerate(bands):
        numbers = np.flatnonzero(counts[at])
        numbers = numbers[numbers != NODATA]
        np.add.at(made[at], bins_of(band.values[numbers], settings, band.name) + 1, counts[at, numbers])
    inside = made[:, 1:-1].copy()
    inside[:, 0] += made[:, 0]
    inside[:, -1] += made[:, -1]
    return Histogram(inside, made[:, 0].copy(), made[:, -1].copy(), scenes=1)


def _sampled(scene: ScenePlan, bands: Sequence[Band], settings: NormalisationSettings, stop: Stop) -> Histogram:
    assert scene.grid is not None  # noqa: S101  settled before
    counter = SceneCounter(settings, scene.name, scene.grid.width)
    for band in bands:
        for row, height in strips(scene, stop):
            numbers = band.warped.valid(row, height)
            counter.add_band(band.name, band.values[numbers], numbers != NODATA, row)
    return counter.histogram()

"""Histograms as files: `histogram.npz` beside the statistics, and what one scene's unit keeps for the sum."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from orchestrator.core.errors import IntegrityError
from orchestrator.core.files import write_whole
from orchestrator.products.preprocess.normalisation.histogram import Histogram
from orchestrator.products.preprocess.normalisation.settings import NormalisationSettings
from orchestrator.products.preprocess.normalisation.stats import SCHEMA

NAME = "histogram.npz"
_COUNTED = ("counts", "underflow_count", "overflow_count")
_EPOCH = (1980, 1, 1, 0, 0, 0)  # the first that a zip can hold: no clock in the bytes
_UNIX = 3


def packed(histogram: Histogram, settings: NormalisationSettings, *, skipped: int = 0) -> bytes:
    """Return a histogram as an `.npz` that `numpy.load` reads without pickles: the same bytes for the same counts."""
    return _zipped(
        {
            "schema": np.array(SCHEMA),
            "bands": np.array(settings.bands),
            "hist_range": np.array(settings.hist_range, np.float64),
            "hist_bin_width": np.array([settings.hist_bin_width], np.float64),
            "counts": histogram.counts,
            "underflow_count": histogram.underflow,
            "overflow_count": histogram.overflow,
            "scenes_processed": np.array([histogram.scenes], np.int64),
            "scenes_skipped": np.array([skipped], np.int64),
        }
    )


def unpacked(content: bytes, settings: NormalisationSettings) -> Histogram:
    """
    Return the histogram of such bytes.

    Raises:
        IntegrityError: They are no histogram, or one of other bands or bins.
    """
    try:
        with np.load(io.BytesIO(content), allow_pickle=False) as found:
            made_of = (
                tuple(found["bands"].tolist()),
                tuple(found["hist_range"].tolist()),
                *found["hist_bin_width"].tolist(),
            )
            counts, under, over = (found[name].astype(np.int64) for name in _COUNTED)
            scenes = int(found["scenes_processed"][0])
    except (ValueError, KeyError, OSError, EOFError, zipfile.BadZipFile) as error:
        raise IntegrityError(f"a scene's histogram cannot be read ({error}); it is counted again") from None
    if made_of != (settings.bands, settings.hist_range, settings.hist_bin_width):
        raise IntegrityError(f"a histogram of {made_of} was found where {settings.bands} are counted")
    return Histogram(counts, under, over, scenes)


def write_histogram(path: Path, histogram: Histogram, settings: NormalisationSettings, *, skipped: int = 0) -> None:
    """Write the file, whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    write_whole(path, packed(histogram, settings, skipped=skipped))


def _zipped(arrays: Mapping[str, NDArray[Any]]) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED, compresslevel=6) as archive:
        for name, array in arrays.items():
            entry = zipfile.ZipInfo(f"{name}.npy", _EPOCH)
            entry.create_system, entry.compress_type = _UNIX, zipfile.ZIP_DEFLATED
            content = io.BytesIO()
            np.lib.format.write_array(content, np.asarray(array), allow_pickle=False)
            archive.writestr(entry, content.getvalue())
    return made.getvalue()

"""Reading `stats.json`, ours or one that s2pipe wrote, and holding it against what is to be normalised."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

from orchestrator.core.errors import UserError
from orchestrator.products.preprocess.normalisation.settings import NormalisationSettings
from orchestrator.products.preprocess.normalisation.stats import SCHEMA, TRUNCATED, BandStats, Stats, beyond

AGAIN = 'compute them anew with normalize.mode "compute_only"'
# What has to be equal; the sample and its seed may differ.
_COMPARED = ("hist_range", "hist_bin_width", "clip_percentiles", "to_toa_reflectance")


def read_stats(path: Path) -> Stats:
    """
    Read the file.

    Raises:
        UserError: It is not there, is no such file, or lacks what is needed; the key is named.
    """
    try:
        document = json.loads(path.read_bytes())
    except FileNotFoundError:
        raise UserError(f"there are no statistics at {path}; {AGAIN} first, or set normalize.stats_path") from None
    except (ValueError, OSError) as error:
        raise UserError(f"{path} cannot be read as statistics ({error}); {AGAIN}") from None
    if not isinstance(document, dict) or document.get("schema") != SCHEMA:
        found = document.get("schema") if isinstance(document, dict) else type(document).__name__
        raise UserError(f"{path} has the schema {found!r}, not {SCHEMA!r}; {AGAIN}")
    try:
        return _stats(document)
    except KeyError as error:
        raise UserError(f"{path} lacks {error.args[0]!r}; {AGAIN}") from None
    except (TypeError, ValueError, UserError) as error:
        raise UserError(f"{path} has a value that is none of statistics ({error}); {AGAIN}") from None


def check_stats(stats: Stats, wanted: NormalisationSettings, path: Path) -> None:
    """
    Make sure that statistics are of these bands, in this order, with this histogram and these percentiles.

    Raises:
        UserError: They are not; each difference is named. Or a percentile lies beyond the histogram.
    """
    differing = list(_differences(stats.settings, wanted))
    if differing:
        raise UserError(
            f"{path} has {'; '.join(f'{name} {found}, and here it is {asked}' for name, found, asked in differing)}; "
            f"{AGAIN}, or set the same values"
        )
    if words := list(_beyond(stats)):
        raise UserError(f"{path} is of no use: {beyond(words, stats.settings)}, and {AGAIN}")


def check_range(settings: NormalisationSettings) -> None:
    """
    Make sure that numbers as they are stored are not counted in the usual histogram, which is one of reflectance.

    Raises:
        UserError: They would be.
    """
    if not settings.to_toa_reflectance and settings.hist_range == NormalisationSettings(settings.bands).hist_range:
        raise UserError(
            "to_toa_reflectance is false, and normalize.hist_range is [-0.2, 2.0], that of reflectance: numbers lie "
            "beyond it. Set hist_range = [0, 65536] and hist_bin_width = 1 in the table [preprocess.normalize]"
        )


def remark(stats: Stats) -> str:
    """Return what a user should know of statistics that can be used; nothing of ours."""
    if stats.moments != TRUNCATED:
        return ""
    return (
        "mean and standard deviation of these statistics leave out what is beyond the percentiles, to which pixels are "
        f"clipped: normalised values will not have mean 0 and standard deviation 1; {AGAIN} for that"
    )


def _beyond(stats: Stats) -> Iterator[str]:
    """Yield the bands of which a percentile, or the mean, lies in a bin that stands for all that is beyond it."""
    settings = stats.settings
    first, last = settings.centre(0.5), settings.centre(settings.bins - 1.5)
    for name, of in stats.by_band.items():
        lowest, highest = (of.mean, of.mean) if settings.clip_percentiles is None else (of.clip_low, of.clip_high)
        if of.underflow_count and lowest < first:
            yield f"{name}: {of.underflow_count:,} below"
        if of.overflow_count and highest > last:
            yield f"{name}: {of.overflow_count:,} above"


def _differences(found: NormalisationSettings, wanted: NormalisationSettings) -> Iterator[tuple[str, str, str]]:
    if found.bands != wanted.bands:
        yield "bands", ", ".join(found.bands), ", ".join(wanted.bands)
    for name in _COMPARED:
        have, want = getattr(found, name), getattr(wanted, name)
        if have != want:
            yield name, _said(have), _said(want)


def _said(value: object) -> str:
    return json.dumps(value)


def _stats(document: Mapping[str, Any]) -> Stats:
    bands = tuple(document["bands"])
    percentiles = document["clip_percentiles"]
    settings = NormalisationSettings(
        bands,
        _pair(document["hist_range"]),
        float(document["hist_bin_width"]),
        None if percentiles is None else _pair(percentiles),
        document.get("max_pixels_per_scene"),
        document.get("seed", 0),
        document["to_toa_reflectance"],
    )
    return Stats(
        settings,
        MappingProxyType({name: _band(document, name) for name in bands}),
        document["scenes_processed"],
        document["scenes_skipped"],
        # s2pipe says nothing of it, and leaves them out.
        document.get("moments", TRUNCATED),
        document.get("attribution", ""),
    )


def _band(document: Mapping[str, Any], name: str) -> BandStats:
    found = {what: document[f"{what}_by_band"][name] for what in BandStats.__slots__}
    band = BandStats(**found)
    if not (band.std > 0 and band.clip_low <= band.mean <= band.clip_high):
        raise ValueError(
            f"band {name}: mean {band.mean}, std {band.std}, clipped to {band.clip_low} to {band.clip_high}"
        )
    return band


def _pair(values: Any) -> tuple[float, float]:
    low, high = values
    return float(low), float(high)

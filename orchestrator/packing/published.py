"""What the published tool says of a chip: the dict in its pickles, which is also what a user's code is asked about."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from orchestrator.plan.reproject import LONLAT
from orchestrator.tiling.file import SHARES
from orchestrator.tiling.label_columns import LABELS
from orchestrator.tiling.value_maps import ValueMap

OWN_SHARES = "partitions_aschip"

if TYPE_CHECKING:
    from orchestrator.packing.folders import ChipDataset
    from orchestrator.packing.pixels import SamplePixels, ValueMapping
    from orchestrator.packing.samples import TrainingSample
    from orchestrator.tiling.file import Tiles


def chip_dict(
    tiles: Tiles,
    labels: ChipDataset | None,
    sample: TrainingSample,
    pixels: SamplePixels,
    coarse: str = "",
    value_map: ValueMapping | None = None,
) -> dict[str, Any]:
    """
    Return a chip as geetiles 0.1.7 tells it, its numbers in their own type.

    Keys: `chip` (row, col, band); `chip_id`; `center_latlon`, the mean of the five points of the envelope's ring, of
    which the south-west is counted twice; `corners` with `nw` and `se` as (lat, lon); with labels `label` (row,
    col) and, where the tiles have shares, `label_proportions`: of the classes that a map makes of the labels.
    """
    ring = _ring(tiles, sample.row)
    (west, south), (east, north) = ring.min(axis=0), ring.max(axis=0)
    told: dict[str, Any] = {
        "chip": np.ascontiguousarray(np.moveaxis(pixels.image, 0, -1)),
        "chip_id": sample.identifier,
        "center_latlon": ring.mean(axis=0)[::-1].copy(),
        "corners": {"nw": np.array([north, west]), "se": np.array([south, east])},
    }
    if pixels.label is not None and labels is not None:
        told["label"] = pixels.label
        counted = tiles.about.get(LABELS, {}).get(f"{labels.name}{SHARES}", {})
        renamed = value_map if isinstance(value_map, ValueMap) and "map" not in counted else None
        shares = _shares(tiles.frame.iloc[sample.row], labels.name, coarse, renamed)
        if shares:
            told["label_proportions"] = shares
    return told


def asked_dict(
    tiles: Tiles,
    labels: ChipDataset | None,
    sample: TrainingSample,
    pixels: SamplePixels,
    coarse: str = "",
    value_map: ValueMapping | None = None,
) -> dict[str, Any]:
    """Return what a user's code is asked about: `chip_dict`, with shares of the label's pixels if none are counted."""
    told = chip_dict(tiles, labels, sample, pixels, coarse, value_map)
    if labels is None or pixels.label is None:
        return told
    shares: dict[str, Any] = told.setdefault("label_proportions", {})
    mapped = "map" in tiles.about.get(LABELS, {}).get(f"{labels.name}{SHARES}", {})
    by_code = value_map is not None and not isinstance(value_map, ValueMap)
    if OWN_SHARES not in shares or (by_code and not mapped):
        values, counts = np.unique(pixels.label[pixels.labelled], return_counts=True)
        total = counts.sum()
        shares[OWN_SHARES] = {f"{value:g}": float(n / total) for value, n in zip(values, counts, strict=True)}
    return told


def _ring(tiles: Tiles, row: int) -> Any:
    """Return the envelope's ring SW SE NE NW SW in degrees, (point, lon lat)."""
    west, south, east, north = tiles.frame.geometry.iloc[[row]].to_crs(LONLAT).total_bounds
    return np.array([[west, south], [east, south], [east, north], [west, north], [west, south]])


def _shares(row: Mapping[str, Any], labels: str, coarse: str, value_map: ValueMap | None) -> dict[str, Any]:
    own, above, foreign = f"{labels}{SHARES}", f"{labels}{SHARES}_at_{coarse}", f"foreignid_{coarse}"
    told: dict[str, Any] = {}
    if own in row and row[own] is not None:
        told[OWN_SHARES] = _of_classes(row[own], value_map)
    if coarse and above in row and foreign in row and row[above] is not None:
        told[f"partitions_{coarse}"] = _of_classes(row[above], value_map)
        told[foreign] = row[foreign]
    return told


def _of_classes(shares: Mapping[str, float], value_map: ValueMap | None) -> dict[str, float]:
    """Return the shares of values as those of the classes that a map makes of them."""
    if value_map is None:
        return dict(shares)
    found: dict[str, float] = {}
    for value, share in shares.items():
        name = str(int(value_map.apply(np.array([int(value)]))[0]))
        found[name] = found.get(name, 0.0) + share
    return found

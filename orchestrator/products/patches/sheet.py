"""Patches to look at: a contact sheet of some with their labels, and a map of their splits."""

from __future__ import annotations

import json
import random
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from orchestrator.core.errors import UserError
from orchestrator.packing.bands import shown_bands
from orchestrator.packing.folders import ChipDataset
from orchestrator.packing.pixels import SamplePixels
from orchestrator.packing.samples import TrainingSample, in_order
from orchestrator.packing.sheet import MOST, picture_of
from orchestrator.products.patches.cut import data_and_valid, data_names
from orchestrator.products.patches.samples import FACTS, MEMBERS, StoredSample, arrays_of, read_places
from orchestrator.tiling.chip_raster import ChipRaster
from orchestrator.tiling.picture import Colouring, draw_tiles

if TYPE_CHECKING:
    from geopandas import GeoDataFrame

SHEET = "sheet.png"
COUNT = 8


def draw_patches(
    folder: Path,
    told: Mapping[str, Any],
    frame: GeoDataFrame,
    *,
    count: int = COUNT,
    seed: int = 0,
    bands: Sequence[str] = (),
) -> bytes:
    """
    Return a sheet of up to `count` random samples as a PNG, each with its label beside it; of several times the first.

    Raises:
        UserError: There is no such band, or `count` is none.
        IntegrityError: A sample is not what the table tells.
    """
    if not 1 <= count <= MOST:
        raise UserError(f"the number of patches is {count}; a sheet shows 1 to {MOST}")
    names = data_names(told["image"]["bands"])
    shown = shown_bands(names, bands)
    rows = frame[frame["kept"]].drop_duplicates("sample")
    drawn = rows.iloc[sorted(random.Random(seed).sample(range(len(rows)), min(count, len(rows))))]  # noqa: S311  no secret
    order = list(in_order(dict.fromkeys(drawn["split"], 0)))
    drawn = drawn.iloc[np.argsort([order.index(split) for split in drawn["split"]], kind="stable")]
    contents = read_places(folder, places_of(drawn))
    read = [_read(content, told, row) for content, (_, row) in zip(contents, drawn.iterrows(), strict=True)]
    samples, pixels = [one for one, _ in read], [two for _, two in read]
    images = ChipDataset("x", folder, {}, {}, {}, names)
    labels = (
        ChipDataset("y", folder, {}, {}, {"classes": told["label"]["classes"]}, ("y",)) if "label" in told else None
    )
    return picture_of(told["name"], samples, pixels, images, labels, shown)


def draw_splits(told: Mapping[str, Any], frame: GeoDataFrame) -> bytes:
    """Return a map of all places as a PNG, in the colours of their splits; those that are not kept are pale."""
    every = frame.sort_values("kept", kind="stable").drop_duplicates(["tile", "row", "col"], keep="last")
    values = every["split"].where(every["split"].notna(), None)
    # A place may be in several samples, and the legend counts places.
    return draw_tiles(every, f"{told['name']}: places of each split", Colouring("split", values))


def places_of(rows: GeoDataFrame) -> list[StoredSample]:
    """Return where the samples of rows lie."""
    columns = (rows[name] for name in ("shard", "offset", "bytes", "sha256"))
    return [StoredSample(str(file), int(at), int(size), str(sha)) for file, at, size, sha in zip(*columns, strict=True)]


def _read(content: bytes, told: Mapping[str, Any], row: Any) -> tuple[TrainingSample, SamplePixels]:
    members = MEMBERS[told["format"]](content)
    arrays, facts = arrays_of(members), json.loads(members[FACTS])
    single = told["times"] == 1
    x = arrays["x"] if single else arrays["x"][0]
    data, valid = data_and_valid(x, told["image"]["bands"])
    size, dtype = int(row["size"]), told["image"]["dtype"]
    raster = ChipRaster(Path(row["shard"]), facts["crs"], tuple(facts["transform"]), size, size, len(data), dtype, None)
    y = arrays.get("y")
    if y is not None and not single:
        y = y[0]
    sample = TrainingSample(facts["key"], facts["key"], str(row["split"]), 0, raster, raster if y is not None else None)
    labelled = None if y is None else y != told["label"]["ignore"]
    return sample, SamplePixels(data, valid, y, labelled)

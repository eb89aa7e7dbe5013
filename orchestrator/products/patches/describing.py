"""What is written beside the shards of a set of patches, whoever has made them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from orchestrator.packing.index import json_bytes, parquet_bytes
from orchestrator.packing.publication import PATCHES as ABOUT
from orchestrator.packing.statistics import BandStatistics
from orchestrator.products.patches.about import complete, statistics_json
from orchestrator.products.patches.card import patch_card
from orchestrator.products.patches.sheet import SHEET, draw_patches
from orchestrator.products.patches.stac import write_stac
from orchestrator.products.patches.table import TABLE

if TYPE_CHECKING:
    from geopandas import GeoDataFrame

README, STATISTICS = "README.md", "statistics.json"


def describe(
    folder: Path,
    base: Mapping[str, Any],
    frame: GeoDataFrame,
    statistics: Mapping[str, BandStatistics],
    how: Mapping[str, Any],
) -> dict[str, Any]:
    """
    Write table, statistics, catalogue, sheet and card beside the shards in `folder`; return what `dataset.json` holds.

    Args:
        folder: Of the set.
        base: What is told of it whatever is made of it.
        frame: The table.
        statistics: Of the bands that hold data, by split.
        how: See `about.complete`.
    """
    told = complete(base, frame, statistics, how)
    (folder / TABLE).write_bytes(parquet_bytes(frame))
    write_stac(folder, told, frame)
    for name, content in (
        (STATISTICS, json_bytes(statistics_json(base, statistics))),
        (SHEET, draw_patches(folder, told, frame)),
        (ABOUT, json_bytes(told)),
        (README, patch_card(told)),
    ):
        (folder / name).write_bytes(content)
    return told

"""What is told of a set of patches: `dataset.json`, for programs; the card says the same in words."""

from __future__ import annotations

import shlex
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from orchestrator.packing.samples import in_order
from orchestrator.packing.statistics import DDOF, BandStatistics
from orchestrator.products.patches.arrange import LEFT_OUT
from orchestrator.products.patches.classes import classes_of
from orchestrator.products.patches.cut import data_names
from orchestrator.products.patches.document import PatchPlan
from orchestrator.products.patches.keys import SPLITS, PatchKeys
from orchestrator.products.patches.table import LABEL, label_values

if TYPE_CHECKING:
    from geopandas import GeoDataFrame

SCHEMA = "orchestrator.patches/1"
TRAIN = "train"


def source_facts(plan: PatchPlan, facts: Mapping[str, Any], version: str) -> dict[str, Any]:
    """Return what is told of a set whatever is made of it later: its scenes, its pixels, how they were cut."""
    keys, first = plan.keys, plan.scenes[0]
    size = keys.size
    told: dict[str, Any] = {
        "schema": SCHEMA,
        "orchestrator": version,
        "name": f"sentinel2-patches-{size}",  # of no folder: equal scenes give equal sets
        "attribution": facts.get("attribution", ""),
        "licence": facts.get("licence", ""),
        "image": {
            "dataset": "x.tif",
            "bands": list(first.bands),
            "shape": [size, size],
            "dtype": first.dtype,
            "nodata": None,
        },
        "times": keys.times,
        "cut": {
            "size": size,
            "stride": keys.step,
            "edge": keys.edge,
            "min_valid": keys.min_valid,
            "max_ignore": plan.max_ignore if plan.has_labels else None,
            "max_cloud": keys.max_cloud,
            "shadow": keys.shadow,
        },
        "splitting": splitting_facts(keys),
        "scenes": [{"key": scene.key, "tile": scene.tile, "sensing": scene.moment} for scene in plan.scenes],
    }
    if plan.has_angles:
        told["angles"] = {"bands": list(first.angles), "dtype": "float32"}
    if plan.has_labels:
        codes = {str(code): value for code, value in first.codes.items()}
        told["label"] = {"dataset": "y.tif", "dtype": "uint8", "ignore": first.ignore, "map": "", "codes": codes}
    return told


def splitting_facts(keys: PatchKeys) -> dict[str, Any]:
    """Return how patches are split, as it is told."""
    shares = dict(zip(SPLITS, keys.shares, strict=True))
    return {"by": keys.split_by, "shares": shares, "block": keys.block, "gap": keys.gap, "seed": keys.seed}


def complete(
    base: Mapping[str, Any],
    frame: GeoDataFrame,
    statistics: Mapping[str, BandStatistics],
    how: Mapping[str, Any],
) -> dict[str, Any]:
    """
    Return what `dataset.json` holds.

    Args:
        base: What `source_facts` returned.
        frame: The table.
        statistics: Of the bands that hold data, by split.
        how: `format`, `shard_size`, `apart`, `shuffled`, `command`.
    """
    kept = frame[frame["kept"]]
    samples = kept.drop_duplicates("sample")
    splits = in_order(Counter(samples["split"]))
    counted = TRAIN if TRAIN in splits else ""
    bands = data_names(base["image"]["bands"])
    every = statistics.get(counted) or all_splits(statistics)
    told = {
        **base,
        "format": how["format"],
        "shard_size": how["shard_size"],
        "samples": len(samples),
        "splits": splits,
        "shards": in_order({split: int(samples.loc[samples["split"] == split, "shard"].nunique()) for split in splits}),
        "windows": len(frame),
        "left_out": {reason: int((frame["why"] == reason).sum()) for reason in LEFT_OUT},
        "padded": 0,
        "apart": how["apart"],
        "crs": sorted(set(kept["crs"])),
        "shuffled": how["shuffled"],
        "statistics": {
            "split": counted or "all",
            "samples": splits.get(counted, len(samples)),
            "ddof": DDOF,
            "bands": every.told(bands),
        },
        "command": how["command"],
    }
    if "label" in base:
        told["label"] = {**base["label"], **_labels(base["label"], kept, list(splits))}
    return told


def _labels(label: Mapping[str, Any], kept: GeoDataFrame, splits: Sequence[str]) -> dict[str, Any]:
    values = label_values(kept)
    codes = {int(code): int(value) for code, value in label["codes"].items()}
    counts = {
        split: {str(v): int(kept.loc[kept["split"] == split, f"{LABEL}{v}"].sum()) for v in values} for split in splits
    }
    pixels = {split: {value: count for value, count in own.items() if count} for split, own in counts.items()}
    there = {int(value) for own in pixels.values() for value in own}
    return {"classes": classes_of(there, codes), "pixels": pixels}


def all_splits(statistics: Mapping[str, BandStatistics]) -> BandStatistics:
    """Return what is known of all splits together."""
    made = BandStatistics(next(iter(statistics.values())).bands)
    for one in statistics.values():
        made.merge(one)
    return made


def statistics_json(base: Mapping[str, Any], statistics: Mapping[str, BandStatistics]) -> dict[str, Any]:
    """Return what `statistics.json` holds: of each split the bands that hold data, over valid pixels."""
    bands = data_names(base["image"]["bands"])
    return {split: {"ddof": DDOF, "bands": one.told(bands)} for split, one in in_order(statistics).items()}


def cut_command(keys: PatchKeys) -> str:
    """Return the command that makes the same of the same scenes, without where."""
    names = keys.model_dump(mode="json", exclude_defaults=True, exclude={"index"})
    words = ["orchestrator", "patches", "cut", "SCENES"]
    for name, value in names.items():
        option = f"--{name.replace('_', '-')}"
        if isinstance(value, bool):
            words += [option if value else f"--no-{name}"]
        else:
            text = ",".join(f"{one:g}" for one in value) if isinstance(value, list) else f"{value}"
            words += [option, text]
    return shlex.join([*words, "--out", "DIR"])

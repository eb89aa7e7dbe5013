"""The card of a set of patches: what somebody must know who has only the files. Equal sets have equal cards."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from orchestrator.core.units import format_count
from orchestrator.packing.card import classes_in, joined, read_with_webdataset, splits_in, statistics_of, what_it_is
from orchestrator.products.patches.arrange import LEFT_OUT

_READING = {
    "webdataset": ("`shards/SPLIT-000000.tar`, ...: members `KEY.x.npy` %(x)s%(more)s and `KEY.json`"),
    "npz": (
        "Each `data/SPLIT/KEY.npz` holds `x` %(x)s%(more)s and `facts`, JSON as bytes; `numpy.load(path, "
        "allow_pickle=False)` reads it."
    ),
}


def patch_card(told: Mapping[str, Any]) -> bytes:
    """Return the card as Markdown; `told` is what `dataset.json` holds."""
    parts: list[Sequence[str]] = [
        [f"# {told['name']}"],
        [f"{told['attribution']}."],
        what_it_is(told),
        _cut(told),
        splits_in(told, "window", LEFT_OUT, "patches"),
        classes_in(told),
        statistics_of(told),
        _scenes(told),
        _made(told),
        _files(told),
    ]
    return joined(parts)


def _cut(told: Mapping[str, Any]) -> list[str]:
    cut, by = told["cut"], told["splitting"]
    filters = [f"{100 * cut['min_valid']:g} % of the pixels hold data"]
    if cut["max_ignore"] is not None:
        filters.append(f"at most {100 * cut['max_ignore']:g} % have no label")
    if cut["max_cloud"] is not None:
        shadow = " or their shadow" if cut["shadow"] else ""
        filters.append(f"at most {100 * cut['max_cloud']:g} % are clouds{shadow}")
    times = {1: "", "all": " A sample is every scene of its place, in the order of time."}.get(
        told["times"], f" A sample is {told['times']} scenes of its place, in the order of time."
    )
    said = (
        f"Windows of {cut['size']} × {cut['size']} pixels every {cut['stride']} of each scene (edge: {cut['edge']}), "
        f"of which at least {', '.join(filters)}.{times} Split by {by['by']}, so that no ground is in two splits."
    )
    return ["## How it was cut", "", said]


def _scenes(told: Mapping[str, Any]) -> list[str]:
    scenes = told["scenes"]
    tiles = sorted({scene["tile"] for scene in scenes})
    days = sorted(scene["sensing"][:10] for scene in scenes)
    said = f"{format_count(len(scenes), 'scene')} of {', '.join(tiles)}, {days[0]} to {days[-1]}."
    return ["## Sources and licences", "", said, f"{told['attribution']}. Licence: {told['licence'] or 'not told'}."]


def _made(told: Mapping[str, Any]) -> list[str]:
    order = "shuffled within each split" if told["shuffled"] else "in the order of scenes, rows and columns"
    return [
        "## How it was made",
        "",
        f"Samples {order}, seed {told['splitting']['seed']}. By orchestrator {told['orchestrator']}:",
        "",
        "```bash",
        told["command"],
        "```",
    ]


def _files(told: Mapping[str, Any]) -> list[str]:
    times = "time, " if told["times"] != 1 else ""
    more = [f"`KEY.y.npy` ({times}row, col)"] if "label" in told else []
    more += [f"`KEY.angles.npy` ({times}band, row, col)"] if "angles" in told else []
    words = "".join(f", {one}" for one in more)
    if told["format"] == "npz":
        words = words.replace("KEY.", "").replace(".npy", "")
    rest = (
        "`patches.parquet` (GeoParquet, degrees) has a row for every window, kept or not: shares, pixels of each "
        "class, split, and where in which file its sample lies; `orchestrator patches pack` makes other shards of it. "
        "`statistics.json` has the bands of each split; `stac/` a STAC collection with an item for each scene; "
        "`sheet.png` some patches to look at; `dataset.json` what this card says, for programs; `SHA256SUMS` the "
        "checksum of every file (`sha256sum -c SHA256SUMS`)."
    )
    reading = _READING[told["format"]] % {"x": f"({times}band, row, col)", "more": words}
    if told["format"] == "webdataset":
        reading += f"; {read_with_webdataset(told['shards'], 'shards/')}"
    return ["## Files", "", reading, "", rest]

"""The card of a training set: what somebody must know who has only the files. Equal sets have equal cards."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from orchestrator.core.units import format_count
from orchestrator.packing.folders import ChipDataset
from orchestrator.tiling.windows import GAPS

README = "README.md"
_READING: Mapping[str, str] = {
    "npz": (
        "Each `data/SPLIT/KEY.npz` holds `image` (band, row, col)%s; `numpy.load(path, allow_pickle=False)` reads it."
    ),
    "webdataset": (
        "`SPLIT-000000.tar`, ...: members `KEY.img.npy` (band, row, col)%s and `KEY.json` (tile, CRS, transform)"
    ),
    "geotiff": (
        "`images/KEY.tif`%s, and in `splits/SPLIT.txt` the keys of each split, one a line. TorchGeo: two "
        "RasterDatasets joined by `&`; TerraTorch: the lists are its split files; Raster Vision: images and "
        "labels have equal stems."
    ),
    "zip-pickle": (
        "`data/IDENTIFIER.pkl` in the archive are **pickles: loading one runs whatever it says**. Load them only from "
        "people you trust; a pickle is a dict with `chip` (row, col, band) int16%s."
    ),
}
_LABELS = {
    "npz": " and `label` (row, col)",
    "webdataset": ", `KEY.label.npy` (row, col)",
    "geotiff": " and `labels/KEY.tif`",
    "zip-pickle": ", `label` (row, col) int16 and `label_proportions`",
}
# Of what `pack.json` counts as left out.
LEFT_OUT: Mapping[str, str] = {
    "unsplit": "belong to no split",
    "empty": "have an empty chip",
    "failed": "have no chip",
    "unasked": "were never asked for",
    "odd_shape": "have another shape",
    "by_hook": "were left out by the user's code",
}


def card(told: Mapping[str, Any], datasets: Sequence[ChipDataset], user_text: str = "") -> bytes:
    """
    Return the card as Markdown.

    Args:
        told: What `pack.json` holds.
        datasets: That of the images, and of labels where there are.
        user_text: What the user says of the set; it comes first.
    """
    parts = [
        [user_text.rstrip()] if user_text.strip() else [f"# {told['name']}"],
        what_it_is(told),
        splits_in(told),
        classes_in(told),
        statistics_of(told),
        _sources(datasets),
        _made(told),
        _files(told),
    ]
    return joined(parts)


def joined(parts: Iterable[Sequence[str]]) -> bytes:
    """Return the parts of a card, lines each, as it is written; empty ones are left out."""
    return ("\n\n".join("\n".join(part) for part in parts if part) + "\n").encode()


def what_it_is(told: Mapping[str, Any]) -> list[str]:
    """Return the part on what a sample is."""
    image, label = told["image"], told.get("label")
    height, width = image["shape"]
    named = ", ".join(image["bands"])
    rows = [
        ("samples", str(told["samples"])),
        ("image", f"{len(image['bands'])} × {height} × {width} (band, row, col) of {image['dtype']}: {named}"),
        ("image nodata", _said(image["nodata"], "none")),
    ]
    if label:
        rows += [
            ("label", f"{height} × {width} (row, col) of {label['dtype']}, from {label['dataset']}"),
            ("label ignore value", _said(label["ignore"], "none")),
        ]
        rows += [("label map", str(label["map"]))] if label.get("map") else []
    rows += [("CRS", ", ".join(told["crs"]) or "not told")]
    return ["## What it is", "", *_table(("what", ""), rows)]


def splits_in(
    told: Mapping[str, Any], of: str = "tile", left_out: Mapping[str, str] = LEFT_OUT, pairs_of: str = "chips"
) -> list[str]:
    """Return the part on splits; `of` is what samples are made of, `left_out` why one is not there."""
    shards = told["shards"]
    rows = [
        (name, str(count), f"{100 * count / told['samples']:.2f} %", *([str(shards[name])] if shards else []))
        for name, count in told["splits"].items()
    ]
    out = told["left_out"]
    left = [f"{out[key]} {says}" for key, says in left_out.items() if out.get(key)]
    note = f"Of the {of}s {', '.join(left)}; they are not in it." if left else f"Every {of} is in it."
    padded = f" {told['padded']} are filled up to the shape of the largest." if told["padded"] else ""
    return [
        "## Splits",
        "",
        *_table(("split", "samples", "share", *(["shards"] if shards else [])), rows),
        "",
        note + padded,
        *(["", f"{said_of_pairs(told['apart'], pairs_of)}."] if len(told["splits"]) > 1 else []),
    ]


def said_of_pairs(apart: Mapping[str, Any], of: str = "chips") -> str:
    """Return how many chips of different splits overlap or are too near each other, as words without a point."""
    nearer, gap = apart["nearer"], apart["gap"]
    words = f"{format_count(apart['overlapping'], 'pair')} of {of} of different splits overlap"
    keep = "their tiles keep" if of == "chips" else "they keep"
    return f"{words}, {nearer} are nearer than the {gap:g} m that {keep}" if gap else words


def classes_in(told: Mapping[str, Any]) -> list[str]:
    """Return the part on the classes of labels, where there are any."""
    label = told.get("label")
    if not label or not label["classes"]:
        return []
    pixels, splits = label["pixels"], list(told["splits"])
    totals = {split: sum(pixels.get(split, {}).values()) for split in splits}
    rows = [
        (
            str(one["value"]),
            str(one.get("name", "")),
            str(one.get("color", "")),
            *(_share(pixels.get(split, {}).get(str(one["value"]), 0), totals[split]) for split in splits),
        )
        for one in label["classes"]
    ]
    said = "Shares are of the pixels that have a class, in each split."
    return ["## Classes", "", *_table(("value", "name", "colour", *splits), rows), "", said]


def _share(part: int, whole: int) -> str:
    return f"{100 * part / whole:.2f} %" if whole else "-"


def statistics_of(told: Mapping[str, Any]) -> list[str]:
    """Return the part on what the bands are normalised with."""
    counted = told["statistics"]
    rows = [
        (
            one["band"],
            *(_said(one[key], "-") for key in ("mean", "std", "min", "max")),
            f"{100 * one['valid_share']:.2f} %",
        )
        for one in counted["bands"]
    ]
    says = (
        f"Over the {format_count(counted['samples'], 'sample')} of `{counted['split']}` alone, pixels without data "
        f"apart; the standard deviation with ddof = {counted['ddof']}. `statistics.json` has all digits."
    )
    return ["## Normalisation", "", says, "", *_table(("band", "mean", "std", "min", "max", "valid"), rows)]


def _sources(datasets: Sequence[ChipDataset]) -> list[str]:
    found = ["## Sources and licences", ""]
    for dataset in datasets:
        sources = "; ".join(_words(dataset.about.get("sources")))
        found.append(f"* **{dataset.name}**: {sources or 'its sources are not told'}.")
        terms = terms_of(dataset.about)
        found.append(f"  Attribution: {terms['attribution'] or 'not told'}. Licence: {terms['licence'] or 'not told'}.")
    return [*found, "", "What each dataset is lies in `sources/`, with the code that made it where it was a user's."]


def terms_of(about: Mapping[str, Any]) -> dict[str, Any]:
    """Return `attribution`, `licence` and the `addresses` among its words."""
    licence = "; ".join(_words(about.get("licence", about.get("license"))))
    return {
        "attribution": "; ".join(_words(about.get("attribution"))),
        "licence": licence,
        "addresses": [word for word in licence.split("; ") if word.startswith(("https://", "http://"))],
    }


def _words(told: Any) -> Iterator[str]:
    if isinstance(told, str):
        yield from [told] if told else []
    elif isinstance(told, Mapping):
        named = [str(told[key]) for key in ("asset", "id", "name", "title", "url") if told.get(key)]
        days = [str(told[key]) for key in ("start", "end") if told.get(key)]
        yield " ".join([*named, *([f"({' to '.join(days)})"] if days else [])]) or str(dict(told))
    elif isinstance(told, Iterable):
        for one in told:
            yield from _words(one)


def _made(told: Mapping[str, Any]) -> list[str]:
    tiles = told["tiles"]
    told_plainly = [f"{key} {value}" for key, value in tiles["about"].items() if isinstance(value, str | int | float)]
    gaps = [f"gap of {column} {metres:g} m" for column, metres in (tiles["about"].get(GAPS) or {}).items()]
    how = ", ".join([*told_plainly, *gaps]) or "not told"
    seed = "in the order of the tiles" if told["seed"] is None else f"shuffled with seed {told['seed']}"
    return [
        "## How it was made",
        "",
        f"Tiles `{tiles['file']}` ({tiles['count']}; {how}). Samples {seed}.",
        f"By orchestrator {told['orchestrator']}, in the folder of the tiles:",
        "",
        "```bash",
        told["command"],
        "```",
    ]


def _files(told: Mapping[str, Any]) -> list[str]:
    labels = _LABELS[told["format"]] if told.get("label") else ""
    rest = (
        "`index.parquet` (GeoParquet) has a row for each sample: id, split, path, tile, shares of classes; "
        f"`splits.csv` the splits{'; `stac/` a STAC collection and an item for each sample' if told['stac'] else ''}; "
        "`pack.json` what this card says, for programs; `SHA256SUMS` the checksum of every file "
        "(`sha256sum -c SHA256SUMS`)."
    )
    reading = _READING[told["format"]] % labels
    if told["format"] == "webdataset":
        reading += f"; {read_with_webdataset(told['shards'])}"
    return ["## Files", "", reading, "", rest]


def read_with_webdataset(shards: Mapping[str, int], folder: str = "") -> str:
    """Return how the shards of the first split are read, with their numbers; `shards` is how many each split has."""
    split, count = next(iter(shards.items()))
    numbers = "000000" if count == 1 else f"{{000000..{count - 1:06d}}}"
    return f'`webdataset.WebDataset("{folder}{split}-{numbers}.tar").decode()` reads them.'


def _said(value: Any, nothing: str) -> str:
    if value is None:
        return nothing
    return f"{value:.10g}" if isinstance(value, float) else str(value)


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    yield f"| {' | '.join(head)} |"
    yield f"|{'---|' * len(head)}"
    for row in rows:
        yield f"| {' | '.join(cell.replace('|', '/') for cell in row)} |"

"""What is written beside the samples of a training set: tables, catalogue, statistics, sources, the card."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from orchestrator.packing import stac
from orchestrator.packing.asked import Packing
from orchestrator.packing.card import README, card, said_of_pairs, terms_of
from orchestrator.packing.contents import TRAIN, Contents
from orchestrator.packing.formats import find_format
from orchestrator.packing.index import INDEX, SPLITS, index_frame, json_bytes, parquet_bytes, plain, splits_csv
from orchestrator.packing.publication import ABOUT as PACK
from orchestrator.packing.samples import ALL, in_order
from orchestrator.packing.statistics import DDOF
from orchestrator.tiling.chip_folder import ABOUT, CODE
from orchestrator.tiling.windows import gap_of, meeting_windows

STATISTICS, SOURCES = "statistics.json", "sources"


def describe(folder: Path, found: Contents, asked: Packing, version: str) -> tuple[dict[str, Any], tuple[str, ...]]:
    """Write everything but the samples into `folder`; return what `pack.json` holds, and what a person should know."""
    found.name_classes()
    dates = stac.dates_of(found.images.about, found.images.name, asked.dates)
    about = _about(found, asked, version) | {"stac": dates is not None}
    notes = [*_notes(found, asked, about["apart"])]
    _write_tables(folder, found)
    if dates is None:
        notes.append(
            "nobody tells which days the images show, so that there is no STAC; --dates FIRST,AFTER, as in "
            "2020-01-01,2021-01-01, says it"
        )
    else:
        stac.write_stac(folder, _catalogue(found, about, dates), found.tiles, found.samples, found.places)
    _copy_sources(folder, found)
    datasets = [each for each in (found.images, found.labels) if each]
    for name, content in (
        (STATISTICS, json_bytes(about["statistics"])),
        (PACK, json_bytes(about)),
        (README, card(about, datasets, asked.readme)),
    ):
        (folder / name).write_bytes(content)
    return about, tuple(notes)


def _notes(found: Contents, asked: Packing, apart: dict[str, Any]) -> Iterator[str]:
    splits = list(in_order(found.splits))
    if splits == [ALL]:
        yield "the tiles have no splits: all samples are in one, and statistics are of all; `tiles split` makes splits"
    elif not found.counted:
        yield f"no split is called {TRAIN!r} ({', '.join(splits)}): statistics are of all samples"
    if apart["overlapping"] or apart["nearer"]:
        yield (
            f"{said_of_pairs(apart)}, such as {' and '.join(apart['such_as'])}: chips are larger than their tiles, and "
            "one split knows what is in another; bring chips of the size of their tiles, or split with a wider --gap"
        )
    if asked.format == "zip-pickle":
        yield "pickles run whatever they say when they are loaded: give them to nobody who does not know you"


def _apart(found: Contents, asked: Packing) -> dict[str, Any]:
    """Return how many chips of different splits overlap or are nearer than the gap between their tiles."""
    samples = [sample for sample in found.samples if sample.image.crs]
    gap = gap_of(found.tiles.about, asked.split_column or "split")
    pairs = meeting_windows([sample.image for sample in samples], [sample.split for sample in samples], gap)
    first = pairs.overlapping if len(pairs.overlapping) else pairs.near
    return {
        "gap": gap,
        "overlapping": len(pairs.overlapping),
        "nearer": len(pairs.near),
        "such_as": [samples[place].identifier for place in first[0]] if len(first) else [],
    }


def _about(found: Contents, asked: Packing, version: str) -> dict[str, Any]:
    image, chosen = found.samples[0].image, found.chosen
    return {
        "orchestrator": version,
        "name": name_of(found),
        "format": asked.format,
        "samples": len(found.samples),
        "splits": in_order(found.splits),
        "shards": _shards(found) if find_format(asked.format).archived == "tar" else {},
        "apart": _apart(found, asked),
        "padded": chosen.padded,
        "left_out": {
            "unsplit": chosen.unsplit,
            "empty": len(chosen.lacking.empty),
            "failed": len(chosen.lacking.failed),
            "unasked": len(chosen.lacking.unasked),
            "odd_shape": len(chosen.odd),
            "by_hook": found.refused,
        },
        "crs": sorted({sample.image.crs for sample in found.samples if sample.image.crs}),
        "image": {
            "dataset": found.images.name,
            "bands": list(found.images.band_names),
            "shape": list(chosen.shape),
            "dtype": image.dtype,
            "nodata": _number(image.nodata),
        },
        **({"label": _label(found, asked)} if found.labels else {}),
        "statistics": {
            "split": found.counted or ALL,
            "samples": found.splits[found.counted] if found.counted else len(found.samples),
            "ddof": DDOF,
            "bands": found.bands.told(found.images.band_names),
        },
        "tiles": {
            "file": found.tiles.path.name if found.tiles.path else found.tiles.name.stem,
            "count": len(found.tiles.frame),
            "about": {key: plain(value) for key, value in found.tiles.about.items()},
        },
        "seed": asked.seed,
        "command": asked.command(found.tiles),
    }


def _label(found: Contents, asked: Packing) -> dict[str, Any]:
    pixels = {split: {str(value): n for value, n in counts.items()} for split, counts in found.counts.told().items()}
    return {
        "dataset": found.labels.name if found.labels else "",
        "dtype": found.label_dtype,
        "ignore": _number(found.ignore),
        "map": asked.map_text,
        "classes": found.classes,
        "pixels": in_order(pixels),
    }


def _shards(found: Contents) -> dict[str, int]:
    files = {(sample.split, place.image) for sample, place in zip(found.samples, found.places, strict=True)}
    return in_order({split: sum(one == split for one, _ in files) for split, _ in files})


def name_of(found: Contents) -> str:
    """Return `{area}_{images}_{labels}`, the name of the training set."""
    return "_".join([found.tiles.name.area, found.images.name, *([found.labels.name] if found.labels else [])])


def _write_tables(folder: Path, found: Contents) -> None:
    labels = found.labels.name if found.labels else ""
    index = index_frame(found.tiles, found.samples, found.places, labels, found.class_shares)
    (folder / INDEX).write_bytes(parquet_bytes(index))
    frame = found.tiles.frame.iloc[[sample.row for sample in found.samples]]
    if "split" not in frame.columns:
        frame = frame.assign(split=[sample.split for sample in found.samples])
    (folder / SPLITS).write_bytes(splits_csv(frame))


def _catalogue(found: Contents, about: dict[str, Any], dates: stac.Days) -> stac.Catalogue:
    terms = [terms_of(each.about) for each in (found.images, found.labels) if each]
    credit = "; ".join(dict.fromkeys(one["attribution"] for one in terms if one["attribution"]))
    addresses = list(dict.fromkeys(address for one in terms for address in one["addresses"]))
    splits = ", ".join(f"{count} {split}" for split, count in about["splits"].items())
    return stac.Catalogue(
        name=about["name"],
        says=f"Chips of {found.images.name} over {found.tiles.name.area}"
        f"{f' with labels of {found.labels.name}' if found.labels else ''}: {splits}.",
        format=find_format(about["format"]),
        images=found.images,
        labels=found.labels,
        classes=found.classes,
        label_dtype=found.label_dtype,
        ignore=found.ignore,
        dates=dates,
        attribution=credit,
        addresses=addresses,
        shape=found.chosen.shape,
    )


def _copy_sources(folder: Path, found: Contents) -> None:
    """Copy what each dataset says of itself, and the user's code that made it, as they are."""
    for dataset in filter(None, (found.images, found.labels)):
        for name in (ABOUT, CODE):
            if (dataset.folder / name).is_file():
                (folder / SOURCES / dataset.name).mkdir(parents=True, exist_ok=True)
                (folder / SOURCES / dataset.name / name).write_bytes((dataset.folder / name).read_bytes())


def _number(value: float | None) -> float | int | str | None:
    """Return a number as JSON can hold it: those that it lacks are words."""
    if value is None or value != value or value in {float("inf"), float("-inf")}:  # noqa: PLR0124  NaN is not itself
        return None if value is None else str(value)
    return int(value) if value == int(value) else value

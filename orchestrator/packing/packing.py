"""From chips to a training set: samples are chosen, read once, written, counted, described and sealed."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

from orchestrator.core.errors import UserError
from orchestrator.packing.asked import Packed, Packing
from orchestrator.packing.contents import Contents, mapped_classes
from orchestrator.packing.describing import describe
from orchestrator.packing.folders import read_dataset
from orchestrator.packing.formats import Target, Writer, find_format
from orchestrator.packing.pixels import Reading, read_all
from orchestrator.packing.publication import check, publishing
from orchestrator.packing.published import asked_dict
from orchestrator.packing.samples import Selection, TrainingSample, select
from orchestrator.tiling.file import Tiles

_OFTEN = 200  # samples between two words of how far it is

Include = Callable[[dict[str, Any]], bool]


def _unheard(_what: str) -> None:
    pass


def pack(
    tiles: Tiles,
    asked: Packing,
    folder: Path,
    *,
    include: Include | None = None,
    version: str = "",
    say: Callable[[str], None] = _unheard,
) -> Packed:
    """
    Write a training set, whole or not at all; equal chips and tiles give equal bytes.

    Args:
        tiles: A file of tiles, beside which the chips lie.
        asked: What is to be packed, and how.
        folder: Where; nothing that was not made here is replaced.
        include: The user's code: told of a chip as a dict (`published.asked_dict`), says whether it is packed.
        version: Of this program.
        say: Is told what is being done.

    Raises:
        NeedsPerson: Chips are missing.
        UserError: What was asked for is not possible as asked.
        IntegrityError: A chip is not the one that its manifest tells.
    """
    kind = find_format(asked.format)
    check(folder, overwrite=asked.overwrite)
    say("reading the tables of chips")
    images = read_dataset(tiles, asked.images)
    labels = read_dataset(tiles, asked.labels) if asked.labels else None
    chosen = select(
        tiles, images, labels, split_column=asked.split_column, skip_missing=asked.skip_missing, odd=asked.odd
    )
    found = Contents(tiles, images, labels, chosen, mapped_classes(labels, asked.value_map))
    with publishing(folder, overwrite=asked.overwrite) as made:
        target = Target(
            made, tiles, images, labels, asked.shard, found.classes, asked.readme, asked.coarse, asked.value_map
        )
        _write(found, kind.writer(target), asked, include, say)
        say("writing the catalogue")
        about, notes = describe(made, found, asked, version)
        say("making it durable")
    return Packed(folder, about, notes)


def _write(
    found: Contents, writer: Writer, asked: Packing, include: Include | None, say: Callable[[str], None]
) -> None:
    """Read every sample once, write it, and count what is in it."""
    reading = Reading(found.chosen.shape, asked.value_map, asked.ignore)
    ordered = _ordered(found.chosen, asked.seed)
    coarse = asked.coarse.name.tiles if asked.coarse else ""
    for number, (sample, pixels) in enumerate(read_all(ordered, reading)):
        if number % _OFTEN == 0:
            say(f"packing {number:,} of {len(ordered):,} chips")
        if include and not include(asked_dict(found.tiles, found.labels, sample, pixels, coarse, asked.value_map)):
            found.refused += 1
        else:
            found.add(sample, writer.add(sample, pixels), pixels)
    if not found.samples:
        raise UserError("there is not one chip to pack: include_chip_in_dataset of the user's code refused all")
    writer.close()


def _ordered(chosen: Selection, seed: int | None) -> list[TrainingSample]:
    """Return the samples split by split, each in the order of the tiles, or shuffled by a seed."""
    chance = random.Random(seed)  # noqa: S311  an order, no secret
    ordered: list[TrainingSample] = []
    for split in chosen.splits:
        own = [sample for sample in chosen.samples if sample.split == split]
        if seed is not None:
            chance.shuffle(own)
        ordered += own
    return ordered

"""What is asked for when a training set is packed, and what there is afterwards."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from orchestrator.core.errors import UserError
from orchestrator.packing.formats import SHARD, ShardSize
from orchestrator.packing.pixels import ValueMapping
from orchestrator.tiling.file import Tiles


@dataclass(frozen=True, slots=True)
class Packing:
    """
    What is asked for.

    Attributes:
        images: Name of the dataset of images.
        labels: That of labels; empty for none.
        format: One of `formats.FORMATS`.
        split_column: Of the tiles; by default `split`.
        value_map: What values of labels become.
        run_code: The user's code beside the chips is run; for the command that makes the same.
        ignore: Value of labels where there is no data; by default 255.
        shard: The most samples or bytes of a shard.
        odd: What is done about chips of another shape: refuse, pad, drop.
        skip_missing: Leave out tiles whose chips are not there: EMPTY, FAILED, lost, or never asked for.
        seed: Shuffles the samples of each split; None keeps the order of the tiles.
        dates: `FIRST,AFTER` where the dataset does not tell them.
        readme: What the user says of the set, Markdown.
        coarse: Coarser tiles, whose shares are told with each chip; only of zip-pickle.
        overwrite: Replace a training set of ours.
    """

    images: str
    labels: str = ""
    format: str = "npz"
    split_column: str = ""
    value_map: ValueMapping | None = None
    run_code: bool = False
    ignore: int | None = None
    shard: ShardSize = field(default_factory=lambda: ShardSize.parse(SHARD))
    odd: str = "refuse"
    skip_missing: bool = False
    seed: int | None = None
    dates: str = ""
    readme: str = ""
    coarse: Tiles | None = None
    overwrite: bool = False

    def __post_init__(self) -> None:
        if not self.labels and (self.value_map is not None or self.ignore is not None):
            raise UserError(
                "--label-map and --ignore are about labels, and no dataset of labels was named; give --labels"
            )
        if self.coarse is not None and self.format != "zip-pickle":
            raise UserError(
                "--coarse is for --format zip-pickle; the index of the others has the columns that `labels from` writes"
            )
        if self.seed is not None and self.seed < 0:
            raise UserError(f"the seed is {self.seed}; give a whole number from 0")

    @property
    def map_text(self) -> str:
        """The map of values as it is written; empty for none."""
        return "" if self.value_map is None else self.value_map.text()

    def command(self, tiles: Tiles) -> str:
        """Return the command that makes the same, without where: that changes nothing of what is in it."""
        given = {
            "--images": self.images,
            "--labels": self.labels,
            "--format": self.format,
            "--split-column": self.split_column,
            "--label-map": self.map_text,
            "--ignore": self.ignore,
            "--shard-size": self.shard.text() if self.format == "webdataset" else "",
            "--seed": self.seed,
            "--dates": self.dates,
            "--coarse": self.coarse.path.name if self.coarse and self.coarse.path else "",
        }
        words = ["orchestrator", "dataset", "pack", tiles.path.name if tiles.path else tiles.name.stem]
        words += [word for name, value in given.items() if value not in {"", None} for word in (name, str(value))]
        words += [f"--{self.odd}"] if self.odd != "refuse" else []
        words += ["--run-code"] if self.run_code else []
        words += ["--skip-missing"] if self.skip_missing else []
        return shlex.join([*words, "-o", "DIR"])


@dataclass(frozen=True, slots=True)
class Packed:
    """
    A training set that is there.

    Attributes:
        folder: Where.
        about: What `pack.json` holds.
        notes: What somebody should know.
    """

    folder: Path
    about: Mapping[str, Any]
    notes: tuple[str, ...] = ()

    @property
    def missing(self) -> int:
        """How many tiles have no chip because bringing it failed, or because its file is gone."""
        return int(self.about["left_out"]["failed"])

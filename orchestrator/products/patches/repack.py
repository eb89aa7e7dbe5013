"""
Other shards of patches that are cut already: other splits, another balance of classes, other sizes, another format.

No scene is read: what decides stands in the table, and samples are copied as the bytes that they are.
"""

from __future__ import annotations

import shlex
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from orchestrator.core.errors import UserError
from orchestrator.packing.formats import ShardSize
from orchestrator.packing.publication import check, publishing
from orchestrator.packing.statistics import BandStatistics
from orchestrator.products.patches.arrange import BALANCE, SPLIT, fill, series_of
from orchestrator.products.patches.balancing import balanced
from orchestrator.products.patches.cut import ShardStatistics
from orchestrator.products.patches.describing import describe
from orchestrator.products.patches.keys import SHARD_FORMATS, SPLITS, check_shares
from orchestrator.products.patches.samples import MEMBERS, WRITERS, StoredSample, arrays_of, read_places
from orchestrator.products.patches.set import PatchSet, read_set
from orchestrator.products.patches.sheet import places_of
from orchestrator.products.patches.splitting import Ground, GroundSplit, Splitting, split_ground
from orchestrator.products.patches.table import place_columns
from orchestrator.raster.arrays import Ints

if TYPE_CHECKING:
    from geopandas import GeoDataFrame

_Say = Callable[[str], None]
_OFTEN = 500  # samples between two words of how far it is


@dataclass(frozen=True, slots=True)
class Repacking:
    """
    What is asked for; what is left at its default stays as it is in the set.

    Attributes:
        balance: Classes of which train is to have equally many patches, or `all`; empty leaves train as it is.
        present: Share of the labelled pixels from which on a patch is one of a class.
        shares: Of train, val and test: the places are split anew.
        split_by: area, tile or scene, likewise.
        block: Side of the squares of an area, metres, likewise.
        gap: Metres between patches of different splits, likewise.
        shard_size: The most samples or bytes of a shard.
        format: `webdataset` or `npz`.
        seed: Of splits, balance and order; None is that of the set.
        shuffle: Whether each split is shuffled.
    """

    balance: tuple[str, ...] = ()
    present: float = 0.01
    shares: tuple[float, float, float] | None = None
    split_by: str = ""
    block: float | None = None
    gap: float | None = None
    shard_size: str = ""
    format: str = ""
    seed: int | None = None
    shuffle: bool = False

    def __post_init__(self) -> None:
        if self.shares is not None:
            try:
                check_shares(self.shares)
            except ValueError as error:
                raise UserError(str(error)) from None
        if self.format and self.format not in SHARD_FORMATS:
            raise UserError(f"there is no format {self.format!r}; there are {', '.join(SHARD_FORMATS)}")
        if self.shard_size:
            ShardSize.parse(self.shard_size)
        if not 0 < self.present <= 1:
            raise UserError(f"--present is {self.present:g}; it is a share of the labelled pixels, above 0, at most 1")

    @property
    def splits_anew(self) -> bool:
        return bool(self.split_by) or self.shares is not None or self.block is not None or self.gap is not None

    def command(self) -> str:
        """Return the command that makes the same of the same set, without where."""
        given = {
            "--balance": ",".join(self.balance),
            "--present": self.present if self.balance and self.present != 0.01 else "",
            "--shares": ",".join(f"{share:g}" for share in self.shares) if self.shares else "",
            "--split-by": self.split_by,
            "--block": "" if self.block is None else f"{self.block:g}",
            "--gap": "" if self.gap is None else f"{self.gap:g}",
            "--shard-size": self.shard_size,
            "--format": self.format,
            "--seed": "" if self.seed is None else self.seed,
        }
        words = ["orchestrator", "patches", "pack", "PATCHES"]
        words += [word for name, value in given.items() if value != "" for word in (name, str(value))]
        return shlex.join([*words, *(["--shuffle"] if self.shuffle else []), "--out", "DIR"])


@dataclass(frozen=True, slots=True)
class RepackedSet:
    """
    A set that is there.

    Attributes:
        folder: Where.
        about: What `dataset.json` holds.
    """

    folder: Path
    about: Mapping[str, Any]

    def __repr__(self) -> str:
        return f"<RepackedSet in {self.folder}: {self.about['samples']:,} samples>"


def repack(
    folder: Path,
    into: Path,
    asked: Repacking,
    *,
    overwrite: bool = False,
    version: str = "",
    say: _Say = lambda _what: None,
) -> RepackedSet:
    """
    Make other shards of a set of patches: whole or not at all, equal bytes of equal sets.

    Args:
        folder: The set.
        into: Where the new one goes; nothing that was not made here is replaced, nor the set itself.
        asked: What is to be other.
        overwrite: Replace a set of ours.
        version: Of this program.
        say: Is told what is being done.

    Raises:
        UserError: What was asked for is not possible as asked.
        IntegrityError: A sample is not what the table tells.
    """
    if folder.resolve() == into.resolve():
        raise UserError(f"{into} is the set itself; give another folder, --out")
    if into.resolve().is_relative_to(folder.resolve()):
        raise UserError(f"{into} lies in the set {folder}, which its checksums describe; give another folder, --out")
    check(into, overwrite=overwrite)
    say("reading the table")
    old = read_set(folder)
    frame, base, apart = _decided(old, asked)
    samples = frame[frame["kept"]].drop_duplicates("sample")
    if not len(samples):
        raise UserError(f"not one sample of {folder} is left")
    shards = _shards(samples, old, asked)
    with publishing(into, overwrite=overwrite) as made:
        places, statistics = _write(made, old, samples, shards, asked, say)
        frame = _with_places(frame, samples, places)
        how = {
            "format": asked.format or old.about["format"],
            "shard_size": asked.shard_size or old.about["shard_size"],
            "apart": apart,
            "shuffled": asked.shuffle,
            "command": f"{old.about['command']} && {asked.command()}",
        }
        say("describing the patches")
        told = describe(made, base | {"orchestrator": version}, frame, statistics, how)
    return RepackedSet(into, told)


def _decided(old: PatchSet, asked: Repacking) -> tuple[GeoDataFrame, dict[str, Any], Mapping[str, Any]]:
    """Return the table with what is in the new set, what is told of it, and how far apart its splits are."""
    frame = old.frame.copy()
    base = {name: value for name, value in old.about.items() if name not in _DERIVED}
    base["label"] = {k: v for k, v in old.about["label"].items() if k != "pixels"} if "label" in old.about else None
    base = {name: value for name, value in base.items() if value is not None}
    apart = old.about["apart"]
    seed = asked.seed if asked.seed is not None else old.about["splitting"]["seed"]
    if asked.splits_anew:
        how = _splitting(old, asked, seed)
        made = _split(frame, old, how)
        apart = {"gap": how.gap, "overlapping": made.overlapping, "nearer": made.nearer}
        shares = dict(zip(SPLITS, how.shares, strict=True))
        base["splitting"] = {"by": how.by, "shares": shares, "block": how.block, "gap": how.gap, "seed": seed}
    if asked.balance:
        left = balanced(frame, asked.balance, asked.present, seed)
        _leave_out(frame, left, BALANCE)
        base["balance"] = {"classes": list(asked.balance), "present": asked.present, "seed": seed}
    return frame, base, apart


_DERIVED = frozenset({"format", "samples", "splits", "shards", "windows", "left_out", "apart", "statistics", "command"})


def _splitting(old: PatchSet, asked: Repacking, seed: int) -> Splitting:
    told = old.about["splitting"]
    shares: Any = asked.shares or tuple(float(told["shares"][name]) for name in SPLITS)
    by = asked.split_by or told["by"]
    block = (told["block"] if by == "area" else 0.0) if asked.block is None else asked.block
    if block and by != "area":
        raise UserError(f"--block is the side of the squares of --split-by area, and patches are split by {by}")
    return Splitting(by, shares, block, told["gap"] if asked.gap is None else asked.gap, seed)


def _split(frame: GeoDataFrame, old: PatchSet, how: Splitting) -> GroundSplit:
    """Split the places of a table anew, those that an earlier split gave up left out."""
    kept = frame[frame["kept"]]
    transforms = np.stack(kept["transform"].to_numpy())
    # A place is a tile, its grid and a window: where its corner lies.
    corner = pd.MultiIndex.from_arrays([kept["tile"], kept["crs"], transforms[:, 2], transforms[:, 5], kept["size"]])
    own, _ = pd.factorize(corner)
    first = np.unique(own, return_index=True)[1]
    a, e, size = transforms[first, 0], transforms[first, 4], kept["size"].to_numpy()[first]
    left, top = transforms[first, 2], transforms[first, 5]
    boxes = np.column_stack((left, top + e * size, left + a * size, top))
    groups = _groups(kept, own, first, how.by)
    ground = Ground(kept["crs"].iloc[first].tolist(), boxes, a, groups, int(old.about["cut"]["size"]))
    made = split_ground(ground, how)
    names = np.array(made.names, object)[own]
    frame.loc[frame["kept"], "split"] = [name or None for name in names]
    _leave_out(frame, set(kept["sample"][names == ""]), SPLIT)
    return made


def _groups(kept: GeoDataFrame, own: Ints, first: Ints, by: str) -> list[str]:
    if by != "scene":
        return [str(tile) for tile in kept["tile"].iloc[first]]
    from scipy.sparse import coo_array  # noqa: PLC0415  seldom needed
    from scipy.sparse.csgraph import connected_components  # noqa: PLC0415

    scene, names = pd.factorize(kept["scene"])
    size = len(names) + len(first)
    edges = (np.ones(len(own), bool), (scene, len(names) + own))
    joined = connected_components(coo_array(edges, shape=(size, size)), directed=False)[1]
    return [str(number) for number in joined[len(names) :]]


def _leave_out(frame: GeoDataFrame, samples: set[str], why: str) -> None:
    gone = frame["sample"].isin(samples)
    frame.loc[gone, "kept"] = False
    frame.loc[gone, "why"] = why
    frame.loc[gone, ["split", "sample", "shard", "sha256"]] = None
    frame.loc[gone, ["offset", "bytes"]] = pd.NA


def _shards(samples: GeoDataFrame, old: PatchSet, asked: Repacking) -> list[tuple[str, int, Ints]]:
    """Return split, number and samples, as places in `samples`, of each shard."""
    codes = np.array([SPLITS.index(split) for split in samples["split"]], np.uint8)
    seed = asked.seed if asked.seed is not None else old.about["splitting"]["seed"]
    most = ShardSize.parse(asked.shard_size or old.about["shard_size"])
    chance = np.random.default_rng(seed) if asked.shuffle else None
    order, shard = fill(codes, samples["bytes"].to_numpy(np.int64), most, chance)
    return list(series_of(codes[order], shard, order))


def _write(
    made: Path,
    old: PatchSet,
    samples: GeoDataFrame,
    shards: Sequence[tuple[str, int, Ints]],
    asked: Repacking,
    say: _Say,
) -> tuple[dict[int, StoredSample], dict[str, BandStatistics]]:
    """Copy every sample into its shard; return where each lies now, and what the bands of each split hold."""
    places, came = places_of(samples), old.about["format"]
    wanted, names = asked.format or came, tuple(old.about["image"]["bands"])
    found: dict[int, StoredSample] = {}
    statistics: dict[str, BandStatistics] = {}
    for split, number, own in shards:
        counted, contents = ShardStatistics(names), read_places(old.folder, [places[one] for one in own])
        with closing(WRITERS[wanted](made, split, number)) as writer:
            for one, content in zip(own.tolist(), contents, strict=True):
                if len(found) % _OFTEN == 0:
                    say(f"copying {len(found):,} of {len(samples):,} samples")
                members = MEMBERS[came](content)
                counted.add(arrays_of(members)["x"])
                key = str(samples["sample"].iloc[one])
                found[one] = writer.copy(content) if wanted == came else writer.add(key, members)
        if split in statistics:
            statistics[split].merge(counted.bands)
        else:
            statistics[split] = counted.bands
    return found, statistics


def _with_places(frame: GeoDataFrame, samples: GeoDataFrame, places: Mapping[int, StoredSample]) -> GeoDataFrame:
    by_key = {str(key): places[number] for number, key in enumerate(samples["sample"])}
    own = [by_key[sample] if kept else None for sample, kept in zip(frame["sample"], frame["kept"], strict=True)]
    for name, values in place_columns(own).items():
        frame[name] = values
    return frame

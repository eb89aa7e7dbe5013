"""What becomes of every candidate: kept or not and why, in which split, in which sample, in which shard."""

from __future__ import annotations

import io
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from orchestrator.core.errors import UserError
from orchestrator.core.units import format_count
from orchestrator.packing.formats import ShardSize
from orchestrator.products.patches.document import PatchPlan
from orchestrator.products.patches.keys import SPLITS
from orchestrator.products.patches.measure import Measured
from orchestrator.products.patches.splitting import Ground, GroundSplit, Splitting, split_ground
from orchestrator.raster.arrays import Ints

# Why a candidate is not in the set; `kept` is none.
KEPT, VALID, IGNORE, CLOUD, TIMES, SPLIT, BALANCE = "", "valid", "ignore", "cloud", "times", "split", "balance"
REASONS = (KEPT, VALID, IGNORE, CLOUD, TIMES, SPLIT, BALANCE)
LEFT_OUT = {
    VALID: "hold too little data",
    IGNORE: "have too few labels",
    CLOUD: "are too cloudy",
    TIMES: "have too few others of their place",
    SPLIT: "lie too near to another split",
    BALANCE: "are of a class that outnumbers the rarest",
}


@dataclass(frozen=True, slots=True)
class Arranged:
    """
    Every candidate, and every sample.

    Attributes:
        why: Of each candidate a place in `REASONS`.
        sample: Of each candidate its sample; -1 for none.
        split: Of each sample a place in `keys.SPLITS`.
        order: The samples, shard after shard.
        shard: Of each of `order` the number of its shard in its split.
        overlapping: Pairs of places of different splits that share ground.
        nearer: Pairs of them that are nearer than the gap.
    """

    why: NDArray[np.uint8]
    sample: Ints
    split: NDArray[np.uint8]
    order: Ints
    shard: Ints
    overlapping: int = 0
    nearer: int = 0
    _members: list[Ints] = field(default_factory=list, compare=False)
    _shards: list[tuple[str, int, Ints]] = field(default_factory=list, compare=False)

    def members_of(self, sample: int) -> Ints:
        """Return the candidates of a sample, in the order of time."""
        if not self._members and len(self.split):
            inside = np.flatnonzero(self.sample >= 0)
            inside = inside[np.argsort(self.sample[inside], kind="stable")]
            self._members.extend(np.split(inside, np.flatnonzero(np.diff(self.sample[inside])) + 1))
        return self._members[sample]

    def shards(self) -> list[tuple[str, int, Ints]]:
        """Return split, number and samples of each shard, in order."""
        if not self._shards:
            self._shards.extend(series_of(self.split[self.order], self.shard, self.order))
        return self._shards

    def to_bytes(self) -> bytes:
        """Return it as `from_bytes` reads it."""
        content = io.BytesIO()
        arrays = {name: getattr(self, name) for name in ("why", "sample", "split", "order", "shard")}
        np.savez(content, **arrays, pairs=np.array([self.overlapping, self.nearer]))
        return content.getvalue()

    @classmethod
    def from_bytes(cls, content: bytes) -> Arranged:
        with np.load(io.BytesIO(content), allow_pickle=False) as told:
            arrays = {name: told[name] for name in ("why", "sample", "split", "order", "shard")}
            return cls(**arrays, overlapping=int(told["pairs"][0]), nearer=int(told["pairs"][1]))


@dataclass(frozen=True, slots=True)
class Candidates:
    """
    Every candidate of a plan, in order.

    Attributes:
        scene: Number of its scene.
        corner: First row and column, (candidates, [row, col]).
        valid: Share with data.
        ignored: Share without a label.
        cloudy: Share that is cloud.
    """

    scene: Ints
    corner: Ints
    valid: NDArray[np.float64]
    ignored: NDArray[np.float64]
    cloudy: NDArray[np.float64]

    @classmethod
    def of(cls, plan: PatchPlan, measured: Sequence[Measured]) -> Candidates:
        pixels = plan.keys.size**2
        corners = [plan.lattice_of(number).corners for number in range(len(plan.scenes))]
        return cls(
            np.repeat(np.arange(len(corners)), [len(one) for one in corners]),
            np.concatenate(corners),
            *(np.concatenate([getattr(m, name) for m in measured]) / pixels for name in ("valid", "ignored", "cloudy")),
        )


def arrange(plan: PatchPlan, measured: Sequence[Measured], sample_bytes: int) -> Arranged:
    """
    Decide what becomes of every candidate.

    Args:
        plan: The scenes and what was asked for.
        measured: What the windows of each scene hold.
        sample_bytes: What a patch of one scene weighs in a shard.

    Raises:
        UserError: None is left, or they cannot be split.
    """
    found = Candidates.of(plan, measured)
    why = _refused(plan, found)
    sample = _samples(plan, found, why)
    if sample.max(initial=-1) < 0:
        raise UserError(_nothing(plan, found, why))
    names, split = _split(plan, found, why, sample)
    sample, codes = _renumbered(sample, names, why)
    times = np.bincount(sample[sample >= 0])
    chance = np.random.default_rng(plan.keys.seed) if plan.keys.shuffle else None
    order, shard = fill(codes, times * sample_bytes, plan.keys.shard, chance)
    return Arranged(why, sample, codes, order, shard, split.overlapping, split.nearer)


def _refused(plan: PatchPlan, found: Candidates) -> NDArray[np.uint8]:
    """Return for each candidate why it is not kept, by itself."""
    keys = plan.keys
    why = np.zeros(len(found.scene), np.uint8)
    if keys.max_cloud is not None:
        why[found.cloudy > keys.max_cloud] = REASONS.index(CLOUD)
    why[found.ignored > plan.max_ignore] = REASONS.index(IGNORE)
    why[found.valid < keys.min_valid] = REASONS.index(VALID)
    return why


def _places(plan: PatchPlan, found: Candidates) -> Ints:
    """Return the number of each candidate's place: those of one tile and one window are one."""
    tiles = sorted({scene.tile for scene in plan.scenes})
    tile = np.array([tiles.index(scene.tile) for scene in plan.scenes])[found.scene]
    grids = sorted({(scene.tile, *scene.grid.transform) for scene in plan.scenes})
    grid = np.array([grids.index((scene.tile, *scene.grid.transform)) for scene in plan.scenes])[found.scene]
    rows = np.column_stack((tile, grid, found.corner))
    return np.unique(rows, axis=0, return_inverse=True)[1].reshape(-1).astype(np.int64)


def _samples(plan: PatchPlan, found: Candidates, why: NDArray[np.uint8]) -> Ints:
    """Return the sample of each candidate: itself, or with others of its place in the order of time."""
    times, kept = plan.keys.times, np.flatnonzero(why == 0)
    sample = np.full(len(why), -1, np.int64)
    if times == 1:
        sample[kept] = np.arange(len(kept))
        return sample
    place = _places(plan, found)[kept]
    # Scenes are in the order of time within a tile, and so are the candidates of a place.
    by_place = kept[np.argsort(place, kind="stable")]
    counts = np.bincount(place)
    rank = np.arange(len(kept)) - np.repeat(np.cumsum(counts) - counts, counts)
    own = np.repeat(np.arange(len(counts)), counts)
    if isinstance(times, str):
        stack, whole = own, np.ones(len(kept), bool)
    else:
        stack = own * (int(counts.max(initial=0)) // times + 1) + rank // times
        whole = rank < np.repeat(counts // times * times, counts)
    why[by_place[~whole]] = REASONS.index(TIMES)
    numbers = np.unique(stack[whole], return_inverse=True)[1]
    sample[by_place[whole]] = numbers
    return sample


def _split(
    plan: PatchPlan, found: Candidates, why: NDArray[np.uint8], sample: Ints
) -> tuple[NDArray[np.object_], GroundSplit]:
    """Return the split of each sample, that of its place, empty for none; and what came of it."""
    inside = np.flatnonzero(sample >= 0)
    place = _places(plan, found)[inside]
    numbers, first, own = np.unique(place, return_index=True, return_inverse=True)
    ground = _ground(plan, found, inside[first], _groups(plan, found, inside, own, len(numbers)))
    keys = plan.keys
    made = split_ground(ground, Splitting(keys.split_by, keys.shares, keys.block, keys.gap, keys.seed))
    names = np.array(made.names, object)[own]
    of_sample = np.empty(int(sample.max()) + 1, object)
    of_sample[sample[inside]] = names
    why[inside[names == ""]] = REASONS.index(SPLIT)
    return of_sample, made


def _groups(plan: PatchPlan, found: Candidates, inside: Ints, own: Ints, places: int) -> list[str]:
    """Return what each place stays together with: its tile, or the scenes that share a place with others."""
    tiles = np.array([scene.tile for scene in plan.scenes])[found.scene[inside]]
    if plan.keys.split_by != "scene":
        names = np.empty(places, object)
        names[own] = tiles
        return [str(name) for name in names]
    from scipy.sparse import coo_array  # noqa: PLC0415  seldom needed
    from scipy.sparse.csgraph import connected_components  # noqa: PLC0415

    scenes = len(plan.scenes)
    edges = (np.ones(len(inside), bool), (found.scene[inside], scenes + own))
    joined = connected_components(coo_array(edges, shape=(scenes + places,) * 2), directed=False)[1]
    return [str(number) for number in joined[scenes:]]


def _ground(plan: PatchPlan, found: Candidates, ones: Ints, groups: list[str]) -> Ground:
    """Return what one candidate of each place covers, as far as it lies in its scene."""
    size = plan.keys.size
    grids = [scene.grid for scene in plan.scenes]
    transform = np.array([grid.transform for grid in grids])[found.scene[ones]]
    shape = np.array([(grid.height, grid.width) for grid in grids])[found.scene[ones]]
    row, col = found.corner[ones].T
    bottom, right = np.minimum(row + size, shape[:, 0]), np.minimum(col + size, shape[:, 1])
    a, _b, c, _d, e, f = transform.T
    boxes = np.column_stack((c + a * col, f + e * bottom, c + a * right, f + e * row))
    return Ground([grids[scene].crs for scene in found.scene[ones]], boxes, a, groups, size)


def _renumbered(sample: Ints, names: NDArray[np.object_], why: NDArray[np.uint8]) -> tuple[Ints, NDArray[np.uint8]]:
    """Return the samples that have a split, numbered anew, and the split of each."""
    there = np.flatnonzero(names != "")
    number = np.full(len(names) + 1, -1, np.int64)
    number[there] = np.arange(len(there))
    made = np.where(why == 0, number[sample], -1)
    return made, np.array([SPLITS.index(name) for name in names[there]], np.uint8)


def fill(split: NDArray[np.uint8], weights: Ints, most: ShardSize, chance: Any = None) -> tuple[Ints, Ints]:
    """
    Return samples in the order in which they are written, split by split, and the number of the shard of each.

    Shards of a split differ by one sample at most, and none has more than `most`, unless one sample is heavier.

    Args:
        split: Of each sample.
        weights: Bytes of each.
        most: Samples or bytes of a shard.
        chance: A generator that shuffles each split; None keeps the order.
    """
    order, shard = [np.zeros(0, np.int64)], [np.zeros(0, np.int64)]
    for code in range(len(SPLITS)):
        mine = np.flatnonzero(split == code)
        if len(mine):
            mine = chance.permutation(mine) if chance is not None else mine
            each = most.samples or max(1, most.size // int(weights[mine].max()))
            number = math.ceil(len(mine) / each)
            order.append(mine)
            shard.append(np.repeat(np.arange(number), [len(part) for part in np.array_split(mine, number)]))
    return np.concatenate(order), np.concatenate(shard)


def series_of(split: NDArray[np.uint8], shard: Ints, order: Ints) -> Iterator[tuple[str, int, Ints]]:
    """
    Yield split, number and samples of each shard, in order.

    Args:
        split: Of each sample as it is written, a place in `keys.SPLITS`.
        shard: Number of the shard of each.
        order: The samples as they are written.
    """
    edges = np.flatnonzero((np.diff(split.astype(np.int64)) != 0) | (np.diff(shard) != 0)) + 1
    for part in np.split(np.arange(len(order)), edges):
        yield SPLITS[int(split[part[0]])], int(shard[part[0]]), order[part]


_ADVICE = {
    VALID: "lower --min-valid, or give a smaller --size",
    IGNORE: "raise --max-ignore",
    CLOUD: "raise --max-cloud",
    TIMES: "give a smaller --times, or more scenes of the place",
}


def _nothing(plan: PatchPlan, found: Candidates, why: NDArray[np.uint8]) -> str:
    counts = [(int((why == code).sum()), LEFT_OUT[reason]) for code, reason in enumerate(REASONS) if reason]
    said = ", ".join(f"{count:,} {says}" for count, says in counts if count)
    there = {REASONS[code] for code in np.unique(why)}
    most = f"; the most data that one holds is {found.valid.max():.3g} of its pixels" if VALID in there else ""
    advice = ", or ".join(_ADVICE[reason] for reason in REASONS if reason in there)
    return (
        f"not one patch is left of {format_count(len(why), 'window')} of {format_count(len(plan.scenes), 'scene')}: "
        f"{said}{most}. {advice[0].upper()}{advice[1:]}"
    )

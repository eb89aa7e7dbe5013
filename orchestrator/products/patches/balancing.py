"""Balance: which patches of train are left out, so that rare classes have as many as common ones."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from orchestrator.core.errors import UserError
from orchestrator.core.nearest import hint
from orchestrator.products.patches.keys import ALL
from orchestrator.products.patches.table import LABEL, label_values

if TYPE_CHECKING:
    from geopandas import GeoDataFrame

TRAIN = "train"
_OTHER = -1
_Has = np.ndarray[tuple[int, int], np.dtype[np.bool_]]


@dataclass(frozen=True, slots=True)
class Balance:
    """
    A balance of train.

    Attributes:
        left_out: The samples that are left out.
        rarest: The class that sets the limit, or None where it is the patches that have none of those asked for.
        each: So many samples of every group stay.
    """

    left_out: frozenset[str]
    rarest: int | None
    each: int


def balanced(frame: GeoDataFrame, classes: Sequence[str], present: float, seed: int) -> Balance:
    """
    Return which samples of train are left out, and which class sets the limit.

    A sample is one of the rarest class that it has: of those asked for, that which the fewest samples have, where it is
    at least `present` of its labelled pixels; samples that have none of them are one group more. Of every group as many
    stay as the smallest has, drawn by the seed. Validation and test keep what they have: they are what is out there.

    Args:
        frame: The table.
        classes: Values of labels, or `all`.
        present: Share of the labelled pixels.
        seed: Draws.

    Raises:
        UserError: There are no labels, no such class, no sample of one, or nothing to balance.
    """
    known = label_values(frame)
    if not known:
        raise UserError("--balance is about classes of labels, and these patches have none")
    wanted = _wanted(classes, known)
    mine = frame[frame["kept"] & (frame["split"] == TRAIN)]
    if not len(mine):
        raise UserError(f"--balance is about the split {TRAIN!r}, and no patch is in it")
    counts = mine.groupby("sample", sort=False)[[f"{LABEL}{value}" for value in known]].sum()
    labelled = np.maximum(counts.sum(axis=1).to_numpy(), 1)
    has = counts[[f"{LABEL}{value}" for value in wanted]].to_numpy() / labelled[:, None] >= present
    group = _groups(has, wanted)
    chance = np.random.default_rng(seed)
    sizes = {value: int((group == value).sum()) for value in sorted(set(group.tolist()))}
    _check_groups(sizes, [] if list(classes) == [ALL] else wanted, has, present)
    rarest = min(sizes, key=lambda value: (sizes[value], value))
    left: set[str] = set()
    for value in sizes:
        members = np.flatnonzero(group == value)
        gone = chance.permutation(members)[sizes[rarest] :]
        left |= set(counts.index[gone])
    return Balance(frozenset(left), None if rarest == _OTHER else rarest, sizes[rarest])


def _check_groups(sizes: Mapping[int, int], named: Sequence[int], has: _Has, present: float) -> None:
    """Make sure that every class that was named is there, and that there is something to balance."""
    present_at: list[bool] = np.atleast_1d(has.any(axis=0)).tolist()
    for value, there in zip(named, present_at, strict=False):
        if not there:
            raise UserError(
                f"--balance {value}: no patch of {TRAIN} has that class on {100 * present:g} % of its labelled pixels; "
                "lower --present, or name other classes"
            )
    if len(sizes) == 1:
        (value,) = sizes
        said = "none of the classes" if value == _OTHER else f"class {value} as the rarest"
        raise UserError(
            f"--balance has nothing to balance: all {sizes[value]:,} patches of {TRAIN} have {said}; raise --present, "
            "or name other classes"
        )


def _wanted(classes: Sequence[str], known: Sequence[int]) -> list[int]:
    if list(classes) == [ALL]:
        return list(known)
    for word in classes:
        if not word.isdigit() or int(word) not in known:
            raise UserError(f"--balance names the class {word!r}: {hint(word, [str(value) for value in known])}")
    return sorted({int(word) for word in classes})


def _groups(has: _Has, wanted: Sequence[int]) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """Return the class of each sample, the rarest that it has; `_OTHER` for none."""
    found = np.full(len(has), _OTHER, np.int64)
    often = has.sum(axis=0)
    for at in sorted(range(len(wanted)), key=lambda one: (-int(often[one]), wanted[one])):
        found[has[:, at]] = wanted[at]  # later ones are rarer
    return found

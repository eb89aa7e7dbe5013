"""How tiles are split."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from orchestrator.core.errors import UserError
from orchestrator.core.nearest import hint
from orchestrator.raster.arrays import Floats

BALANCES = ("count", "width")

NAMES = ("train", "test", "val")
SPLIT, FOLD = "split", "fold"  # what the columns are called by which splits are found
_BANDS, _BANDS_TO_CHOOSE_FROM = 8, 32
# numpy.allclose(sum, 1, atol=1e-3), which geetiles 0.1.7 asks, has this tolerance.
_OFF = 1e-3 + 1e-5


@dataclass(frozen=True, slots=True)
class SplitOptions:
    """
    How tiles are split; what is left at its default is not asked for.

    Attributes:
        train: Share of the tiles; the three add up to 1, to a thousandth.
        test: The same.
        val: The same.
        folds: Instead of the three, so many folds of equal share, numbered from 0.
        bands: Parallel bands across the tiles, by default 8; folds have one each.
        angle: Of the way across the bands, degrees from north clockwise, -90 to 90: 0 makes bands of latitude.
        radians: The same in radians, where it is given.
        balance: Bands are cut where the shares come out (`count`), or all equally wide in degrees, as by geetiles.
        group_by: A column, or the tiles that another file was linked as: tiles of one value stay together.
        blocks: Side, metres, of squares whose tiles stay together.
        gap: Metres; tiles of different splits are not nearer.
        stratify: A dataset whose shares of classes shall be alike in all splits.
        seed: Decides which of equal blocks goes where.
        column: What the column is called; by default split, split_{group} or fold.
        overwrite: Whether a column of that name is replaced.
    """

    train: float = 0.7
    test: float = 0.15
    val: float = 0.15
    folds: int = 0
    bands: int | None = None
    angle: float = 45.0
    radians: float | None = None
    balance: str = "count"
    group_by: str = ""
    blocks: float = 0.0
    gap: float = 0.0
    stratify: str = ""
    seed: int = 0
    column: str = ""
    overwrite: bool = False

    def __post_init__(self) -> None:
        if not self.folds:
            _check_shares(self.train, self.test, self.val)
        elif self.folds < 2:
            raise UserError(f"--folds {self.folds} are too few; give 2 or more")
        self._check_numbers()
        self._check_combinations()
        if self.column and SPLIT not in self.column and FOLD not in self.column:
            raise UserError(
                f"the column is called {self.column!r}; choose a name that contains {SPLIT!r} or {FOLD!r}, by which "
                "splits are found"
            )

    def _check_numbers(self) -> None:
        if self.balance not in BALANCES:
            raise UserError(f"--balance is {self.balance!r}; {hint(self.balance, BALANCES)}")
        if self.bands is not None and self.bands < 1:
            raise UserError(f"--bands {self.bands} are none; give 1 or more")
        if self.radians is not None and not abs(self.radians) <= math.pi / 2:
            raise UserError(f"the angle is {self.radians:g} radians; it goes from -pi/2 to pi/2 ({math.pi / 2:.6f})")
        if self.radians is None and not abs(self.angle) <= 90:
            raise UserError(f"--angle {self.angle:g} is out of range; it goes from -90 to 90 degrees")
        for name, metres in (("--gap", self.gap), ("--blocks", self.blocks)):
            if not (math.isfinite(metres) and metres >= 0):
                raise UserError(f"{name} {metres:g} is no length in metres; give 0 or more")
        if self.seed < 0:
            raise UserError(f"--seed {self.seed} is negative; give 0 or more")

    def _check_combinations(self) -> None:
        together = [
            (self.blocks and self.group_by, "--blocks and --group-by", "each says which tiles stay together"),
            (self.blocks and self.bands is not None, "--blocks and --bands", "each says where splits are"),
            (
                self.stratify and self.group_by and self.bands is not None,
                "--bands with --stratify and --group-by",
                "groups are chosen by their classes, not by where they lie",
            ),
            (
                self.balance == "width" and (self.blocks or self.stratify or self.folds),
                "--balance width with --blocks, --folds or --stratify",
                "bands of equal width leave nothing to choose",
            ),
        ]
        for wrong, which, why in together:
            if wrong:
                raise UserError(f"{which} do not go together: {why}; leave one out")

    @property
    def names(self) -> tuple[str | int, ...]:
        """The splits: train, test, val as far as they have a share, or the numbers of the folds."""
        if self.folds:
            return tuple(range(self.folds))
        return tuple(name for name, share in zip(NAMES, self._three, strict=True) if share)

    @property
    def shares(self) -> Floats:
        """What share of the tiles each of `names` is to have; they add up to 1."""
        shares = np.array(self.given, np.float64)
        return np.asarray(shares / shares.sum())

    @property
    def given(self) -> tuple[float, ...]:
        """The same as they were written, which may add up to a little more or less."""
        return (1.0,) * self.folds or tuple(share for share in self._three if share)

    @property
    def _three(self) -> tuple[float, float, float]:
        return (self.train, self.test, self.val)

    @property
    def direction(self) -> float:
        """The angle in radians."""
        return math.radians(self.angle) if self.radians is None else self.radians

    @property
    def by_bands(self) -> bool:
        """Whether where tiles lie decides: not their classes, nor chance."""
        return not self.blocks and not self.stratify and (self.bands is not None or not self.group_by)

    @property
    def band_count(self) -> int:
        """How many bands there are."""
        return self.bands or self.folds * (not self.stratify) or (_BANDS_TO_CHOOSE_FROM if self.stratify else _BANDS)

    @property
    def called(self) -> str:
        """The name of the column."""
        if self.column or self.folds:
            return self.column or FOLD
        return f"{SPLIT}_{self.group_by.removeprefix('foreignid_')}" if self.group_by else SPLIT


def _check_shares(train: float, test: float, val: float) -> None:
    shares = (train, test, val)
    said = f"train {train:g}, test {test:g}, val {val:g}"
    if not all(math.isfinite(share) and share >= 0 for share in shares):
        raise UserError(f"{said}: a share is a number from 0 to 1; write for example 0.7, 0.15, 0.15")
    if abs(sum(shares) - 1) > _OFF:
        raise UserError(f"{said}: the shares add up to {sum(shares):g}, not to 1; write for example 0.7, 0.15, 0.15")

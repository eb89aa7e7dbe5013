"""Where an output is cut into strips, each assembled by itself."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import accumulate, pairwise

from orchestrator.core.errors import PlanError
from orchestrator.model.grid import BLOCK, Grid, Window
from orchestrator.model.strip import OutputStrip

# A cut may lie so far from where it would make strips alike, as a share of a strip, for a rounder row.
_SLACK = 0.25


def cut_strips(grid: Grid, parts: Iterable[Window], count: int) -> tuple[OutputStrip, ...]:
    """
    Cut an output into at most `count` strips whose parts have about as many pixels each.

    Cuts lie where parts begin, and of those nearby at the one that most powers of two divide: a strip of whole rows of
    2^n blocks makes its own overviews down to level n, and leaves only coarser ones to the join.

    Raises:
        PlanError: `count` is less than 1.
    """
    if count < 1:
        raise PlanError(f"an output cannot be cut into {count} strips; give at least 1, or 0 for none")
    weights: dict[int, int] = {}
    for window in parts:
        weights[window.row] = weights.get(window.row, 0) + window.pixels
    rows = sorted(weights)
    above = dict(zip(rows, accumulate((weights[row] for row in rows), initial=0), strict=False))
    share = sum(weights.values()) / count
    cuts = {_nearest(above, number * share, share * _SLACK) for number in range(1, count)} if rows else set()
    ends = [0, *sorted(cuts - {0}), grid.height]
    return tuple(OutputStrip(index, *rows) for index, rows in enumerate(pairwise(ends)))


def _nearest(above: dict[int, int], wanted: float, slack: float) -> int:
    """Return the row to cut at, so that about `wanted` pixels of parts lie above."""
    near = [row for row, pixels in above.items() if abs(pixels - wanted) <= slack]
    candidates = near or [min(above, key=lambda row: (abs(above[row] - wanted), row))]
    return max(candidates, key=lambda row: (_powers_of_two(row), -abs(above[row] - wanted), -row))


def _powers_of_two(row: int) -> int:
    """Tell how often a row that lies between blocks can be halved and still does; 0 for one that does not."""
    blocks, rest = divmod(row, BLOCK)
    return 0 if rest or not blocks else (blocks & -blocks).bit_length()

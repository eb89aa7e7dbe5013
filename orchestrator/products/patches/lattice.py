"""Where patches lie on the grid of a scene: a lattice of windows, and what is done at its lower and right edges."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from orchestrator.core.errors import UserError

MOST = 4_000_000  # patches of a scene: more of them are a mistake


@dataclass(frozen=True, slots=True)
class PatchLattice:
    """
    Windows of `size` × `size` pixels on a grid, row by row.

    Attributes:
        rows: First row of each, ascending; a window may reach beyond the grid where edges are padded.
        cols: First column of each.
        size: Rows and columns of a window.
    """

    rows: tuple[int, ...]
    cols: tuple[int, ...]
    size: int

    def __len__(self) -> int:
        return len(self.rows) * len(self.cols)

    @property
    def corners(self) -> NDArray[np.int64]:
        """First row and column of every window, (windows, [row, col]), row by row."""
        rows, cols = np.meshgrid(self.rows, self.cols, indexing="ij")
        return np.column_stack((rows.ravel(), cols.ravel())).astype(np.int64)


def starts(length: int, size: int, stride: int, edge: str = "drop") -> tuple[int, ...]:
    """
    Return where windows begin along an axis of `length` pixels.

    `drop`: floor((length - size) / stride) + 1 of them, those that lie inside. `shift`: one more at the end where
    pixels are left, moved back so that it lies inside. `pad`: as many as reach every pixel; the last may reach beyond.

    Raises:
        UserError: A window is larger than the axis, and is not padded.
    """
    if size > length and edge != "pad":
        raise UserError(
            f"a patch of {size} pixels is larger than the grid of {length}; give a smaller --size, or --edge pad"
        )
    inside = tuple(range(0, length - size + 1, stride))
    if edge == "drop":
        return inside
    if edge == "shift":
        return inside if inside[-1] == length - size else (*inside, length - size)
    return tuple(range(0, min(length, max(length - size, 0) + stride), stride))


def lattice(height: int, width: int, size: int, stride: int, edge: str = "drop") -> PatchLattice:
    """
    Return the windows on a grid.

    Raises:
        UserError: A window is larger than the grid, or there are more of them than anybody wants.
    """
    made = PatchLattice(starts(height, size, stride, edge), starts(width, size, stride, edge), size)
    if len(made) > MOST:
        raise UserError(
            f"a stride of {stride} makes {len(made):,} patches of a scene of {height:,} × {width:,}; give a larger one"
        )
    return made


def segments(begins: Sequence[int], size: int, length: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """
    Return where windows begin or end along an axis, and which pieces between those each window is made of.

    Args:
        begins: First pixel of each window, ascending.
        size: Pixels of a window; those beyond `length` are not there.
        length: Of the axis.

    Returns:
        The edges of the pieces, ascending, from the first pixel of any window to the last; and (windows, [first piece,
        after the last]).
    """
    first = np.asarray(begins, np.int64)
    last = np.minimum(first + size, length)
    edges = np.unique(np.concatenate((first, last)))
    return edges, np.column_stack((np.searchsorted(edges, first), np.searchsorted(edges, last)))

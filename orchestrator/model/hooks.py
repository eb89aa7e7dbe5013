"""What a dataset has to say beside its pixels: functions called at certain points, each of which may be missing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True)
class FailedTile:
    """
    A tile whose chip failed, as `on_error` is handed it.

    Attributes:
        identifier: Of the tile.
        tile_geometry: Its polygon in degrees.
        file: Where its chip would be.
    """

    identifier: str
    tile_geometry: Any
    file: Path

    def get_filename(self) -> tuple[str, str]:
        """Return the file names of the chip and of its mask."""
        return str(self.file), f"{self.file}.msk"


@dataclass(frozen=True, slots=True)
class Hooks:
    """
    Functions of a dataset; None where it has none of that kind. They raise `RecipeError` with the file and the line.

    Attributes:
        map_values: From an array (row, col) or (band, row, col) to one of labels, with as many axes; called where
            shares are counted and sets are packed, never on what is stored.
        must_get: Whether the chip of this file name is wanted; called before it is asked for.
        post_process: Called with the file name of a chip that was written, which it may rewrite or remove.
        on_error: Called with the tile and the error of a chip that failed.
        include_chip: Whether a chip goes into a packed set; called with what is known of it.
    """

    map_values: Callable[[Any], Any] | None = None
    must_get: Callable[[str], bool] | None = None
    post_process: Callable[[str], None] | None = None
    on_error: Callable[[FailedTile, Exception], None] | None = None
    include_chip: Callable[[dict[str, Any]], bool] | None = None


NO_HOOKS = Hooks()

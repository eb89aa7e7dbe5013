"""Files of tiles, opened for a verb."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from orchestrator.tiling.file import Tiles


def open_tiles(tiles: Tiles | str | os.PathLike[str]) -> Tiles:
    """Return tiles, or those of a file; UserError where it is none, or its tiles are not those that its name tells."""
    from orchestrator.tiling.file import read_tiles  # noqa: PLC0415  geometries are heavy

    return read_tiles(Path(tiles).expanduser()) if isinstance(tiles, str | os.PathLike) else tiles

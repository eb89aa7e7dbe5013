"""Tiles and chips compared with what is said of them."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from orchestrator.core.errors import UserError

if TYPE_CHECKING:
    from orchestrator.model.ports import Stop
    from orchestrator.tiling.file import Tiles
    from orchestrator.tiling.inspection import Fault


@dataclass(frozen=True, slots=True)
class Inspected:
    """
    What was found.

    Attributes:
        datasets: Whose chips were looked at.
        tiles: How many tiles there are.
        faults: What is wrong, in the order of the tiles.
        moved: Where bad chips have gone, by where they were.
        unasked: Tiles that the list of a dataset does not speak of, by dataset, where there are any.
    """

    datasets: tuple[str, ...]
    tiles: int
    faults: tuple[Fault, ...]
    moved: dict[Path, Path]
    unasked: dict[str, int]


def open_unchecked(path: Path) -> Tiles:
    """Return the tiles of a file, also where they are not those that its name tells."""
    from orchestrator.tiling.file import read_tiles  # noqa: PLC0415  geometries are heavy

    return read_tiles(path.expanduser(), check=False)


def verify_tiles(
    tiles: Tiles,
    datasets: Sequence[str] = (),
    *,
    fix: bool = False,
    stop: Stop | None = None,
    say: Callable[[str, int, int], None] = lambda *_: None,
) -> Inspected:
    """
    Compare a file of tiles with its name, and every chip with the list beside it.

    Args:
        tiles: As `open_unchecked` returns them.
        datasets: Whose chips; all that there are where it is empty.
        fix: Move bad chips aside and mark them FAILED, so that the next `tiles download` asks for them again.
        stop: Ends the work; nothing was changed then.
        say: Is told how far it is.

    Raises:
        UserError: There are no chips of a dataset, or `fix` is wanted of a file of tiles that was changed.
    """
    from orchestrator.tiling.chip_folder import names_of_datasets, open_chips  # noqa: PLC0415
    from orchestrator.tiling.inspection import (  # noqa: PLC0415  GDAL is heavy
        inspect_chips,
        inspect_tiles,
        never_asked_for,
        set_aside,
    )

    names = tuple(datasets) or tuple(names_of_datasets(tiles))
    opened = [open_chips(tiles, name) for name in names]
    faults = list(inspect_tiles(tiles))
    if faults and fix:
        raise UserError(
            f"{faults[0].path}: {faults[0].what}; nothing is mended for tiles that are not those of the name: bring "
            "the file back, or make one with `orchestrator tiles select`"
        )
    ended = stop or threading.Event()
    for chips in opened:
        faults += inspect_chips(tiles, chips, ended, lambda done, of, name=chips.name: say(name, done, of))  # type: ignore[misc]
    moved = {old: new for chips in opened if fix for old, new in set_aside(tiles, chips, faults).items()}
    unasked = {chips.name: count for chips in opened if (count := never_asked_for(tiles, chips))}
    return Inspected(names, len(tiles.frame), tuple(faults), moved, unasked)

"""`dataset`: a training set of chips, labels and splits."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from orchestrator import __version__
from orchestrator.core.errors import UserError
from orchestrator.packing.asked import Packed, Packing
from orchestrator.packing.formats import ShardSize
from orchestrator.packing.packing import Include, pack
from orchestrator.tiling.chip_folder import OWN_MAP, own_map
from orchestrator.tiling.file import read_tiles
from orchestrator.tiling.value_maps import ValueMap

__all__ = ["Packed", "facts", "pack_dataset"]


def _unheard(_what: str) -> None:
    pass


def pack_dataset(
    path: Path,
    folder: Path,
    *,
    label_map: str | ValueMap | None = None,
    shard_size: str = "",
    coarse: Path | None = None,
    readme: Path | None = None,
    include: Include | None = None,
    say: Callable[[str], None] = _unheard,
    **asked: Any,
) -> Packed:
    """
    Write a training set of a file of tiles into a folder, whole or not at all.

    Args:
        path: The file of tiles, in whatever folder.
        folder: Where the set goes.
        label_map: What values of labels become: a text as `ValueMap.parse` reads it, `dataset` for the map that the
            dataset of labels brought with it, or a map.
        shard_size: `1000` samples or `256MB`.
        coarse: A file of coarser tiles, for zip-pickle.
        readme: A file of what the user says of the set.
        include: The user's code that says of a chip whether it is packed.
        say: Is told what is being done.
        **asked: The other attributes of `Packing`, by name.

    Raises:
        NeedsPerson: Chips are missing.
        UserError: What was asked for is not possible as asked.
        IntegrityError: A chip is not the one that its manifest tells.
    """
    tiles = read_tiles(path)
    if label_map == OWN_MAP:
        label_map = own_map(tiles, asked.get("labels", ""))
    value_map = (ValueMap.parse(label_map) if label_map else None) if isinstance(label_map, str) else label_map
    if shard_size:
        asked["shard"] = ShardSize.parse(shard_size)
    whole = Packing(
        value_map=value_map,
        readme=_text(readme) if readme else "",
        coarse=read_tiles(coarse) if coarse else None,
        **asked,
    )
    return pack(tiles, whole, folder, include=include, version=__version__, say=say)


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"{path} cannot be read as text: {error}") from None


def facts(packed: Packed) -> dict[str, Any]:
    """Return what is told of a training set to programs."""
    about = packed.about
    told = {key: about[key] for key in ("format", "samples", "splits", "shards", "padded", "left_out")}
    return {"path": str(packed.folder)} | told | {"notes": list(packed.notes)}

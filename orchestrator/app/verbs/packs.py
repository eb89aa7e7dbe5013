"""`dataset`: a training set of chips, labels and splits."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from orchestrator import __version__
from orchestrator.app.verbs.own_maps import OWN_MAP, hooks_beside, own_map
from orchestrator.core.errors import UserError
from orchestrator.core.files import publish, write_whole
from orchestrator.model.hooks import Hooks
from orchestrator.packing.asked import Packed, Packing
from orchestrator.packing.card import LEFT_OUT
from orchestrator.packing.formats import ShardSize
from orchestrator.packing.packing import Include, pack
from orchestrator.packing.pixels import CodeMap, ValueMapping
from orchestrator.packing.sheet import Sheet, draw_sheet
from orchestrator.tiling.file import Tiles, read_tiles
from orchestrator.tiling.value_maps import ValueMap

__all__ = [
    "LEFT_OUT",
    "OWN_MAP",
    "Packed",
    "Sheet",
    "archive_beside",
    "draw_dataset",
    "facts",
    "pack_dataset",
    "show_dataset",
    "show_facts",
]


def _unheard(_what: str) -> None:
    pass


def pack_dataset(
    path: Path,
    folder: Path,
    *,
    images: str,
    labels: str = "",
    label_map: str | ValueMapping | None = None,
    run_code: bool = False,
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
        images: Dataset whose chips are the images.
        labels: Dataset whose chips are the labels; empty for none.
        label_map: What values of labels become: a text as `ValueMap.parse` reads it, `own` for the map that the dataset
            tells, or a map.
        run_code: Run the user's code that lies beside the chips of images and labels: `include_chip_in_dataset` of
            each says what is packed, `map_values` of the labels' what they become, unless a map is written.
        shard_size: `1000` samples or `256MB`.
        coarse: A file of coarser tiles, for zip-pickle.
        readme: A file of what the user says of the set.
        include: Says of a chip whether it is packed.
        say: Is told what is being done.
        **asked: The other attributes of `Packing`, by name.

    Raises:
        NeedsPerson: Chips are missing.
        UserError: What was asked for is not possible as asked.
        IntegrityError: A chip is not the one that its manifest tells.
    """
    tiles = read_tiles(path)
    code = hooks_beside(tiles, images, labels) if run_code else {}
    if label_map is None or isinstance(label_map, str):
        label_map = _label_map(tiles, labels, label_map or "", run_code=labels in code)
    if shard_size:
        asked["shard"] = ShardSize.parse(shard_size)
    whole = Packing(
        images,
        labels,
        value_map=label_map,
        run_code=run_code,
        readme=_text(readme) if readme else "",
        coarse=read_tiles(coarse) if coarse else None,
        **asked,
    )
    return pack(tiles, whole, folder, include=include or _all_of(code.values()), version=__version__, say=say)


def archive_beside(folder: Path) -> Path:
    """
    Give the archive of a packed folder a second name, beside the folder, where geetiles leaves it; return that name.

    Raises:
        OSError: It cannot be written there.
    """
    archive, beside = folder / f"{folder.name}.zip", folder.with_name(f"{folder.name}.zip")
    part = beside.with_name(f"{beside.name}.part")
    part.unlink(missing_ok=True)
    try:
        part.hardlink_to(archive)
    except OSError:  # a file system without links
        shutil.copyfile(archive, part)
    publish(part, beside)
    return beside


def _label_map(tiles: Tiles, labels: str, text: str, *, run_code: bool) -> ValueMapping | None:
    """Return the map of labels: that which is written, the dataset's own, or, of code that is run, its `map_values`."""
    if text not in {"", OWN_MAP}:
        return ValueMap.parse(text)
    if text == OWN_MAP or (run_code and hooks_beside(tiles, labels)[labels].map_values):
        found = own_map(tiles, labels, run_code=run_code)
        return found if isinstance(found, ValueMap) else CodeMap(found)
    return None


def _all_of(code: Iterable[Hooks]) -> Include | None:
    """Return what asks the code of each dataset whether a chip is packed; None where none says."""
    asked = [hooks.include_chip for hooks in code if hooks.include_chip]
    return (lambda chip: all(_is_included(include, chip) for include in asked)) if asked else None


def _is_included(include: Include, chip: dict[str, Any]) -> bool:
    try:
        return include(chip)
    except UserError as error:
        if "label_proportions" in str(error) and "label_proportions" not in chip:
            raise UserError(f"{error}: shares of classes are those of labels; give --labels") from None
        raise


def show_dataset(
    path: Path, output: Path | None = None, *, images: str, labels: str = "", overwrite: bool = False, **how: Any
) -> tuple[Sheet, Path]:
    """
    Draw a contact sheet of random chips into a PNG; by default beside the tiles, called like them and the datasets.

    Args:
        path: The file of tiles.
        output: The picture.
        images: Dataset of the images.
        labels: Dataset of the labels; empty for none.
        overwrite: Replace a picture that is there.
        **how: The other arguments of `draw_sheet`, by name.

    Raises:
        UserError: There is no chip, or the picture is there already.
    """
    tiles = read_tiles(path)
    words = [path.stem, images, *([labels] if labels else []), "sheet"]
    output = output or path.parent / f"{'_'.join(words)}.png"
    if output.exists() and not overwrite:
        raise UserError(f"{output} is there already; --overwrite replaces it, or name another with -o")
    sheet = draw_sheet(tiles, images, labels, **how)
    output.parent.mkdir(parents=True, exist_ok=True)
    write_whole(output, sheet.png)
    return sheet, output


def draw_dataset(path: Path, images: str, labels: str = "", **how: Any) -> Sheet:
    """Draw the same and write nothing."""
    return draw_sheet(read_tiles(path), images, labels, **how)


def show_facts(sheet: Sheet, path: Path) -> dict[str, Any]:
    """Return what is told of a contact sheet to programs."""
    return {
        "path": str(path),
        "chips": [sample.identifier for sample in sheet.samples],
        "seed": sheet.seed,
        "of": sheet.chips,
        "lacking": {kind: len(names) for kind, names in asdict(sheet.lacking).items()},
    }


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"{path} cannot be read as text: {error}") from None


def facts(packed: Packed) -> dict[str, Any]:
    """Return what is told of a training set to programs."""
    about = packed.about
    told = {key: about[key] for key in ("format", "samples", "splits", "shards", "padded", "left_out", "apart")}
    return {"path": str(packed.folder)} | told | {"notes": list(packed.notes)}

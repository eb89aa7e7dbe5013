"""`dataset`: a training set of chips, labels and splits."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

from orchestrator import __version__
from orchestrator.app.verbs.own_maps import OWN_MAP, own_map
from orchestrator.core.errors import UserError
from orchestrator.core.files import publish, write_whole
from orchestrator.model.hooks import NO_HOOKS, Hooks
from orchestrator.packing.asked import Packed, Packing
from orchestrator.packing.card import LEFT_OUT
from orchestrator.packing.formats import ShardSize
from orchestrator.packing.packing import Include, pack
from orchestrator.packing.pixels import CodeMap, ValueMapping
from orchestrator.packing.sheet import Sheet, draw_sheet
from orchestrator.tiling.chip_folder import dataset_about, dataset_folder
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
        run_code: Run the user's code that lies beside the chips (of the labels, else of the images): its
            `include_chip_in_dataset` says what is packed, its `map_values` what labels become.
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
    hooks = _code(tiles, labels or images) if run_code else NO_HOOKS
    if label_map is None or label_map == "":
        label_map = CodeMap(hooks.map_values) if hooks.map_values and labels else None
    elif isinstance(label_map, str):
        found = own_map(tiles, labels, run_code=False) if label_map == OWN_MAP else ValueMap.parse(label_map)
        label_map = found if isinstance(found, ValueMap) else CodeMap(found, "the dataset's own map")
    if shard_size:
        asked["shard"] = ShardSize.parse(shard_size)
    whole = Packing(
        images,
        labels,
        value_map=label_map,
        readme=_text(readme) if readme else "",
        coarse=read_tiles(coarse) if coarse else None,
        **asked,
    )
    return pack(tiles, whole, folder, include=include or hooks.include_chip, version=__version__, say=say)


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


def _code(tiles: Tiles, dataset: str) -> Hooks:
    """Run the code that lies beside the chips of a dataset, if it is the one that made them."""
    from orchestrator.recipes.definitions import load_definition  # noqa: PLC0415  few need it

    folder = dataset_folder(tiles, dataset)
    about = dataset_about(folder)
    if not about.get("code"):
        raise UserError(f"no code of a user lies beside the chips of {dataset!r}; leave --run-code out")
    return load_definition(folder / str(about["code"]), dataset, str(about.get("code_sha256", ""))).hooks


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

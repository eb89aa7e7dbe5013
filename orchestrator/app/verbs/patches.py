"""`patches`: what is made of scenes that are ready for training; other shards of it; pictures of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from orchestrator import __version__
from orchestrator.core.errors import UserError
from orchestrator.core.files import write_whole
from orchestrator.core.writing import writing
from orchestrator.products.patches.repack import RepackedSet, Repacking, repack
from orchestrator.products.patches.samples import MEMBERS, arrays_of, read_places
from orchestrator.products.patches.set import PatchSet, read_about, read_set
from orchestrator.products.patches.sheet import COUNT, draw_patches, draw_splits, places_of

if TYPE_CHECKING:
    from geopandas import GeoDataFrame
    from numpy.typing import NDArray

__all__ = [
    "PatchSet",
    "RepackedSet",
    "Repacking",
    "about_set",
    "arrays_in",
    "draw_map",
    "draw_sheet_of",
    "open_set",
    "pack_patches",
    "set_facts",
    "show_patches",
]


def _unheard(_what: str) -> None:
    pass


def pack_patches(
    folder: Path, into: Path, asked: Repacking, *, overwrite: bool = False, say: Callable[[str], None] = _unheard
) -> RepackedSet:
    """
    Make other shards of a set of patches, whole or not at all; no scene is read.

    Raises:
        UserError: What was asked for is not possible, or `into` holds something that was not made here.
        IntegrityError: A sample is not what the table tells.
    """
    return repack(folder, into, asked, overwrite=overwrite, version=__version__, say=say)


def open_set(folder: Path) -> PatchSet:
    """
    Return a set of patches: its table, and what it tells of itself.

    Raises:
        UserError: There is none.
    """
    return read_set(folder)


def about_set(folder: Path) -> Mapping[str, Any]:
    """
    Return what a set of patches tells of itself.

    Raises:
        UserError: There is none.
    """
    return read_about(folder)


def arrays_in(folder: Path, about: Mapping[str, Any], frame: GeoDataFrame, key: str) -> dict[str, NDArray[Any]]:
    """
    Return the arrays of a sample by name.

    Raises:
        UserError: There is no such sample.
        IntegrityError: It is not what the table tells.
    """
    rows = frame[frame["sample"] == key]
    if not len(rows):
        raise UserError(f"there is no sample {key!r} in {folder}; frame['sample'] lists them")
    (content,) = read_places(folder, places_of(rows.iloc[:1]))
    return arrays_of(MEMBERS[about["format"]](content))


def draw_sheet_of(folder: Path, *, count: int = COUNT, seed: int = 0, bands: Sequence[str] = ()) -> bytes:
    """
    Return a contact sheet of some patches, a PNG.

    Raises:
        UserError: There is no set of patches, or no such band.
    """
    found = read_set(folder)
    return draw_patches(folder, found.about, found.frame, count=count, seed=seed, bands=bands)


def draw_map(folder: Path) -> bytes:
    """
    Return a map of the splits of a set of patches, a PNG.

    Raises:
        UserError: There is none.
    """
    found = read_set(folder)
    return draw_splits(found.about, found.frame)


def show_patches(folder: Path, output: Path | None = None, *, overwrite: bool = False, **how: Any) -> tuple[Path, Path]:
    """
    Draw both pictures; by default beside the set, `{set}_sheet.png` and `{set}_splits.png`. Return where they are.

    Args:
        folder: The set.
        output: The sheet; the map is called after it, `..._splits.png`.
        overwrite: Replace pictures that are there.
        **how: The other arguments of `draw_sheet_of`, by name.

    Raises:
        UserError: There is no set of patches, or a picture is there already.
    """
    sheet = output or folder.with_name(f"{folder.resolve().name}_sheet.png")
    splits = sheet.with_name(f"{sheet.stem.removesuffix('_sheet')}_splits.png")
    for path in (sheet, splits):
        if path.exists() and not overwrite:
            raise UserError(f"{path} is there already; --overwrite replaces it, or name another with -o")
    pictures = draw_sheet_of(folder, **how), draw_map(folder)
    sheet.parent.mkdir(parents=True, exist_ok=True)
    for path, png in zip((sheet, splits), pictures, strict=True):
        with writing(path):
            write_whole(path, png)
    return sheet, splits


def set_facts(packed: RepackedSet) -> Mapping[str, Any]:
    """Return what is told of a set to programs."""
    told = {key: packed.about[key] for key in ("format", "samples", "splits", "shards", "left_out", "apart")}
    return {"path": str(packed.folder)} | told

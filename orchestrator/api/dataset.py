"""Datasets by name and training sets, in Python: `orc.dataset.list`, `describe`, `pack` and `show`."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from orchestrator.api.arguments import path_of, tiles_path
from orchestrator.core import log as logs
from orchestrator.core.errors import UserError
from orchestrator.core.optional import required

if TYPE_CHECKING:
    from pandas import DataFrame

    from orchestrator.api.arguments import TilesOrFile
    from orchestrator.app.verbs.datasets import Preset
    from orchestrator.app.verbs.packs import Packed, Sheet

__all__ = ["describe", "list", "pack", "show"]

log = logs.get(__name__)


def list(text: str = "") -> DataFrame:  # noqa: A001  what the command is called
    """
    Return the datasets that go by a name, a row for each form of names; nobody is asked.

    Columns: name (the form: YYYY is a year), example, summary, years, scale (metres), bands, dtype, licence.

    Args:
        text: Those alone that have it in their name, summary, bands, sources or family.
    """
    from dataclasses import asdict  # noqa: PLC0415

    from orchestrator.app.verbs.datasets import DatasetRow, listed  # noqa: PLC0415

    pandas = required("pandas", "parquet", "a table of datasets")
    table: DataFrame = pandas.DataFrame(
        [asdict(row) for row in listed(text)], columns=[*DatasetRow.__dataclass_fields__]
    )
    return table


def describe(name: str) -> Preset:
    """
    Return everything about a dataset: steps, sources, bands, dtype, nodata, classes, attribution, licence.

    Raises:
        RecipeError: There is none of that name; the message says which are near.
    """
    from orchestrator.app.verbs.datasets import shown  # noqa: PLC0415

    return shown(name)


def pack(
    tiles: TilesOrFile,
    images: str,
    labels: str = "",
    *,
    folder: str | os.PathLike[str],
    format: str = "npz",  # noqa: A002  what it is called everywhere
    shard_size: str | int = "",
    split_column: str = "",
    label_map: str | Mapping[int, int] | None = None,
    ignore: int | None = None,
    odd: str = "refuse",
    skip_missing: bool = False,
    seed: int | None = None,
    dates: tuple[str, str] | None = None,
    coarse: TilesOrFile | None = None,
    readme: str | os.PathLike[str] | None = None,
    run_code: bool = False,
    include: Callable[[dict[str, Any]], bool] | None = None,
    overwrite: bool = False,
) -> Packed:
    """
    Make a training set of the chips of a file of tiles: whole or not at all, equal bytes of equal chips.

    Args:
        tiles: The file of tiles, or tiles that have a `path`.
        images: Dataset whose chips are the images.
        labels: Dataset whose chips are the labels.
        folder: Where it goes; a folder that was not made here is never replaced.
        format: `npz`, `webdataset`, `geotiff` or `zip-pickle`.
        shard_size: Of webdataset: samples as a number, or bytes such as `256MB`.
        split_column: Of the tiles; by default `split`.
        label_map: What values of labels become: a dictionary (others become 0), a text such as `10=1,20=2`, or `own`.
        ignore: What labels hold where there is no data; by default 255.
        odd: What is done about chips of another shape: `refuse`, `pad` or `drop`.
        skip_missing: Leave out tiles whose chips are not there; `missing` of what is returned counts those that
            failed or were lost.
        seed: Shuffles each split; by default the order of the tiles.
        dates: First day, and the day after the last, that the images show, where the dataset does not say.
        coarse: Coarser tiles, for zip-pickle.
        readme: A file of Markdown that begins the card.
        run_code: Run the code that lies beside the chips, perhaps a stranger's: `include_chip_in_dataset` of images and
            labels, `map_values` of labels.
        include: Says of a chip, a dict as geetiles has it, whether it is packed.
        overwrite: Replace a training set that was made here and not changed since.

    Returns:
        What is there: `folder`, `about` (what `pack.json` holds), `notes`, `missing`.

    Raises:
        NeedsPerson: Chips are missing.
        UserError: An argument is wrong, or the chips do not fit together.
        IntegrityError: A chip is not the one that was downloaded.
    """
    from orchestrator.app.verbs.packs import pack_dataset  # noqa: PLC0415  arrays and GDAL are heavy
    from orchestrator.tiling.value_maps import ValueMap  # noqa: PLC0415

    made = pack_dataset(
        tiles_path(tiles),
        path_of(folder, "folder"),
        images=images,
        labels=labels,
        format=format,
        shard_size=str(shard_size),
        split_column=split_column,
        label_map=ValueMap.by_pairs(label_map) if isinstance(label_map, Mapping) else label_map,
        ignore=ignore,
        odd=_odd(odd),
        skip_missing=skip_missing,
        seed=seed,
        dates=",".join(dates) if dates else "",
        coarse=tiles_path(coarse) if coarse is not None else None,
        readme=None if readme is None else Path(readme).expanduser(),
        run_code=run_code,
        include=include,
        overwrite=overwrite,
    )
    for note in made.notes:
        log.warning("dataset.note", note=note)
    return made


def show(
    tiles: TilesOrFile,
    images: str,
    labels: str = "",
    *,
    count: int = 16,
    seed: int = 0,
    split_column: str = "",
    bands: Sequence[str] = (),
    path: str | os.PathLike[str] | None = None,
    overwrite: bool = False,
) -> Sheet:
    """
    Return a contact sheet of random chips with their labels beside them; a notebook shows it.

    Args:
        tiles: The file of tiles, or tiles that have a `path`.
        images: Dataset of the images.
        labels: Dataset of the labels.
        count: How many chips.
        seed: Draws other chips.
        split_column: Of the tiles; by default `split`.
        bands: Red, green and blue, or one in grey; by default true colour where its bands are there.
        path: Write it there as PNG.
        overwrite: Replace a picture that is there.

    Raises:
        UserError: There is no chip, or `path` is there already.
    """
    from orchestrator.app.verbs.packs import draw_dataset, show_dataset  # noqa: PLC0415

    how: dict[str, Any] = {"count": count, "seed": seed, "split_column": split_column, "bands": tuple(bands)}
    if path is None:
        return draw_dataset(tiles_path(tiles), images, labels, **how)
    picture = path_of(path, "path")
    return show_dataset(tiles_path(tiles), picture, images=images, labels=labels, overwrite=overwrite, **how)[0]


def _odd(word: str) -> str:
    if word not in {"refuse", "pad", "drop"}:
        raise UserError(f"odd is {word!r}; give 'refuse', 'pad' or 'drop'")
    return word

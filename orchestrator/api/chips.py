"""Chips of tiles, in Python."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from orchestrator.api.arguments import first_and_end, path_of, table_of, texts, tiles_path
from orchestrator.api.connection import Connection, current
from orchestrator.api.images import GRAPH, ask_bands, graph_of, is_image
from orchestrator.api.results import Result
from orchestrator.api.work import carry_job
from orchestrator.core import log as logs
from orchestrator.core.errors import UserError
from orchestrator.core.optional import required
from orchestrator.tiling.chip_folder import MANIFEST, dataset_about

if TYPE_CHECKING:
    from numpy.ma import MaskedArray
    from pandas import DataFrame

    from orchestrator.api.arguments import TilesOrFile
    from orchestrator.app import Application

log = logs.get(__name__)


@dataclass(frozen=True)
class Chips:
    """
    The chips of one dataset.

    Attributes:
        folder: Where they lie: a GeoTIFF for each tile that is DONE, called like it; `chips.parquet`, `dataset.json`.
        result: Of the run that made them.
    """

    folder: Path
    result: Result

    @cached_property
    def frame(self) -> DataFrame:
        """A row for every tile, in their order: `state` (DONE, EMPTY, FAILED), `file`, `crs`, `valid`, `why`, ..."""
        pandas = required("pandas", "parquet", "a table of chips")
        table: DataFrame = pandas.read_parquet(self.folder / MANIFEST)
        return table

    @cached_property
    def about(self) -> Mapping[str, Any]:
        """What the dataset is: sources, terms, bands, classes, counts, as in `dataset.json`."""
        return dataset_about(self.folder)

    @property
    def missing(self) -> tuple[str, ...]:
        """The tiles whose chip could not be had; the same call asks for them again."""
        return tuple(self.frame.loc[self.frame["state"] == "FAILED", "identifier"])

    def read(self, identifier: str) -> MaskedArray[Any, Any]:
        """
        Return the pixels of a chip, a masked array of (band, row, col).

        Raises:
            UserError: There is no such tile, or no chip of it.
        """
        import rasterio  # noqa: PLC0415  heavy

        row = self.frame.loc[self.frame["identifier"] == identifier]
        if not len(row):
            raise UserError(f"there is no tile {identifier!r}; frame['identifier'] lists them")
        state, why = row.iloc[0][["state", "why"]]
        if state != "DONE":
            raise UserError(f"the chip of tile {identifier} is {state}: {why or 'every pixel of it is masked'}")
        with rasterio.open(self.folder / f"{identifier}.tif") as raster:
            pixels: MaskedArray[Any, Any] = raster.read(masked=True)
            return pixels

    def __len__(self) -> int:
        return len(self.frame)


def chips(
    tiles: TilesOrFile,
    dataset: object = None,
    *,
    recipe: str = "",
    name: str = "",
    pixels: Sequence[int] | int | None = None,
    scale: float | None = None,
    crs: str = "",
    bands: Sequence[str] | None = None,
    dates: Sequence[str | date] | None = None,
    params: Mapping[str, Any] | None = None,
    where: str = "",
    first: int = 0,
    outside: str = "keep",
    attempts: int | None = None,
    min_valid: float = 0.0,
    again: bool = False,
    overwrite: bool = False,
    progress: bool | None = None,
    connection: Connection | None = None,
) -> Chips:
    """
    Bring a chip of each tile: a small GeoTIFF, all of one zone on one lattice, in a folder beside the file of tiles.

    It runs the same job as `orchestrator tiles download`: after an interrupt, or when chips are missing, the same call
    continues.

    Args:
        tiles: A file of tiles, or the tiles that `orc.tiles` returned, which are in a file.
        dataset: A name that `orchestrator dataset list` tells, the path of a Python file of your own, or an `ee.Image`.
        recipe: Instead of a dataset, a recipe by its name, with `dates`, `bands` and `params`.
        name: What the folder is called; by default like the dataset.
        pixels: Width and height of every chip, or one number for both, around the middle of its tile.
        scale: Side of a pixel in units of the CRS; by default a tile over the width. Without `pixels`, each chip is
            the smallest window that contains its tile, by default of the dataset's own pixels.
        crs: Of all chips, `EPSG:n`; by default the UTM zone of each tile, or the CRS of a full grid.
        bands: Which bands, in order; by default all.
        dates: Of a recipe: first day and the day after the last.
        params: Parameters of the recipe.
        where: Which tiles, such as `split == train`.
        first: So many of them only, for a try; 0 is all.
        outside: `keep`, or `nodata` for pixels whose centres lie outside the tile.
        attempts: How often a chip that fails is asked for.
        min_valid: Hold the run when a smaller share of the pixels holds data.
        again: Ask anew although every chip is there; where some are missing, those are asked for.
        overwrite: Replace a folder at the chips' place that this job did not make.
        progress: False shows nothing; None shows it in a notebook and in a terminal; True everywhere.
        connection: Where; by default the one that this thread opened last.

    Returns:
        The chips, perhaps with some `missing`: that is said, and no error.

    Raises:
        UserError: An argument is wrong; the message names it, and nothing remote has happened.
        LockedError, RunFailed, NeedsPerson, KeyboardInterrupt: As `run`.
    """
    path = tiles_path(tiles).resolve()
    keys: dict[str, Any] = {"tiles": str(path), "where": where, "first": first, "outside": outside}
    keys |= dict(zip(("width", "height"), _sides(pixels), strict=False)) if pixels is not None else {}
    keys |= {"attempts": attempts} if attempts is not None else {}
    content: dict[str, Any] = {"product": "chips", "min_valid": min_valid, "chips": keys}
    content |= first_and_end(dates) if dates is not None else {}
    content |= {"base_name": name} if name else {}
    content |= {"bands": texts(bands, "bands")} if bands is not None else {}
    grid = {"scale": scale, "crs": crs}
    content["grid"] = {key: value for key, value in grid.items() if value not in (None, "")}
    connection = connection or current()
    with connection.lent() as app:
        content |= _pixels_of(dataset, recipe, table_of(params or {}, "params"), content, app)
        ended = carry_job(content, connection, app, progress, again=again, overwrite=overwrite, tell=_tell)
    from orchestrator.app.verbs.results import missing_words  # noqa: PLC0415  what is not asked for is not loaded

    result = Result.of(ended)
    if missing := missing_words(json.loads(ended.result)):
        log.warning("chips.missing", what=missing)
    return Chips(result.path, result)


def _tell(note: str) -> None:
    log.info("chips.note", note=note)


def _sides(pixels: Sequence[int] | int) -> tuple[int, int]:
    both: Any = (pixels, pixels) if isinstance(pixels, int) and not isinstance(pixels, bool) else pixels
    given = tuple(both) if isinstance(both, Sequence) and not isinstance(both, str) else ()
    if len(given) != 2 or not all(isinstance(side, int) and side > 0 for side in given):
        raise UserError(f"pixels is {pixels!r}; give a width and a height, such as (100, 100), or one number for both")
    return given[0], given[1]


def _pixels_of(
    dataset: object, recipe: str, params: Mapping[str, Any], content: Mapping[str, Any], app: Application
) -> dict[str, Any]:
    """Return what the pixels are, as a job says it; `content` is what it says else."""
    if (dataset is None) == (not recipe):
        raise UserError("what are the pixels? Give dataset= or recipe=, one of them")
    if recipe:
        return {"recipe": recipe, "params": dict(params)}
    bands, keys, grid = content.get("bands", []), content["chips"], content["grid"]
    if is_image(dataset):
        asked, fitting = ask_bands(dataset, app)
        params = {"dtype": fitting, **params, "graph": graph_of(dataset)}
        return {"recipe": GRAPH, "bands": bands or list(asked), "params": params}
    from orchestrator.app.verbs.chips import choose_for_tiles  # noqa: PLC0415  what is not asked for is not loaded

    text, name = str(path_of(dataset, "dataset")), content.get("base_name", "")
    chosen = choose_for_tiles(app, Path(keys["tiles"]), text, name=name, bands=bands, params=params)
    if chosen.scale and not grid and "width" not in keys:
        grid = {"scale": chosen.scale}
    pixels = {"recipe": chosen.recipe, "params": dict(chosen.params), "bands": list(chosen.bands)}
    return pixels | {"base_name": chosen.name, "grid": grid}

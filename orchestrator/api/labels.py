"""Classes in tiles, in Python: `orc.labels.count`, `orc.labels.coarse`, `orc.labels.balance`."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from orchestrator.api.arguments import tiles_path

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

    from orchestrator.api.arguments import TilesOrFile
    from orchestrator.app.verbs.labels import LabelReport
    from orchestrator.tiling.counting import Mapped

__all__ = ["balance", "coarse", "count"]


def count(
    tiles: TilesOrFile,
    dataset: str = "",
    *,
    raster: str | os.PathLike[str] | None = None,
    band: int | None = None,
    mapping: str | Mapping[int, int | str] | Callable[[NDArray[Any]], NDArray[Any]] | None = None,
    run_code: bool = False,
    nodata: float | None = None,
    all_touched: bool = False,
    flat: bool = False,
    overwrite: bool = False,
) -> LabelReport:
    """
    Count the share of each class in each tile, and write it into the file of tiles.

    Args:
        tiles: The file of tiles, or tiles that have a `path`.
        dataset: Whose chips, and what columns are called; by default the name of the raster.
        raster: A raster of classes, which is counted instead of chips.
        band: Which band holds the classes, from 1; by default the only one.
        mapping: From values to classes: a dictionary to numbers or names, a text such as `10=1,20=2`, or a function of
            an array; `own` is what the dataset says itself. Values that a dictionary or a text does not name become
            0, or `other`.
        run_code: Run the code that lies beside the chips, perhaps a stranger's; its `map_values` is then the map.
        nodata: The value of pixels without data, instead of the file's own.
        all_touched: Count every pixel that a tile touches.
        flat: Write a column for each class as well.
        overwrite: Replace a column that was counted from something else.

    Returns:
        What was counted: `tiles` (with its `frame`), `column`, `classes`, `counted`, `empty`, `missing`.

    Raises:
        UserError: The file, the dataset, the raster or the map is none, or a column would be replaced.
    """
    from orchestrator.app.verbs.labels import count_labels  # noqa: PLC0415  numpy is heavy

    source = None if raster is None else Path(raster).expanduser()
    return count_labels(
        tiles_path(tiles),
        dataset or (source.stem if source else ""),
        raster=source,
        band=band or 0,
        mapping=_value_map(mapping),
        run_code=run_code,
        nodata=nodata,
        all_touched=all_touched,
        flat=flat,
        overwrite=overwrite,
    )


def coarse(
    tiles: TilesOrFile, others: TilesOrFile, dataset: str, *, flat: bool = False, overwrite: bool = False
) -> LabelReport:
    """
    Give each tile the class shares of the coarser tiles in which it lies, by the area that it shares with each.

    Args:
        tiles: The file of tiles, or tiles that have a `path`.
        others: The coarser ones, whose classes were counted.
        dataset: Which.
        flat: Write a column for each class as well.
        overwrite: Replace a column that came from something else.

    Raises:
        UserError: A file is none, the coarser tiles have no shares, or a column would be replaced.
    """
    from orchestrator.app.verbs.labels import coarse_labels  # noqa: PLC0415  numpy is heavy

    return coarse_labels(tiles_path(tiles), tiles_path(others), dataset, flat=flat, overwrite=overwrite)


def balance(tiles: TilesOrFile, dataset: str, *, by: str | None = None) -> pd.DataFrame:
    """
    Return how common each class is: a row for each group and class, with share, area, tiles, majority and weight.

    Args:
        tiles: The file of tiles, or tiles that have a `path`.
        dataset: Whose classes were counted.
        by: The column by which tiles are grouped; by default `split`, where there is one.

    Raises:
        UserError: The file is none, the classes were not counted, or there is no such column.
    """
    import pandas as pd  # noqa: PLC0415  heavy

    from orchestrator.app.verbs.labels import balance_labels  # noqa: PLC0415

    report = balance_labels(tiles_path(tiles), dataset, by=by)
    return pd.DataFrame([row.facts() for row in report.rows])


def _value_map(
    mapping: str | Mapping[int, int | str] | Callable[[NDArray[Any]], NDArray[Any]] | None,
) -> str | Mapped | None:
    """Return a dictionary as a map; a text or a function is one already."""
    from orchestrator.tiling.value_maps import ValueMap  # noqa: PLC0415  numpy is heavy

    if not isinstance(mapping, Mapping):
        return mapping
    names = {value: each for value, each in mapping.items() if isinstance(each, str)}
    if mapping and len(names) == len(mapping):
        return ValueMap.by_names(names)
    return ValueMap.by_pairs(cast("Mapping[int, int]", mapping))  # which refuses others

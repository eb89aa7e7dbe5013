"""What a dataset means for the chips of a file of tiles."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from orchestrator.app.verbs.datasets import ChosenDataset, choose, is_name

if TYPE_CHECKING:
    from orchestrator.app.application import Application
    from orchestrator.model.tile_expression import Ring


def choose_for_tiles(
    app: Application,
    tiles: Path | None,
    text: str,
    *,
    name: str = "",
    bands: Sequence[str] = (),
    params: Mapping[str, str] | None = None,
) -> ChosenDataset:
    """
    Return what is meant by the name of a dataset or a Python file, of which bands may be asked of the service.

    Args:
        app: See `choose`.
        tiles: File of tiles, for the first of which the image of a file is then made; None for a place of no meaning.
        text: Name of a dataset, or a Python file.
        name: What the dataset shall be called; empty for its own name.
        bands: Names in order; all of the image where there are none.
        params: Of the recipe.

    Raises:
        UserError: There is no such dataset, or there are no tiles.
    """
    ring = _first_ring(tiles) if not bands and tiles is not None and not is_name(text) else None
    return choose(app, text, name=name, ring=ring, bands=bands, params=params)


def _first_ring(path: Path) -> Ring:
    from orchestrator.tiling.degrees import in_degrees  # noqa: PLC0415  geopandas is heavy
    from orchestrator.tiling.file import read_tiles  # noqa: PLC0415

    (shape,) = in_degrees(read_tiles(path).frame.iloc[:1])
    envelope = shape.envelope
    return tuple((x, y) for x, y, *_ in envelope.exterior.coords)

"""Which rasters a result has that a map can show, and how each is opened."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from orchestrator.app.finding import find_head
from orchestrator.app.records import Records
from orchestrator.app.verbs.results import result_of
from orchestrator.core.errors import UserError
from orchestrator.core.nearest import hint
from orchestrator.model.result import ResultFile

if TYPE_CHECKING:
    from orchestrator.engine.stores.records import Head
    from orchestrator.previews.source import PublishedRaster
    from orchestrator.previews.view import Facts, RasterPreview

TRUE_COLOUR = (("B4", "B3", "B2"), ("B04", "B03", "B02"), ("SR_B4", "SR_B3", "SR_B2"), ("red", "green", "blue"))
COGS, ZARR = ".cogs", ".zarr"
_Classes = Mapping[int, tuple[int, int, int]]
_NO_CLASSES: _Classes = MappingProxyType({})
_MOST_TOLD = 256
_told: dict[tuple[str, str], list[dict[str, Any]]] = {}


@dataclass(frozen=True, slots=True)
class Layer:
    """
    A raster of a result that a map can show.

    Attributes:
        key: What it is called in requests.
        title: What it is, for people.
        path: Where it lies; of a cube the whole.
        facts: What it is.
        times: Of a cube its dates, as people read them, in order; empty for others.
        shown: Bands that are shown at first, from 1: three, or one.
        classes: Colour of each value, where its values are classes.
        class_names: Name of each value, likewise.
    """

    key: str
    title: str
    path: Path
    facts: Facts
    times: tuple[str, ...] = ()
    shown: tuple[int, ...] = (1,)
    classes: _Classes = field(default_factory=lambda: _NO_CLASSES)
    class_names: Mapping[int, str] = field(default_factory=lambda: MappingProxyType({}))


@dataclass(frozen=True, slots=True)
class LayerName:
    """Which raster is meant: the key of a layer, and of a cube the index of the date."""

    key: str = "data"
    time: int = 0


def layers_of(app: Records, name: str) -> tuple[Layer, ...]:
    """
    Return the rasters of a result that a map can show, that which makes the result first; none of a table.

    Raises:
        UserError: No run is called so, or a file is gone, another one, or cannot be read.
        NeedsPerson: The run is held for a person.
        RunFailed: It has no result.
    """
    run = find_head(app.store, name)
    return tuple(_layer(run, key, class_rows_of(app, run)) for key in _rasters(run))


def shown_bands(names: list[str]) -> tuple[int, ...]:
    """Return the numbers of red, green and blue where there are bands of these names; else the first."""
    for colours in TRUE_COLOUR:
        if set(colours) <= set(names):
            return tuple(names.index(colour) + 1 for colour in colours)
    return (1,)


def source_of(run: Head, layer: LayerName) -> PublishedRaster:
    """
    Return the file of a layer.

    Raises:
        UserError: There is none of that name.
        NeedsPerson: See `layers_of`.
        RunFailed: See `layers_of`.
    """
    from orchestrator.previews.source import PublishedRaster  # noqa: PLC0415  GDAL is heavy

    there = _rasters(run)
    if layer.key not in there:
        raise UserError(f"run {run.id} has no layer {layer.key!r}; {hint(layer.key, there)}" if there else _none(run))
    file = there[layer.key]
    return PublishedRaster(file.path, file.sha256, file.bytes)


@contextmanager
def view_of(source: PublishedRaster, time: int) -> Iterator[RasterPreview]:
    """Open a raster to be looked at; `time` is the index of a cube's date."""
    if source.path.suffix == ZARR:
        from orchestrator.previews.cubes import looking_into  # noqa: PLC0415

        with looking_into(source, time) as view:
            yield view
    else:
        from orchestrator.previews.view import looking_at  # noqa: PLC0415

        with looking_at(_date_of(source, time)) as view:
            yield view


def _date_of(source: PublishedRaster, time: int) -> PublishedRaster:
    """Return the file of a date of a folder of GeoTIFFs; any other file is itself."""
    from orchestrator.previews.source import PublishedRaster  # noqa: PLC0415

    if source.path.suffix != COGS:
        return source
    dates = _dates(source.path)
    if not 0 <= time < len(dates):
        raise UserError(f"date {time} is none of this cube's; it has 0 to {len(dates) - 1}")
    return PublishedRaster(source.path / dates[time])


def _dates(folder: Path) -> list[str]:
    """Return the names of the files of a cube's dates, by date."""
    try:
        return sorted(path.name for path in folder.iterdir() if path.suffix == ".tif")
    except OSError as error:
        raise UserError(f"{folder} is there no more ({error.strerror}); put it back, or make it again") from None


def _times(source: PublishedRaster) -> tuple[str, ...]:
    """Return the dates of a cube as people read them; none of another raster."""
    if source.path.suffix == COGS:
        return tuple(Path(name).stem for name in _dates(source.path))
    if source.path.suffix != ZARR:
        return ()
    from orchestrator.previews.cubes import open_store  # noqa: PLC0415

    return open_store(source.path).titles


def _none(run: Head) -> str:
    return f"the result of run {run.id} is no raster, and has no layer"


def _rasters(run: Head) -> dict[str, ResultFile]:
    """Return the files that a map can show, by the keys of their layers."""
    report = result_of(run)
    files = [f for f in report.files if f.path.suffix in (".tif", ZARR, COGS) and f.role in ("data", "reduced")]
    named = sorted(files, key=lambda file: file.role)
    reduced = iter(range(len(named)))
    return {"data" if file.role == "data" else f"reduced{next(reduced)}": file for file in named}


def _layer(run: Head, key: str, rows: list[dict[str, Any]]) -> Layer:
    source = source_of(run, LayerName(key))
    with view_of(source, 0) as view:
        facts = view.facts()
    shown = shown_bands(list(facts.bands))
    names = {int(row["value"]): str(row.get("name", row["value"])) for row in rows if _is_whole(row.get("value"))}
    return Layer(
        key, source.path.name, source.path, facts, _times(source), shown, colours_of(rows), MappingProxyType(names)
    )


def _is_whole(value: object) -> bool:
    return str(value).lstrip("-").isdigit()


def class_rows_of(app: Records, run: Head) -> list[dict[str, Any]]:
    """Return the classes that the run's recipe told; read once for each run, whose facts may weigh megabytes."""
    from orchestrator.tiling.chip_folder import class_rows  # noqa: PLC0415

    key = (run.id, run.updated)
    if key not in _told:
        if len(_told) >= _MOST_TOLD:
            _told.clear()
        facts = app.store.runs.get(run.id).facts
        _told[key] = class_rows(json.loads(facts) if facts else {})
    return _told[key]


def colours_of(rows: list[dict[str, Any]]) -> _Classes:
    """Return the colour of each class."""
    from orchestrator.previews.style import class_colours  # noqa: PLC0415

    return MappingProxyType(class_colours(rows))

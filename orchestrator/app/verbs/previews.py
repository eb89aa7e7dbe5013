"""What a result looks like: layers of a map, their tiles, numbers of bands, the values of a pixel."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import lru_cache
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
    from orchestrator.previews.cache import PictureCache
    from orchestrator.previews.numbers import BandNumbers, Pixel
    from orchestrator.previews.source import Source
    from orchestrator.previews.style import Style
    from orchestrator.previews.view import Facts, View

CACHE_BYTES = 64 << 20  # of tiles that were drawn: a thousand or more
TRUE_COLOUR = (("B4", "B3", "B2"), ("B04", "B03", "B02"), ("SR_B4", "SR_B3", "SR_B2"), ("red", "green", "blue"))
_COGS, _ZARR = ".cogs", ".zarr"
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


@dataclass(frozen=True, slots=True)
class TileAsked:
    """
    A tile, and how it is to be drawn.

    Attributes:
        z: Zoom.
        x: Column from the west.
        y: Row from the north.
        layer: Of which raster.
        style: How; None is as a layer is shown at first.
    """

    z: int
    x: int
    y: int
    layer: LayerName = field(default_factory=LayerName)
    style: Style | None = None


@lru_cache(maxsize=1)
def _pictures() -> PictureCache:
    from orchestrator.previews.cache import PictureCache  # noqa: PLC0415

    return PictureCache(CACHE_BYTES)


def layers_of(app: Records, name: str) -> tuple[Layer, ...]:
    """
    Return the rasters of a result that a map can show, that which makes the result first; none of a table.

    Raises:
        UserError: No run is called so, or a file is gone, another one, or cannot be read.
        NeedsPerson: The run is held for a person.
        RunFailed: It has no result.
    """
    run = find_head(app.store, name)
    return tuple(_layer(run, key, _class_rows(app, run)) for key in _rasters(run))


def tile(app: Records, name: str, asked: TileAsked) -> bytes:
    """
    Return a tile of 256 × 256 pixels in Web Mercator as a PNG; clear where there is no data.

    Raises:
        UserError: See `layers_of`; or there is no such tile, layer or band.
        NeedsPerson: See `layers_of`.
        RunFailed: See `layers_of`.
    """
    from orchestrator.previews.style import paint  # noqa: PLC0415  numpy is heavy
    from orchestrator.previews.tiles import TileAddress, png  # noqa: PLC0415

    address = TileAddress(asked.z, asked.x, asked.y)
    source = source_of(find_head(app.store, name), asked.layer)
    style = asked.style or first_style(app, name, asked.layer)

    def draw() -> bytes:
        with view_of(source, asked.layer.time) as view:
            _check_bands(style, view)
            return png(paint(view.tile(address, style.bands), style))

    key = (_stamp(source), asked.layer.time, asked.z, asked.x, asked.y, style.key)
    return _pictures().get(key, draw)


def difference(app: Records, name: str, other: str, asked: TileAsked) -> bytes:
    """
    Return a tile of one result minus another, of one band, as a PNG; clear where either has no data.

    Raises:
        UserError: See `tile`; or more than one band is asked for.
        NeedsPerson: See `layers_of`.
        RunFailed: See `layers_of`.
    """
    import numpy as np  # noqa: PLC0415  heavy

    from orchestrator.previews.style import paint  # noqa: PLC0415
    from orchestrator.previews.tiles import TileAddress, png  # noqa: PLC0415

    address, style = TileAddress(asked.z, asked.x, asked.y), asked.style
    if style is None or len(style.bands) != 1:
        raise UserError("a difference is drawn of one band; name it, and the range that is shown")
    sources = [source_of(find_head(app.store, each), asked.layer) for each in (name, other)]

    def draw() -> bytes:
        read = []
        for source in sources:
            with view_of(source, asked.layer.time) as view:
                _check_bands(style, view)
                read.append(view.tile(address, style.bands).astype("float64"))
        return png(paint(np.ma.subtract(*read), style))

    key = (*map(_stamp, sources), asked.layer.time, asked.z, asked.x, asked.y, style.key)
    return _pictures().get(key, draw)


def numbers(app: Records, name: str, layer: LayerName) -> tuple[BandNumbers, ...]:
    """
    Return what the numbers of each band are, of pixels of an overview; of a cube those of several dates.

    Raises:
        UserError: See `layers_of`; or there is no such layer.
        NeedsPerson: See `layers_of`.
        RunFailed: See `layers_of`.
    """
    source = source_of(find_head(app.store, name), layer)
    return _numbers(source, _stamp(source))


def pixel(app: Records, name: str, layer: LayerName, longitude: float, latitude: float) -> Pixel:
    """
    Return the pixel of a raster that holds a place.

    Raises:
        UserError: See `numbers`; or there is no such place.
        NeedsPerson: See `layers_of`.
        RunFailed: See `layers_of`.
    """
    with view_of(source_of(find_head(app.store, name), layer), layer.time) as view:
        return view.pixel(longitude, latitude)


@dataclass(frozen=True, slots=True)
class Series:
    """
    A pixel of a cube over its dates.

    Attributes:
        times: Of each date, RFC 3339, UTC.
        values: Stored numbers by band, in the order of the dates; None where there is no data.
    """

    times: tuple[str, ...]
    values: Mapping[str, list[float | None]]


def series(app: Records, name: str, layer: LayerName, longitude: float, latitude: float) -> Series:
    """
    Return a pixel of a cube over all dates.

    Raises:
        UserError: See `pixel`; or the result is no Zarr store.
        NeedsPerson: See `layers_of`.
        RunFailed: See `layers_of`.
    """
    from orchestrator.previews.cubes import looking_into  # noqa: PLC0415  zarr is heavy

    source = source_of(find_head(app.store, name), layer)
    if source.path.suffix != _ZARR:
        raise UserError(f"{source.path.name} is no Zarr store, of which alone a pixel's series is read")
    with looking_into(source, 0) as view:
        return Series(view.cube.times, view.series(longitude, latitude))


def colour_strip(name: str) -> bytes:
    """
    Return a map of colours from its darkest to its brightest as a PNG of 256 × 1 pixels.

    Raises:
        UserError: There is none of that name.
    """
    import numpy as np  # noqa: PLC0415  heavy

    from orchestrator.previews.style import Style, paint  # noqa: PLC0415
    from orchestrator.previews.tiles import png  # noqa: PLC0415

    ramp = np.ma.masked_array(np.arange(256.0).reshape(1, 1, 256))
    return png(paint(ramp, Style((1,), ((0.0, 255.0),), name)))


def first_style(app: Records, name: str, layer: LayerName) -> Style:
    """Return how a layer is shown at first: classes in their colours, true colours, or its first band in grey."""
    from orchestrator.previews.style import Style  # noqa: PLC0415

    run = find_head(app.store, name)
    source = source_of(run, layer)
    found = _numbers(source, _stamp(source))
    shown, classes = shown_bands([one.name for one in found]), _colours(_class_rows(app, run))
    return Style(shown, tuple(found[band - 1].stretch("percentile") for band in shown), classes=classes)


def shown_bands(names: list[str]) -> tuple[int, ...]:
    """Return the numbers of red, green and blue where there are bands of these names; else the first."""
    for colours in TRUE_COLOUR:
        if set(colours) <= set(names):
            return tuple(names.index(colour) + 1 for colour in colours)
    return (1,)


def source_of(run: Head, layer: LayerName) -> Source:
    """
    Return the file of a layer.

    Raises:
        UserError: There is none of that name.
        NeedsPerson: See `layers_of`.
        RunFailed: See `layers_of`.
    """
    from orchestrator.previews.source import Source  # noqa: PLC0415  GDAL is heavy

    there = _rasters(run)
    if layer.key not in there:
        raise UserError(f"run {run.id} has no layer {layer.key!r}; {hint(layer.key, there)}" if there else _none(run))
    file = there[layer.key]
    return Source(file.path, file.sha256, file.bytes)


@contextmanager
def view_of(source: Source, time: int) -> Iterator[View]:
    """Open a raster to be looked at; `time` is the index of a cube's date."""
    if source.path.suffix == _ZARR:
        from orchestrator.previews.cubes import looking_into  # noqa: PLC0415

        with looking_into(source, time) as view:
            yield view
    else:
        from orchestrator.previews.view import looking_at  # noqa: PLC0415

        with looking_at(_date_of(source, time)) as view:
            yield view


def _date_of(source: Source, time: int) -> Source:
    """Return the file of a date of a folder of GeoTIFFs; any other file is itself."""
    from orchestrator.previews.source import Source  # noqa: PLC0415

    if source.path.suffix != _COGS:
        return source
    dates = _dates(source.path)
    if not 0 <= time < len(dates):
        raise UserError(f"date {time} is none of this cube's; it has 0 to {len(dates) - 1}")
    return Source(source.path / dates[time])


def _dates(folder: Path) -> list[str]:
    """Return the names of the files of a cube's dates, by date."""
    try:
        return sorted(path.name for path in folder.iterdir() if path.suffix == ".tif")
    except OSError as error:
        raise UserError(f"{folder} is there no more ({error.strerror}); put it back, or make it again") from None


def _times(source: Source) -> tuple[str, ...]:
    """Return the dates of a cube as people read them; none of another raster."""
    if source.path.suffix == _COGS:
        return tuple(Path(name).stem for name in _dates(source.path))
    if source.path.suffix != _ZARR:
        return ()
    from orchestrator.previews.cubes import open_store  # noqa: PLC0415

    return open_store(source.path).titles


def _none(run: Head) -> str:
    return f"the result of run {run.id} is no raster, and has no layer"


def _rasters(run: Head) -> dict[str, ResultFile]:
    """Return the files that a map can show, by the keys of their layers."""
    report = result_of(run)
    files = [f for f in report.files if f.path.suffix in (".tif", _ZARR, _COGS) and f.role in ("data", "reduced")]
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
        key, source.path.name, source.path, facts, _times(source), shown, _colours(rows), MappingProxyType(names)
    )


def _is_whole(value: object) -> bool:
    return str(value).lstrip("-").isdigit()


@lru_cache(maxsize=256)
def _numbers(source: Source, _mark: tuple[object, ...]) -> tuple[BandNumbers, ...]:
    with view_of(source, 0) as view:
        return view.numbers()


def _stamp(source: Source) -> tuple[object, ...]:
    from orchestrator.previews.source import stamp  # noqa: PLC0415

    return stamp(source)


def _check_bands(style: Style, view: View) -> None:
    names = view.facts().bands
    for band in style.bands:
        if not 1 <= band <= len(names):
            raise UserError(f"band {band} is none of this raster's; it has 1 to {len(names)}: {', '.join(names)}")


def _class_rows(app: Records, run: Head) -> list[dict[str, Any]]:
    """Return the classes that the run's recipe told; read once for each run, whose facts may weigh megabytes."""
    from orchestrator.tiling.chip_folder import class_rows  # noqa: PLC0415

    key = (run.id, run.updated)
    if key not in _told:
        if len(_told) >= _MOST_TOLD:
            _told.clear()
        facts = app.store.runs.get(run.id).facts
        _told[key] = class_rows(json.loads(facts) if facts else {})
    return _told[key]


def _colours(rows: list[dict[str, Any]]) -> _Classes:
    from orchestrator.previews.style import class_colours  # noqa: PLC0415

    return MappingProxyType(class_colours(rows))

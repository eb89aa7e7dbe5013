"""What a result looks like: layers of a map, their tiles, numbers of bands, the values of a pixel."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING

from orchestrator.app.finding import find_head
from orchestrator.app.records import Records
from orchestrator.app.verbs.layers import ZARR, LayerName, class_rows_of, colours_of, shown_bands, source_of, view_of
from orchestrator.core.errors import UserError

if TYPE_CHECKING:
    from orchestrator.previews.cache import PictureCache
    from orchestrator.previews.numbers import BandSummary, Pixel
    from orchestrator.previews.source import PublishedRaster
    from orchestrator.previews.style import Style
    from orchestrator.previews.view import RasterPreview

CACHE_BYTES = 64 << 20  # of tiles that were drawn: a thousand or more


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


def numbers(app: Records, name: str, layer: LayerName) -> tuple[BandSummary, ...]:
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
    if source.path.suffix != ZARR:
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
    shown, classes = shown_bands([one.name for one in found]), colours_of(class_rows_of(app, run))
    return Style(shown, tuple(found[band - 1].stretch("percentile") for band in shown), classes=classes)


@lru_cache(maxsize=256)
def _numbers(source: PublishedRaster, _mark: tuple[object, ...]) -> tuple[BandSummary, ...]:
    with view_of(source, 0) as view:
        return view.numbers()


def _stamp(source: PublishedRaster) -> tuple[object, ...]:
    from orchestrator.previews.source import stamp  # noqa: PLC0415

    return stamp(source)


def _check_bands(style: Style, view: RasterPreview) -> None:
    names = view.facts().bands
    for band in style.bands:
        if not 1 <= band <= len(names):
            raise UserError(f"band {band} is none of this raster's; it has 1 to {len(names)}: {', '.join(names)}")

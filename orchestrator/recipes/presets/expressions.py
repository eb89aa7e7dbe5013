"""What the expressions of several families share. The client of Earth Engine is loaded when one is made."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from orchestrator.recipes.series import Period


def scenes(collection: str, region: Mapping[str, Any], period: Period | None) -> Any:
    """Return the scenes of a collection that touch the area, of the days of a period."""
    import ee  # noqa: PLC0415  it costs a second

    over = ee.ImageCollection(collection).filterBounds(ee.Geometry(dict(region)))
    return over if period is None else over.filterDate(period.start.isoformat(), period.end.isoformat())


def reduced(found: Any, bands: Sequence[str], how: str) -> Any:
    """
    Return an `ee.Image` of `bands`, each reduced over the scenes by the method called `how`.

    Where there is no scene at all the bands are there, and masked.
    """
    from orchestrator.recipes.composing import with_blank  # noqa: PLC0415

    return getattr(with_blank(found, bands), how)().rename(list(bands))


def stacked(periods: Iterable[Period], bands: tuple[str, ...], image: Callable[[Period], tuple[Any, list[str]]]) -> Any:
    """
    Return an `ee.Image` of `bands` out of one image a period; periods without one of these bands are left out.

    Args:
        periods: In order.
        bands: Names in order.
        image: Makes the image of a period, and tells the names that its bands then have.
    """
    import ee  # noqa: PLC0415  it costs a second

    layers = []
    for period in periods:
        made, names = image(period)
        if set(names) & set(bands):
            layers.append(made.rename(names))
    return ee.Image.cat(layers).select(list(bands))


def as_picture(values: Any) -> Any:
    """Return 0 to 255 as whole numbers of 8 bits from 1 on, since 0 is where nothing was seen."""
    return values.clamp(1, 255).toByte()

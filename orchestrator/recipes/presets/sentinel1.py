"""Sentinel-1: backscatter of seasons, months and days, and how often it looked."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from orchestrator.model.credit import SENTINEL_TERMS, sentinel_notice
from orchestrator.recipes.presets.expressions import as_picture, reduced, scenes, stacked
from orchestrator.recipes.presets.periods import days, months, seasons, whole
from orchestrator.recipes.presets.preset import (
    CLASS_NODATA,
    FLOAT_NODATA,
    PICTURE_NODATA,
    Alias,
    Filled,
    Preset,
    PresetSource,
)
from orchestrator.recipes.series import Period

FAMILY = "sentinel1"
COLLECTION = "COPERNICUS/S1_GRD"
DARKEST_DB, BRIGHTEST_DB = -30.0, 0.0
ORBITS: Mapping[str, str] = {"asc": "ASCENDING", "des": "DESCENDING"}
LOOKS = tuple((band, orbit) for band in ("VV", "VH") for orbit in ORBITS)
SEEN = ("VV", "VH", "angle")
MOST_LOOKS = 254  # a month

_STEP_DB = (BRIGHTEST_DB - DARKEST_DB) / 255
_IW = f"{COLLECTION}, scenes of the mode IW"
_SCALED = "-30 to 0 dB as 0 to 255, rounded; what is darker or brighter is 1 or 255, and 0 is where nothing was seen"
_PICTURE = {"dtype": "uint8", "nodata": PICTURE_NODATA, "valid": (1, 255), "physical": (_STEP_DB, DARKEST_DB)}
_YEARS = (2015, None)  # since 2014-10-03 (Earth Engine Data Catalog), so that 2015 is the first whole year


def _looks(region: Mapping[str, Any], period: Period, orbit: str, bands: Iterable[str]) -> Any:
    """Return the scenes of one direction of flight that have all of the bands."""
    import ee  # noqa: PLC0415  it costs a second

    found = scenes(COLLECTION, region, period).filter(ee.Filter.eq("instrumentMode", "IW"))
    for band in bands:
        found = found.filter(ee.Filter.listContains("transmitterReceiverPolarisation", band))
    return found.filter(ee.Filter.eq("orbitProperties_pass", ORBITS[orbit]))


def _scaled(decibels: Any) -> Any:
    return as_picture(decibels.subtract(DARKEST_DB).divide(_STEP_DB).round())


def _mean(found: Any, band: str) -> Any:
    """Return the mean of power, in decibels."""
    import ee  # noqa: PLC0415  it costs a second

    power = found.map(lambda scene: ee.Image(scene).select([band]).multiply(math.log(10) / 10).exp())
    return reduced(power, [band], "mean").log10().multiply(10)


def _preset(
    name: str,
    alias: Alias,
    periods: tuple[Period, ...],
    names: Callable[[Period], list[str]],
    image: Callable[[Mapping[str, Any], Period], Any],
    **what: Any,
) -> Preset:
    """Return a preset of an image of each period, whose bands have the names that `names` gives them."""
    span = whole(periods)
    return Preset(
        name=name,
        alias=alias,
        sources=(PresetSource(COLLECTION, span, counted=True),),
        scale=10,
        bands=tuple(band for period in periods for band in names(period)),
        build=lambda region, bands: stacked(periods, bands, lambda period: (image(region, period), names(period))),
        attribution=sentinel_notice(range(span.start.year, periods[-1].start.year + 1)),
        licence=SENTINEL_TERMS,
        **what,
    )


def _seasonal(name: str, alias: Alias, asked: Filled) -> Preset:
    periods = seasons(asked.year)

    def names(period: Period) -> list[str]:
        return [f"{period.name}_{band.lower()}{orbit}" for band, orbit in LOOKS]

    def image(region: Mapping[str, Any], period: Period) -> Any:
        import ee  # noqa: PLC0415  it costs a second

        each = (reduced(_looks(region, period, orbit, [band]), [band], "median") for band, orbit in LOOKS)
        return ee.Image.cat([_scaled(one) for one in each])

    return _preset(
        name,
        alias,
        periods,
        names,
        image,
        steps=(_IW, "median in dB of each season, of VV and VH, ascending and descending apart", _SCALED),
        **_PICTURE,
        mended="what is darker than -30 dB or brighter than 0 dB wrapped around; the last day of each season was lost",
    )


def _monthly(name: str, alias: Alias, asked: Filled) -> Preset:
    periods, orbit = months(asked.year), asked.word

    def names(period: Period) -> list[str]:
        return [f"{period.name}_vv", f"{period.name}_vh"]

    def image(region: Mapping[str, Any], period: Period) -> Any:
        import ee  # noqa: PLC0415  it costs a second

        means = (_mean(_looks(region, period, orbit, [band]), band) for band in ("VV", "VH"))
        return ee.Image.cat([_scaled(one) for one in means])

    return _preset(
        name,
        alias,
        periods,
        names,
        image,
        steps=(f"{_IW}, {ORBITS[orbit].lower()}", "mean power of each month, of VV and VH, in dB", _SCALED),
        **_PICTURE,
        mended="negative decibels were stored as unsigned whole numbers; the mean was one of decibels; the last day of "
        "each month was lost",
    )


def _count(name: str, alias: Alias, asked: Filled) -> Preset:
    periods = months(asked.year)

    def names(period: Period) -> list[str]:
        return [f"{period.name}_{band.lower()}{orbit}" for band, orbit in LOOKS]

    def image(region: Mapping[str, Any], period: Period) -> Any:
        import ee  # noqa: PLC0415  it costs a second

        each = (reduced(_looks(region, period, orbit, [band]), [band], "count") for band, orbit in LOOKS)
        return ee.Image.cat([one.unmask(0, False).min(MOST_LOOKS).toByte() for one in each])

    return _preset(
        name,
        alias,
        periods,
        names,
        image,
        steps=(
            _IW,
            "number of looks in each month, of VV and VH, ascending and descending apart; 0 where there is none",
        ),
        dtype="uint8",
        nodata=CLASS_NODATA,
        valid=(0, MOST_LOOKS),
        mended="the last day of each month was lost",
    )


def _observed(name: str, alias: Alias, asked: Filled) -> Preset:
    periods = days(asked.year, asked.month)

    def names(period: Period) -> list[str]:
        return [f"{period.name}_{ORBITS[orbit][:3]}_{band}" for orbit in ORBITS for band in SEEN]

    def image(region: Mapping[str, Any], period: Period) -> Any:
        import ee  # noqa: PLC0415  it costs a second

        each = [reduced(_looks(region, period, orbit, SEEN[:2]), SEEN, "max") for orbit in ORBITS]
        return ee.Image.cat(each).toFloat()

    return _preset(
        name,
        alias,
        periods,
        names,
        image,
        steps=(
            _IW,
            "VV and VH in dB and the angle of incidence in degrees, of each day, ascending and descending apart",
        ),
        dtype="float32",
        nodata=FLOAT_NODATA,
        valid=(-100, 100),
        mended="bands were those of the days on which a tile was seen, so that chips differed in shape; here each day "
        "of the month has its bands. The months before and after are datasets of their own",
    )


ALIASES = (
    Alias(
        "s1grd-YYYY",
        "s1grd",
        FAMILY,
        "Sentinel-1 backscatter VV and VH of both orbits, median of four seasons, 8 bits",
        _seasonal,
        _YEARS,
    ),
    Alias(
        "s1grdm-YYYY-asc|des",
        "s1grdm",
        FAMILY,
        "Sentinel-1 backscatter VV and VH of one orbit, mean of twelve months, 8 bits",
        _monthly,
        _YEARS,
        words=("asc", "des"),
    ),
    Alias("s1count-YYYY", "s1count", FAMILY, "How often Sentinel-1 looked, in twelve months", _count, _YEARS),
    Alias(
        "s1grdobs-YYYYMM",
        "s1grdobs",
        FAMILY,
        "Sentinel-1 backscatter and angle of each day of a month, in dB",
        _observed,
        _YEARS,
        monthly=True,
    ),
)

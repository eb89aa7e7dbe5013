"""Sentinel-2: seasons, months and years of reflectance, as pictures or as they are."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import date
from types import MappingProxyType
from typing import Any

from orchestrator.model.credit import SENTINEL_TERMS, sentinel_notice
from orchestrator.recipes.presets.expressions import as_picture, reduced, scenes, stacked
from orchestrator.recipes.presets.periods import calendar_year, months, seasons, whole
from orchestrator.recipes.presets.preset import FLOAT_NODATA, PICTURE_NODATA, Alias, Filled, Preset, PresetSource
from orchestrator.recipes.series import Period

FAMILY = "sentinel2"
SURFACE = "COPERNICUS/S2_SR_HARMONIZED"
TOP = "COPERNICUS/S2_HARMONIZED"
# "Dataset Availability" (Earth Engine Data Catalog).
BEGINS = {SURFACE: date(2017, 3, 28), TOP: date(2015, 6, 27)}
MOST_CLOUDS = 20  # percent
CLOUDS, CIRRUS = 10, 11  # bits of QA60
CLOUDY_CLASSES = (8, 9, 10)  # of SCL: clouds of medium and high probability, thin cirrus
# QA60 is masked from 2022-01-25 to 2024-02-28 inclusive (Earth Engine Data Catalog).
UNFLAGGED = (date(2022, 1, 25), date(2024, 2, 29))
COUNTS_PER_REFLECTANCE = 10_000
BRIGHTEST = 0.3  # reflectance that is white in a picture
RGB = ("B4", "B3", "B2")
COLOURS = ("red", "green", "blue")
TEN = ("B2", "B3", "B4", "B5", "B6", "B7", "B8", "B8A", "B11", "B12")
THIRTEEN = ("B1", *TEN[:8], "B9", "B10", "B11", "B12")

_LIGHT = f"scenes with CLOUDY_PIXEL_PERCENTAGE below {MOST_CLOUDS}"
_CLEAR = "of each, pixels with bits 10 and 11 of QA60 clear; from 2022-01-25 to 2024-02-28, by classes of SCL"
_PICTURE = f"median reflectance from 0 to {BRIGHTEST} as 0 to 255, the darkest 1, since 0 is where nothing was seen"
_WINTER = "winter begins in December of the year before"
_LAST_DAYS = "the last day of each period was lost"
_UNSEEN = "in 2022 to 2024 every pixel was masked, since QA60 is"


def _clear(period: Period) -> Callable[[Any], Any]:
    """Return what makes reflectance of a scene, without clouds."""
    flagged = period.end <= UNFLAGGED[0] or period.start >= UNFLAGGED[1]

    def clear(scene: Any) -> Any:
        from orchestrator.recipes.composing import none_set  # noqa: PLC0415

        flags = scene.select("QA60")
        mask = none_set(flags if flagged else flags.unmask(0, False), (CLOUDS, CIRRUS))
        if not flagged:
            for number in CLOUDY_CLASSES:
                mask = mask.And(scene.select("SCL").neq(number))
        return scene.updateMask(mask).divide(COUNTS_PER_REFLECTANCE)

    return clear


def _light(collection: str, region: Mapping[str, Any], period: Period) -> Any:
    import ee  # noqa: PLC0415  it costs a second

    return scenes(collection, region, period).filter(ee.Filter.lt("CLOUDY_PIXEL_PERCENTAGE", MOST_CLOUDS))


def _picture(region: Mapping[str, Any], period: Period) -> Any:
    import ee  # noqa: PLC0415  it costs a second

    clear = _clear(period)
    found = _light(SURFACE, region, period).map(lambda scene: clear(ee.Image(scene)))
    return as_picture(reduced(found, RGB, "median").visualize(bands=list(RGB), min=0, max=BRIGHTEST))


def _preset(name: str, alias: Alias, periods: tuple[Period, ...], collection: str = SURFACE, **what: Any) -> Preset:
    span = whole(periods)
    return Preset(
        name=name,
        alias=alias,
        sources=(PresetSource(collection, span, counted=True, begins=BEGINS[collection]),),
        scale=10,
        attribution=sentinel_notice(range(span.start.year, periods[-1].start.year + 1)),
        licence=SENTINEL_TERMS,
        **what,
    )


def _pictures(name: str, alias: Alias, periods: tuple[Period, ...], prefix: Callable[[Period], str]) -> Preset:
    """Return a picture in three colours of each period."""

    def names(period: Period) -> list[str]:
        return [f"{prefix(period)}{colour}" for colour in COLOURS]

    def build(region: Mapping[str, Any], bands: tuple[str, ...]) -> Any:
        return stacked(periods, bands, lambda period: (_picture(region, period), names(period)))

    return _preset(
        name,
        alias,
        periods,
        steps=(f"{SURFACE}, {_LIGHT}", _CLEAR, _PICTURE),
        bands=tuple(band for period in periods for band in names(period)),
        dtype="uint8",
        nodata=PICTURE_NODATA,
        valid=(1, 255),
        physical=(BRIGHTEST / 255, 0.0),
        mended=f"{_LAST_DAYS}; {_UNSEEN}; masked pixels were 0 without a tag",
        build=build,
    )


def _median(name: str, alias: Alias, asked: Filled) -> Preset:
    return _pictures(name, alias, (calendar_year(asked.year),), lambda _: "")


def _seasonal_pictures(name: str, alias: Alias, asked: Filled) -> Preset:
    made = _pictures(name, alias, seasons(asked.year), lambda season: f"{season.name}_")
    return replace(made, mended=f"{made.mended}; pictures were brightened afterwards, which cut off what is bright")


def _monthly_pictures(name: str, alias: Alias, asked: Filled) -> Preset:
    return _pictures(name, alias, months(asked.year), lambda month: f"{month.name}_")


def _seasonal(name: str, alias: Alias, year: int, collection: str, kept: tuple[str, ...], **what: Any) -> Preset:
    """Return the median of each season, of all pixels of scenes with few clouds."""
    periods, as_bytes = seasons(year), what["dtype"] == "uint8"

    def names(period: Period) -> list[str]:
        return [f"{period.name}_{band}" for band in kept]

    def image(region: Mapping[str, Any], period: Period) -> Any:
        counts = reduced(_light(collection, region, period), kept, "median")
        return as_picture(counts.divide(COUNTS_PER_REFLECTANCE).multiply(255)) if as_bytes else counts.toFloat()

    def build(region: Mapping[str, Any], bands: tuple[str, ...]) -> Any:
        return stacked(periods, bands, lambda period: (image(region, period), names(period)))

    scaled = "reflectance from 0 to 1 as 0 to 255, rounded down, the darkest 1, since 0 is where nothing was seen"
    kind = scaled if as_bytes else f"as it is stored, {COUNTS_PER_REFLECTANCE} for a reflectance of 1"
    return _preset(
        name,
        alias,
        periods,
        collection,
        steps=(f"{collection}, {_LIGHT}", f"median of each season; {_WINTER}", kind),
        bands=tuple(band for period in periods for band in names(period)),
        build=build,
        **what,
    )


_BYTES: Mapping[str, Any] = MappingProxyType(
    {"dtype": "uint8", "nodata": PICTURE_NODATA, "valid": (1, 255), "physical": (1 / 255, 0.0)}
)


def _ten(name: str, alias: Alias, asked: Filled) -> Preset:
    mended = f"{_LAST_DAYS}; masked pixels were 0 without a tag"
    return _seasonal(name, alias, asked.year, SURFACE, TEN, mended=mended, **_BYTES)


def _thirteen(name: str, alias: Alias, asked: Filled) -> Preset:
    mended = f"COPERNICUS/S2, whose values jump by 1000 on 2022-01-25, is now {TOP}; {_LAST_DAYS}"
    return _seasonal(name, alias, asked.year, TOP, THIRTEEN, mended=mended, **_BYTES)


def _raw(name: str, alias: Alias, asked: Filled) -> Preset:
    what: dict[str, Any] = {"dtype": "float32", "nodata": FLOAT_NODATA, "valid": (0, 65_535)}
    what |= {"physical": (1 / COUNTS_PER_REFLECTANCE, 0.0), "mended": f"{_LAST_DAYS}; masked pixels were 0"}
    return _seasonal(name, alias, asked.year, SURFACE, TEN, **what)


_SURFACE_YEARS, _TOP_YEARS = ((BEGINS[one].year, None) for one in (SURFACE, TOP))

ALIASES = (
    Alias(
        "sentinel2-rgb-median-YYYY",
        "sentinel2rgbmedian",
        FAMILY,
        "Sentinel-2 in three colours, median of a year without clouds",
        _median,
        _SURFACE_YEARS,
    ),
    Alias(
        "s2-YYYY",
        "s2",
        FAMILY,
        "Sentinel-2 surface reflectance, ten bands in four seasons, 8 bits",
        _ten,
        _SURFACE_YEARS,
    ),
    Alias(
        "s2_13bands-YYYY",
        "s2_13bands",
        FAMILY,
        "Sentinel-2 reflectance at the top of the atmosphere, thirteen bands in four seasons, 8 bits",
        _thirteen,
        _TOP_YEARS,
    ),
    Alias(
        "s2_raw-YYYY",
        "s2_raw",
        FAMILY,
        "Sentinel-2 surface reflectance x 10,000, ten bands in four seasons",
        _raw,
        _SURFACE_YEARS,
    ),
    Alias(
        "s2rgb-YYYY",
        "s2rgb",
        FAMILY,
        "Sentinel-2 in three colours, four seasons without clouds",
        _seasonal_pictures,
        _SURFACE_YEARS,
    ),
    Alias(
        "s2rgbm-YYYY",
        "s2rgbm",
        FAMILY,
        "Sentinel-2 in three colours, twelve months without clouds",
        _monthly_pictures,
        _SURFACE_YEARS,
    ),
)

"""Trees by MODIS: percent of a pixel under their crowns."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from orchestrator.recipes.presets.expressions import reduced, scenes, stacked
from orchestrator.recipes.presets.periods import calendar_year, whole
from orchestrator.recipes.presets.preset import CLASS_NODATA, Alias, Filled, Preset, PresetSource
from orchestrator.recipes.series import Period

FAMILY = "vegetation"
COLLECTION = "MODIS/061/MOD44B"
TREES = "Percent_Tree_Cover"
MOST = 100  # percent; above are water and what could not be told
FIVE = range(2016, 2021)

_STEP = f"{COLLECTION}, band {TREES} of the year, percent; water and what could not be told is masked"
_VERSION = f"MODIS/006 was replaced by {COLLECTION}"


def _trees(region: Mapping[str, Any], year: Period) -> Any:
    percent = reduced(scenes(COLLECTION, region, year), [TREES], "mosaic")
    return percent.updateMask(percent.lte(MOST)).toByte()


def _preset(name: str, alias: Alias, years: tuple[Period, ...], bands: tuple[str, ...], **what: Any) -> Preset:
    named = dict(zip(years, bands, strict=True))
    return Preset(
        name=name,
        alias=alias,
        steps=(_STEP,),
        sources=(PresetSource(COLLECTION, whole(years), counted=True),),
        bands=bands,
        dtype="uint8",
        nodata=CLASS_NODATA,
        scale=250,
        valid=(0, MOST),
        attribution="MOD44B.061 Terra Vegetation Continuous Fields by NASA LP DAAC (doi:10.5067/MODIS/MOD44B.061)",
        licence="https://developers.google.com/earth-engine/datasets/catalog/MODIS_061_MOD44B#terms-of-use",
        build=lambda region, wanted: stacked(years, wanted, lambda year: (_trees(region, year), [named[year]])),
        **what,
    )


def _cover(name: str, alias: Alias, asked: Filled) -> Preset:
    mended = f"{_VERSION}; percent were stretched to 0 to 255 in three equal bands, but thresholds of classes stayed"
    return _preset(name, alias, (calendar_year(asked.year),), (TREES,), breaks=(20, 40, 60, 80), mended=mended)


def _five_years(name: str, alias: Alias, asked: Filled) -> Preset:
    del asked
    years = tuple(map(calendar_year, FIVE))
    return _preset(name, alias, years, tuple(f"{TREES}_{year.name}" for year in years), mended=_VERSION)


ALIASES = (
    Alias("treecoverYYYY", "treecover", FAMILY, "Percent of tree cover of a year, by MODIS", _cover, (2000, 2022)),
    Alias(
        "modis44b006veg",
        "modis44b006veg",
        FAMILY,
        "Percent of tree cover of the years 2016 to 2020, by MODIS",
        _five_years,
    ),
)

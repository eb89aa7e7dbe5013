"""Fires and floods: what burned from 2016 to 2020, and the floods of a year."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from orchestrator.recipes.presets.expressions import reduced, scenes, stacked
from orchestrator.recipes.presets.periods import calendar_year, whole
from orchestrator.recipes.presets.preset import FLOAT_NODATA, Alias, Filled, Preset, PresetSource
from orchestrator.recipes.series import Period

FAMILY = "hazards"
FIRES = "ESA/CCI/FireCCI/5_1"
BURNED = ("BurnDate", "ConfidenceLevel", "LandCover")
FIVE = range(2016, 2021)
FLOODS = "GLOBAL_FLOOD_DB/MODIS_EVENTS/V1"
MAPPED = ("flooded", "duration", "clear_views", "clear_perc", "jrc_perm_water")
FLOOD_BANDS = ("floods", *MAPPED)
FLOOD_NODATA = 65_535.0


def _fires(name: str, alias: Alias, asked: Filled) -> Preset:
    del asked
    years = tuple(map(calendar_year, FIVE))

    def names(year: Period) -> list[str]:
        return [f"{year.name}_{band}" for band in BURNED]

    def image(region: Mapping[str, Any], year: Period) -> Any:
        return reduced(scenes(FIRES, region, year), BURNED, "max").toInt16()

    return Preset(
        name=name,
        alias=alias,
        steps=(
            f"{FIRES}, the months of each year from 2016 to 2020",
            "greatest day of the year on which it burned, confidence in percent, and class of what burned",
            "pixels that did not burn are masked",
        ),
        sources=(PresetSource(FIRES, whole(years), counted=True),),
        bands=tuple(band for year in years for band in names(year)),
        dtype="int16",
        nodata=FLOAT_NODATA,
        scale=250,
        valid=(0, 366),
        attribution="ESA Climate Change Initiative, Fire_cci: FireCCI51 (Padilla Parellada 2018, "
        "doi:10.5285/58f00d8814064b79a0c49662ad3af537)",
        licence="https://developers.google.com/earth-engine/datasets/catalog/ESA_CCI_FireCCI_5_1#terms-of-use",
        mended="masked pixels were 0, and chips without a fire were removed from the folder; they are EMPTY now",
        build=lambda region, bands: stacked(years, bands, lambda year: (image(region, year), names(year))),
    )


def _floods(name: str, alias: Alias, asked: Filled) -> Preset:
    year = calendar_year(asked.year)

    def build(region: Mapping[str, Any], bands: tuple[str, ...]) -> Any:
        found = scenes(FLOODS, region, year)
        most = reduced(found, MAPPED, "max")
        number = reduced(found, ["flooded"], "sum").rename(["floods"])
        return number.addBands(most).select(list(bands)).toUint16()

    return Preset(
        name=name,
        alias=alias,
        steps=(
            f"{FLOODS}, events that began in the year",
            "floods: how many of them show water; flooded: 1 where one does",
            "of duration and clear_views (days), clear_perc (percent) and jrc_perm_water (1 or 0) the greatest",
        ),
        sources=(PresetSource(FLOODS, year, counted=True),),
        bands=FLOOD_BANDS,
        dtype="uint16",
        nodata=FLOOD_NODATA,
        scale=30,
        valid=(0, FLOOD_NODATA - 1),
        attribution="Global Flood Database v1 by Cloud to Street and the Dartmouth Flood Observatory (Tellman et al. "
        "2021, doi:10.1038/s41586-021-03695-w)",
        licence="CC-BY-NC-4.0",
        mended="bands were those of the events of a tile, so that chips differed in shape; events that ended in the "
        "next year were lost",
        build=build,
    )


ALIASES = (
    Alias("firecci51", "firecci51", FAMILY, "What burned in the years 2016 to 2020, when and how surely", _fires),
    Alias(
        "globalfloods-YYYY",
        "globalfloods",
        FAMILY,
        "Floods of a year, from MODIS, how often and how long",
        _floods,
        (2000, 2018),
    ),
)

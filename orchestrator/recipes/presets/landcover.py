"""Maps of what covers the ground: ESA WorldCover, and what is grown in Canada."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from orchestrator.recipes.presets.expressions import reduced, scenes
from orchestrator.recipes.presets.legends import CANADIAN_CROPS, WORLDCOVER
from orchestrator.recipes.presets.periods import calendar_year
from orchestrator.recipes.presets.preset import CLASS_NODATA, Alias, Filled, Preset, PresetSource

FAMILY = "landcover"
CC_BY = "https://creativecommons.org/licenses/by/4.0/"
VERSIONS: Mapping[int, str] = MappingProxyType({2020: "v100", 2021: "v200"})
WORLDCOVER_CREDIT: Mapping[int, str] = MappingProxyType(
    {
        2020: "ESA WorldCover 10 m 2020 v100 (Zanaga et al. 2021, doi:10.5281/zenodo.5571936), CC-BY-4.0",
        2021: "ESA WorldCover 10 m 2021 v200 (Zanaga et al. 2022, doi:10.5281/zenodo.7254221), CC-BY-4.0",
    }
)
CANADA = "AAFC/ACI"


def _worldcover(name: str, alias: Alias, asked: Filled) -> Preset:
    asset = f"ESA/WorldCover/{VERSIONS[asked.year]}"

    def build(region: Mapping[str, Any], bands: tuple[str, ...]) -> Any:
        del region  # one image of the whole Earth
        import ee  # noqa: PLC0415  it costs a second

        return ee.Image(ee.ImageCollection(asset).first()).select(list(bands)).toByte()

    return Preset(
        name=name,
        alias=alias,
        steps=(f"{asset}, its one image, as it is: 10 is trees, 20 shrubs, ... 100 moss", *_versions(alias)),
        sources=(PresetSource(asset),),
        bands=("Map",),
        dtype="uint8",
        nodata=CLASS_NODATA,
        scale=10,
        valid=(10, 100),
        attribution=WORLDCOVER_CREDIT[asked.year],
        licence=CC_BY,
        classes=WORLDCOVER,
        value_map=MappingProxyType({0: 0} | {each.value: number for number, each in enumerate(WORLDCOVER, 1)}),
        mended="masked pixels were 0 without a tag, as if that were a class",
        build=build,
    )


def _versions(alias: Alias) -> tuple[str, ...]:
    first, last = alias.years or (0, 0)
    return (", ".join(f"{version} is of {year}" for year, version in VERSIONS.items()),) if first != last else ()


def _crops(name: str, alias: Alias, asked: Filled) -> Preset:
    year = calendar_year(asked.year)

    def build(region: Mapping[str, Any], bands: tuple[str, ...]) -> Any:
        return reduced(scenes(CANADA, region, year), bands, "mosaic").toByte()

    return Preset(
        name=name,
        alias=alias,
        steps=(f"{CANADA}, the map of the year, as it is",),
        sources=(PresetSource(CANADA, year, counted=True),),
        bands=("landcover",),
        dtype="uint8",
        nodata=CLASS_NODATA,
        scale=30,
        valid=(10, 230),
        attribution=f"Agriculture and Agri-Food Canada, Annual Crop Inventory {asked.year}",
        licence="https://open.canada.ca/en/open-government-licence-canada",
        classes=CANADIAN_CROPS,
        mended="the name said 2020 and the pixels were of 2021; it could not be made, since its class took no name",
        build=build,
    )


ALIASES = (
    Alias(
        "esa-world-cover",
        "esaworldcover",
        FAMILY,
        "ESA WorldCover 2020, eleven classes of land cover",
        _worldcover,
        (2020, 2020),
        usual=2020,
    ),
    Alias(
        "esaworldcover-YYYY",
        "esaworldcover",
        FAMILY,
        "ESA WorldCover of 2020 or 2021, eleven classes of land cover",
        _worldcover,
        (2020, 2021),
    ),
    Alias(
        "canadacropYYYY", "canadacrop", FAMILY, "Annual Crop Inventory of Canada, what is grown", _crops, (2009, 2023)
    ),
)

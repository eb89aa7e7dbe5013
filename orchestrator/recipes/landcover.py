"""
`landcover`: a map of classes, whose numbers are those of its source (see its data sheet).

Classes are never averaged: pixels are the nearest, and overviews of the result are, too.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from types import MappingProxyType
from typing import Any

import ee

from orchestrator.core.errors import RecipeError
from orchestrator.model.spec import PixelSpec
from orchestrator.recipes.composing import over, touching, with_blank
from orchestrator.recipes.contract import ImageRequest
from orchestrator.recipes.parameters import check_choice, choose_bands, provenance, read_parameters
from orchestrator.recipes.presets.landcover import CC_BY, WORLDCOVER_CREDIT
from orchestrator.recipes.sentinel2 import attribution
from orchestrator.recipes.series import year_of

NAME = "landcover"
BAND = "landcover"
NODATA = 255  # the classes of MCD12Q1 and Dynamic World begin with 0
DYNAMIC_WORLD, MODIS = "dynamic-world", "mcd12q1"
SCHEMES = tuple(f"LC_Type{number}" for number in range(1, 6))


@dataclass(frozen=True, slots=True)
class LandCoverSource:
    """A map: its collection, its band, its first day where dates choose from it, and its terms."""

    collection: str
    band: str
    first_day: date | None
    attribution: str
    licence: str


SOURCES: Mapping[str, LandCoverSource] = MappingProxyType(
    {
        "worldcover": LandCoverSource(
            "ESA/WorldCover/v200",
            "Map",
            None,
            WORLDCOVER_CREDIT[2021],
            CC_BY,
        ),
        "worldcover-2020": LandCoverSource(
            "ESA/WorldCover/v100",
            "Map",
            None,
            WORLDCOVER_CREDIT[2020],
            CC_BY,
        ),
        DYNAMIC_WORLD: LandCoverSource(
            "GOOGLE/DYNAMICWORLD/V1",
            "label",
            date(2015, 6, 27),
            "This dataset is produced for the Dynamic World Project by Google in partnership with National Geographic "
            "Society and the World Resources Institute",
            CC_BY,
        ),
        MODIS: LandCoverSource(
            "MODIS/061/MCD12Q1",
            "",
            date(2001, 1, 1),
            "MCD12Q1.061 MODIS Land Cover Type by NASA LP DAAC",
            "https://developers.google.com/earth-engine/datasets/catalog/MODIS_061_MCD12Q1#terms-of-use",
        ),
    }
)


@dataclass(frozen=True, slots=True)
class LandCoverParameters:
    """
    Whose classes.

    Attributes:
        source: `worldcover` (ESA, 2021, 10 m), `worldcover-2020`, `dynamic-world` (the most frequent class of the
            dates, 10 m) or `mcd12q1` (MODIS, the year of the dates, 500 m).
        scheme: Classification of `mcd12q1`: `LC_Type1` (IGBP) to `LC_Type5`.
    """

    source: str = "worldcover"
    scheme: str = "LC_Type1"

    def __post_init__(self) -> None:
        check_choice(NAME, "source", self.source, SOURCES)
        check_choice(NAME, "scheme", self.scheme, SCHEMES)


class LandCoverMap:
    """See the module."""

    def pixels(self, request: ImageRequest) -> PixelSpec:
        params = self._parameters(request)
        if SOURCES[params.source].first_day and request.start == date.min:
            raise RecipeError(
                f"recipe {NAME} with source {params.source} needs dates: give --start-date and --end-date"
            )
        if params.source == MODIS:
            year_of(request, NAME)
        return PixelSpec(choose_bands(NAME, request.bands, (BAND,), (BAND,)), "uint8", NODATA, classes=True)

    def image(self, request: ImageRequest) -> Any:
        params = self._parameters(request)
        maps = self._maps(request, params).select([SOURCES[params.source].band or params.scheme], [BAND])
        whole = with_blank(maps, [BAND])
        return (whole.mode() if params.source == DYNAMIC_WORLD else whole.mosaic()).rename([BAND]).toUint8()

    def survey(self, request: ImageRequest) -> list[tuple[str, Any]]:
        params = self._parameters(request)
        source = SOURCES[params.source]
        name = over(source.collection, request) if source.first_day else f"{source.collection} over the area"
        return [(name, self._maps(request, params).size())]

    def pins(self, request: ImageRequest) -> dict[str, str]:  # noqa: ARG002  the port's signature
        return {}

    def facts(self, request: ImageRequest) -> dict[str, Any]:
        params = self._parameters(request)
        source = SOURCES[params.source]
        credit = source.attribution
        if params.source == DYNAMIC_WORLD:
            credit = f"{credit}; {attribution(request)}"
        return provenance(NAME, params, credit, source.licence)

    def first_day(self, request: ImageRequest) -> tuple[str, date] | None:
        source = SOURCES[self._parameters(request).source]
        return (source.collection, source.first_day) if source.first_day else None

    def notes(self, request: ImageRequest) -> tuple[str, ...]:
        params = self._parameters(request)
        if params.source == MODIS:
            return (f"{SOURCES[MODIS].collection} is of a whole year: this map of {year_of(request, NAME).name}.",)
        if SOURCES[params.source].first_day is None and request.start != date.min:
            return (f"{SOURCES[params.source].collection} is one map: the dates change nothing.",)
        return ()

    def _parameters(self, request: ImageRequest) -> LandCoverParameters:
        return read_parameters(LandCoverParameters, request.params, NAME)

    def _maps(self, request: ImageRequest, params: LandCoverParameters) -> Any:
        source = SOURCES[params.source]
        if source.first_day is None:
            return ee.ImageCollection(source.collection).filterBounds(ee.Geometry(dict(request.region)))
        if params.source == MODIS:
            year = year_of(request, NAME)
            return touching(source.collection, request, year.start, year.end)
        return touching(source.collection, request)

"""
`terrain`: heights of a digital elevation model, and the slope, aspect and hillshade of them.

Slopes are those of the output's own grid: heights are interpolated first, since a finer grid of the nearest heights
would be stairs. A model of many tiles is put together as the tutorials on the satellite embeddings do it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from types import MappingProxyType
from typing import Any

import ee

from orchestrator.model.spec import PixelSpec
from orchestrator.recipes.composing import in_type, with_blank
from orchestrator.recipes.contract import ImageRequest
from orchestrator.recipes.parameters import check_between, check_choice, choose_bands, provenance, read_parameters

NAME = "terrain"
BANDS = ("elevation", "slope", "aspect", "hillshade")
USUAL = ("elevation", "slope")
NODATA = -9999.0
_MARGIN_M = 1000  # a slope needs the neighbours of the outermost pixels


@dataclass(frozen=True, slots=True)
class ElevationModel:
    """A model: its asset, the band of heights in metres, whether it is a collection of tiles, and its terms."""

    asset: str
    band: str
    tiled: bool
    attribution: str
    licence: str


MODELS: Mapping[str, ElevationModel] = MappingProxyType(
    {
        "srtm": ElevationModel(
            "USGS/SRTMGL1_003",
            "elevation",
            False,
            "SRTM V3 by NASA JPL (Farr et al. 2007, doi:10.1029/2005RG000183)",
            "https://www.jpl.nasa.gov/imagepolicy/",
        ),
        "nasadem": ElevationModel(
            "NASA/NASADEM_HGT/001",
            "elevation",
            False,
            "NASADEM by NASA JPL (2020, doi:10.5067/MEaSUREs/NASADEM/NASADEM_HGT.001)",
            "https://earthdata.nasa.gov/collaborate/open-data-services-and-software/data-information-policy",
        ),
        # The notice is the one that the licence of the model asks for.
        "glo30": ElevationModel(
            "COPERNICUS/DEM/GLO30",
            "DEM",
            True,
            "Produced using Copernicus WorldDEM-30 © DLR e.V. 2010-2014 and © Airbus Defence and Space GmbH 2014-2018 "
            "provided under COPERNICUS by the European Union and ESA; all rights reserved",
            "https://docs.sentinel-hub.com/api/latest/static/files/data/dem/resources/license/License-COPDEM-30.pdf",
        ),
    }
)


@dataclass(frozen=True, slots=True)
class TerrainParameters:
    """
    Which heights, and how they are lit.

    Attributes:
        dem: `srtm` (60° N to 56° S), `nasadem` (the same, improved) or `glo30` (Copernicus, the whole Earth, with
            buildings and trees).
        resampling: `bilinear`, `bicubic` or `nearest`, from the model's grid to that of the output.
        sun_azimuth: Where the light of the hillshade comes from, in degrees clockwise from north.
        sun_elevation: How high above the horizon, in degrees.
    """

    dem: str = "srtm"
    resampling: str = "bilinear"
    sun_azimuth: float = 270.0
    sun_elevation: float = 45.0

    def __post_init__(self) -> None:
        check_choice(NAME, "dem", self.dem, MODELS)
        check_choice(NAME, "resampling", self.resampling, ("bilinear", "bicubic", "nearest"))
        check_between(NAME, "sun_azimuth", self.sun_azimuth, 0, 360)
        check_between(NAME, "sun_elevation", self.sun_elevation, 0, 90)


class TerrainMap:
    """See the module."""

    def pixels(self, request: ImageRequest) -> PixelSpec:
        self._parameters(request)
        return PixelSpec(choose_bands(NAME, request.bands, BANDS, USUAL), "float32", NODATA)

    def image(self, request: ImageRequest) -> Any:
        params = self._parameters(request)
        heights = self._heights(request, params)
        bands = list(request.bands or USUAL)
        layers = [_layer(band, heights, params).toFloat() for band in bands]
        return in_type(ee.Image.cat(layers).rename(bands), "float32")

    def survey(self, request: ImageRequest) -> list[tuple[str, Any]]:
        model = MODELS[self._parameters(request).dem]
        return [(f"tiles of {model.asset} over the area", _tiles(model, request).size())] if model.tiled else []

    def pins(self, request: ImageRequest) -> dict[str, str]:  # noqa: ARG002  the port's signature
        return {}

    def facts(self, request: ImageRequest) -> dict[str, Any]:
        params = self._parameters(request)
        model = MODELS[params.dem]
        return provenance(NAME, params, model.attribution, model.licence)

    def first_day(self, request: ImageRequest) -> tuple[str, date] | None:  # noqa: ARG002  heights are of no day
        return None

    def notes(self, request: ImageRequest) -> tuple[str, ...]:  # noqa: ARG002  the port's signature
        return ()

    def _parameters(self, request: ImageRequest) -> TerrainParameters:
        return read_parameters(TerrainParameters, request.params, NAME)

    def _heights(self, request: ImageRequest, params: TerrainParameters) -> Any:
        model = MODELS[params.dem]
        if not model.tiled:
            return _resampled(ee.Image(model.asset).select([model.band], ["elevation"]), params)
        tiles = _tiles(model, request).select([model.band], ["elevation"])
        projection = ee.Image(tiles.first()).projection()
        smooth = tiles.map(lambda tile: _resampled(ee.Image(tile), params))
        return with_blank(smooth, ["elevation"]).mosaic().setDefaultProjection(projection)


def _layer(band: str, heights: Any, params: TerrainParameters) -> Any:
    if band == "slope":
        return ee.Terrain.slope(heights)
    if band == "aspect":
        return ee.Terrain.aspect(heights)
    if band == "hillshade":
        return ee.Terrain.hillshade(heights, params.sun_azimuth, params.sun_elevation)
    return heights


def _tiles(model: ElevationModel, request: ImageRequest) -> Any:
    region = ee.Geometry(dict(request.region)).buffer(_MARGIN_M, _MARGIN_M / 10)
    return ee.ImageCollection(model.asset).filterBounds(region)


def _resampled(image: Any, params: TerrainParameters) -> Any:
    return image if params.resampling == "nearest" else image.resample(params.resampling)

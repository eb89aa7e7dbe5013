"""
`landsat-composite`: a median of the surface reflectance and temperature of Landsat 4 to 9, Collection 2, Tier 1.

Bands, scale factors, dates and the bits of QA_PIXEL are those of the data sheets LANDSAT/*/C02/T1_L2. Bands of the same
name are put together as they are: the small differences between the instruments' spectra are not evened out.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from types import MappingProxyType
from typing import Any

import ee

from orchestrator.core.errors import RecipeError
from orchestrator.model.credit import LANDSAT_TERMS, landsat_notice
from orchestrator.model.spec import PixelSpec
from orchestrator.recipes.composing import in_type, none_set, over, touching, with_blank
from orchestrator.recipes.contract import ImageRequest
from orchestrator.recipes.parameters import check_between, check_choice, choose_bands, provenance, read_parameters

NAME = "landsat-composite"
REFLECTIVE = ("blue", "green", "red", "nir", "swir1", "swir2")
THERMAL = "thermal"
BANDS = (*REFLECTIVE, THERMAL)
_TM = ("SR_B1", "SR_B2", "SR_B3", "SR_B4", "SR_B5", "SR_B7", "ST_B6")
_OLI = ("SR_B2", "SR_B3", "SR_B4", "SR_B5", "SR_B6", "SR_B7", "ST_B10")
REFLECTANCE_SCALE, REFLECTANCE_OFFSET = 2.75e-5, -0.2
KELVIN_SCALE, KELVIN_OFFSET = 0.00341802, 149.0
# Bits of QA_PIXEL.
FILL, DILATED_CLOUD, CIRRUS, CLOUD, CLOUD_SHADOW, SNOW = range(6)
FLOAT_NODATA = -9999.0
INTEGER_NODATA = 65_535  # the largest count of a scene is 65 455


@dataclass(frozen=True, slots=True)
class Mission:
    """A satellite: its collection, its bands in the order of BANDS, its first and its last day (None: it flies)."""

    collection: str
    bands: tuple[str, ...]
    first: date
    last: date | None = None


MISSIONS: Mapping[str, Mission] = MappingProxyType(
    {
        "4": Mission("LANDSAT/LT04/C02/T1_L2", _TM, date(1982, 8, 22), date(1993, 6, 24)),
        "5": Mission("LANDSAT/LT05/C02/T1_L2", _TM, date(1984, 3, 16), date(2012, 5, 5)),
        "7": Mission("LANDSAT/LE07/C02/T1_L2", _TM, date(1999, 5, 28), date(2024, 1, 19)),
        "8": Mission("LANDSAT/LC08/C02/T1_L2", _OLI, date(2013, 3, 18)),
        "9": Mission("LANDSAT/LC09/C02/T1_L2", _OLI, date(2021, 10, 31)),
    }
)


@dataclass(frozen=True, slots=True)
class LandsatParameters:
    """
    Which scenes and pixels are used.

    Attributes:
        satellites: Numbers of the satellites, separated by commas.
        max_scene_cloud: Scenes with a larger CLOUD_COVER are left out, in percent.
        mask_snow: Mask snow too; fill, dilated cloud, cirrus, cloud and its shadow always are.
        mask_saturated: Mask pixels of which a band was saturated (QA_RADSAT).
        dtype: `float32` for reflectance and kelvin; `uint16` for reflectance as (value + 0.2) / 0.0000275, Landsat's
            own counts, with scale and offset tags.
    """

    satellites: str = "4,5,7,8,9"
    max_scene_cloud: float = 100.0
    mask_snow: bool = False
    mask_saturated: bool = True
    dtype: str = "float32"

    def __post_init__(self) -> None:
        for number in self.numbers:
            check_choice(NAME, "satellites", number, MISSIONS)
        check_between(NAME, "max_scene_cloud", self.max_scene_cloud, 0, 100)
        check_choice(NAME, "dtype", self.dtype, ("float32", "uint16"))

    @property
    def numbers(self) -> tuple[str, ...]:
        """The satellites, each once, in the order of their numbers."""
        return tuple(sorted({word.strip() for word in self.satellites.split(",")}))


class LandsatComposite:
    """See the module."""

    def pixels(self, request: ImageRequest) -> PixelSpec:
        bands = choose_bands(NAME, request.bands, BANDS, REFLECTIVE)
        if self._parameters(request).dtype == "float32":
            return PixelSpec(bands, "float32", FLOAT_NODATA)
        if THERMAL in bands:
            raise RecipeError(f"recipe {NAME} has {THERMAL!r} in kelvin only with dtype float32; leave one of them out")
        return PixelSpec(bands, "uint16", INTEGER_NODATA, REFLECTANCE_SCALE, REFLECTANCE_OFFSET)

    def image(self, request: ImageRequest) -> Any:
        params = self._parameters(request)
        bands = list(request.bands or REFLECTIVE)
        counts = with_blank(_all_counts(request, params, bands), bands).median()
        if params.dtype == "uint16":
            return counts.round().toUint16()
        return in_type(_physical(counts, bands), "float32")

    def survey(self, request: ImageRequest) -> list[tuple[str, Any]]:
        params = self._parameters(request)
        light = _merged([scenes for _, scenes in _missions(request, params)])
        dated = _merged([touching(mission.collection, request) for mission in _flying(request, params)])
        numbers = ", ".join(params.numbers)
        return [
            (over(f"Landsat {numbers} (Collection 2, Tier 1, Level 2)", request), dated.size()),
            (f"with CLOUD_COVER at most {params.max_scene_cloud:g}", light.size()),
        ]

    def pins(self, request: ImageRequest) -> dict[str, str]:  # noqa: ARG002  the port's signature
        return {}

    def facts(self, request: ImageRequest) -> dict[str, Any]:
        params = self._parameters(request)
        return provenance(NAME, params, landsat_notice(params.numbers), LANDSAT_TERMS)

    def first_day(self, request: ImageRequest) -> tuple[str, date] | None:
        missions = [MISSIONS[number] for number in self._parameters(request).numbers]
        first = min(missions, key=lambda mission: mission.first)
        return first.collection, first.first

    def notes(self, request: ImageRequest) -> tuple[str, ...]:
        missions = [MISSIONS[number] for number in self._parameters(request).numbers]
        return () if any(_flies(each, request) for each in missions) else _grounded(missions, request)

    def _parameters(self, request: ImageRequest) -> LandsatParameters:
        return read_parameters(LandsatParameters, request.params, NAME)


def clear_reflectance(request: ImageRequest, params: LandsatParameters, bands: Sequence[str]) -> Any:
    """Return `bands` of all scenes in physical units, under their common names, masked where the ground is unseen."""
    return _all_counts(request, params, bands).map(lambda scene: _physical(ee.Image(scene), bands))


def _all_counts(request: ImageRequest, params: LandsatParameters, bands: Sequence[str]) -> Any:
    return _merged(
        [
            scenes.map(lambda scene, mission=mission: clear_counts(ee.Image(scene), mission, bands, params))
            for mission, scenes in _missions(request, params)
        ]
    )


def _missions(request: ImageRequest, params: LandsatParameters) -> list[tuple[Mission, Any]]:
    light = ee.Filter.lte("CLOUD_COVER", params.max_scene_cloud)
    return [(each, touching(each.collection, request).filter(light)) for each in _flying(request, params)]


def clear_counts(scene: Any, mission: Mission, bands: Sequence[str], params: LandsatParameters) -> Any:
    """Return `bands` of a scene as counts, under their common names, masked where the ground is not seen."""
    bits = [FILL, DILATED_CLOUD, CIRRUS, CLOUD, CLOUD_SHADOW, *([SNOW] if params.mask_snow else [])]
    clear = none_set(scene.select("QA_PIXEL"), bits)
    if params.mask_saturated:
        clear = clear.And(scene.select("QA_RADSAT").eq(0))
    return scene.select([mission.bands[BANDS.index(band)] for band in bands], list(bands)).updateMask(clear)


def _physical(counts: Any, bands: Sequence[str]) -> Any:
    """Return counts as reflectance, and as kelvin where they are thermal."""
    scales = [KELVIN_SCALE if band == THERMAL else REFLECTANCE_SCALE for band in bands]
    offsets = [KELVIN_OFFSET if band == THERMAL else REFLECTANCE_OFFSET for band in bands]
    return counts.multiply(ee.Image.constant(scales)).add(ee.Image.constant(offsets))


def _flying(request: ImageRequest, params: LandsatParameters) -> list[Mission]:
    """Return the satellites that flew on the days of a request; all that are asked for where none did."""
    missions = [MISSIONS[number] for number in params.numbers]
    return [each for each in missions if _flies(each, request)] or missions


def _flies(mission: Mission, request: ImageRequest) -> bool:
    return mission.first < request.end and (mission.last is None or mission.last >= request.start)


def _grounded(missions: Sequence[Mission], request: ImageRequest) -> tuple[str, ...]:
    flights = "; ".join(f"{each.collection} is of {each.first} to {each.last or 'today'}" for each in missions)
    last = request.end - timedelta(days=1)
    return (f"None of the satellites took scenes from {request.start} to {last}: {flights}.",)


def _merged(collections: Sequence[Any]) -> Any:
    whole, *rest = collections
    for each in rest:
        whole = whole.merge(each)
    return whole

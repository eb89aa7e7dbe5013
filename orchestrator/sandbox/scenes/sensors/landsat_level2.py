"""Landsat Collection 2, Level 2: surface reflectance and temperature (Data Catalog, LANDSAT/*/C02/T1_L2)."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache, partial
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray
from scipy.ndimage import distance_transform_edt

from orchestrator.sandbox.scenes.ground import Cut
from orchestrator.sandbox.scenes.noise import chance
from orchestrator.sandbox.scenes.sensors.earth import Earth, is_water
from orchestrator.sandbox.scenes.sensors.flights import iso, stamp, utm_lattice
from orchestrator.sandbox.scenes.sensors.frames import Frame
from orchestrator.sandbox.scenes.sensors.landsat import CYCLE, View
from orchestrator.sandbox.scenes.sensors.landsat_bands import OLI, THERMAL, TM, Scenery, radiance
from orchestrator.sandbox.scenes.sensors.landsat_calibration import sun_distance
from orchestrator.sandbox.scenes.sensors.lattice import Lattice, Patch
from orchestrator.sandbox.scenes.sensors.picture import INT16, UINT8, UINT16, Layer, Painted, Picture

REFLECTANCE_SCALE, REFLECTANCE_OFFSET = 2.75e-5, -0.2
TEMPERATURE_SCALE, TEMPERATURE_OFFSET = 0.00341802, 149.0
_THERMAL_MASKS = ("ST_ATRAN", "ST_CDIST", "ST_DRAD", "ST_EMIS", "ST_EMSD", "ST_QA", "ST_TRAD", "ST_URAD")
_EMISSIVITY = np.array([9880, 9850, 9820, 9780, 9700, 9600, 9550, 9550], np.int16)  # x 10000, in the order of Cover
_FARTHEST = 24000  # of ST_CDIST, in 10 m


def is_modern(view: View) -> bool:
    """Whether the instrument is OLI rather than TM or ETM."""
    return view.mission.code in {"LC08", "LC09"}


@lru_cache(maxsize=512)
def lattice_of(frame: Frame, epsg: int, metres: float = 30.0, phase: float = 15.0) -> Lattice:
    """The raster of a frame; pixel centres are at multiples of 30 m."""
    return utm_lattice(epsg, CYCLE.outline(frame), metres, phase)


@lru_cache(maxsize=512)
def outline_of(frame: Frame) -> shapely.geometry.base.BaseGeometry:
    """The outline of a frame, widened a little: it must not cut a pixel off."""
    return CYCLE.outline(frame).buffer(0.0005)


def _layers(modern: bool) -> tuple[Layer, ...]:
    reflective = [Layer(f"SR_B{name}") for name in (OLI if modern else TM)]
    masks = [Layer(name, INT16) for name in _THERMAL_MASKS]
    if modern:
        atmosphere = [Layer("SR_QA_AEROSOL", UINT8, "sample")]
    else:
        atmosphere = [Layer("SR_ATMOS_OPACITY", INT16), Layer("SR_CLOUD_QA", UINT8, "sample")]
    thermal = Layer("ST_B10" if modern else "ST_B6")
    quality = [Layer("QA_PIXEL", UINT16, "sample"), Layer("QA_RADSAT", UINT16, "sample")]
    return (*reflective, *atmosphere, thermal, *masks, *quality)


class Level2:
    """Surface reflectance and temperature."""

    suffix = "_L2"
    title = "Level 2"

    def picture(self, collection: str, view: View, earth: Earth) -> Picture:
        """Make the scene of a view."""
        frame = view.sight.frame
        return Picture(
            f"{collection}/{view.index}",
            _layers(is_modern(view)),
            {"": lattice_of(frame, view.epsg)},
            outline_of(frame),
            partial(_properties, view, earth),
            partial(_paint, view, earth),
        )


def _paint(view: View, earth: Earth, band: str, patch: Patch, cut: Cut) -> Painted:
    scenery = Scenery(earth, view, patch, cut)
    return _value(scenery, band), scenery.seen()


def _value(scenery: Scenery, band: str) -> NDArray[Any]:
    if band in _SPECIAL:
        return _SPECIAL[band](scenery)
    wavelengths = OLI if is_modern(scenery.view) else TM
    value = scenery.reflectance(wavelengths[band.removeprefix("SR_B")])
    return np.asarray(np.clip((value - REFLECTANCE_OFFSET) / REFLECTANCE_SCALE, 1.0, 65455.0))


def _temperature(scenery: Scenery) -> NDArray[Any]:
    return (scenery.temperature() - TEMPERATURE_OFFSET) / TEMPERATURE_SCALE


def _aerosol(scenery: Scenery) -> NDArray[Any]:
    """SR_QA_AEROSOL: low aerosol; a valid retrieval over land, the bit of water over water."""
    water = is_water(scenery.earth.surface(scenery.patch).cut(scenery.cut))
    return np.where(water, 64 | 4, 64 | 2).astype(np.uint8)


def _cloud_quality(scenery: Scenery) -> NDArray[Any]:
    """SR_CLOUD_QA, from the same clouds as QA_PIXEL."""
    bits = scenery.quality()
    found = ((bits >> 3) & 1) << 1 | ((bits >> 4) & 1) << 2 | ((bits >> 1) & 1) << 3 | ((bits >> 7) & 1) << 5
    return np.asarray(found, np.uint8)


def _distance(scenery: Scenery) -> NDArray[Any]:
    """ST_CDIST in 10 m, measured within a square of 512 pixels in which the pixel lies."""
    wide, place = scenery.patch.around()
    clouds = scenery.earth.sky(wide, scenery.view.overpass, wide.whole).depths() > 0.4
    if not clouds.any():
        return np.full(clouds.shape, _FARTHEST, np.int16)[place][scenery.cut]
    metres = distance_transform_edt(~clouds) * scenery.patch.spacing
    return np.asarray(np.minimum(metres / 10.0, _FARTHEST)[place][scenery.cut])


def _emissivity(scenery: Scenery) -> NDArray[Any]:
    return np.asarray(np.take(_EMISSIVITY, scenery.earth.surface(scenery.patch).cut(scenery.cut).cover))


def _thermal_radiance(scenery: Scenery) -> NDArray[Any]:
    return radiance(scenery.temperature(), THERMAL[scenery.view.mission.code]) * 1000.0


def _flat(value: float) -> Callable[[Scenery], NDArray[Any]]:
    def paint(scenery: Scenery) -> NDArray[Any]:
        rows, cols = scenery.cut
        return np.full((rows.stop - rows.start, cols.stop - cols.start), value, np.float32)

    return paint


_SPECIAL: dict[str, Callable[[Scenery], NDArray[Any]]] = {
    "SR_QA_AEROSOL": _aerosol,
    "SR_ATMOS_OPACITY": _flat(120.0),
    "SR_CLOUD_QA": _cloud_quality,
    "ST_B10": _temperature,
    "ST_B6": _temperature,
    "ST_ATRAN": _flat(8200.0),
    "ST_CDIST": _distance,
    "ST_DRAD": _flat(950.0),
    "ST_EMIS": _emissivity,
    "ST_EMSD": _flat(60.0),
    "ST_QA": _flat(280.0),
    "ST_TRAD": _thermal_radiance,
    "ST_URAD": _flat(1400.0),
    "QA_PIXEL": Scenery.quality,
    "QA_RADSAT": _flat(0.0),
}


def identity(view: View, earth: Earth) -> dict[str, Any]:
    """Properties that every product level of a view has."""
    mission, moment = view.mission, view.sight.time
    number = mission.code[-1]
    cloud = round(100.0 * view.cloudiness(earth.seed), 2)
    day = stamp(moment, "%Y%j")
    rmse = 4.0 + 3.0 * chance(earth.seed, 52, view.sight.number, view.row)
    modern = is_modern(view)
    quality = {"IMAGE_QUALITY_OLI": 9, "IMAGE_QUALITY_TIRS": 9} if modern else {"IMAGE_QUALITY": 9}
    target = {"TARGET_WRS_PATH": view.path, "TARGET_WRS_ROW": view.row} if modern else {}
    switched = {"TIRS_SSM_MODEL": "FINAL", "TIRS_SSM_POSITION_STATUS": "ESTIMATED", "TRUNCATION_OLI": "UPPER"}
    return {
        "system:index": view.index,
        "system:time_start": round(moment * 1000),
        "system:time_end": round(moment * 1000),
        "system:footprint": shapely.geometry.mapping(outline_of(view.sight.frame)),
        "system:asset_size": 1_012_345_678,
        "CLOUD_COVER": cloud,
        "CLOUD_COVER_LAND": cloud,
        "COLLECTION_CATEGORY": view.tier,
        "COLLECTION_NUMBER": 2,
        "DATE_ACQUIRED": stamp(moment, "%Y-%m-%d"),
        "EARTH_SUN_DISTANCE": round(sun_distance(moment), 7),
        "GEOMETRIC_RMSE_MODEL": round(rmse, 3),
        "GEOMETRIC_RMSE_MODEL_X": round(rmse * 0.7, 3),
        "GEOMETRIC_RMSE_MODEL_Y": round(rmse * 0.714, 3),
        "GROUND_CONTROL_POINTS_MODEL": 400,
        "GROUND_CONTROL_POINTS_VERSION": 5,
        "LANDSAT_SCENE_ID": f"{mission.code[:2]}{number}{view.path:03d}{view.row:03d}{day}LGN00",
        "SCENE_CENTER_TIME": stamp(moment, "%H:%M:%S.%f") + "0Z",
        "SENSOR_ID": mission.sensor,
        "SPACECRAFT_ID": mission.satellite.name,
        "SUN_AZIMUTH": round(view.sun_azimuth if view.sun_azimuth <= 180.0 else view.sun_azimuth - 360.0, 8),
        "SUN_ELEVATION": round(view.sun_elevation, 8),
        "WRS_PATH": view.path,
        "WRS_ROW": view.row,
        **({"ROLL_ANGLE": 0.0, **switched} if modern else {}),
        **quality,
        **target,
    }


def _properties(view: View, earth: Earth) -> dict[str, Any]:
    moment, modern = view.sight.time, is_modern(view)
    made, day = moment + 9 * 86400.0, stamp(moment, "%Y%m%d")
    place = f"{view.path:03d}{view.row:03d}"
    first = f"{view.mission.code}_L1TP_{place}_{day}_{stamp(made, '%Y%m%d')}_02_{view.tier}"
    name = "ST_B10" if modern else "ST_B6"
    sources = {
        "DATA_SOURCE_AIR_TEMPERATURE": "MODIS" if modern else "NCEP",
        "DATA_SOURCE_ELEVATION": "GLS2000",
        "DATA_SOURCE_OZONE": "MODIS" if modern else "TOMS",
        "DATA_SOURCE_PRESSURE": "Calculated" if modern else "NCEP",
        "DATA_SOURCE_REANALYSIS": "GEOS-5 FP-IT",
        "DATA_SOURCE_WATER_VAPOR": "MODIS" if modern else "NCEP",
        **({"DATA_SOURCE_TIRS_STRAY_LIGHT_CORRECTION": "TIRS"} if modern else {}),
    }
    verified = {"GEOMETRIC_RMSE_VERIFY": 3.2, "GROUND_CONTROL_POINTS_VERIFY": 120} if modern else {}
    return {
        **identity(view, earth),
        **sources,
        **verified,
        "ALGORITHM_SOURCE_SURFACE_REFLECTANCE": "LaSRC_1.5.0" if modern else "LEDAPS_3.4.0",
        "ALGORITHM_SOURCE_SURFACE_TEMPERATURE": "st_1.3.0",
        "DATE_PRODUCT_GENERATED": round(made * 1000),
        "EPHEMERIS_TYPE": "DEFINITIVE",
        "L1_DATE_PRODUCT_GENERATED": iso(made),
        "L1_LANDSAT_PRODUCT_ID": first,
        "L1_PROCESSING_LEVEL": "L1TP",
        "L1_PROCESSING_SOFTWARE_VERSION": "LPGS_15.3.1c",
        "LANDSAT_PRODUCT_ID": first.replace("L1TP", "L2SP"),
        "PROCESSING_LEVEL": "L2SP",
        "PROCESSING_SOFTWARE_VERSION": "LPGS_15.3.1c",
        f"TEMPERATURE_MAXIMUM_BAND_{name}": 372.999941,
        f"TEMPERATURE_MINIMUM_BAND_{name}": 149.003418,
        **_rescaling(modern),
    }


def _rescaling(modern: bool) -> dict[str, float]:
    """Factors that turn numbers into reflectance and temperature, under the names of the product's metadata."""
    found = {}
    for name in OLI if modern else TM:
        found[f"REFLECTANCE_MULT_BAND_{name}"] = REFLECTANCE_SCALE
        found[f"REFLECTANCE_ADD_BAND_{name}"] = REFLECTANCE_OFFSET
    thermal = "ST_B10" if modern else "ST_B6"
    return {
        **found,
        f"TEMPERATURE_MULT_BAND_{thermal}": TEMPERATURE_SCALE,
        f"TEMPERATURE_ADD_BAND_{thermal}": TEMPERATURE_OFFSET,
    }

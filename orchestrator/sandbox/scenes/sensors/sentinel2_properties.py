"""
The properties of Sentinel-2's scenes, all that the data sheets list.

Shares of the classes other than cloud are rough: what the clouds leave free is divided as the ground is on average.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import numpy as np

from orchestrator.sandbox.scenes.layout import PROBABILITY
from orchestrator.sandbox.scenes.synthetic import SyntheticScene

# Processing baselines and the days since which they are used (Sentinel-2 documentation of processing baselines).
_BASELINES = (
    ("2015-06-23", "02.04"),
    ("2018-11-06", "02.07"),
    ("2020-02-04", "02.09"),
    ("2021-03-30", "03.00"),
    ("2021-06-30", "03.01"),
    ("2022-01-25", "04.00"),
    ("2022-12-06", "05.09"),
    ("2023-12-13", "05.10"),
    ("2024-07-23", "05.11"),
)
# Watts per square metre and micrometre, of Sentinel-2A's bands B1 to B12.
_IRRADIANCE = (
    ("B1", 1884.69),
    ("B2", 1959.66),
    ("B3", 1823.24),
    ("B4", 1512.06),
    ("B5", 1424.64),
    ("B6", 1287.61),
    ("B7", 1162.08),
    ("B8", 1041.63),
    ("B8A", 955.32),
    ("B9", 812.92),
    ("B10", 367.15),
    ("B11", 245.59),
    ("B12", 85.25),
)
_ALL_BANDS = tuple(name for name, _ in _IRRADIANCE)
_HEIGHT_KM = 786.0
# Of what the clouds leave free, in percent.
_GROUND = {"VEGETATION_PERCENTAGE": 0.78, "NOT_VEGETATED_PERCENTAGE": 0.19, "WATER_PERCENTAGE": 0.02}
_PASSED = ("FORMAT_CORRECTNESS", "GENERAL_QUALITY", "GEOMETRIC_QUALITY", "RADIOMETRIC_QUALITY", "SENSOR_QUALITY")


def baseline(moment: float) -> str:
    """The processing baseline of a moment: `05.09`."""
    day = datetime.fromtimestamp(moment, UTC).strftime("%Y-%m-%d")
    return next(name for since, name in reversed(_BASELINES) if since <= day or since == _BASELINES[0][0])


def properties_of(base: SyntheticScene, level: str, collection: str) -> dict[str, Any]:
    """
    Give the properties of a scene in a collection.

    Args:
        base: The scene as it is at Level-2A.
        level: `1C`, `2A`, or `` for scores of clouds.
        collection: Its id.
    """
    known = dict(base.properties)
    common = {"system:index": base.index, "system:time_start": known["system:time_start"]}
    common["system:footprint"] = known["system:footprint"]
    if collection == PROBABILITY:
        return common
    if not level:
        return common | _score_properties(base)
    version = baseline(base.time)
    named = {key: _named(value, level, version) for key, value in known.items()}
    more = _instrument(base, version, named)
    return {**named, **more, **(_classes(known["CLOUDY_PIXEL_PERCENTAGE"]) if level == "2A" else {})}


def _named(value: Any, level: str, version: str) -> Any:
    """Names of products tell the level and the baseline."""
    if not isinstance(value, str):
        return value
    renamed = value.replace("_N0509_", f"_N{version.replace('.', '')}_").replace("_N05.09", f"_N{version}")
    return renamed.replace("MSIL2A", f"MSIL{level}").replace("L2A_T", f"L{level}_T")


def _instrument(base: SyntheticScene, version: str, named: dict[str, Any]) -> dict[str, Any]:
    seen, zenith = _incidence(base)
    start = named["DATATAKE_IDENTIFIER"].split("_")[1]
    letter = base.overpass.platform.name[-1]
    made = datetime.fromtimestamp(base.overpass.start + 16000.0, UTC).strftime("%Y%m%dT%H%M%S")
    strip = f"S2{letter}_OPER_MSI_{named['PRODUCT_ID'][7:10]}_DS_2BPS_{made}_S{start}_N{version}"
    found: dict[str, Any] = {f"MEAN_INCIDENCE_AZIMUTH_ANGLE_{name}": seen for name in _ALL_BANDS}
    found |= {f"MEAN_INCIDENCE_ZENITH_ANGLE_{name}": zenith for name in _ALL_BANDS}
    found |= {f"SOLAR_IRRADIANCE_{name}": value for name, value in _IRRADIANCE}
    found |= dict.fromkeys(_PASSED, "PASSED")
    day = (base.time / 86400.0 - 10957.0) % 365.2425
    return found | {
        "PROCESSING_BASELINE": version,
        "DATASTRIP_ID": strip,
        "DEGRADED_MSI_DATA_PERCENTAGE": 0.0,
        "REFLECTANCE_CONVERSION_CORRECTION": float((1.0 - 0.01673 * np.cos(0.0172 * (day - 2.0))) ** -2),
    }


def _incidence(base: SyntheticScene) -> tuple[float, float]:
    """Azimuth and zenith of the view from the middle of the tile, in degrees."""
    outline = base.tile.outline.centroid
    across = float(base.overpass.across(np.asarray(outline.x), np.asarray(outline.y)))
    return (286.0 if across > 0 else 104.0), float(np.degrees(np.arctan(abs(across) / _HEIGHT_KM)) * 1.12)


def _classes(clouded: float) -> dict[str, Any]:
    free = 100.0 - clouded
    shares = {name: round(share * free, 6) for name, share in _GROUND.items()}
    return {
        **shares,
        "AOT_RETRIEVAL_ACCURACY": 0.0,
        "CLOUDY_SHADOW_PERCENTAGE": round(0.01 * free, 6),
        "CLOUD_SHADOW_PERCENTAGE": round(0.01 * free, 6),
        "DARK_FEATURES_PERCENTAGE": 0.0,
        "HIGH_PROBA_CLOUDS_PERCENTAGE": round(0.6 * clouded, 6),
        "MEDIUM_PROBA_CLOUDS_PERCENTAGE": round(0.3 * clouded, 6),
        "THIN_CIRRUS_PERCENTAGE": round(0.1 * clouded, 6),
        "RADIATIVE_TRANSFER_ACCURACY": 0.0,
        "SATURATED_DEFECTIVE_PIXEL_PERCENTAGE": 0.0,
        "UNCLASSIFIED_PERCENTAGE": 0.0,
        "WATER_VAPOUR_RETRIEVAL_ACCURACY": 0.0,
    }


def _score_properties(base: SyntheticScene) -> dict[str, Any]:
    known = base.properties
    product = _named(str(known["PRODUCT_ID"]), "1C", baseline(base.time))
    return {
        "DATE_PRODUCT_GENERATED": datetime.fromtimestamp(base.time + 172800.0, UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "MGRS_TILE": base.tile.name,
        "MODEL_VERSION": "1",
        "NO_CONTEXT_FRACTION": 0.0,
        "PROCESSING_SOFTWARE_VERSION": "1.0.0",
        "SOURCE_ASSET_ID": f"COPERNICUS/S2_HARMONIZED/{base.index}",
        "SOURCE_PRODUCT_ID": product,
        "system:asset_size": 112_345_678,
    }

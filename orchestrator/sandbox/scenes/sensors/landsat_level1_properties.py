"""The properties of Landsat's Level 1 scenes, all that the data sheets list; what is not of the scene is constant."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from orchestrator.sandbox.scenes.sensors.earth import Earth
from orchestrator.sandbox.scenes.sensors.flights import stamp
from orchestrator.sandbox.scenes.sensors.landsat import View
from orchestrator.sandbox.scenes.sensors.landsat_calibration import Calibration, calibration
from orchestrator.sandbox.scenes.sensors.landsat_level2 import identity, is_modern
from orchestrator.sandbox.scenes.sensors.lattice import Lattice

_MAP = {
    "DATUM": "WGS84",
    "ELLIPSOID": "WGS84",
    "MAP_PROJECTION": "UTM",
    "ORIENTATION": "NORTH_UP",
    "RESAMPLING_OPTION": "CUBIC_CONVOLUTION",
    "STATION_ID": "LGN",
    "REQUEST_ID": "L2",
    "PROCESSING_SOFTWARE_VERSION": "LPGS_15.3.1c",
}


def properties_of(view: View, earth: Earth, lattices: Mapping[str, Lattice]) -> dict[str, Any]:
    """Give the properties of a scene."""
    known, modern = calibration(view), is_modern(view)
    moment = view.sight.time
    made = moment + 9 * 86400.0
    place = f"{view.path:03d}{view.row:03d}"
    days = f"{stamp(moment, '%Y%m%d')}_{stamp(made, '%Y%m%d')}"
    thermal = lattices["thermal" if view.mission.code == "LE07" else ""]
    return {
        **identity(view, earth),
        **_MAP,
        "DATA_SOURCE_ELEVATION": "GLS2000",
        "DATE_PRODUCT_GENERATED": round(made * 1000),
        "LANDSAT_PRODUCT_ID": f"{view.mission.code}_L1TP_{place}_{days}_02_{view.tier}",
        "PROCESSING_LEVEL": "L1TP",
        "UTM_ZONE": view.epsg % 100,
        "WRS_TYPE": 2,
        **_size("REFLECTIVE", lattices[""]),
        **_size("THERMAL", thermal),
        **(_size("PANCHROMATIC", lattices["pan"]) if "8" in known.names else {}),
        **_rescaling(known),
        **(_of_oli() if modern else _of_tm(view, known)),
    }


def _size(kind: str, lattice: Lattice) -> dict[str, Any]:
    return {
        f"{kind}_LINES": lattice.height,
        f"{kind}_SAMPLES": lattice.width,
        f"GRID_CELL_SIZE_{kind}": lattice.transform[0],
    }


def _rescaling(known: Calibration) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for quantity, scales in (("RADIANCE", known.radiance), ("REFLECTANCE", known.reflectance)):
        for name, (factor, summand) in scales.items():
            found[f"{quantity}_MULT_BAND_{name}"] = float(f"{factor:.5g}")
            found[f"{quantity}_ADD_BAND_{name}"] = float(f"{summand:.6g}")
    for name, (first, second) in known.thermal.items():
        found |= {f"K1_CONSTANT_BAND_{name}": first, f"K2_CONSTANT_BAND_{name}": second}
    return found | {f"SATURATION_BAND_{name}": "N" for name in known.names}


def _of_oli() -> dict[str, Any]:
    return {
        "NADIR_OFFNADIR": "NADIR",
        "DATA_SOURCE_TIRS_STRAY_LIGHT_CORRECTION": "TIRS",
        "TIRS_STRAY_LIGHT_CORRECTION_SOURCE": "TIRS",
    }


def _of_tm(view: View, known: Calibration) -> dict[str, Any]:
    broken = view.mission.code == "LE07" and view.sight.time > 1054339200.0
    found: dict[str, Any] = {
        "DATA_TYPE_L0RP": "TMR_L0RP",
        "EPHEMERIS_TYPE": "DEFINITIVE",
        "MAP_PROJECTION_L0RA": "NA",
        "SENSOR_ANOMALIES": "NONE",
        "SENSOR_MODE": "BUMPER",
        "SENSOR_MODE_SLC": "OFF" if broken else "ON",
        "GROUND_CONTROL_POINTS_VERIFY": 120,
        "GEOMETRIC_RMSE_VERIFY": 0.2,
        **{f"GEOMETRIC_RMSE_VERIFY_QUAD_{corner}": 0.2 for corner in ("LL", "LR", "UL", "UR")},
    }
    for name in known.names:
        found |= {f"CORRECTION_BIAS_BAND_{name}": "INTERNAL_CALIBRATION", f"CORRECTION_GAIN_BAND_{name}": "CPF"}
    if view.mission.code == "LE07":
        for name in known.names:
            gain = "L" if name in {"4", "6_VCID_1"} else "H"
            found |= {f"GAIN_BAND_{name}": gain, f"GAIN_CHANGE_BAND_{name}": gain * 2}
            found[f"GAIN_CHANGE_SCAN_BAND_{name}"] = 0
    return found

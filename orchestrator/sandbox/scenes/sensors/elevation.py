"""Elevation models: one invented relief on the grid of each product."""

from __future__ import annotations

from typing import Any

import shapely

from orchestrator.sandbox.scenes.sensors.earth import Earth
from orchestrator.sandbox.scenes.sensors.flights import seconds
from orchestrator.sandbox.scenes.sensors.lattice import WGS84, Cut, Lattice, Patch
from orchestrator.sandbox.scenes.sensors.picture import INT16, Layer, Painted
from orchestrator.sandbox.scenes.sensors.series import Products, Single

_ARC = 1.0 / 3600.0
_SHUTTLE = shapely.box(-180.0, -56.0, 180.0, 60.0)  # where the Shuttle looked


def elevation(earth: Earth) -> Products:
    """Make the elevation models."""

    def paint(band: str, patch: Patch, cut: Cut) -> Painted:
        del band
        return earth.relief(patch).height[cut], None

    srtm = Single(
        "USGS/SRTMGL1_003",
        (Layer("elevation", INT16, smooth=True),),
        {"": _half_out(_ARC, 60.0, 417601)},
        paint,
        _flown(132_792_638_252, "NASA SRTM Digital Elevation 30m"),
        _SHUTTLE,
    )
    return Products((), (srtm,))


def _half_out(step: float, north: float, height: int) -> Lattice:
    """A grid around the globe whose pixel centres lie on whole degrees."""
    transform = (step, 0.0, -180.0 - step / 2, 0.0, -step, north + step / 2)
    return Lattice(WGS84, transform, height, round(360.0 / step) + 1)


def _flown(size: int, title: str) -> dict[str, Any]:
    start = round(seconds("2000-02-11") * 1000)
    end = start + 11 * 86_400_000
    return {"system:time_start": start, "system:time_end": end, "system:asset_size": size, "title": title}

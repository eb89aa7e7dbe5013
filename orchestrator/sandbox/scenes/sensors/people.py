"""People and soil of the invented Earth: where towns are, people are (CIESIN/GPWv411, GHS-POP); OpenLandMap's pH."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray

from orchestrator.sandbox.scenes.ground import Cut
from orchestrator.sandbox.scenes.landscape import Cover
from orchestrator.sandbox.scenes.noise import octave
from orchestrator.sandbox.scenes.sensors.coarse import shares
from orchestrator.sandbox.scenes.sensors.earth import Earth, mercator
from orchestrator.sandbox.scenes.sensors.flights import seconds
from orchestrator.sandbox.scenes.sensors.lattice import METRES_PER_DEGREE, WGS84, Lattice, Patch
from orchestrator.sandbox.scenes.sensors.picture import DOUBLE, FLOAT, UINT8, Layer, Painted
from orchestrator.sandbox.scenes.sensors.series import Products, Series, Single, Span, every_year

_ARC = 1.0 / 120.0
_GRID = {"": Lattice(WGS84, (_ARC, 0.0, -180.0, 0.0, -_ARC, 90.0), 21600, 43200)}
_SOIL = {"": Lattice(WGS84, (1 / 480, 0.0, -180.0, 0.0, -1 / 480, 87.37), 71698, 172800)}
# On degrees, where the published one is a Mollweide projection.
_CELL = 100.0 / METRES_PER_DEGREE
_CELLS = {"": Lattice(WGS84, (_CELL, 0.0, -180.0, 0.0, -_CELL, 90.0), round(180 / _CELL), round(360 / _CELL))}
_LIVED_IN = shapely.box(-180.0, -60.0, 180.0, 85.0)
# People per square kilometre of town, of farmland and of anything; the year 2020, a hundredth more each year.
_TOWN, _FARM, _WILD = 4500.0, 30.0, 1.0
_YEARS = (2000, 2005, 2010, 2015, 2020)
_DEPTHS = (0, 10, 30, 60, 100, 200)


def people(earth: Earth) -> Products:
    """Make the collections and the image."""
    start, end = (round(seconds(day) * 1000) for day in ("1950-01-01", "2018-01-01"))
    times: dict[str, Any] = {"system:time_start": start, "system:time_end": end}
    return Products(
        (_gridded(earth, "Count"), _gridded(earth, "Density"), _cells(earth)),
        (
            Single(
                "OpenLandMap/SOL/SOL_PH-H2O_USDA-4C1A2A_M/v02",
                tuple(Layer(f"b{depth}", UINT8, smooth=True) for depth in _DEPTHS),
                _SOIL,
                partial(_acidity, earth),
                times,
                shapely.box(-180.0, -62.0, 180.0, 87.37),
            ),
        ),
    )


def _gridded(earth: Earth, kind: str) -> Series:
    return Series(
        f"CIESIN/GPWv411/GPW_Population_{kind}",
        f"GPWv411: Population {kind} (Gridded Population of the World Version 4.11)",
        (Layer(f"population_{kind.lower()}", FLOAT, smooth=True),),
        _GRID,
        _five_years,
        partial(_paint, earth),
        footprint=_LIVED_IN,
    )


def _cells(earth: Earth) -> Series:
    return Series(
        "JRC/GHSL/P2023A/GHS_POP",
        "GHSL: Global population surfaces 1975-2030 (P2023A)",
        (Layer("population_count", DOUBLE, smooth=True),),
        _CELLS,
        _epochs,
        partial(_paint_cells, earth),
    )


def _five_years(start_ms: float, end_ms: float) -> Iterator[Span]:
    """Every five years, its index as published."""
    for span in every_year(_YEARS[0], _YEARS[-1])(start_ms, end_ms):
        if int(span.index) in _YEARS:
            yield Span(f"gpw_v4_population_count_rev11_{span.index}_30_sec", span.start_ms, span.end_ms)


def _epochs(start_ms: float, end_ms: float) -> Iterator[Span]:
    """Every five years; the last are projections."""
    return (span for span in every_year(1975, 2030)(start_ms, end_ms) if int(span.index) % 5 == 0)


def density(earth: Earth, patch: Patch, cut: Cut, year: int) -> NDArray[np.float32]:
    """People per square kilometre of land."""
    part = shares(earth, patch, cut)
    farmed = part[Cover.CROP] + part[Cover.MEADOW]
    lived = _TOWN * part[Cover.TOWN] + _FARM * farmed + _WILD * (1.0 - part[Cover.WATER])
    return np.asarray(lived * 1.01 ** (year - _YEARS[-1]), np.float32)


def _paint(earth: Earth, span: Span, band: str, patch: Patch, cut: Cut) -> Painted:
    value = density(earth, patch, cut, int(span.index.split("_")[-3]))
    if band.endswith("density"):
        return value, None
    _, lat = patch.centres(cut)
    # Of a native pixel, at coarser levels, too: they are means of counts.
    area = (_ARC * 111.32) ** 2 * np.cos(np.radians(lat))
    return value * area, None


def _paint_cells(earth: Earth, span: Span, band: str, patch: Patch, cut: Cut) -> Painted:
    del band
    _, lat = patch.centres(cut)
    return density(earth, patch, cut, int(span.index)) * 0.01 * np.cos(np.radians(lat)), None


def _acidity(earth: Earth, band: str, patch: Patch, cut: Cut) -> Painted:
    """Ten times the pH: sour under woods and where it is wet, less so in the depth."""
    part = shares(earth, patch, cut)
    x, y = mercator(*patch.centres(cut))
    wide = 4.0 * octave(x, y, 8, earth.seed, 99)
    woods = part[Cover.CONIFER] * 9.0 + part[Cover.BROADLEAF] * 4.0
    value = 64.0 + wide - woods + 0.015 * float(band[1:])
    return np.clip(value, 42.0, 110.0), np.asarray(part[Cover.WATER] < 0.5)

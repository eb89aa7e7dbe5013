"""Maps of land cover: the cover of the ground in the classes of each product."""

from __future__ import annotations

from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray

from orchestrator.sandbox.scenes.ground import Cut
from orchestrator.sandbox.scenes.landscape import Cover, Surface
from orchestrator.sandbox.scenes.sensors import legends
from orchestrator.sandbox.scenes.sensors.coarse import shares
from orchestrator.sandbox.scenes.sensors.earth import Earth
from orchestrator.sandbox.scenes.sensors.flights import seconds
from orchestrator.sandbox.scenes.sensors.lattice import WGS84, Lattice, Patch
from orchestrator.sandbox.scenes.sensors.picture import UINT8, Layer, Painted
from orchestrator.sandbox.scenes.sensors.series import Products, Series, Single, Span, every_year
from orchestrator.sandbox.scenes.sensors.spectra import reflectance

# Classes in the order of Cover: water, conifer, broadleaf, meadow, crop, soil, town, road.
WORLDCOVER = np.array([80, 10, 10, 30, 40, 60, 50, 50], np.uint8)
NLCD = np.array([11, 42, 41, 81, 82, 31, 23, 22], np.uint8)
# Percent of a pixel's ground that is covered by trees, and by impervious surface.
_CANOPY = np.array([0, 78, 85, 4, 0, 0, 8, 0], np.float32)
_IMPERVIOUS = np.array([0, 0, 0, 0, 0, 0, 62, 45], np.float32)
_STATES = shapely.box(-130.0, 22.0, -64.0, 52.0)
_CROPS = Cover.CROP


def classes(surface: Surface, table: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The cover of the ground in other classes."""
    return np.asarray(np.take(table, surface.cover))


def landcover(earth: Earth) -> Products:
    """Make the maps."""
    maps = (_worldcover(earth, "v100", 2020), _worldcover(earth, "v200", 2021))
    national = (_nlcd(earth, "2021_REL", (2021,)), _nlcd(earth, "2019_REL", (2001, 2004, 2006, 2008, 2011, 2013, 2016)))
    # The versions since 1.3, and the first, which has none in its name.
    forest = [_hansen(earth, year, f"{year}_v1_{year - 2012}") for year in range(2015, 2025)]
    forest.append(_hansen(earth, 2015, "2015"))
    return Products((*maps, *national), (_gfsad(earth), *forest))


def _worldcover(earth: Earth, version: str, year: int) -> Series:
    def paint(span: Span, band: str, patch: Patch, cut: Cut) -> Painted:
        del span, band
        return classes(earth.surface(patch).cut(cut), WORLDCOVER), None

    step = 1.0 / 12000.0
    lattice = Lattice(WGS84, (step, 0.0, -180.0, 0.0, -step, 84.0), 1_728_000, 4_320_000)
    return Series(
        f"ESA/WorldCover/{version}",
        f"ESA WorldCover 10m {version}",
        (Layer("Map", UINT8, "sample"),),
        {"": lattice},
        every_year(year, year),
        paint,
        lambda span: legends.WORLDCOVER,  # noqa: ARG005
        shapely.box(-180.0, -60.0, 180.0, 84.0),
    )


def _nlcd(earth: Earth, release: str, years: tuple[int, ...]) -> Series:
    """The national map, on a grid of degrees: the published one is an Albers projection."""
    names = ["landcover", "impervious", "impervious_descriptor"]
    if release == "2021_REL":
        names += [f"science_products_{name}" for name in legends.NLCD_SCIENCE]

    def paint(span: Span, band: str, patch: Patch, cut: Cut) -> Painted:
        del span
        surface = earth.surface(patch).cut(cut)
        if band in {"landcover", "science_products_land_cover_science_product"}:
            return classes(surface, NLCD), None
        if band == "impervious":
            return np.take(_IMPERVIOUS, surface.cover), None
        if band == "impervious_descriptor":
            return np.where(surface.cover == Cover.ROAD, 22, np.where(surface.cover == Cover.TOWN, 24, 0)), None
        return np.zeros(surface.cover.shape, np.uint8), np.zeros(surface.cover.shape, np.bool_)

    step = 30.0 / 111319.49079327358
    lattice = Lattice(WGS84, (step, 0.0, -130.0, 0.0, -step, 52.0), round(30.0 / step), round(66.0 / step))
    layers = tuple(Layer(name, UINT8, "mean" if name == "impervious" else "sample") for name in names)

    def calendar(start_ms: float, end_ms: float) -> Any:
        return (span for span in every_year(min(years), max(years))(start_ms, end_ms) if int(span.index) in years)

    return Series(
        f"USGS/NLCD_RELEASES/{release}/NLCD",
        f"NLCD {release[:4]}: USGS National Land Cover Database",
        layers,
        {"": lattice},
        calendar,
        paint,
        lambda span: legends.NLCD,  # noqa: ARG005
        _STATES,
    )


def _gfsad(earth: Earth) -> Single:
    """Cropland by how much of a pixel is sown; nothing is watered here."""

    def paint(band: str, patch: Patch, cut: Cut) -> Painted:
        del band
        sown = shares(earth, patch, cut)[_CROPS]
        return np.where(sown >= 0.5, 3, np.where(sown >= 0.25, 4, np.where(sown >= 0.1, 5, 0))).astype(np.uint8), None

    step = 1.0 / 112.0
    lattice = Lattice(WGS84, (step, 0.0, -180.0, 0.0, -step, 90.0), round(180 / step), round(360 / step))
    start = round(seconds("2010-01-01") * 1000)
    properties = {"system:time_start": start, "system:time_end": start, **legends.GFSAD}
    return Single("USGS/GFSAD1000_V1", (Layer("landcover", UINT8, "sample"),), {"": lattice}, paint, properties)


def _hansen(earth: Earth, year: int, version: str) -> Single:
    """Forest as it stands: nothing is lost or gained."""
    names = ["treecover2000", "loss", "gain"]
    names += [f"{when}_b{band}" for when in ("first", "last") for band in (30, 40, 50, 70)]
    names += ["datamask", "lossyear"]

    def paint(band: str, patch: Patch, cut: Cut) -> Painted:
        surface = earth.surface(patch).cut(cut)
        if band == "treecover2000":
            return np.take(_CANOPY, surface.cover) * (0.75 + 0.25 * surface.vigour), None
        if band == "datamask":
            return np.where(surface.cover == Cover.WATER, 2, 1).astype(np.uint8), None
        if band[:5] in {"first", "last_"}:
            return reflectance(surface, _LANDSAT[band[-2:]]) * 255.0, None
        empty = np.zeros(surface.cover.shape, np.uint8)
        return empty, (np.zeros(surface.cover.shape, np.bool_) if band == "lossyear" else None)

    step = 0.00025
    lattice = Lattice(WGS84, (step, 0.0, -180.0, 0.0, -step, 80.0), 560_000, 1_440_000)
    bits = {"loss", "gain", "datamask", "lossyear"}
    layers = tuple(Layer(name, UINT8, "sample" if name in bits else "mean") for name in names)
    start, end = (round(seconds(day) * 1000) for day in ("2000-01-01", f"{year}-12-31"))
    return Single(
        f"UMD/hansen/global_forest_change_{version}",
        layers,
        {"": lattice},
        paint,
        {"system:time_start": start, "system:time_end": end},
        shapely.box(-180.0, -60.0, 180.0, 80.0),
    )


_LANDSAT = {"30": 660.0, "40": 835.0, "50": 1650.0, "70": 2215.0}

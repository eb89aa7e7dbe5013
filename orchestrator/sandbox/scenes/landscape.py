"""
The known surface of the synthetic world: what a scene would show without air, clouds or noise.

There is land everywhere, with lakes and meandering rivers, forests, towns, roads and parcels whose crops
differ. It is a function of the ground position (spherical Mercator, so it is the same in every UTM zone; away
from the equator features shrink with the cosine of the latitude) and static in time.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from orchestrator.sandbox.scenes.ground import Cut, Mesh, Square
from orchestrator.sandbox.scenes.noise import WORLD_METRES, extent, mix, resolved, spectrum, surface, unit

Floats = NDArray[np.floating]
BANDS = ("B1", "B2", "B3", "B4", "B5", "B6", "B7", "B8", "B8A", "B9", "B11", "B12")


class Cover(IntEnum):
    """What lies on the ground."""

    WATER = 0
    CONIFER = 1
    BROADLEAF = 2
    MEADOW = 3
    CROP = 4
    SOIL = 5
    TOWN = 6
    ROAD = 7


# Reflectance × 10000 of each cover in BANDS at vigour 0 and at vigour 1 (a crop ripens downward, a roof
# brightens upward). Shapes follow the usual laboratory curves: red edge, water absorption at 1.6 and 2.2 µm.
_AT_REST = {
    Cover.WATER: (420, 460, 560, 400, 330, 250, 230, 200, 180, 160, 110, 80),
    Cover.CONIFER: (180, 200, 320, 215, 470, 1250, 1550, 1650, 1800, 1850, 820, 390),
    Cover.BROADLEAF: (200, 225, 430, 255, 760, 2200, 2800, 2950, 3150, 3200, 1450, 620),
    Cover.MEADOW: (340, 420, 710, 560, 1150, 2400, 2800, 3000, 3250, 3300, 2150, 1200),
    Cover.CROP: (520, 690, 1080, 1380, 1760, 2080, 2280, 2480, 2730, 2780, 3150, 2250),
    Cover.SOIL: (430, 540, 780, 1000, 1230, 1380, 1500, 1620, 1800, 1850, 2450, 2050),
    Cover.TOWN: (380, 450, 650, 600, 980, 1650, 1900, 2000, 2150, 2200, 1800, 1350),
    Cover.ROAD: (800, 930, 1080, 1180, 1330, 1500, 1600, 1700, 1800, 1800, 1950, 1850),
}
_AT_BEST = {
    Cover.WATER: (330, 340, 360, 230, 180, 150, 140, 120, 110, 100, 60, 40),
    Cover.CONIFER: (215, 245, 410, 265, 620, 1850, 2300, 2400, 2600, 2650, 1100, 500),
    Cover.BROADLEAF: (230, 260, 520, 290, 900, 2800, 3550, 3750, 3950, 3950, 1700, 700),
    Cover.MEADOW: (280, 345, 690, 400, 1080, 3000, 3800, 4000, 4200, 4200, 1950, 950),
    Cover.CROP: (240, 300, 640, 330, 950, 3200, 4200, 4400, 4600, 4600, 1800, 850),
    Cover.SOIL: (620, 790, 1120, 1460, 1760, 1930, 2080, 2230, 2480, 2530, 3250, 2750),
    Cover.TOWN: (1350, 1520, 1680, 1820, 1950, 2050, 2150, 2250, 2350, 2350, 2400, 2250),
    Cover.ROAD: (1000, 1150, 1320, 1430, 1560, 1720, 1820, 1920, 2020, 2020, 2150, 2050),
}
_REST = np.array([_AT_REST[cover] for cover in Cover], np.float32)
_GAIN = np.array([_AT_BEST[cover] for cover in Cover], np.float32) - _REST

# Widths of features by zoom: 12 is 9.8 km, 14 is 2.4 km, 16 is 611 m, 18 is 153 m (at the equator).
_RIVER = {12: 1.0, 13: 0.5, 14: 0.2, 15: 0.1, 16: 0.05}
_LAKE = {12: 1.0, 13: 0.8, 14: 0.5, 16: 0.2, 17: 0.1}
_TOWN = {13: 1.0, 14: 0.8, 15: 0.5, 16: 0.35, 17: 0.25}
_WOOD = {12: 0.8, 13: 0.8, 14: 0.9, 15: 0.7, 16: 0.5, 17: 0.4}
_SHADE = {13: 0.5, 15: 0.6, 17: 0.7}
_CROWNS = {18: 0.8, 19: 0.9}
_BEND = {13: 1.0, 14: 0.7, 15: 0.3}
# Node distances that hold zooms up to 19, 17 and 16; what is smooth is computed at fewer nodes.
_MESH_METRES = (40, 80, 160)
_COARSE_METRES = 100.0
_STRIP_PIXELS = 1 << 15
_REGION_ZOOM = 15  # parcels of one region share their direction; its borders are roads
_BEND_METRES = 420.0
_SOFT_ZOOM = 22  # pixel texture: cells of 9.6 m
_ROOF_ZOOM = 21  # houses: cells of 19 m
_TOWN_BOUND = 1.35  # of the town field, in standard deviations; parcels ask for up to 0.8 more


@dataclass(frozen=True, slots=True)
class Surface:
    """
    The ground of one square, all (side, side).

    Attributes:
        cover: Values of `Cover`, uint8.
        vigour: 0 to 1, between a cover's two spectra.
        shade: Factor on all bands: relief and texture.
    """

    cover: NDArray[np.uint8]
    vigour: NDArray[np.float32]
    shade: NDArray[np.float32]

    @property
    def nbytes(self) -> int:
        return self.cover.nbytes + self.vigour.nbytes + self.shade.nbytes

    def cut(self, part: tuple[slice, slice]) -> Surface:
        """The ground of a part of the square."""
        return Surface(self.cover[part], self.vigour[part], self.shade[part])

    def reflectance(self, band: str) -> NDArray[np.float32]:
        """True reflectance × 10000 of `band`, of the same shape."""
        index = BANDS.index(band)
        value = np.take(_GAIN[:, index], self.cover)
        value *= self.vigour
        value += np.take(_REST[:, index], self.cover)
        value *= self.shade
        return value


@dataclass(frozen=True, slots=True)
class _Fields:
    """Smooth fields spread to pixels; `river` is the distance to the midstream in metres."""

    river: NDArray[np.float32]
    lake: NDArray[np.float32]
    town: NDArray[np.float32]
    wood: NDArray[np.float32]
    shade: NDArray[np.float32]
    bend_east: NDArray[np.float32]
    bend_south: NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class _Parcels:
    """The farmland under everything: bits that differ by parcel, and distance to a road in metres."""

    bits: NDArray[np.uint32]
    road: NDArray[np.float32]
    quiet: NDArray[np.bool_]  # regions whose roads end at the edge of the woods
    hedge: NDArray[np.bool_]


def survey(square: Square, seed: int) -> Surface:
    """Compute the surface of a square; depends on the ground position and the seed alone."""
    nodes = _nodes(square, seed)
    strips = []
    # Strip by strip, because what is needed for one stays in the processor's cache.
    rows = min(square.side, _STRIP_PIXELS // square.side)
    for row in range(0, square.side, rows):
        cut = slice(row, row + rows), slice(0, square.side)
        strips.append(_survey(nodes.over(cut), square, cut, seed))
    return Surface(
        np.concatenate([strip.cover for strip in strips]),
        np.concatenate([strip.vigour for strip in strips]),
        np.concatenate([strip.shade for strip in strips]),
    )


def _survey(fields: _Fields, square: Square, cut: Cut, seed: int) -> Surface:
    east, south, anchor_x, anchor_y = square.pixels(cut)
    parcels = _parcels(fields, east, south, (anchor_x, anchor_y), seed)
    soft = unit(_cell_bits(east, south, (anchor_x, anchor_y), _SOFT_ZOOM, seed))
    # Texture finer than a pixel averages out.
    rough = np.float32(min(1.0, 10.0 / square.spacing))
    cover, vigour = _farmland(parcels)
    _plant_woods(cover, vigour, fields, parcels)
    if (fields.town > _TOWN_BOUND).any():
        roofs = unit(_cell_bits(east, south, (anchor_x, anchor_y), _ROOF_ZOOM, seed))
        _build_towns(cover, vigour, fields, parcels, 0.7 * roofs + 0.3 * soft)
    _flood(cover, vigour, fields)
    shade = _shade(cover, fields, parcels, (soft - np.float32(0.5)) * rough)
    return Surface(cover, vigour, shade)


@dataclass(frozen=True, slots=True)
class _Nodes:
    """The smooth fields of a square on nodes: by name, those that add up to it, each with its mesh."""

    offset: float
    parts: dict[str, tuple[tuple[Mesh, Floats], ...]]

    def over(self, cut: Cut) -> _Fields:
        """Spread the fields to the pixels of a part of the square."""
        fields = {}
        for name, parts in self.parts.items():
            first, *more = (mesh.spread(nodes, self.offset, cut) for mesh, nodes in parts)
            for field in more:
                first += field
            fields[name] = first
        np.abs(fields["river"], out=fields["river"])
        return _Fields(**fields)


def _nodes(square: Square, seed: int) -> _Nodes:
    spacing = float(square.spacing)
    fine, middle, wide = (square.mesh_within(metres) for metres in _MESH_METRES)

    def field(mesh: Mesh, weights: dict[int, float], channel: int) -> tuple[Mesh, Floats]:
        return mesh, _drawn(mesh.x, mesh.y, weights, spacing, seed, channel)

    parts = {
        "river": ((wide, _midstream(wide, spacing, seed)),),
        "lake": (field(middle, _LAKE, 2),),
        "town": (field(middle, _TOWN, 3),),
        "wood": (field(middle, _WOOD, 4),),
        "shade": (field(middle, _SHADE, 5), field(fine, _CROWNS, 9)),
        "bend_east": (field(wide, _BEND, 6),),
        "bend_south": (field(wide, _BEND, 7),),
    }
    return _Nodes(square.offset, parts)


def _drawn(x: Floats, y: Floats, weights: dict[int, float], spacing: float, *key: int) -> Floats:
    """A spectrum at nodes. Where each pixel has one, planes between values every half cell are near enough."""
    wanted = resolved(weights, spacing)
    if spacing < _COARSE_METRES or not wanted:
        return spectrum(x, y, weights, spacing, *key)
    return surface(extent(x, y), wanted, *key).near(x, y)


def _midstream(mesh: Mesh, spacing: float, seed: int) -> Floats:
    """Signed distance in metres to the zero line of a noise: value over slope, kept within a few kilometres."""
    reach = 0.25 / 2.0**17
    here = _drawn(mesh.x, mesh.y, _RIVER, spacing, seed, 1)
    slope_x = _drawn(mesh.x + reach, mesh.y, _RIVER, spacing, seed, 1) - here
    slope_y = _drawn(mesh.x, mesh.y + reach, _RIVER, spacing, seed, 1) - here
    slope = np.hypot(slope_x, slope_y) / (reach * WORLD_METRES)
    return np.clip(here / np.maximum(slope, 1e-5), -3000.0, 3000.0)


def _cell_bits(
    east: NDArray[np.float32], south: NDArray[np.float32], anchor: tuple[float, float], zoom: int, seed: int
) -> NDArray[np.uint32]:
    """Hash of the lattice cell of `zoom` in which each pixel lies."""
    col, _ = _cells(east, anchor[0], zoom)
    row, _ = _cells(south, anchor[1], zoom)
    return mix(mix(seed, zoom, 0), col % (1 << zoom), row)


def _cells(metres: NDArray[np.float32], anchor: float, zoom: int) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
    """Absolute cell index and position within the cell, from float32 offsets to a float64 anchor."""
    start = anchor * 2.0**zoom
    base = int(np.floor(start))
    local = metres * np.float32(2.0**zoom / WORLD_METRES) + np.float32(start - base)
    floor = np.floor(local)
    return floor.astype(np.int32) + np.int32(base), local - floor


def _parcels(
    fields: _Fields,
    east: NDArray[np.float32],
    south: NDArray[np.float32],
    anchor: tuple[float, float],
    seed: int,
) -> _Parcels:
    region_metres = np.float32(WORLD_METRES / 2**_REGION_ZOOM)
    col, x = _cells(east + _BEND_METRES * fields.bend_east, anchor[0], _REGION_ZOOM)
    row, y = _cells(south + _BEND_METRES * fields.bend_south, anchor[1], _REGION_ZOOM)
    region = mix(mix(seed, 8), col % (1 << _REGION_ZOOM), row)
    x, y = x * region_metres, y * region_metres
    # One angle and two parcel sides per region, from separate bits of its hash.
    angle = (region & np.uint32(63)).astype(np.float32) * np.float32(np.pi / 64)
    width = 55.0 + (region >> np.uint32(6) & np.uint32(15)).astype(np.float32) * np.float32(7.0)
    length = 180.0 + (region >> np.uint32(10) & np.uint32(15)).astype(np.float32) * np.float32(25.0)
    cos, sin = np.cos(angle), np.sin(angle)
    across = (x * cos + y * sin) / width
    strip = np.floor(across).astype(np.int32)
    shift = unit(mix(region, strip))
    along = (y * cos - x * sin) / length + shift
    bits = mix(region, strip, np.floor(along).astype(np.int32))
    border = np.minimum(np.minimum(x, region_metres - x), np.minimum(y, region_metres - y))
    hedge = ((across - strip) * width < 9.0) & (bits >> np.uint32(28) < 4)
    quiet = (region >> np.uint32(16) & np.uint32(3)) > 0
    return _Parcels(bits, border, quiet, hedge)


def _farmland(parcels: _Parcels) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
    """Give each parcel a cover and a vigour."""
    rota = np.array([Cover.CROP] * 7 + [Cover.MEADOW] * 5 + [Cover.SOIL] * 3 + [Cover.BROADLEAF], np.uint8)
    cover = rota[parcels.bits & np.uint32(15)]
    vigour = unit(parcels.bits)
    np.sqrt(vigour, out=vigour)  # summer: more green than ripe
    cover[parcels.hedge] = Cover.BROADLEAF
    cover[parcels.road < 6.0] = Cover.ROAD
    return cover, vigour


def _plant_woods(cover: NDArray[np.uint8], vigour: NDArray[np.float32], fields: _Fields, parcels: _Parcels) -> None:
    # Each parcel has its own bound, so that the edge of the woods follows the fields.
    bound = 0.25 + 0.4 * unit(parcels.bits << np.uint32(4))
    woods = (fields.wood > bound) & ((cover != Cover.ROAD) | parcels.quiet)
    dark = fields.bend_east + 0.6 * fields.shade > 0.4
    cover[woods] = np.where(dark[woods], np.uint8(Cover.CONIFER), np.uint8(Cover.BROADLEAF))
    vigour[woods] = np.clip(0.5 + 0.3 * fields.shade[woods], 0.0, 1.0)


def _build_towns(
    cover: NDArray[np.uint8],
    vigour: NDArray[np.float32],
    fields: _Fields,
    parcels: _Parcels,
    roofs: NDArray[np.float32],
) -> None:
    """Towns grow by parcels, denser towards the middle; gardens stay meadow."""
    bound = _TOWN_BOUND + 0.8 * unit(parcels.bits << np.uint32(12))
    built = (fields.town > bound) & (cover != Cover.ROAD)
    garden = built & (roofs < 0.36)
    cover[built] = Cover.TOWN
    vigour[built] = np.clip(0.9 * (roofs[built] - 0.3) ** 2 + 0.2 * (fields.town[built] - 1.35), 0.0, 1.0)
    cover[garden] = Cover.MEADOW


def _flood(cover: NDArray[np.uint8], vigour: NDArray[np.float32], fields: _Fields) -> None:
    width = 22.0 + 16.0 * np.clip(fields.lake, -0.8, 2.0)
    bank = (fields.river < width + 45.0) & ((cover == Cover.SOIL) | (cover == Cover.CROP))
    cover[bank] = Cover.MEADOW
    wet = ((fields.river < width) & (cover != Cover.ROAD)) | (fields.lake > 2.0)
    cover[wet] = Cover.WATER
    vigour[wet] = np.clip(0.4 + 0.6 * (fields.lake[wet] - 1.6), 0.0, 1.0)


def _shade(
    cover: NDArray[np.uint8], fields: _Fields, parcels: _Parcels, soft: NDArray[np.float32]
) -> NDArray[np.float32]:
    """Relief everywhere, tree crowns in woods, a parcel's own tone; water is smooth."""
    crowns = np.array([0.02, 0.34, 0.30, 0.07, 0.06, 0.07, 0.30, 0.12], np.float32)
    relief = np.array([0.01, 0.07, 0.06, 0.04, 0.035, 0.045, 0.04, 0.02], np.float32)
    tone = unit(parcels.bits << np.uint32(8)) - np.float32(0.5)
    farmed = np.array([0, 0, 0, 0.16, 0.14, 0.2, 0.1, 0], np.float32)
    shade = 1.0 + np.take(crowns, cover) * soft
    shade += np.take(relief, cover) * np.clip(fields.shade, -2.5, 2.5)
    shade += np.take(farmed, cover) * tone
    return shade.astype(np.float32, copy=False)

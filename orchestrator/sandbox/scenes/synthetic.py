"""
Synthetic Sentinel-2, anywhere between 80° S and 81° N, from 2015 on, without a byte of data.

A scene is a pure function of seed, tile and pass: the known surface (`landscape`) under a sky (`weather`),
flown as the satellites fly (`orbit`) in their tiles (`mgrs`). What a mosaic should recover is `surface`.

Native pixels are the fields at pixel centres. Levels 1 to 3 are reduced from native pixels, or for the bands
most asked for from a first level that is all but their mean (`Renderer.render`); deeper ones evaluate
the fields at the level's spacing with finer features left out, which is close to a mean but not equal to it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from functools import cached_property, lru_cache, partial
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray
from pyproj import CRS, Transformer
from shapely.geometry.base import BaseGeometry

from orchestrator.sandbox.scenes import mgrs, orbit, weather
from orchestrator.sandbox.scenes.catalogue import Band, Catalogue, Table, UnboundedQueryError
from orchestrator.sandbox.scenes.footprints import SLACK_DEGREES, middle_of, nodes_of, swath, whole
from orchestrator.sandbox.scenes.ground import SQUARE, Square, blocks, world
from orchestrator.sandbox.scenes.landscape import BANDS
from orchestrator.sandbox.scenes.layout import (
    CLOUD_LAYER,
    COLLECTIONS,
    LAYERS,
    PROBABILITY,
    REFLECTANCE,
    Layer,
)
from orchestrator.sandbox.scenes.mgrs import TILE_METRES, Tile
from orchestrator.sandbox.scenes.orbit import HALF_SWATH_KM, Pass
from orchestrator.sandbox.scenes.pyramid import Pixels, read_level
from orchestrator.sandbox.scenes.render import HALVED, Renderer
from orchestrator.sandbox.scenes.tables import shipped

CACHE_BYTES = 256 * 2**20
# More scenes than this are refused: a query over a continent and a decade would enumerate for minutes.
MAX_SCENES = 200_000
_KEPT_SCENES = 2048
_KEPT_PLACES = 16_384
_DEEPEST_REDUCED = 3
_COARSE_SQUARE = 64
_PROBES = 25  # per side of the grid on which cover and swath of a tile are estimated
_LOWEST_SUN = 85.0  # zenith in degrees beyond which no scene is made
_INDEX = re.compile(r"(\d{8}T\d{6})_(\d{8}T\d{6})_T(\w{5})")


class SyntheticScene:
    """One tile of one pass in one of the two collections."""

    def __init__(self, collection: str, tile: Tile, overpass: Pass, renderer: Renderer) -> None:
        self.collection = collection
        self.tile = tile
        self.overpass = overpass
        self._renderer = renderer

    def __repr__(self) -> str:
        return f"SyntheticScene({self.asset_id})"

    @property
    def asset_id(self) -> str:
        return f"{self.collection}/{self.index}"

    @cached_property
    def index(self) -> str:
        """`20230818T100031_20230818T100754_T33TWM`: start of the pass, of the tile, and the tile."""
        return f"{_stamp(self.overpass.start)}_{_stamp(self.time)}_T{self.tile.name}"

    @cached_property
    def time(self) -> float:
        """Second at which the middle of the tile was seen."""
        _, lat = self._middle
        return float(self.overpass.time(lat))

    @cached_property
    def footprint(self) -> BaseGeometry:
        """The part of the tile inside the swath, to about 100 m outward; it holds all valid pixels."""
        lon, lat = nodes_of(self.tile, 45)
        seen = np.abs(self.overpass.across(lon, lat)) <= HALF_SWATH_KM
        if seen.all():
            return whole(self.tile)
        outline = self.tile.outline.buffer(SLACK_DEGREES)
        strip = swath(self.overpass, lon, lat)
        return mgrs.on_earth(shapely.intersection(outline, strip))

    @cached_property
    def bands(self) -> tuple[Band, ...]:
        layers = LAYERS.values() if self.collection == REFLECTANCE else (CLOUD_LAYER,)
        return tuple(self._band(layer) for layer in layers)

    def _band(self, layer: Layer) -> Band:
        step, side = float(layer.metres), TILE_METRES // layer.metres
        transform = (step, 0.0, float(self.tile.west), 0.0, -step, float(self.tile.north))
        return Band(layer.name, layer.type, f"EPSG:{self.tile.epsg}", transform, side, side, layer.pyramid)

    @cached_property
    def properties(self) -> Mapping[str, Any]:
        common = {"system:index": self.index, "system:time_start": round(self.time * 1000)}
        if self.collection == PROBABILITY:
            return common
        return common | self._sky_properties() | self._product_properties()

    def _sky_properties(self) -> dict[str, Any]:
        """Sun and cover. Cover is estimated on a grid of points over the part that was seen."""
        lon, lat = nodes_of(self.tile, _PROBES)
        azimuth, zenith = (float(angle) for angle in self.overpass.sun(*self._middle))
        seen = np.abs(self.overpass.across(lon, lat)) <= HALF_SWATH_KM
        clouded = weather.cloudiness(*world(lon[seen], lat[seen]), self.overpass, self._renderer.seed)
        return {
            "CLOUDY_PIXEL_PERCENTAGE": round(100.0 * clouded, 4),
            "CLOUD_COVERAGE_ASSESSMENT": round(100.0 * clouded, 4),
            "NODATA_PIXEL_PERCENTAGE": round(100.0 * float(np.mean(~seen)), 4),
            "SNOW_ICE_PERCENTAGE": 0.0,
            "MEAN_SOLAR_AZIMUTH_ANGLE": azimuth,
            "MEAN_SOLAR_ZENITH_ANGLE": zenith,
        }

    def _product_properties(self) -> dict[str, Any]:
        name, made = self.overpass.platform.name, self.overpass.start + 16000.0
        letter, start, track = name[-1], _stamp(self.overpass.start), self.overpass.track
        product = f"S2{letter}_MSIL2A_{start}_N0509_R{track:03d}_T{self.tile.name}_{_stamp(made)}"
        granule = f"L2A_T{self.tile.name}_A{self.overpass.orbit:06d}_{_stamp(self.time)}"
        return {
            "MGRS_TILE": self.tile.name,
            "SPACECRAFT_NAME": name,
            "PRODUCT_ID": product,
            "GRANULE_ID": granule,
            "DATATAKE_IDENTIFIER": f"GS2{letter}_{start}_{self.overpass.orbit:06d}_N05.09",
            "DATATAKE_TYPE": "INS-NOBS",
            "GENERATION_TIME": round(made) * 1000,
            "PROCESSING_BASELINE": "05.09",
            "SENSING_ORBIT_NUMBER": track,
            "SENSING_ORBIT_DIRECTION": "DESCENDING",
            "GENERAL_QUALITY": "PASSED",
            "system:footprint": shapely.geometry.mapping(self.footprint),
            "system:asset_size": 1_012_345_678,
        }

    @property
    def _middle(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        return middle_of(self.tile)

    def read(
        self, band: str, level: int, row: int, col: int, height: int, width: int
    ) -> tuple[NDArray[np.generic], NDArray[np.bool_]]:
        """
        Read a window of a pyramid level; beyond the scene and the swath pixels are invalid and 0.

        Raises:
            KeyError: If the scene has no such band.
        """
        layer = self._layer(band)
        side = TILE_METRES // layer.metres
        window = (row, col, height, width)
        if 1 <= level <= _DEEPEST_REDUCED and self._halves(layer):
            read = partial(self._first_level, layer)
            return read_level(read, (side // 2, side // 2), layer.pyramid, level - 1, window)
        if level <= _DEEPEST_REDUCED:
            return read_level(partial(self._inside, layer, 0), (side, side), layer.pyramid, level, window)
        side = -(-side >> level) if side % (1 << level) == 0 else (side >> level) + 1
        return read_level(partial(self._inside, layer, level), (side, side), layer.pyramid, 0, window)

    def _layer(self, band: str) -> Layer:
        layers = LAYERS if self.collection == REFLECTANCE else {CLOUD_LAYER.name: CLOUD_LAYER}
        if band not in layers:
            raise KeyError(f"{self.asset_id} has no band {band!r}, only {', '.join(layers)}")
        return layers[band]

    def _inside(self, layer: Layer, level: int, row: int, col: int, height: int, width: int) -> Pixels:
        """Cut a window out of the squares that it touches."""
        spacing = layer.metres << level
        # A class is taken at its top left native pixel, a mean at the middle of its block.
        offset = 0.5 / (1 << level) if layer.pyramid == "sample" else 0.5
        exact = level == 0 or layer.pyramid == "sample"
        values = np.zeros((height, width), layer.dtype if exact else np.float32)
        valid = np.zeros((height, width), np.bool_)
        top, phase_y = divmod(-self.tile.north, spacing)
        left, phase_x = divmod(self.tile.west, spacing)
        coarse = level > _DEEPEST_REDUCED  # a window needs few such pixels
        edge = _COARSE_SQUARE if coarse else SQUARE
        for place, square, cut in blocks(row + top, col + left, height, width, edge):
            key = Square(self.tile.epsg, spacing, phase_x, phase_y, *square, offset, edge)
            valid[place] = self._renderer.render(layer.name, key, self.overpass, cut, values[place])
        if not valid.all():
            values[~valid] = 0
        return values, valid

    def _first_level(self, layer: Layer, row: int, col: int, height: int, width: int) -> Pixels:
        """Cut a window out of level 1 without reading native pixels; see `Renderer.render`."""
        spacing = 2 * layer.metres
        values = np.zeros((height, width), np.float32)
        valid = np.zeros((height, width), np.bool_)
        top, left = -self.tile.north // spacing, self.tile.west // spacing
        for place, square, cut in blocks(row + top, col + left, height, width):
            key = Square(self.tile.epsg, spacing, 0, 0, *square)
            valid[place] = self._renderer.render(layer.name, key, self.overpass, cut, values[place], halved=True)
        if not valid.all():
            values[~valid] = 0
        return values, valid

    def _halves(self, layer: Layer) -> bool:
        """Whether level 1 has a way of its own: its pixels must not straddle squares."""
        spacing = 2 * layer.metres
        return layer.name in HALVED and self.tile.north % spacing == 0 == self.tile.west % spacing


class SyntheticCatalogue(Catalogue):
    """
    Both Sentinel-2 collections over the whole Earth.

    Args:
        seed: Another seed is another world, with the same orbits.
        first: First day with scenes (Sentinel-2A; Sentinel-2B joins on 2017-06-30).
        last: Last day with scenes.
    """

    def __init__(self, seed: int = 0, first: str = "2015-06-27", last: str = "2034-12-31") -> None:
        self._first = datetime.fromisoformat(first).replace(tzinfo=UTC).timestamp()
        self._end = datetime.fromisoformat(last).replace(tzinfo=UTC).timestamp() + 86400.0
        self._renderer = Renderer(seed, CACHE_BYTES)
        # Queries come again and again, and a scene's footprint and properties take a millisecond.
        self._scene = lru_cache(maxsize=_KEPT_SCENES)(self._make_scene)
        # Where a scene that was given before is found again by its index alone.
        self._places: dict[str, tuple[Tile, Pass]] = {}

    def at(self, collection: str, tile: Tile, overpass: Pass) -> SyntheticScene:
        """Return what a collection has of a tile and a pass over it."""
        return self._scene(collection, tile, overpass)

    def _make_scene(self, collection: str, tile: Tile, overpass: Pass) -> SyntheticScene:
        return SyntheticScene(collection, tile, overpass, self._renderer)

    def collections(self) -> Mapping[str, Mapping[str, Any]]:
        return COLLECTIONS

    def table(self, asset_id: str) -> Table | None:
        return shipped.table(asset_id)

    def scenes(
        self, collection: str, region: BaseGeometry | None, start_ms: int | None, end_ms: int | None
    ) -> Iterator[SyntheticScene]:
        """
        Yield scenes by (time, index); see `Catalogue.scenes`.

        Raises:
            UnboundedQueryError: Without a region, or when the query holds more scenes than MAX_SCENES.
        """
        if collection not in COLLECTIONS:
            return
        start = max(self._first, -np.inf if start_ms is None else start_ms / 1000.0)
        end = min(self._end, np.inf if end_ms is None else end_ms / 1000.0)
        if region is None:
            raise UnboundedQueryError(f"{collection} covers the Earth: filter it by bounds first")
        tiles = [] if region.is_empty or start >= end else list(mgrs.touching(region))
        if len(tiles) * (end - start) / 86400.0 / 2.5 > MAX_SCENES:
            raise UnboundedQueryError(
                f"{collection}: {len(tiles)} tiles over {(end - start) / 86400.0:.0f} days are more than "
                f"{MAX_SCENES} scenes: narrow the bounds or the dates"
            )
        found = [scene for tile in tiles for scene in self.of_tile(collection, tile, start, end)]
        shapely.prepare(region)
        wanted = [scene for scene in found if region.intersects(scene.footprint)]
        for scene in sorted(wanted, key=lambda scene: (round(scene.time * 1000), scene.index)):
            self._remember(scene)
            yield scene

    def place_of(self, collection: str, name: str, value: Any) -> BaseGeometry | None:
        """Give where all scenes lie that have a value of a property: those of a tile; empty if there is no such."""
        del collection
        if name != "MGRS_TILE" or not isinstance(value, str):
            return None
        tile = mgrs.find(value)
        return shapely.Polygon() if tile is None else whole(tile)

    def _remember(self, scene: SyntheticScene) -> None:
        while len(self._places) >= _KEPT_PLACES:
            self._places.pop(next(iter(self._places)), None)
        self._places[scene.index] = (scene.tile, scene.overpass)

    def scene(self, asset_id: str) -> SyntheticScene | None:
        collection, _, index = asset_id.rpartition("/")
        if collection in COLLECTIONS and (place := self._places.get(index)) is not None:
            return self._scene(collection, *place)
        match = _INDEX.fullmatch(index)
        if collection not in COLLECTIONS or match is None:
            return None
        tile = mgrs.find(match[3])
        if tile is None:
            return None
        try:
            near = datetime.strptime(match[2], "%Y%m%dT%H%M%S").replace(tzinfo=UTC).timestamp()
        except ValueError:
            return None
        start, end = max(self._first, near - 2), min(self._end, near + 2)
        found = (scene for scene in self.of_tile(collection, tile, start, end) if scene.index == index)
        return next(found, None)

    def of_tile(self, collection: str, tile: Tile, start: float, end: float) -> Iterator[SyntheticScene]:
        """Yield the scenes of a tile in [start, end), seconds since 1970, by platform and time."""
        lon, lat = (nodes.ravel() for nodes in nodes_of(tile, 12))
        for overpass, _ in orbit.passes(lon, lat, start, end):
            scene = self._scene(collection, tile, overpass)
            in_time = start <= round(scene.time, 3) < end
            if in_time and float(overpass.sun(*scene._middle)[1]) < _LOWEST_SUN:  # noqa: SLF001 - our own
                yield scene

    def surface(self, band: str, x: NDArray[np.floating], y: NDArray[np.floating], crs: str) -> NDArray[np.float32]:
        """
        True reflectance × 10000 of the native pixels that hold the points.

        Args:
            band: A reflectance band.
            x: Eastings or longitudes in `crs`.
            y: Northings or latitudes, same shape.
            crs: A UTM zone (`EPSG:32633`) keeps its pixels; from any other, each point goes to its own zone.
        """
        east, north = np.broadcast_arrays(np.asarray(x, np.float64), np.asarray(y, np.float64))
        truth = np.empty(east.shape, np.float32)
        epsg = CRS.from_user_input(crs).to_epsg() or 0
        if 32601 <= epsg <= 32660 or 32701 <= epsg <= 32760:
            self._look_up(truth, np.ones(east.shape, np.bool_), band, epsg, east, north)
            return truth
        lon, lat = Transformer.from_crs(crs, 4326, always_xy=True).transform(east, north)
        zones = np.where(lat >= 0, 32601, 32701) + (np.floor((lon + 180.0) / 6.0).astype(int) % 60)
        for zone in np.unique(zones):
            here = zones == zone
            to_zone = Transformer.from_crs(4326, int(zone), always_xy=True)
            self._look_up(truth, here, band, int(zone), *to_zone.transform(lon[here], lat[here]))
        return truth

    def _look_up(
        self,
        truth: NDArray[np.float32],
        here: NDArray[np.bool_],
        band: str,
        epsg: int,
        x: NDArray[np.float64],
        y: NDArray[np.float64],
    ) -> None:
        metres = LAYERS[BANDS[BANDS.index(band)]].metres
        # 1e-6 of a pixel: coordinates that were multiplied out must not fall one pixel off.
        cols = np.floor(x.ravel() / metres + 1e-6).astype(np.int64)
        phase = -mgrs.EQUATOR_SOUTH % metres if epsg >= 32700 else 0
        rows = np.floor((-y.ravel() - phase) / metres + 1e-6).astype(np.int64)
        values = np.empty(cols.size, np.float32)
        squares = np.stack([rows // SQUARE, cols // SQUARE], axis=1)
        unique, inverse = np.unique(squares, axis=0, return_inverse=True)
        for number, (row, col) in enumerate(unique):
            mine = inverse.ravel() == number
            field = self._renderer.surface(Square(epsg, metres, 0, phase, int(row), int(col))).reflectance(band)
            values[mine] = field[rows[mine] % SQUARE, cols[mine] % SQUARE]
        truth[here] = values


def surface(
    band: str, x: NDArray[np.floating], y: NDArray[np.floating], crs: str, *, seed: int = 0
) -> NDArray[np.float32]:
    """True reflectance × 10000 of the world of `seed`; see `SyntheticCatalogue.surface`."""
    return SyntheticCatalogue(seed).surface(band, x, y, crs)


def _stamp(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y%m%dT%H%M%S")

"""Which products there are: every pass over a tile, from the day its level began."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

from shapely.geometry.base import BaseGeometry

from orchestrator.sandbox.safe.bands import L1C, L2A
from orchestrator.sandbox.safe.identifiers import Sensing
from orchestrator.sandbox.safe.product import Options, Product, SafeError
from orchestrator.sandbox.scenes import mgrs
from orchestrator.sandbox.scenes.orbit import PLATFORMS, Pass
from orchestrator.sandbox.scenes.sensors.sentinel2 import Sentinel2
from orchestrator.sandbox.scenes.synthetic import SyntheticCatalogue

COLLECTIONS = {L1C: "COPERNICUS/S2_HARMONIZED", L2A: "COPERNICUS/S2_SR_HARMONIZED"}
_LONGEST_DATATAKE = 3600.0  # seconds


class Source:
    """
    Finds products on the invented Earth.

    Args:
        seed: Another seed is another world, with the same orbits.
    """

    def __init__(self, seed: int = 0) -> None:
        self._sensor = Sentinel2(SyntheticCatalogue(seed))

    def products(
        self,
        level: str,
        region: BaseGeometry,
        start: str,
        end: str,
        options: Options = Options(),  # noqa: B008 - frozen
    ) -> Iterator[Product]:
        """Yield the products of a level whose footprint touches `region`, start <= time < end (ISO, UTC), by time."""
        for scene in self._sensor.scenes(COLLECTIONS[level], region, milliseconds(start), milliseconds(end)):
            yield Product(scene, level, options)

    def of_tile(
        self,
        level: str,
        tile: str,
        start: str,
        end: str,
        options: Options = Options(),  # noqa: B008 - frozen
    ) -> Iterator[Product]:
        """
        Yield the products of a tile, such as `33TWL`; see `products`.

        Raises:
            SafeError: If there is no such tile.
        """
        found = mgrs.find(tile)
        if found is None:
            raise SafeError(f"there is no tile {tile!r}; a tile is called like 33TWL")
        for scene in self._sensor.of_tile(COLLECTIONS[level], found, milliseconds(start), milliseconds(end)):
            yield Product(scene, level, options)

    def sensing(self, wanted: Sensing, options: Options = Options()) -> Product | None:  # noqa: B008 - frozen
        """Find a product by its sensing, None if nothing was sensed so."""
        platform = next((each for each in PLATFORMS if each.name[-1] == wanted.letter), None)
        if platform is None or mgrs.find(wanted.tile) is None:
            return None
        start = Pass(platform, wanted.orbit).start
        first, last = (datetime.fromtimestamp(each, UTC).isoformat() for each in (start, start + _LONGEST_DATATAKE))
        return next(self.of_tile(wanted.level, wanted.tile, first, last, options), None)


def milliseconds(text: str) -> int:
    """
    Return the milliseconds since 1970 of a date or a time in UTC.

    Raises:
        SafeError: If it is neither.
    """
    try:
        when = datetime.fromisoformat(text)
    except ValueError:
        raise SafeError(f"a date looks like 2024-06-01, not {text!r}") from None
    return round(when.replace(tzinfo=when.tzinfo or UTC).timestamp() * 1000)

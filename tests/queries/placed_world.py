"""Scenes without pixels: where and when they are is what a test says. And where the real ones are."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import shapely

from orchestrator.sandbox.scenes.catalogue import Band, PixelType

DATA = Path(os.environ.get("ORCHESTRATOR_TEST_DATA", Path(__file__).resolve().parents[3] / "shared" / "data"))
REAL = DATA / "l2a_120m_T33TWL_T33TWM"
S2 = "COPERNICUS/S2_SR_HARMONIZED"
GRID = ("EPSG:32633", (10.0, 0.0, 500000.0, 0.0, -10.0, 5200020.0))
# Near a meridian of UTC and its equator edges are nearly straight in degrees; boxes are exact at any place.
BOX = (15.0, 0.5, 15.5, 1.0)


def ms(text: str) -> int:
    """Milliseconds since 1970 of an ISO time, UTC."""
    return round(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp() * 1000)


@dataclass
class PlacedScene:
    asset_id: str
    footprint: Any
    properties: dict[str, Any]
    band: str = "B2"
    crs: str = GRID[0]
    transform: tuple[float, ...] = GRID[1]

    @property
    def bands(self):
        kind = PixelType("int", 0, 65535)
        coarse = tuple(6 * number if at in (0, 4) else number for at, number in enumerate(self.transform))
        return Band("B1", kind, self.crs, coarse, 10, 10), Band(self.band, kind, self.crs, self.transform, 10, 10)

    def read(self, *_):
        raise NotImplementedError


@dataclass
class PlacedCatalogue:
    """What `put` has put, in the order of (time, index)."""

    kept: dict[str, list[PlacedScene]] = field(default_factory=dict)

    def put(self, index, time="2024-06-01T10:00:00", box=BOX, collection=S2, band="B2", **properties):
        where = box if hasattr(box, "geom_type") else shapely.box(*box)
        told = {"system:index": index, "system:time_start": ms(time), **properties}
        self.kept.setdefault(collection, []).append(PlacedScene(f"{collection}/{index}", where, told, band))

    def collections(self):
        return {name: {} for name in self.kept}

    def scenes(self, collection, region, start_ms, end_ms):
        found = [
            one
            for one in self.kept.get(collection, [])
            if (region is None or one.footprint.intersects(region))
            and (start_ms is None or one.properties["system:time_start"] >= start_ms)
            and (end_ms is None or one.properties["system:time_start"] < end_ms)
        ]
        return iter(sorted(found, key=lambda one: (one.properties["system:time_start"], one.asset_id)))

    def scene(self, asset_id):
        return next((one for kept in self.kept.values() for one in kept if one.asset_id == asset_id), None)

    def images(self):
        return ()

    def is_crowded(self, *_):
        return False

    def table(self, asset_id):  # noqa: ARG002  the port's signature
        return None

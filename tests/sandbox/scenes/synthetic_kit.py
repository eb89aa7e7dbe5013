"""Scenes of one corner of the synthetic world."""

from __future__ import annotations

from shapely.geometry import box

from orchestrator.sandbox.scenes.layout import REFLECTANCE

JULY = 1688169600000  # 2023-07-01
OCTOBER = 1696118400000
DAY = 86_400_000
ALPS = box(15.1, 45.7, 15.2, 45.75)


def scenes(world, region=ALPS, start=JULY, end=JULY + 40 * DAY, collection=REFLECTANCE, tile=None):
    found = world.scenes(collection, region, start, end)
    return [scene for scene in found if tile is None or scene.tile.name == tile]


def with_cover(world, low, high, tile="33TWL"):
    for scene in scenes(world, tile=tile, end=OCTOBER):
        if low <= scene.properties["CLOUDY_PIXEL_PERCENTAGE"] <= high:
            return scene
    raise AssertionError("no such scene in the season")

"""What a plan tells; `PlanReport.facts` makes it, and a test holds the two together."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class PlanFacts:
    """
    The plan of a mosaic; docs/reference/limits.md says where its numbers come from.

    Attributes:
        base_name: Of the result.
        crs: Of the grid.
        transform: Its six numbers, in affine order: a, b, c, d, e, f.
        height: Of the grid, pixels.
        width: Of the grid, pixels.
        bands: In their order.
        dtype: Of the pixels, numpy's name.
        tasks: How many exports.
        parts: How many files they make.
        part_height: Of the first export's parts, pixels.
        part_width: Of them, pixels.
        requests: How many bring their pixels in the answer.
        max_part_bytes: No part's file is larger.
        area_pixels: Pixels of the area.
        raw_bytes: What these weigh uncompressed.
        bucket_bytes_at_most: At the fullest moment.
        disk_bytes_at_most: At the fullest moment.
        memory_bytes: About so many.
        eecu_hours: `low`, `expected` and `high` of the forecast, and `tasks`, on how many ended tasks it rests; empty
            where nothing is published of the recipe.
        eecu_source: What the forecast rests on.
        tier_eecu_hours: What the project's tier gives a month; 0 where that is not known.
        notes: What a person should know.
        picture: File with a picture of it; empty where none was written.
        geojson: File with its parts; empty where none was written.
    """

    base_name: str
    crs: str
    transform: list[float]
    height: int
    width: int
    bands: list[str]
    dtype: str
    tasks: int
    parts: int
    part_height: int
    part_width: int
    requests: int
    max_part_bytes: int
    area_pixels: int
    raw_bytes: int
    bucket_bytes_at_most: int
    disk_bytes_at_most: int
    memory_bytes: int
    eecu_hours: Mapping[str, float]
    eecu_source: str
    tier_eecu_hours: float
    notes: list[str]
    picture: str
    geojson: str

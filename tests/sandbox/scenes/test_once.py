"""A collection holds each scene once, also where a region is cut by the antimeridian or lies at a pole."""

from __future__ import annotations

import itertools
from collections import Counter

import pytest
import shapely

MAY, DAY = 1714521600000, 86_400_000  # 2024-05-01
REGIONS = {
    "beyond 180": shapely.box(179.9, 46.04, 180.1, 46.05),
    "on both sides of 180": shapely.union(
        shapely.box(179.9, 46.04, 180, 46.05), shapely.box(-180, 46.04, -179.9, 46.05)
    ),
    "beyond -180, on the equator": shapely.box(-180.1, -0.01, -179.9, 0.01),
    "on both sides of 180, where tiles end": shapely.union(
        shapely.box(179.5, 83.9, 180, 84.5), shapely.box(-180, 83.9, -179.5, 84.5)
    ),
    "the south pole": shapely.box(170, -90, 190, -79.9),
    "the point (180, 0)": shapely.Point(180, 0),
}


@pytest.mark.parametrize("region", list(REGIONS.values()), ids=list(REGIONS))
def test_no_collection_holds_a_scene_twice(earth, region):
    """Every collection, ten days: no index twice, as a page of the service's list has none twice."""
    twice = {}
    for collection in sorted(earth.collections()):
        found = earth.scenes(collection, region, MAY, MAY + 10 * DAY)
        counts = Counter(scene.asset_id for scene in itertools.islice(found, 150))
        if more := [name for name, count in counts.items() if count > 1]:
            twice[collection] = more[:2]

    assert twice == {}

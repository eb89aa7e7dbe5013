"""Many small parts or one large: the same pixels, and no object over the threshold."""

from __future__ import annotations

import journey_kit as kit
import numpy as np
import pytest
from small_job import write_area

# Values without a pattern, so that no codec makes small files out of large parts.
NOISY_IMAGE = """
import ee


def get_ee_image():
    place = ee.Image.pixelCoordinates(ee.Projection("EPSG:32633").atScale(10))
    x, y = place.select("x").floor(), place.select("y").floor()
    wild = x.multiply(12.9898).add(y.multiply(78.233)).sin().multiply(43758.5453)
    noise = wild.subtract(wild.floor())
    return noise.rename("a").updateMask(noise.gt(0.05))
"""
WIDE = ((500_050, 5_100_050), (526_400, 5_101_300), (526_800, 5_126_200), (501_500, 5_126_400))
LIMIT_MB = 0.4


@pytest.fixture
def wide(home):
    """A home whose area has about 2670 × 2630 pixels of noise."""
    write_area(home.folder / "area.geojson", WIDE)
    (home.folder / "image.py").write_text(NOISY_IMAGE)
    home.environment |= {"ORCHESTRATOR_EE__LIVE_TASKS": "60"}
    return home


@pytest.mark.long
def test_a_hundred_parts_give_the_pixels_of_one(wide):
    """At least 100 objects, each under the threshold as the bucket weighs it; then one object; equal pixels."""
    many = ("--bands", "a", "--max-size-mb", str(LIMIT_MB))
    assert wide.run(*many, **{kit.CRASH_AT: "run.exported"}).code == kit.KILLED
    sizes = wide.service.sizes()

    wide.run(*many).expect(0)
    in_parts, proof_of_first = wide.pixels(), wide.proof()
    wide.run("--bands", "a", "--max-size-mb", "500").expect(0)

    assert len(sizes) >= 100
    assert max(sizes) <= LIMIT_MB * 2**20
    assert sorted(sizes) == sorted(part["object"]["size"] for part in proof_of_first["parts"])
    assert len(wide.proof()["parts"]) == 1
    assert np.array_equal(in_parts, wide.pixels())

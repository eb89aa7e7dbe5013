"""Where coarse bands of a cube may be interpolated: on the lattice of the images themselves."""

from __future__ import annotations

import pytest
from cube_kit import small_plan

from orchestrator.core.errors import PlanError
from orchestrator.model.scene import StoredBand
from orchestrator.products.cube.smoothing import check_lattice

HERE, NEXT = "C/20240504_T33TVM", "C/20240504_T34TCS"
OWN = (20.0, 0.0, 399960.0, 0.0, -20.0, 5100000.0)


def bands(crs="EPSG:32633", transform=OWN):
    return [StoredBand(name, "int", 0, 65535, 20.0, crs, transform) for name in ("B4", "B11")]


@pytest.mark.parametrize(
    ("next_one", "told"),
    [
        (bands("EPSG:32634"), f"B11 in {NEXT} are on a grid in EPSG:32634, and the cube's are in EPSG:32633"),
        (bands(transform=(20.0, 0.0, 399970.0, 0.0, -20.0, 5100000.0)), "begin at 399970, 5100000"),
        (bands(transform=(20.0, 0.0, 399960.0, 0.0, -20.0, 5100007.5)), "are no multiples of 20 m"),
    ],
    ids=["another zone", "columns", "rows"],
)
def test_images_on_another_lattice_are_not_smoothed(next_one, told):
    """Every zone is looked at, not only the first image."""
    asked = {HERE: bands(), NEXT: next_one}

    with pytest.raises(PlanError, match=told):
        check_lattice(small_plan(smooth=(20,)), [HERE, NEXT], asked.__getitem__)


def test_one_image_of_each_zone_is_asked_for():
    """However many there are; without smoothing, none."""
    asked = []

    def told(asset):
        asked.append(asset)
        return bands()

    names = [f"C/202405{day:02d}_T33TV{letter}" for day in range(1, 9) for letter in "LM"]
    check_lattice(small_plan(smooth=(20,)), names, told)
    assert len(asked) == 1
    check_lattice(small_plan(), names, told)
    assert len(asked) == 1

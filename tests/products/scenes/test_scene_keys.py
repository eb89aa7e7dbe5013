"""The table `[scenes]` of a job: what it may say, and what it refuses in a line."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from orchestrator.products.scenes.keys import SceneKeys, placed_by_tile


def test_the_defaults_are_the_published_selection():
    """All thirteen bands, both metadata files of Level-1C; classification and tile metadata of Level-2A."""
    keys = SceneKeys()

    bands = {f"l1c.band.B{n:02}" for n in range(1, 13)} | {"l1c.band.B8A"}
    assert set(keys.roles("L1C")) == bands | {"l1c.tile_metadata", "l1c.product_metadata"}
    assert set(keys.roles("L2A")) == {"l2a.scl_20m", "l2a.tile_metadata"}


def test_an_image_of_level_2a_comes_in_its_own_resolution_or_a_named_one():
    """B08 has one folder only; the product metadata comes with them."""
    keys = SceneKeys(l2a_bands=["B08", "B11", "B02_60m", "SCL_60m"], l2a_scl_20m=False, l2a_tile_metadata=False)

    assert set(keys.roles("L2A")) == {
        "l2a.band.B08_10m", "l2a.band.B11_20m", "l2a.band.B02_60m", "l2a.scl_60m", "l2a.product_metadata"
    }  # fmt: skip


def test_bands_may_be_written_as_earth_engine_has_them():
    """B2 is B02; the order stays."""
    assert SceneKeys(l1c_bands="B2,B8A,B12").l1c_bands == ("B02", "B8A", "B12")
    assert SceneKeys(l2a_bands="B2,B5_60m").l2a_bands == ("B02_10m", "B05_60m")


@pytest.mark.parametrize("written", ["T33UWQ", "33uwq", "t33UWQ"])
def test_a_tile_may_be_written_with_its_letter_or_without(written):
    """It is the same tile."""
    assert SceneKeys(tiles=written).tiles == ("33UWQ",)


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"tiles": "33XXI"}, "no MGRS tile; write it as T33UWQ or 33UWQ"),
        ({"l1c_bands": ["B13"]}, "no such band of Level-1C; did you mean 'B12'?"),
        ({"l1c_bands": "B02,B02"}, "B02 comes twice"),
        ({"l2a_bands": "B08_20m"}, "no such image of Level-2A; did you mean 'B8A_20m'?"),
        ({"baseline": "5"}, "no baseline; write 05.11 or N0511, or newest"),
        ({"cloud_min": 50, "cloud_max": 20}, "cloud_min 50 is greater than cloud_max 20"),
        ({"cloud_max": 101}, "less than or equal to 100"),
        ({"min_coverage": 80}, "less than or equal to 1"),
        ({"levels": []}, "at least 1 item"),
        ({"levels": "L3A"}, "'L1C' or 'L2A'"),
        ({"not_before": "2025-12-01"}, "not in UTC"),
        (
            {"levels": "L1C", "l1c_bands": [], "l1c_tile_metadata": False, "l1c_product_metadata": False},
            "no file of L1C",
        ),
        ({"table": "xls"}, "'csv', 'xlsx' or 'parquet'"),
        ({"cloudmax": 20}, "Extra inputs"),
    ],
    ids=str,
)
def test_what_is_wrong_is_refused_with_what_was_expected(wrong, said):
    """It names the value."""
    with pytest.raises(ValidationError) as caught:
        SceneKeys(**wrong)

    assert said in str(caught.value)


def test_a_run_is_called_like_its_tile_and_dates():
    """Where nobody gives it a name."""
    dates = {"start_date": "2025-12-01", "end_date": "2025-12-15"}

    assert placed_by_tile(SceneKeys(tiles="33UWQ"), dates) == {"base_name": "T33UWQ_2025-12-01_2025-12-15"}
    assert placed_by_tile(SceneKeys(), dates) == {"base_name": "area_2025-12-01_2025-12-15"}

"""Datasets by name in Python."""

from __future__ import annotations

import pytest

import orchestrator as orc
from orchestrator.core.errors import RecipeError


def test_datasets_are_a_table():
    """Those that a text names, with what the command tells of them; none is a table without rows."""
    frame = orc.dataset.list("worldcover")

    assert list(frame["name"]) == ["esa-world-cover", "esaworldcover-YYYY"]
    assert list(frame["bands"]) == [("Map",), ("Map",)]
    assert orc.dataset.list("nothing such").empty


def test_a_dataset_is_described_without_a_service():
    """Its classes by number, name and colour."""
    told = orc.dataset.describe("esaworldcover-2021")

    assert (told.classes[3].value, told.classes[3].name, told.classes[3].colour) == (40, "Cropland", "f096ff")
    assert (told.dtype, told.nodata, told.scale) == ("uint8", 255, 10)


def test_a_dataset_that_is_none_is_answered_with_the_nearest():
    """As everywhere."""
    with pytest.raises(RecipeError, match="did you mean 'firecci51'"):
        orc.dataset.describe("fireci51")

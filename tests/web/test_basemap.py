"""The small map of the world that comes with the page."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from importlib.resources import files
from typing import Any

import pytest
import shapely

BASEMAP = files("orchestrator.faces.web") / "static" / "basemap.json"
COUNTRIES = files("orchestrator.plan") / "world" / "countries.geojson.gz"


def features(kind: str) -> Iterator[dict[str, Any]]:
    found = json.loads(BASEMAP.read_text("utf-8"))["features"]
    return (feature for feature in found if feature["properties"]["kind"] == kind)


@pytest.fixture(scope="module")
def countries() -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(gzip.decompress(COUNTRIES.read_bytes()))["features"]
    return found


def test_the_map_of_the_world_weighs_less_than_a_megabyte() -> None:
    assert len(BASEMAP.read_bytes()) < 1_000_000


def test_land_on_the_map_is_where_countries_are(countries: list[dict[str, Any]]) -> None:
    """Thinned by 4 km: of the countries' area, summed one by one, not one in a hundred is lost or added."""
    shown = sum(shapely.geometry.shape(feature["geometry"]).area for feature in features("land"))
    true = sum(shapely.geometry.shape(feature["geometry"]).area for feature in countries)

    assert shown == pytest.approx(true, rel=0.01)


def test_every_country_has_its_name_on_the_map(countries: list[dict[str, Any]]) -> None:
    assert {each["properties"]["name"] for each in features("name")} == {
        each["properties"]["NAME"] for each in countries
    }


def test_a_border_between_two_countries_is_drawn_once() -> None:
    """The border of Luxembourg and Germany, the Moselle and the Sauer, is some 0.9 degrees of one line."""
    box = shapely.box(6.1, 49.46, 6.6, 50.12)
    lines = [shapely.geometry.shape(each["geometry"]).intersection(box) for each in features("border")]

    assert sum(line.length for line in lines) == pytest.approx(shapely.union_all(lines).length)
    assert 0.7 < sum(line.length for line in lines) < 1.8

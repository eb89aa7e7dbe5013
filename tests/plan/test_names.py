"""Areas by name: what a name means, what is said of it, and what goes before it."""

from __future__ import annotations

import json

import numpy as np
import pytest
import shapely
from pyproj import Geod
from shapely.geometry import Point

from orchestrator.core.errors import AreaError
from orchestrator.plan.aoi import read_areas
from orchestrator.plan.countries import TABLE, by_name, folded, places
from orchestrator.plan.named import mainland_of, named_features

SQUARE = {"type": "Polygon", "coordinates": [[[0, 0], [1, 0], [1, 1], [0, 1], [0, 0]]]}


def codes(name):
    return set(named_features(name).ids)


@pytest.mark.parametrize(
    ("name", "code"),
    [
        *[(name, "LUX") for name in ("LUX", "lu", "Luxembourg", "LUXEMBOURG", "grand duchy of luxembourg")],
        *[(name, "FRA") for name in ("France", "FR", "FRA", "french republic")],
        *[(name, "NOR") for name in ("norway", "NO", "NOR")],
        *[(name, "CIV") for name in ("Côte d'Ivoire", "cote d’ivoire", "Ivory Coast", "CI")],
        *[(name, "GBR") for name in ("UK", "U.K.", "Great Britain", "gb", "the United Kingdom")],
        *[(name, "ALD") for name in ("Åland", "aland", "ALA")],
        ("Georgia", "GEO"),
        ("Niger", "NER"),
        ("St. Lucia", "LCA"),
        ("Bosnia & Herzegovina", "BIH"),
        ("XK", "KOS"),
        ("TW", "TWN"),
        ("AUS", "AUS"),
    ],
)
def test_a_country_answers_to_its_names_and_codes(name, code):
    """Case, accents, points and articles do not matter; codes are those in use where a code is disputed."""
    assert codes(name) == {code}


def test_a_region_is_made_of_its_countries():
    """Western Europe as the United Nations' M49 has it, and Monaco and Liechtenstein in it."""
    assert codes("western europe") == {"AUT", "BEL", "CHE", "DEU", "FRA", "LIE", "LUX", "MCO", "NLD"}


def test_what_lists_show_gives_just_that_place():
    """Every name of the list is accepted and means what it stands beside."""
    wrong = [place.name for place in places() if {p.codes for p in by_name()[folded(place.name)]} != {place.codes}]

    assert wrong == []


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("america", ["North America", "South America", "United States of America"]),
        ("Congo", ["Republic of the Congo", "Democratic Republic of the Congo"]),
        ("Micronesia", ["Federated States of Micronesia", "Micronesia (region)"]),
        ("korea", ["North Korea", "South Korea"]),
        ("Nigera", ["did you mean 'nigeria'?"]),
        ("Luxemburg", ["did you mean 'luxembourg'?"]),
        ("zzz", ["aoi list", "vector file"]),
    ],
)
def test_a_name_that_is_none_or_several_is_answered_by_what_there_is(name, said):
    """Nobody guesses which was meant."""
    with pytest.raises(AreaError) as error:
        read_areas(name)

    assert [text for text in said if text not in str(error.value)] == []
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("text", ["./lux", "lux.geojson", "areas/lux", "~lux", "lux.wkt", ".lux", "C:\\lux", "lux.SHP"])
def test_what_looks_like_a_path_is_never_a_name(text):
    """A file that is missing is missed: nothing else is taken in its place."""
    with pytest.raises(AreaError, match="no such file; give a vector file"):
        read_areas(text)


def test_a_file_goes_before_a_name(tmp_path, monkeypatch):
    """Also one without an ending, which is then refused for what it is."""
    (tmp_path / "lux").write_text(json.dumps(SQUARE))
    monkeypatch.chdir(tmp_path)

    with pytest.raises(AreaError, match="a name without extension"):
        read_areas("lux")


def test_a_folder_does_not_hide_a_name(tmp_path, monkeypatch):
    """Results of Luxembourg lie in a folder called so."""
    (tmp_path / "lux").mkdir()
    monkeypatch.chdir(tmp_path)

    (area,) = read_areas("lux")

    assert area.name == "Luxembourg"
    assert area.geometry.contains(Point(6.13, 49.61))


@pytest.mark.parametrize(
    ("name", "inside", "outside"),
    [
        ("France", [(2.35, 48.85), (-53.0, 4.0), (55.5, -21.1)], [(7.5, 46.9)]),
        ("mainland France", [(2.35, 48.85)], [(-53.0, 4.0), (9.1, 42.2), (55.5, -21.1)]),
        ("Russia", [(37.6, 55.7), (-172.0, 66.0), (143.0, 50.0)], []),
        ("mainland Russia", [(37.6, 55.7), (-172.0, 66.0)], [(143.0, 50.0), (20.8, 54.7)]),
        ("Europe mainland", [(2.35, 48.85), (8.0, 60.5)], [(-53.0, 4.0), (9.1, 42.2), (-16.6, 28.3)]),
    ],
)
def test_a_mainland_is_the_mainland_of(name, inside, outside):
    """Places known to lie in a country's parts: Paris, Guyane, Réunion, Corsica, Chukotka, Sakhalin, Tenerife."""
    (area,) = read_areas(name)

    assert [place for place in inside if not area.geometry.contains(Point(place))] == []
    assert [place for place in outside if area.geometry.contains(Point(place))] == []


def test_a_part_across_longitude_180_counts_as_one():
    """Two halves of 12 together are larger than a part of 20 elsewhere."""
    halves = [shapely.box(174, 0, 180, 2), shapely.box(-180, 0, -174, 2)]
    shape = shapely.MultiPolygon([*halves, shapely.box(100, 0, 110, 2)])

    assert mainland_of(shape).symmetric_difference(shapely.union_all(halves)).area < 1e-9


def test_what_lies_overseas_is_told():
    """Who asks for France learns that Guyane is in it, and how to leave it out."""
    notes = " ".join(named_features("France").notes)

    assert "4° N 53° W" in notes
    assert "'mainland France' keeps the largest part alone" in notes
    assert "1,000" not in " ".join(named_features("Germany").notes)


def test_each_country_of_a_region_may_have_an_output_of_its_own():
    """`--each ISO_A3` cuts a region by a column, as it does a file."""
    areas = read_areas("Western Europe", split_by="ISO_A3")

    assert [area.name for area in areas] == ["AUT", "BEL", "CHE", "DEU", "FRA", "LIE", "LUX", "MCO", "NLD"]


def test_the_table_is_sound():
    """Valid polygons in degrees, some of every continent, far below a megabyte."""
    shapes = shapely.from_geojson([country.text for place in places() for country in place.countries])
    bounds = shapely.total_bounds(shapes)

    assert shapely.is_valid(shapes).all()
    assert np.all(np.abs(bounds) <= [180, 90, 180, 90])
    assert sum(place.kind == "country" for place in places()) == 242
    assert TABLE.stat().st_size < 800_000


def test_luxembourg_has_its_size():
    """2,586 km², by Luxembourg's statistical office; lines of 1:50 million are good for some per cent."""
    (area,) = read_areas("lux")
    square_metres, _ = Geod(ellps="WGS84").geometry_area_perimeter(area.geometry)

    assert abs(square_metres) / 1e6 == pytest.approx(2_586, rel=0.06)

"""The shipped tables: real boundaries where there are open ones, invented units within them elsewhere."""

import pytest
import shapely
from pyproj import Geod

from orchestrator.sandbox.scenes.synthetic import SyntheticCatalogue
from orchestrator.sandbox.scenes.tables import shipped
from orchestrator.sandbox.scenes.tables.subdivision import divided
from orchestrator.sandbox.scenes.world import WorldCatalogue

USA = 259  # its GAUL code
GEOD = Geod(ellps="WGS84")


def rows(asset_id, **wanted):
    found = SyntheticCatalogue().table(asset_id).rows()
    return [row for row in found if all(row.properties[name] == value for name, value in wanted.items())]


def square_km(shape):
    return abs(GEOD.geometry_area_perimeter(shapely.orient_polygons(shape))[0]) / 1e6


@pytest.mark.parametrize(
    ("asset_id", "wanted", "area"),
    [
        pytest.param("TIGER/2018/States", {"NAME": "Colorado"}, 269_600, id="a state"),
        pytest.param("TIGER/2018/Counties", {"GEOID": "19033"}, 1_489, id="a county"),
        pytest.param("USDOS/LSIB_SIMPLE/2017", {"country_na": "Belgium"}, 30_690, id="a country by its name"),
        pytest.param("USDOS/LSIB_SIMPLE/2017", {"country_co": "CF"}, 342_000, id="a country by its code"),
        pytest.param("FAO/GAUL/2015/level0", {"ADM0_NAME": "France"}, 641_000, id="a country with its islands"),
    ],
)
def test_real_units_have_their_real_area(asset_id, wanted, area):
    """Square kilometres as an encyclopaedia tells them, to three percent."""
    (row,) = rows(asset_id, **wanted)

    assert square_km(row.shape) == pytest.approx(area, rel=0.03)


@pytest.mark.parametrize("asset_id", sorted(shipped.TABLES))
def test_rows_have_the_columns_of_the_data_sheet(asset_id):
    """Every row has every column and no other, in its type."""
    kinds = {"STRING": str, "INT": int, "DOUBLE": (int, float)}
    table = shipped.TABLES[asset_id]

    wrong = {
        name
        for row in table.rows()
        for name in row.properties.keys() | table.columns.keys()
        if not isinstance(row.properties.get(name), kinds[table.columns[name]])
    }

    assert wrong == set()


@pytest.mark.parametrize(
    ("outer", "inner", "key"),
    [
        pytest.param("FAO/GAUL/2015/level0", "FAO/GAUL/2015/level1", "ADM0_CODE", id="units of a country"),
        pytest.param("FAO/GAUL/2015/level1", "FAO/GAUL/2015/level2", "ADM1_CODE", id="districts of a unit"),
        pytest.param("TIGER/2018/States", "TIGER/2018/Counties", "STATEFP", id="counties of a state"),
    ],
)
def test_inner_units_fill_the_outer_one(outer, inner, key):
    """The areas of the units add up to that of the whole; the United States have two sources that differ a little."""
    wholes = {row.properties[key]: row.shape.area for row in rows(outer)}
    sums = dict.fromkeys(wholes, 0.0)

    for row in rows(inner):
        sums[row.properties[key]] = sums.get(row.properties[key], 0.0) + row.shape.area

    assert {code for code, area in sums.items() if code != USA and abs(area / wholes[code] - 1) > 1e-3} == set()


def test_a_basin_lies_in_the_one_whose_code_begins_its_own():
    """Pfafstetter codes nest, and so do the polygons."""
    outer = {row.properties["PFAF_ID"]: row.shape for row in rows("WWF/HydroSHEDS/v1/Basins/hybas_3")}

    strays = [
        row.properties["PFAF_ID"]
        for row in rows("WWF/HydroSHEDS/v1/Basins/hybas_4")[::20]
        if not outer[row.properties["PFAF_ID"] // 10].buffer(1e-6).covers(row.shape)
    ]

    assert strays == []


def test_downstream_basins_are_in_the_table():
    """NEXT_DOWN is 0 or the id of another basin of the level."""
    found = [row.properties for row in rows("WWF/HydroSHEDS/v1/Basins/hybas_3")]

    assert {each["NEXT_DOWN"] for each in found} <= {0} | {each["HYBAS_ID"] for each in found}


def test_ids_of_rows_are_their_own():
    """No two rows of a table have one id."""
    ids = [row.index for row in rows("TIGER/2018/Counties")]

    assert len(set(ids)) == len(ids)


def test_parts_of_a_divided_shape_do_not_overlap():
    """Seven parts of a ring are disjoint and together the ring."""
    ring = shapely.Point(10, 50).buffer(2).difference(shapely.Point(10, 50).buffer(1))

    parts = divided(ring, 7)

    assert sum(part.area for part in parts) == pytest.approx(shapely.union_all(parts).area)
    assert shapely.union_all(parts).symmetric_difference(ring).area < 1e-9


def test_the_invented_earth_has_the_tables():
    """Whatever sensors see it."""
    assert WorldCatalogue().table("TIGER/2018/States") is shipped.TABLES["TIGER/2018/States"]


def test_a_table_that_is_not_shipped_is_none():
    """The catalogue says so instead of giving an empty one."""
    assert SyntheticCatalogue().table("TIGER/2010/Blocks") is None

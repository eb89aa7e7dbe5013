"""Tables by their id: loaded, filtered, looked at."""

import pytest
import shapely
from evaluate_kit import MemoryCatalogue, answer, call, constant, property_values

from orchestrator.sandbox.earthengine.evaluate import EvaluationError
from orchestrator.sandbox.earthengine.evaluate.errors import NotImitatedError
from orchestrator.sandbox.scenes.catalogue import Row, Table
from orchestrator.sandbox.scenes.tables import shipped


class Tables(MemoryCatalogue):
    """The shipped tables, and one of many rows."""

    def table(self, asset_id):
        if asset_id == "LONG":
            rows = [Row(f"r{at}", shapely.Point(at / 100, 0), {"n": at}) for at in range(6000)]
            return Table("LONG", {"n": "INT"}, lambda: rows)
        return shipped.table(asset_id)


def load_table(name, **options):
    return call("Collection.loadTable", tableId=name, **options)


def where(name, field, value):
    condition = call("Filter.equals", leftField=field, rightValue=constant(value))
    return call("Collection.filter", collection=load_table(name), filter=condition)


@pytest.mark.parametrize(
    ("name", "field", "value", "count"),
    [
        pytest.param("TIGER/2018/States", "NAME", "Colorado", 1, id="a state by its name"),
        pytest.param("TIGER/2018/Counties", "STATEFP", "23", 16, id="the counties of Maine"),
        pytest.param("TIGER/2016/Counties", "STATEFP", "09", 8, id="the counties of Connecticut"),
        pytest.param("USDOS/LSIB_SIMPLE/2017", "country_na", "Japan", 1, id="a country"),
        pytest.param("LONG", "n", 5999, 1, id="the last of many rows"),
    ],
)
def test_rows_are_found_by_their_properties(name, field, value, count):
    """As scripts find districts and countries."""
    assert answer(call("Collection.size", collection=where(name, field, value)), Tables()) == count


def test_rows_are_found_by_their_place():
    """A point in Denver lies in Colorado."""
    denver = call("GeometryConstructors.Point", coordinates=[-104.99, 39.74])
    condition = call("Filter.intersects", leftField=".geo", rightValue=denver)
    found = call("Collection.filter", collection=load_table("TIGER/2018/States"), filter=condition)

    assert property_values(found, "NAME", Tables()) == ["Colorado"]


def test_a_table_tells_its_id_and_those_of_its_rows():
    """The collection has the asset's id, each feature its row's."""
    found = answer(where("TIGER/2018/States", "STUSPS", "CO"), Tables())
    whole = answer(call("Collection.limit", collection=load_table("LONG"), limit=2), Tables())

    assert len(found["features"][0]["id"]) == 20
    assert [feature["id"] for feature in whole["features"]] == ["r0", "r1"]


def test_more_than_five_thousand_rows_are_counted():
    """Tables are larger than what a query may accumulate in its answer."""
    assert answer(call("Collection.size", collection=load_table("LONG")), Tables()) == 6000


def test_more_than_five_thousand_rows_are_not_shown():
    """An answer with so many features is refused with the service's sentence."""
    with pytest.raises(EvaluationError, match="aborted after accumulating over 5000 elements"):
        answer(load_table("LONG"), Tables())


@pytest.mark.parametrize(
    ("name", "refusal", "sentence"),
    [
        pytest.param("TIGER/2010/Blocks", NotImitatedError, "the table TIGER/2010/Blocks is not", id="a public one"),
        pytest.param("TIGRE/2010/Blocks", EvaluationError, "'TIGRE/2010/Blocks' not found", id="a typo"),
        pytest.param("users/someone/mine", EvaluationError, "'users/someone/mine' not found", id="a user's"),
        pytest.param("projects/p/assets/mine", EvaluationError, "not found", id="a project's"),
        pytest.param("COPERNICUS/S2_SR_HARMONIZED", EvaluationError, "not a Collection of features", id="of images"),
    ],
)
def test_a_table_that_is_not_there_is_named(name, refusal, sentence):
    """One line says which, and whether it is this sandbox's limit."""
    with pytest.raises(refusal, match=sentence):
        answer(load_table(name), Tables())


def test_a_geometry_column_is_refused_by_name():
    """The shipped tables have one geometry."""
    with pytest.raises(NotImitatedError, match="the geometry column 'other'"):
        answer(load_table("TIGER/2018/States", geometryColumn="other"), Tables())

"""Tables of the catalogue as collections of features."""

from __future__ import annotations

from collections.abc import Iterator

from orchestrator.sandbox.earthengine.evaluate.absent import absent
from orchestrator.sandbox.earthengine.evaluate.errors import not_imitated
from orchestrator.sandbox.earthengine.evaluate.geometry import Geometry
from orchestrator.sandbox.earthengine.evaluate.registry import function
from orchestrator.sandbox.earthengine.evaluate.values import ID, INDEX, Collection, Feature
from orchestrator.sandbox.scenes.catalogue import Catalogue, Row, Table


@function("Collection.loadTable", catalogue=True)
def load_table(catalogue: Catalogue, table_id: str, geometry_column: str | None, version: int | None) -> Collection:
    """Give the features of a table; their id there is `system:index`."""
    del version
    if geometry_column is not None:
        raise not_imitated(f"Collection.loadTable: the geometry column '{geometry_column}'")
    found = catalogue.table(table_id.removeprefix("projects/earthengine-public/assets/"))
    if found is None:
        raise absent(catalogue, "Collection.loadTable", "Collection", table_id)
    return _collection(found)


def _collection(table: Table) -> Collection:
    def produce() -> Iterator[Feature]:
        return (feature_of(row) for row in table.rows())

    properties = {**table.properties, ID: table.asset_id}
    return Collection(produce, kind="FeatureCollection", properties=properties, table=table.asset_id, most=None)


def feature_of(row: Row) -> Feature:
    """Make a feature of a row of a table."""
    shape = None if row.shape is None else Geometry(row.shape)
    return Feature(shape, {**row.properties, INDEX: row.index})

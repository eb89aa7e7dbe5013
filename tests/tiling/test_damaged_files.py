"""Files of tiles that were changed or damaged: a sentence that names file and row, and nothing is touched."""

from __future__ import annotations

import json

import geopandas
import pytest
import shapely
from pyarrow import parquet

from orchestrator.core.errors import UserError
from orchestrator.tiling.file import name_tiles, read_tiles, write_tiles

BOXES = [shapely.box(6 + 0.1 * col, 49, 6.05 + 0.1 * col, 49.05) for col in range(3)]


def written(folder, suffix=".parquet", boxes=BOXES):
    return write_tiles(name_tiles(geopandas.GeoDataFrame(geometry=boxes, crs=4326), "lux", "aschips"), folder, suffix)


def with_column(path, column, values):
    """Change a column of a file and nothing else, as any other program may."""
    if path.suffix == ".parquet":
        table = parquet.read_table(path)
        frame = geopandas.read_parquet(path).assign(**{column: values})
        frame.drop(columns="bbox", errors="ignore").to_parquet(path)
        new = parquet.read_table(path)
        kept = {b"orchestrator": table.schema.metadata[b"orchestrator"]}
        parquet.write_table(new.replace_schema_metadata({**new.schema.metadata, **kept}), path)
    else:
        content = json.loads(path.read_text())
        for feature, value in zip(content["features"], values, strict=True):
            feature["properties"][column] = value
        path.write_text(json.dumps(content))


@pytest.mark.parametrize("suffix", [".parquet", ".geojson"])
@pytest.mark.parametrize(
    "name",
    [
        pytest.param("/abs/path", id="absolute"),
        pytest.param("../../x", id="above"),
        pytest.param("a/b", id="below"),
        pytest.param("0123456789abc", id="another tile's"),
        pytest.param(None, id="nothing"),
    ],
)
def test_a_tile_is_called_like_its_envelope(tmp_path, suffix, name):
    """Its name becomes a file's: what somebody wrote into the column could lie anywhere."""
    tiles = written(tmp_path, suffix)
    with_column(tiles.path, "identifier", [tiles.identifiers[0], name, tiles.identifiers[2]])

    said = f"calls tile 2 of 3 {repr(name) if name else 'nothing'}, by its envelope it is {tiles.identifiers[1]}"
    with pytest.raises(UserError, match=f"{tiles.path.name} {said}"):
        read_tiles(tiles.path)


def test_a_name_that_stands_twice_is_refused(tmp_path):
    """The second chip would take the place of the first."""
    tiles = written(tmp_path)
    with_column(tiles.path, "identifier", [tiles.identifiers[0], *tiles.identifiers[:2]])

    with pytest.raises(UserError, match="calls tile 2 of 3"):
        read_tiles(tiles.path)


@pytest.mark.parametrize("remarks", [b"{bad", b"[1]", b"7", b'{"labels": 5}', b'{"labels": {"x": 1}}'])
def test_damaged_remarks_are_said(tmp_path, remarks):
    tiles = written(tmp_path)
    table = parquet.read_table(tiles.path)
    parquet.write_table(table.replace_schema_metadata({**table.schema.metadata, b"orchestrator": remarks}), tiles.path)

    with pytest.raises(UserError, match=rf"{tiles.path.name} is damaged: the remarks"):
        read_tiles(tiles.path)


@pytest.mark.parametrize("suffix", [".parquet", ".geojson"])
@pytest.mark.parametrize("told", ["{bad", "[1, 2]", '{"10": "b"}', "7"])
def test_a_column_of_shares_that_holds_none_is_said(tmp_path, suffix, told):
    """Else a user's own column of that name would be lost with the next writing."""
    tiles = written(tmp_path, suffix)
    with_column(tiles.path, "foo_proportions", [None, told, None])

    with pytest.raises(
        UserError, match=rf"{tiles.path.name} has no share of each class in 'foo_proportions' of tile 2"
    ):
        read_tiles(tiles.path)


def test_shares_with_a_class_of_nothing_are_read(tmp_path):
    """As tables of columns hold them: every row has every class, null where it has none."""
    tiles = written(tmp_path)
    with_column(tiles.path, "foo_proportions", [{"1": 1.0, "2": None}, None, {"1": 0.5, "2": 0.5}])

    assert read_tiles(tiles.path).frame["foo_proportions"].tolist() == [{"1": 1.0}, None, {"1": 0.5, "2": 0.5}]


def square(height=()):
    ring = [(6.0, 49.0), (6.1, 49.0), (6.1, 49.1), (6.0, 49.0)]
    return {"type": "Polygon", "coordinates": [[[*point, *height] for point in ring]]}


def feature(**other):
    return {"type": "Feature", "properties": {"identifier": "x"}, "geometry": square()} | other


@pytest.mark.parametrize(
    ("content", "said"),
    [
        pytest.param({"features": None}, "no collection of features", id="no features"),
        pytest.param({"type": "Polygon", "coordinates": []}, "no collection of features", id="a geometry"),
        pytest.param([1], "no collection of features", id="a list"),
        pytest.param({"features": [feature(), 7]}, "no geometry in feature 2", id="no feature"),
        pytest.param({"features": []}, "not one tile", id="empty"),
        pytest.param({"features": [feature(geometry=None)]}, "no geometry in feature 1 of 1", id="geometry null"),
        pytest.param({"features": [feature(properties=None)]}, "no properties in feature 1", id="properties null"),
        pytest.param(
            {"features": [feature(geometry={"type": "Point", "coordinates": [6, 49]})]}, "a Point", id="point"
        ),
        pytest.param({"features": [feature(geometry={"type": "Tile"})]}, "nothing for tile 1", id="no such type"),
        pytest.param({"features": [feature(geometry=square([float("nan")]))]}, "", id="a height of NaN"),
        pytest.param({"features": [feature(properties={"identifier": [1]})]}, "", id="a name that is a list"),
        pytest.param({"features": [feature()], "orchestrator": [1]}, "damaged", id="remarks"),
    ],
)
def test_geojson_that_holds_no_tiles_is_said(tmp_path, content, said):
    path = tmp_path / "lux_partitions_aschips_0123456789abc.geojson"
    path.write_text(json.dumps(content))

    with pytest.raises(UserError, match=rf"{path.name}.*{said}"):
        read_tiles(path)


@pytest.mark.parametrize("number", ["NaN", "Infinity", "1e400", "1e300"])
def test_coordinates_are_finite(tmp_path, number):
    tiles = written(tmp_path, ".geojson")
    content = json.loads(tiles.path.read_text())
    content["features"][1]["geometry"]["coordinates"][0][1][0] = "here"
    tiles.path.write_text(json.dumps(content).replace('"here"', number))

    with pytest.raises(UserError, match=f"{tiles.path.name} .*tile 2 of 3"):
        read_tiles(tiles.path)


@pytest.mark.parametrize("suffix", [".parquet", ".geojson"])
@pytest.mark.parametrize("content", [b"", b"PAR1", b"\xff\xfe", b"[" * 100_000], ids=["empty", "cut", "bytes", "deep"])
def test_files_of_anything_else_are_said(tmp_path, suffix, content):
    path = tmp_path / f"lux_partitions_aschips_0123456789abc{suffix}"
    path.write_bytes(content)

    with pytest.raises(UserError, match=f"{path.name} cannot be read as Geo"):
        read_tiles(path)


def test_a_table_without_crs_or_geometry_is_said(tmp_path):
    """Its numbers could be metres or degrees."""
    tiles = written(tmp_path)
    frame = geopandas.read_parquet(tiles.path).set_crs(None, allow_override=True)
    frame.to_parquet(tiles.path)
    with pytest.raises(UserError, match="does not say in which CRS"):
        read_tiles(tiles.path)

    parquet.write_table(parquet.read_table(tiles.path, columns=["identifier"]).replace_schema_metadata({}), tiles.path)
    with pytest.raises(UserError, match="cannot be read as GeoParquet"):
        read_tiles(tiles.path)


def test_a_folder_is_no_file_of_tiles(tmp_path):
    tiles = written(tmp_path)
    tiles.folder.mkdir()

    with pytest.raises(UserError, match="is a folder"):
        read_tiles(tiles.folder)


def test_heights_are_left_out(tmp_path):
    """An envelope has none: the tile is the same."""
    flat = written(tmp_path)
    high = written(tmp_path / "high", ".geojson", [shapely.force_3d(box, 300) for box in BOXES])

    assert read_tiles(high.path).identifiers == flat.identifiers
    assert not read_tiles(high.path).frame.geometry.has_z.any()

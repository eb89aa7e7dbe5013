"""Tables through the real client: computed, listed, exported, downloaded."""

from __future__ import annotations

import csv
import gzip
import io
import json
import struct
import zipfile
from xml.etree import ElementTree as ET

import ee
import geopandas
import google_crc32c
import pytest
import requests
import shapely
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

from orchestrator.sandbox.scenes.catalogue import Row, Table
from orchestrator.sandbox.server import DEFAULT_BUCKET, Options, Sandbox

FLOAT, STRING, BYTES = 2, 9, 12  # types of fields
KML = "{http://www.opengis.net/kml/2.2}"
SQUARE = [[[0, 0], [1, 0], [1, 1], [0, 1], [0, 0]]]


@pytest.fixture(scope="module")
def shared(connected):
    """A sandbox whose catalogue has a table of 2,500 points."""
    rows = [Row(f"{at:04d}", shapely.Point(at % 50, at // 50), {"n": at}) for at in range(2500)]
    table = Table("TEST/POINTS", {"n": "INT"}, lambda: rows)
    with Sandbox(connected.catalogue({"TEST/POINTS": table}), Options(slots=2)) as running:
        connected.to(running)
        yield running
    ee.Reset()


def collection():
    place = ee.Geometry.Polygon(SQUARE, None, False)
    return ee.FeatureCollection(
        [
            ee.Feature(ee.Geometry.Point([30.41, 59.933]), {"name": "Voronoi", "n": 1, "x": 2.5}),
            ee.Feature(place, {"name": "Thiessen", "n": 2, "x": 2e7, "list": [1, 2.5]}),
            ee.Feature(None, {"name": "Dirichlet, the third"}),
        ]
    )


def points():
    return collection().limit(1)


def exported(kit, what=None, *, prefix, kind=None, **options):
    """Export to the bucket and wait; give the client's status."""
    task = ee.batch.Export.table.toCloudStorage(
        collection() if what is None else what,
        description="table",
        bucket=DEFAULT_BUCKET,
        fileNamePrefix=prefix,
        **({} if kind is None else {"fileFormat": kind}),
        **options,
    )
    return kit.finish(task)


@pytest.mark.usefixtures("sandbox")
def test_features_are_computed_page_by_page():
    """The pages of a table hold every feature once, in its order."""
    found, token = [], None
    for _ in range(3):
        answer = ee.data.computeFeatures(
            {"expression": ee.FeatureCollection("TEST/POINTS"), **({"pageToken": token} if token else {})}
        )
        found += answer["features"]
        token = answer.get("nextPageToken")

    assert token is None
    assert [feature["properties"]["n"] for feature in found] == list(range(2500))


@pytest.mark.usefixtures("sandbox")
def test_a_computed_feature_is_geojson():
    """Type, geometry with straight edges, id and properties; a feature without a geometry has null."""
    features = ee.data.computeFeatures({"expression": collection()})["features"]

    assert features[0] == {
        "type": "Feature",
        "geometry": {"type": "Point", "coordinates": [30.41, 59.933]},
        "properties": {"name": "Voronoi", "n": 1, "x": 2.5},
        "id": "0",
    }
    assert features[2]["geometry"] is None


@pytest.mark.usefixtures("sandbox")
def test_geodesic_edges_are_computed_with_corners():
    """The shortest way along a parallel bends to the north by what a straight edge may not stray."""
    line = ee.Feature(ee.Geometry.LineString([[0, 50], [40, 50]]))

    (feature,) = ee.data.computeFeatures({"expression": ee.FeatureCollection([line])})["features"]

    latitudes = [y for _, y in feature["geometry"]["coordinates"]]
    assert max(latitudes) == pytest.approx(51.753, abs=0.02)  # by the great circle's highest point


@pytest.mark.usefixtures("sandbox")
def test_a_table_becomes_a_data_frame():
    """The client's own converter follows the pages."""
    frame = ee.data.computeFeatures(
        {"expression": ee.FeatureCollection("TEST/POINTS"), "fileFormat": "PANDAS_DATAFRAME"}
    )

    assert frame["n"].sum() == sum(range(2500))


@pytest.mark.usefixtures("sandbox")
def test_features_of_an_asset_are_listed_in_a_region():
    """A region as GeoJSON text keeps those that touch it."""
    region = json.dumps({"type": "Polygon", "coordinates": [[[-1, -1], [1.5, -1], [1.5, 1.5], [-1, 1.5], [-1, -1]]]})

    found = ee.data.listFeatures({"assetId": "TEST/POINTS", "region": region})

    assert sorted(feature["properties"]["n"] for feature in found["features"]) == [0, 1, 50, 51]


@pytest.mark.usefixtures("sandbox")
def test_a_table_is_an_asset():
    """Its type and the number of its features."""
    asset = ee.data.getAsset("TEST/POINTS")

    assert (asset["type"], asset["id"], asset["featureCount"]) == ("TABLE", "TEST/POINTS", "2500")


def test_a_csv_has_every_column_between_id_and_geometry(kit, bucket, prefix):
    """Ids first, geometries last, numbers as Java writes them, nothing where a value is missing."""
    status = exported(kit, prefix=prefix)

    rows = list(csv.reader(io.StringIO(bucket.blob(f"{prefix}.csv").download_as_text())))
    assert (status["state"], status["task_type"]) == ("COMPLETED", "EXPORT_FEATURES")
    assert rows[0] == ["system:index", "list", "n", "name", "x", ".geo"]
    assert rows[1][:5] == ["0", "", "1", "Voronoi", "2.5"]
    assert rows[2][:5] == ["1", "[1, 2.5]", "2", "Thiessen", "2.0E7"]
    assert json.loads(rows[2][5]) == {"geodesic": False, "type": "Polygon", "coordinates": SQUARE}
    assert json.loads(rows[3][5]) == {"type": "MultiPoint", "coordinates": []}


def test_selectors_are_the_columns_in_their_order(kit, bucket, prefix):
    """Nothing else is in the file."""
    exported(kit, prefix=prefix, selectors=["x", "name"])

    rows = list(csv.reader(io.StringIO(bucket.blob(f"{prefix}.csv").download_as_text())))
    assert rows == [["x", "name"], ["2.5", "Voronoi"], ["2.0E7", "Thiessen"], ["", "Dirichlet, the third"]]


def test_a_geojson_file_is_read_by_gdal(kit, bucket, prefix, tmp_path):
    """With its properties and shapes."""
    exported(kit, prefix=prefix, kind="GeoJSON")

    path = tmp_path / "table.geojson"
    bucket.blob(f"{prefix}.geojson").download_to_filename(path)
    frame = geopandas.read_file(path)
    assert list(frame["name"]) == ["Voronoi", "Thiessen", "Dirichlet, the third"]
    assert frame.geometry[1].equals(shapely.box(0, 0, 1, 1))


@pytest.mark.parametrize("kind", ["KML", "KMZ"])
def test_a_kml_file_has_a_placemark_per_feature(kit, bucket, prefix, kind):
    """With its values as extended data; KMZ is the same, packed."""
    exported(kit, prefix=prefix, kind=kind)

    data = bucket.blob(f"{prefix}.{kind.lower()}").download_as_bytes()
    if kind == "KMZ":
        data = zipfile.ZipFile(io.BytesIO(data)).read("doc.kml")
    marks = list(ET.fromstring(data).iter(f"{KML}Placemark"))  # noqa: S314  our own file
    assert [mark.get("id") for mark in marks] == ["0", "1", "2"]
    assert marks[0].find(f"{KML}Point/{KML}coordinates").text == "30.41,59.933"
    assert [each.text for each in marks[2].iter(f"{KML}value")] == ["Dirichlet, the third"]


def test_a_shapefile_is_several_files(kit, bucket, prefix, tmp_path):
    """GDAL reads them; names of columns are cut to ten characters."""
    long = points().map(lambda feature: feature.set("a_long_name", 7))

    exported(kit, long, prefix=prefix, kind="SHP")

    for blob in bucket.list_blobs(prefix=prefix):
        blob.download_to_filename(tmp_path / blob.name.rpartition("/")[2])
    frame = geopandas.read_file(next(tmp_path.glob("*.shp")))
    assert {each.suffix for each in tmp_path.iterdir()} >= {".shp", ".shx", ".dbf", ".prj"}
    assert (frame["a_long_nam"][0], frame["name"][0]) == (7, "Voronoi")
    assert (frame.crs.to_epsg(), frame.geometry[0].coords[0]) == (4326, (30.41, 59.933))


def examples():
    """TensorFlow's messages, as its example.proto and feature.proto describe them."""
    file = descriptor_pb2.FileDescriptorProto(name="example.proto", syntax="proto3")

    def message(name, *fields):
        made = file.message_type.add(name=name)
        for number, (field, repeated, kind) in enumerate(fields, start=1):
            added = made.field.add(name=field, number=number, label=3 if repeated else 1)
            if isinstance(kind, str):
                added.type_name = kind
            else:
                added.type = kind

    message("FloatList", ("value", True, FLOAT))
    message("Feature", ("bytes_list", False, BYTES), ("float_list", False, ".FloatList"))
    message("Entry", ("key", False, STRING), ("value", False, ".Feature"))
    message("Features", ("feature", True, ".Entry"))
    message("Example", ("features", False, ".Features"))
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName("Example"))


def test_a_tfrecord_is_an_example_per_feature(kit, bucket, prefix):
    """Numbers are floats, arrays their values row by row; lengths and checksums are TensorFlow's."""
    what = ee.FeatureCollection([ee.Feature(None, {"n": at, "grid": ee.Array([[1.5, at], [3, 4]])}) for at in range(3)])

    exported(kit, what, prefix=prefix, kind="TFRecord")

    data, found = gzip.decompress(bucket.blob(f"{prefix}.tfrecord.gz").download_as_bytes(raw_download=True)), []
    while data:
        (length,) = struct.unpack("<Q", data[:8])
        for part, at in ((data[:8], 8), (data[12 : 12 + length], 12 + length)):
            crc = google_crc32c.value(part)
            assert struct.unpack("<I", data[at : at + 4])[0] == ((crc >> 15 | crc << 17) + 0xA282EAD8) % 2**32
        features = examples().FromString(data[12 : 12 + length]).features.feature
        found.append({each.key: list(each.value.float_list.value) for each in features})
        data = data[16 + length :]
    assert found == [{"grid": [1.5, at, 3, 4], "n": [at]} for at in range(3)]


def test_selected_columns_of_a_shapefile_are_all_it_has(kit, bucket, prefix, tmp_path):
    """The id, too, only where it is selected."""
    exported(kit, points(), prefix=prefix, kind="SHP", selectors=["name", "system:index", ".geo"])

    for blob in bucket.list_blobs(prefix=prefix):
        blob.download_to_filename(tmp_path / blob.name.rpartition("/")[2])
    frame = geopandas.read_file(next(tmp_path.glob("*.shp")))
    assert list(frame.columns) == ["name", "system:ind", "geometry"]


@pytest.mark.parametrize(
    ("what", "kind", "options", "sentence"),
    [
        pytest.param(
            lambda: collection().limit(2), "SHP", {}, "same geometry type and projection", id="shapes of two types"
        ),
        pytest.param(collection, "SHP", {}, "features without geometry", id="a shapefile of no places"),
        pytest.param(
            lambda: points().map(lambda f: f.set({"a_long_name": 1, "a_long_name_2": 2})),
            "SHP", {}, "not unique: a_long_nam", id="two columns with one name",
        ),
        pytest.param(points, "TFRecord", {}, "'name', which is not a number", id="records of texts"),
        pytest.param(points, "KML", {"selectors": ["name"]}, "without '.geo'", id="a map without places"),
        pytest.param(
            lambda: ee.FeatureCollection([ee.Geometry.Polygon(SQUARE)]), "CSV", {"maxVertices": 4}, "maxVertices",
            id="geometries to be cut",
        ),
    ],
)  # fmt: skip
def test_what_a_file_cannot_hold_fails_the_task(kit, prefix, what, kind, options, sentence):
    """With one sentence that names it."""
    status = exported(kit, what(), prefix=prefix, kind=kind, **options)

    assert status["state"] == "FAILED"
    assert sentence in status["error_message"]


def test_a_table_is_exported_to_drive(kit, drive):
    """One file in the folder, with the type of its content."""
    task = ee.batch.Export.table.toDrive(points(), description="to-drive", folder="tables", fileFormat="CSV")

    kit.finish(task)

    (found,) = drive.files().list(q="name = 'to-drive.csv'", fields="files(name,mimeType)").execute()["files"]
    assert found == {"name": "to-drive.csv", "mimeType": "text/csv"}


def test_a_table_task_fails_where_a_fault_wants_it(kit, prefix):
    """With the fault's own sentence."""
    kit.order("task_fail", message="Computation timed out.")

    status = exported(kit, prefix=prefix)

    assert (status["state"], status["error_message"]) == ("FAILED", "Computation timed out.")


def test_a_file_of_a_table_can_be_lost(kit, bucket, prefix):
    """The task succeeds all the same."""
    kit.order("task_lose_file", offset=0)

    status = exported(kit, prefix=prefix)

    assert (status["state"], list(bucket.list_blobs(prefix=prefix))) == ("COMPLETED", [])


@pytest.mark.usefixtures("sandbox")
@pytest.mark.parametrize(
    ("start", "what"),
    [
        pytest.param(
            lambda: ee.batch.Export.table.toFeatureView(points(), "x", "projects/p/assets/x"), "FeatureView",
            id="to a feature view",
        ),
        pytest.param(lambda: ee.batch.Export.table.toBigQuery(points(), "x", "p.d.t"), "BigQuery", id="to BigQuery"),
    ],
)  # fmt: skip
def test_exports_that_are_not_imitated_are_refused_at_once(start, what):
    """Before a task exists."""
    with pytest.raises(ee.EEException, match=what):
        start().start()


@pytest.mark.parametrize(
    ("kind", "content_type", "part"),
    [
        pytest.param(None, "text/csv", "system:index,n,name,x,.geo\n0,1,Voronoi,2.5,", id="csv"),
        pytest.param("json", "application/geo+json", '{"type":"FeatureCollection","features":[', id="json"),
        pytest.param("kml", "application/vnd.google-earth.kml+xml", "<value>Voronoi</value>", id="kml"),
    ],
)
@pytest.mark.usefixtures("sandbox")
def test_a_table_is_downloaded_by_its_address(kind, content_type, part):
    """Whoever knows the address gets the file, under the name that was asked for."""
    url = points().getDownloadURL(filetype=kind, filename="mine")

    answer = requests.get(url, timeout=20)

    assert answer.headers["Content-Type"] == content_type
    assert 'filename="mine.' in answer.headers["Content-Disposition"]
    assert part in answer.text


def test_a_download_that_was_never_ordered_is_not_found(sandbox):
    """404 with its name."""
    answer = requests.get(f"{sandbox.url}/v1/projects/p/tables/none:getFeatures", timeout=20)

    assert (answer.status_code, "projects/p/tables/none" in answer.text) == (404, True)

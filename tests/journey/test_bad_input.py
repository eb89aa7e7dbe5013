"""What cannot be done as asked is said in one line, with exit code 2, before the service hears of it."""

from __future__ import annotations

import json
import os
import zipfile

import geopandas
import pytest
from shapely import make_valid
from shapely.geometry import LineString, MultiPolygon, Polygon, box, mapping

SQUARE = Polygon([(500_050, 5_100_050), (504_900, 5_100_050), (504_900, 5_105_000), (500_050, 5_105_000)])

SENTINEL = ("--recipe", "sentinel2-cloudless", "--bands", "B2")


def shapefile(home, geometry=SQUARE, name="given.shp"):
    geopandas.GeoDataFrame({"id": [1]}, geometry=[geometry], crs="EPSG:32633").to_file(home.folder / name)
    return home.folder / name


def missing_prj(home):
    shapefile(home).with_suffix(".prj").unlink()
    return ["--shapefile", "given.shp"], "CRS"


def no_file(_home):
    return ["--shapefile", "nowhere.shp"], "nowhere.shp"


def empty_file(home):
    (home.folder / "given.shp").write_bytes(b"")
    return ["--shapefile", "given.shp"], "given.shp"


def no_features(home):
    geopandas.GeoDataFrame({"id": []}, geometry=[], crs="EPSG:32633").to_file(home.folder / "given.gpkg")
    return ["--shapefile", "given.gpkg"], "given.gpkg"


def truncated(home):
    path = shapefile(home)
    path.write_bytes(path.read_bytes()[:-40])
    return ["--shapefile", "given.shp"], "given.shp"


def lines(home):
    shapefile(home, LineString([(500_050, 5_100_050), (504_900, 5_105_000)]))
    return ["--shapefile", "given.shp"], "given.shp"


def not_a_number(home):
    ring = [[500050, 5100050], [float("nan"), 5100050], [504900, 5105000], [500050, 5100050]]
    feature = {"type": "Feature", "properties": {}, "geometry": {"type": "Polygon", "coordinates": [ring]}}
    (home.folder / "given.geojson").write_text(json.dumps(feature))
    return ["--shapefile", "given.geojson"], "given.geojson"


def over_180_degrees(_home):
    return ["--shapefile", "-100,0,100,10", "--crs", "EPSG:4326", "--scale", "0.1"], "180"


def wrong_crs(home):
    home.folder.joinpath("given.wkt").write_text("SRID=4326;" + SQUARE.wkt)
    return ["--shapefile", "given.wkt"], "given.wkt"


def a_link(home):
    crs = {"type": "link", "properties": {"href": home.service.url + "/crs.wkt", "type": "ogcwkt"}}
    home.folder.joinpath("given.geojson").write_text(json.dumps(mapping(box(14, 46, 15, 47)) | {"crs": crs}))
    return ["--shapefile", "given.geojson"], "no link"


def two_files(home):
    with zipfile.ZipFile(home.folder / "given.zip", "w") as archive:
        archive.writestr("west.geojson", "{}")
        archive.writestr("east.geojson", "{}")
    return ["--shapefile", "given.zip"], "west.geojson, east.geojson"


def shared_code(home):
    home.folder.joinpath("image.py").chmod(0o666)
    return [], "chmod o-w"


def read_only(home):
    home.out.write_text("a file where a folder should be")
    return [], "out"


OPTIONS = {
    "a size that is no number": (("--max-size-mb", "nan"), "nan"),
    "a size without end": (("--max-size-mb", "1e400"), "inf"),
    "pixels too small to be counted": (("--scale", "1e-320"), "larger --scale"),
    "a box beyond the Earth": (("--shapefile", "14,46,15,1e300"), "1e300"),
    "dates reversed": (["--start-date", "2024-06-01", "--end-date", "2024-05-01"], "2024-06-01"),
    "a date that is none": (["--start-date", "2024-02-30"], "2024-02-30"),
    "unknown band": (["--recipe", "sentinel2-cloudless", "--bands", "B2,B99"], "B99"),
    "unknown CRS": (["--crs", "EPSG:999999"], "999999"),
    "CRS that is none": (["--crs", "here"], "here"),
    "unknown recipe": (["--recipe", "soup"], "soup"),
    "unknown parameter": ([*SENTINEL], "no parameter 'file'"),  # the small job's own recipe has it
    "parameter that is no number": ([*SENTINEL, "--param", "dark_nir=x"], "dark_nir"),
    "hostile name: up": (["--base-name", "../evil"], "../evil"),
    "hostile name: absolute": (["--base-name", "/etc/passwd"], "passwd"),
    "hostile name: line break": (["--base-name", "a\nb"], "a"),
    "hostile name: too long": (["--base-name", "a" * 300], "aaa"),
    "hostile name: empty": (["--base-name", ""], "base"),
    "negative scale": (["--scale", "-10"], "-10"),
    "scale that is not a number": (["--scale", "nan"], "nan"),
    "parts too small": (["--max-size-mb", "0.001"], "MiB"),
    "a path into an archive": (["--shapefile", "/vsizip/area.zip"], "vsizip"),
    "an address": (["--shapefile", "http://127.0.0.1:1/area.geojson"], "http"),
    "degrees typed for metres": (["--scale", "0.0001"], "0.0001 degrees would be 11.1 m"),
    "a map that is cut": (["--shapefile", "177,-19,-178,-16", "--crs", "EPSG:3857"], "cut at 180"),
    "a polygon from 177 to -177": (["--shapefile", "POLYGON((177 0,-177 0,-177 5,177 5,177 0))"], "longitude 180"),
    "round a pole": (["--shapefile", "-180,80,180,90"], "EPSG:3413"),
    "nested without end": (["--shapefile", "GEOMETRYCOLLECTION(" * 5000], "nested"),
    "longitude and latitude exchanged": (["--shapefile", "46,114,47,115"], "exchanged"),
    "box upside down": (["--shapefile", "15,47,14,46"], "15"),
}
FILES = (
    missing_prj, no_file, empty_file, no_features, truncated, lines, not_a_number, over_180_degrees, wrong_crs,
    a_link, two_files, shared_code,
)  # fmt: skip


def assert_refused(home, outcome, words):
    """One line, that names what is wrong; nothing was asked of the service, nothing written."""
    assert "Traceback" not in outcome.err + outcome.out
    assert outcome.err.strip(), outcome.out
    said = outcome.err.strip().splitlines()
    assert len(said) == 1, outcome.err
    assert words in said[0]
    assert home.service.requests() == home.heard
    assert not list(home.folder.rglob("*_clipped*"))


@pytest.fixture
def listening(home):
    """A home that remembers what the service had heard before."""
    home.heard = home.service.requests()
    return home


@pytest.mark.parametrize(("options", "words"), OPTIONS.values(), ids=OPTIONS.keys())
def test_an_option_that_cannot_be_met_is_refused_in_one_line(listening, options, words):
    """The message names the value found; exit code 2 (4 for settings); no request."""
    outcome = listening.run(*options)

    assert outcome.code in (2, 4), (outcome.code, outcome.err)
    assert_refused(listening, outcome, words)


@pytest.mark.parametrize("make", FILES, ids=[make.__name__.replace("_", " ") for make in FILES])
def test_an_area_that_is_none_is_refused_in_one_line(listening, make):
    """The message names the file or what is wrong with it; exit code 2; no request."""
    options, words = make(listening)

    outcome = listening.run(*options)

    assert outcome.code == 2, (outcome.code, outcome.err, outcome.out[-500:])
    assert_refused(listening, outcome, words)


def test_an_output_folder_that_cannot_be_written_is_refused_in_one_line(listening):
    """Before anything is computed, and with the folder's name."""
    options, words = read_only(listening)

    outcome = listening.run(*options)

    assert outcome.code == 2
    assert_refused(listening, outcome, words)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_read_only_output_folder_is_refused_in_one_line(listening):
    """Permissions count, not existence."""
    listening.out.mkdir(mode=0o500)

    outcome = listening.run()

    assert outcome.code == 2
    assert_refused(listening, outcome, "out")


def test_an_area_that_crosses_itself_is_repaired_and_said_so(home):
    """A bow tie keeps both of its triangles; the proof says that it was repaired."""
    bow = Polygon([(500_050, 5_100_050), (503_000, 5_102_000), (503_000, 5_100_050), (500_050, 5_102_000)])
    shapefile(home, bow)

    home.run("--shapefile", "given.shp").expect(0)

    proof = json.loads((home.out / "small_clipped.json").read_text())
    assert any("repair" in note or "cross" in note for note in proof["notes"]), proof["notes"]
    assert proof["area_pixels"] * 100 == pytest.approx(make_valid(bow).area, rel=0.01)


def test_an_area_across_the_date_line_is_told_apart_from_one_around_the_world(home):
    """Fiji's two halves touch 180 degrees from both sides: that is a small area, not a belt round the Earth."""
    halves = MultiPolygon([box(179.98, -17.02, 180, -17), box(-180, -17.02, -179.98, -17)])
    geopandas.GeoDataFrame({"id": [1]}, geometry=[halves], crs="EPSG:4326").to_file(home.folder / "fiji.gpkg")

    outcome = home.command("plan", *home.job("--shapefile", "fiji.gpkg", "--crs", "EPSG:32760"))

    if outcome.code == 2:
        assert len(outcome.err.strip().splitlines()) == 1
    else:
        plan = next(m for m in outcome.expect(0).messages if m["message_type"] == "plan")
        assert plan["width"] < 1000


def test_a_long_outline_may_be_typed(home):
    """WKT longer than a file's name may be is no file, and an area all the same."""
    ring = SQUARE.segmentize(100).exterior
    outcome = home.command("plan", *home.job("--shapefile", "SRID=32633;" + Polygon(ring).wkt))

    plan = next(m for m in outcome.expect(0).messages if m["message_type"] == "plan")
    assert plan["area_pixels"] * 100 == pytest.approx(SQUARE.area, rel=0.01)


def test_the_value_that_names_an_output_is_kept_in_its_proof(home):
    """`Zürich` is called Zurich in file names, and Zürich in the proof."""
    there = geopandas.GeoDataFrame({"city": ["Zürich"]}, geometry=[SQUARE.buffer(-2000)], crs="EPSG:32633")
    there.to_file(home.folder / "given.gpkg")

    home.run("--shapefile", "given.gpkg", "--each", "city").expect(0)

    proof = json.loads((home.out / "small_Zurich_clipped.json").read_text())
    assert proof["recipe"]["area_value"] == "Zürich"

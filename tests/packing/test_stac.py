"""The catalogue of a training set: STAC 1.1 with projection, raster, label, ml-aoi and archive, field by field."""

from __future__ import annotations

import json
from pathlib import Path

import pystac
import pytest
import shapely
from chip_kit import CRS, IMAGES, LABELS, SPLITS, make_place

from orchestrator.packing.asked import Packing
from orchestrator.packing.packing import pack
from orchestrator.packing.stac import dates_of
from orchestrator.tiling.value_maps import ValueMap

VERSION = "1.1.0"


def catalogue(folder):
    collection = json.loads((folder / "stac" / "collection.json").read_bytes())
    items = [
        json.loads((folder / "stac" / link["href"]).read_bytes())
        for link in collection["links"]
        if link["rel"] == "item"
    ]
    return collection, items


@pytest.mark.parametrize("kind", ["npz", "webdataset", "geotiff"])
def test_every_object_is_valid(place, kind):
    """By the schemas that pystac brings; no network."""
    # Builds grammars for seconds, which every process that collects tests would pay.
    from pystac.validation.stac_validator import JsonSchemaSTACValidator  # noqa: PLC0415

    made = pack(place.tiles, Packing(IMAGES, LABELS, kind), place.root / "set")
    validator = JsonSchemaSTACValidator()

    collection, items = catalogue(made.folder)

    validator.validate_core(collection, pystac.STACObjectType.COLLECTION, VERSION)
    for item in items:
        validator.validate_core(item, pystac.STACObjectType.ITEM, VERSION)
    assert len(items) == 12


def test_a_client_walks_from_the_collection_to_each_file(place):
    """Links and assets are relative, and every asset is there."""
    made = pack(place.tiles, Packing(IMAGES, LABELS, "geotiff"), place.root / "set")

    collection = pystac.Collection.from_file(str(made.folder / "stac" / "collection.json"))
    items = list(collection.get_items())

    assert [item.id for item in items] == [f"lux_{name}" for name in place.identifiers]
    for item in items:
        assert all(Path(asset.get_absolute_href()).is_file() for asset in item.assets.values())


def test_an_item_says_where_when_and_which_split(place):
    """Projection 2.0 (code, shape, affine order), the days that the images show, ml-aoi's own words for splits."""
    made = pack(place.tiles, Packing(IMAGES, LABELS), place.root / "set")

    _, items = catalogue(made.folder)
    told = items[0]["properties"]

    words = {"train": "train", "val": "validate", "test": "test"}
    assert [item["properties"]["ml-aoi:split"] for item in items] == [words[split] for split in SPLITS]
    assert (told["proj:code"], told["proj:shape"]) == (CRS, [8, 8])
    assert told["proj:transform"] == [10.0, 0.0, 300_000.0, 0.0, -10.0, 5_500_080.0]
    assert (told["start_datetime"], told["end_datetime"]) == ("2020-01-01T00:00:00Z", "2020-12-31T23:59:59Z")
    shape = shapely.from_geojson(json.dumps(items[0]["geometry"]))
    assert shape.equals_exact(place.tiles.frame.geometry.iloc[[0]].to_crs("EPSG:4326").iloc[0], 1e-12)
    assert items[0]["bbox"] == list(shape.bounds)


def test_assets_say_what_they_are_for(place):
    """Roles data and labels, number type and nodata of each band, classes by their names after the map."""
    value_map = ValueMap.by_pairs({10: 1, 20: 2})
    made = pack(place.tiles, Packing(IMAGES, LABELS, value_map=value_map), place.root / "set")

    _, (item, *_rest) = catalogue(made.folder)

    image, label = item["assets"]["image"], item["assets"]["label"]
    assert (image["roles"], image["ml-aoi:role"]) == (["data"], "feature")
    assert (label["roles"], label["ml-aoi:role"]) == (["labels"], "label")
    bands = [{"name": name, "data_type": "uint16", "nodata": 0} for name in ("B4", "B3", "B2")]
    assert image["raster:bands"] == bands
    assert label["raster:bands"] == [{"data_type": "uint8", "nodata": 255}]
    assert item["properties"]["label:classes"] == [{"name": None, "classes": ["Trees", "Shrubs"]}]


def test_a_chip_in_an_archive_is_named(place):
    """The tar is the asset, the member in it by the extension archive."""
    made = pack(place.tiles, Packing(IMAGES, LABELS, "webdataset"), place.root / "set")

    _, (item, *_rest) = catalogue(made.folder)

    asset = item["assets"]["label"]
    assert asset["href"] == "../../train-000000.tar"
    assert (asset["archive:href"], asset["archive:format"]) == (f"{item['id']}.label.npy", "tar")


def test_without_days_there_is_no_catalogue_and_it_is_said(tmp_path):
    """STAC asks for a time; none is made up. Days that the user gives are taken, the last one after the end."""
    place = make_place(tmp_path, 3)
    (place.tiles.folder / IMAGES / "dataset.json").unlink()

    silent = pack(place.tiles, Packing(IMAGES), place.root / "one")
    told = pack(place.tiles, Packing(IMAGES, dates="2019-03-01,2019-04-01"), place.root / "two")

    assert not (silent.folder / "stac").exists()
    assert any("--dates" in note for note in silent.notes)
    _, (item, *_rest) = catalogue(told.folder)
    assert item["properties"]["end_datetime"] == "2019-03-31T23:59:59Z"


@pytest.mark.parametrize(
    ("about", "name", "days"),
    [
        pytest.param({"dates": ["2020-03-01", "2020-06-01"]}, "x-2019", ("2020-03-01", "2020-05-31"), id="its own"),
        pytest.param(
            {"dates": {"start": "2020-03-01", "end": "2020-06-01"}}, "x", ("2020-03-01", "2020-05-31"), id="by name"
        ),
        pytest.param(
            {
                "dates": [],
                "sources": [{"start": "2020-01-01", "end": "2020-03-01"}, {"start": "2019-12-01", "end": "2020-01-01"}],
            },
            "x",
            ("2019-12-01", "2020-02-29"),
            id="of its sources",
        ),
        pytest.param(
            {"dates": ["", ""], "sources": ["A"]}, "s2-2021", ("2021-01-01", "2021-12-31"), id="a year in its name"
        ),
        pytest.param({}, "soil-20211", None, id="five digits are no year"),
    ],
)
def test_days_are_those_that_are_known(about, name, days):
    """Those of the dataset, else of its sources, else the year that it is called after."""
    found = dates_of(about, name)

    assert (found and tuple(day.isoformat() for day in found)) == days


def test_licence_and_attribution_go_with_the_set(place):
    """In the collection, and in the card that people read."""
    made = pack(place.tiles, Packing(IMAGES, LABELS), place.root / "set")

    collection, _ = catalogue(made.folder)
    card = (made.folder / "README.md").read_text()

    assert [link["href"] for link in collection["links"] if link["rel"] == "license"] == ["https://example.org/terms"]
    assert "COPERNICUS/S2_SR_HARMONIZED (2020-01-01 to 2021-01-01)" in card
    for words in ("Contains modified Copernicus Sentinel data 2020", "ESA WorldCover 2020"):
        assert words in collection["attribution"]
        assert words in card
    assert "CC-BY-4.0" in card

"""Each format is opened by the program that it is for."""

from __future__ import annotations

import json
import subprocess
import sys

import geopandas
import numpy as np
import pytest
import rasterio
from chip_kit import CRS, IMAGES, LABELS, SPLITS

from orchestrator.packing.asked import Packing
from orchestrator.packing.formats import ShardSize
from orchestrator.packing.packing import pack


def expected_label(place, identifier):
    """The label as it was made, 255 where it has no data (its nodata is 0)."""
    label = place.labels[identifier][0]
    return np.where(label == 0, 255, label)


def test_numpy_reads_npz_without_pickle(place):
    """Arrays image (band, row, col) and label (row, col), in their own types, in a folder for each split."""
    made = pack(place.tiles, Packing(IMAGES, LABELS, "npz"), place.root / "set")

    for identifier, split in zip(place.identifiers, SPLITS, strict=True):
        with np.load(made.folder / "data" / split / f"lux_{identifier}.npz", allow_pickle=False) as found:
            assert set(found) == {"image", "label"}
            np.testing.assert_array_equal(found["image"], place.images[identifier], strict=True)
            np.testing.assert_array_equal(
                found["label"], expected_label(place, identifier).astype("uint8"), strict=True
            )


READER = """
import hashlib, json, sys
sys.modules["torch"] = None  # importing it fails
import webdataset
for one in webdataset.WebDataset(sys.argv[1], shardshuffle=False).decode():
    arrays = [one["img.npy"], one["label.npy"]]
    print(json.dumps([one["__key__"], one["json"]["id"], [[str(a.dtype), a.shape, a.tolist()] for a in arrays]]))
"""


def test_webdataset_reads_the_shards_of_a_split_without_torch(place):
    """By the braces that its users write; every sample of the split once, in the order of the tiles."""
    pytest.importorskip("webdataset", reason="a development dependency")
    pack(place.tiles, Packing(IMAGES, LABELS, "webdataset", shard=ShardSize(samples=2)), place.root / "set")

    shards = str(place.root / "set" / "train-{000000..000002}.tar")
    done = subprocess.run([sys.executable, "-c", READER, shards], capture_output=True, text=True, check=True)

    assert [json.loads(line) for line in done.stdout.splitlines()] == [
        [
            f"lux_{name}",
            name,
            [
                ["uint16", [3, 8, 8], place.images[name].tolist()],
                ["uint8", [8, 8], expected_label(place, name).tolist()],
            ],
        ]
        for name in place.identifiers[:6]
    ]


def test_a_tar_holds_the_members_of_a_sample_side_by_side(place):
    """With one name up to the first point, as the format asks; whatever reads tar finds them so."""
    import tarfile  # noqa: PLC0415

    pack(place.tiles, Packing(IMAGES, LABELS, "webdataset"), place.root / "set")

    with tarfile.open(place.root / "set" / "test-000000.tar") as tar:
        names = tar.getnames()

    suffixes = ("img.npy", "label.npy", "json")
    assert names == [f"lux_{name}.{suffix}" for name in place.identifiers[9:] for suffix in suffixes]


def test_rasterio_opens_image_and_label_on_one_grid(place):
    """Equal stems, georeference, nodata of each; the label has the value to ignore and the colours of classes."""
    pack(place.tiles, Packing(IMAGES, LABELS, "geotiff"), place.root / "set")
    name = place.identifiers[4]

    with rasterio.open(place.root / "set" / "images" / f"lux_{name}.tif") as image:
        np.testing.assert_array_equal(image.read(), place.images[name], strict=True)
        grid = (image.crs, image.transform, image.shape)
        assert (image.nodata, image.descriptions) == (0, ("B4", "B3", "B2"))
    with rasterio.open(place.root / "set" / "labels" / f"lux_{name}.tif") as label:
        np.testing.assert_array_equal(label.read(1), expected_label(place, name))
        assert (label.crs, label.transform, label.shape) == grid
        assert label.nodata == 255
        assert label.colormap(1)[10] == (0, 0x64, 0, 255)


def test_a_split_file_has_a_name_a_line(place):
    """TerraTorch matches file names that begin with one of the lines; Raster Vision wants equal stems and numbers."""
    pack(place.tiles, Packing(IMAGES, LABELS, "geotiff"), place.root / "set")
    folder = place.root / "set"

    told = {path.stem: path.read_text().splitlines() for path in (folder / "splits").iterdir()}

    stems = [f"lux_{name}" for name in place.identifiers]
    assert told == {"train": stems[:6], "val": stems[6:9], "test": stems[9:]}
    for part in ("images", "labels"):
        assert sorted(path.stem for path in (folder / part).glob("*.tif")) == sorted(stems)


@pytest.mark.parametrize("kind", ["npz", "webdataset", "geotiff"])
def test_geopandas_reads_the_index(place, kind):
    """A row for each sample in the tiles' CRS, whose path leads to its file; bounding boxes are columns."""
    import pyarrow.parquet as pq  # noqa: PLC0415

    made = pack(place.tiles, Packing(IMAGES, LABELS, kind), place.root / "set")

    frame = geopandas.read_parquet(made.folder / "index.parquet")

    assert frame.crs == CRS
    assert list(frame["id"]) == place.identifiers
    assert list(frame["split"]) == SPLITS
    assert frame.geometry.geom_equals(place.tiles.frame.geometry).all()
    assert all((made.folder / path).is_file() for path in [*frame["path"], *frame["label_path"]])
    geo = json.loads(pq.read_metadata(made.folder / "index.parquet").metadata[b"geo"])
    assert geo["columns"]["geometry"]["covering"]["bbox"]["xmin"] == ["bbox", "xmin"]


def test_shares_are_columns_of_numbers_in_the_index(place):
    """A dict a row cannot be filtered by; a column for each class can."""
    shares = [{"10": 0.25, "20": 0.75}] * 11 + [None]
    frame = place.tiles.frame.assign(**{f"{LABELS}_proportions": shares, "foreignid_communes": ["a"] * 12})
    tiles = type(place.tiles)(frame, place.tiles.name, place.tiles.about, place.tiles.path)

    pack(tiles, Packing(IMAGES), place.root / "set")
    found = geopandas.read_parquet(place.root / "set" / "index.parquet")

    assert list(found[f"{LABELS}_proportions__20"][:11]) == [0.75] * 11
    assert np.isnan(found[f"{LABELS}_proportions__10"][11])
    assert list(found["foreignid_communes"]) == ["a"] * 12

"""Which chips become samples: one shape, one grid for image and label, nothing missing in silence."""

from __future__ import annotations

import numpy as np
import pytest
import rasterio
from chip_kit import IMAGES, LABELS, make_place, manifest, without, write_chip, write_manifest

from orchestrator.core.errors import IntegrityError, NeedsPerson, UserError
from orchestrator.packing.asked import Packing
from orchestrator.packing.packing import pack
from orchestrator.tiling.file import Tiles, read_tiles
from orchestrator.tiling.value_maps import ValueMap


def loaded(folder, kind="image"):
    with np.load(folder, allow_pickle=False) as found:
        return found[kind]


def resize(place, dataset, identifier, height, width, **changes):
    """Write another chip in the place of one."""
    folder = place.tiles.folder / dataset
    rows = manifest(folder)
    (row,) = (row for row in rows if row["identifier"] == identifier)
    pixels = np.full((row["bands"], height, width), 7, row["dtype"])
    transform = rasterio.Affine(*row["transform"]) @ rasterio.Affine.translation(changes.get("shift", 0), 0)
    made = write_chip(folder / f"{identifier}.tif", pixels, transform, changes.get("nodata", row["nodata"]))
    write_manifest(folder, [made if each is row else each for each in rows])


@pytest.mark.parametrize("state", ["EMPTY", "FAILED"])
def test_missing_chips_are_refused(place, state):
    """Named, with why; the exit code is that of work that is missing; nothing is written."""
    without(place.tiles.folder / LABELS, place.identifiers[2], state)

    with pytest.raises(NeedsPerson, match=place.identifiers[2]) as refusal:
        pack(place.tiles, Packing(IMAGES, LABELS), place.root / "set")

    assert refusal.value.exit_code == 3
    assert not (place.root / "set").exists()


def test_missing_chips_are_left_out_when_that_is_asked_for(place):
    """The others are there; what failed still counts as missing, what is empty does not."""
    without(place.tiles.folder / LABELS, place.identifiers[2], "EMPTY")
    without(place.tiles.folder / IMAGES, place.identifiers[7], "FAILED")

    made = pack(place.tiles, Packing(IMAGES, LABELS, skip_missing=True), place.root / "set")

    assert made.about["splits"] == {"train": 5, "val": 2, "test": 3}
    assert (made.about["left_out"]["empty"], made.about["left_out"]["failed"], made.missing) == (1, 1, 1)


def test_no_chip_at_all_is_an_error(place):
    """An archive of nothing is what the published tool writes, with exit code 0."""
    for name in place.identifiers:
        without(place.tiles.folder / IMAGES, name, "EMPTY")

    with pytest.raises(UserError, match="not one chip"):
        pack(place.tiles, Packing(IMAGES, skip_missing=True), place.root / "set")

    assert not (place.root / "set").exists()


def test_the_file_of_tiles_may_lie_anywhere(place, monkeypatch):
    """By a relative path from another folder, the chips beside the file are found."""
    elsewhere = place.root / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    tiles = read_tiles(type(place.root)("..") / "work" / place.tiles.path.name)

    made = pack(tiles, Packing(IMAGES), type(place.root)("set"))

    assert made.about["samples"] == 12
    assert (elsewhere / "set" / "pack.json").is_file()


def test_a_chip_of_another_shape_is_named(place):
    """Batches need one; which chip, its size and that of the others."""
    resize(place, IMAGES, place.identifiers[5], 9, 8)

    with pytest.raises(UserError, match=f"{place.identifiers[5]} has 9 × 8 pixels, 11 of 12 have 8 × 8"):
        pack(place.tiles, Packing(IMAGES), place.root / "set")


def test_chips_of_another_shape_are_dropped_when_that_is_asked_for(place):
    """All that have the commonest shape stay."""
    resize(place, IMAGES, place.identifiers[5], 9, 8)

    made = pack(place.tiles, Packing(IMAGES, odd="drop"), place.root / "set")

    assert (made.about["samples"], made.about["left_out"]["odd_shape"]) == (11, 1)


@pytest.mark.parametrize("kind", ["npz", "geotiff"])
def test_chips_are_filled_up_when_that_is_asked_for(place, kind):
    """At the bottom and on the right: images with their nodata, labels with what is ignored; where they lie stays."""
    odd, usual = place.identifiers[5], place.identifiers[4]
    for dataset in (IMAGES, LABELS):
        resize(place, dataset, odd, 9, 7)

    made = pack(place.tiles, Packing(IMAGES, LABELS, kind, odd="pad"), place.root / "set")

    assert (made.about["image"]["shape"], made.about["padded"]) == ([9, 8], 12)
    if kind == "npz":
        image = loaded(made.folder / "data" / "train" / f"lux_{odd}.npz")
        label = loaded(made.folder / "data" / "train" / f"lux_{usual}.npz", "label")
    else:
        with rasterio.open(made.folder / "images" / f"lux_{odd}.tif") as source:
            image = source.read()
            assert source.transform == rasterio.open(place.tiles.folder / IMAGES / f"{odd}.tif").transform
        with rasterio.open(made.folder / "labels" / f"lux_{usual}.tif") as source:
            label = source.read(1)
    expected = np.zeros((3, 9, 8), "uint16")
    expected[:, :9, :7] = 7
    np.testing.assert_array_equal(image, expected)
    assert (label[8] == 255).all()


def test_what_was_filled_up_is_no_data_in_the_statistics(place):
    """Zeros of the edge would pull every mean down."""
    resize(place, IMAGES, place.identifiers[0], 16, 8)

    made = pack(place.tiles, Packing(IMAGES, odd="pad"), place.root / "set")

    # five of train's chips keep 63 of 64 pixels, the large one has 128; 128 places each
    assert made.about["statistics"]["bands"][0]["valid_share"] == (5 * 63 + 128) / (6 * 128)


def test_a_label_on_another_grid_is_refused(place):
    """Shifted by half a pixel it would teach the wrong place; both grids are told."""
    resize(place, LABELS, place.identifiers[3], 8, 8, shift=0.5)

    with pytest.raises(UserError, match=f"{place.identifiers[3]} lie on different grids"):
        pack(place.tiles, Packing(IMAGES, LABELS), place.root / "set")


def test_a_chip_that_was_changed_is_refused(place):
    """Its checksum is not the manifest's; the way to mend it is named."""
    path = place.tiles.folder / IMAGES / f"{place.identifiers[1]}.tif"
    path.write_bytes(path.read_bytes() + b"x")

    with pytest.raises(IntegrityError, match="tiles verify"):
        pack(place.tiles, Packing(IMAGES), place.root / "set")

    assert sorted(each.name for each in place.root.iterdir()) == ["work"]


def test_a_chip_that_was_deleted_counts_as_missing(place):
    """The list says DONE, and there is no file: nothing is packed until that is settled."""
    (place.tiles.folder / IMAGES / f"{place.identifiers[1]}.tif").unlink()

    with pytest.raises(NeedsPerson, match=f"1 of 12 .*{place.identifiers[1]}.tif is not in the folder"):
        pack(place.tiles, Packing(IMAGES), place.root / "set")

    assert not (place.root / "set").exists()


def test_a_list_leads_to_no_file_of_another_folder(place):
    """Whatever it says of where chips are: sets are made of lists that strangers wrote."""
    folder = place.tiles.folder / IMAGES
    for identifier in place.identifiers:
        (folder / f"{identifier}.tif").rename(place.root / "work" / f"{identifier}.tif")
    write_manifest(folder, [{**row, "file": f"../../{row['identifier']}.tif"} for row in manifest(folder)])

    with pytest.raises(NeedsPerson, match="12 of 12"):
        pack(place.tiles, Packing(IMAGES), place.root / "set")


def test_a_folder_without_a_manifest_is_read_by_its_files(place):
    """As the published tool leaves it; a tile without a file counts as missing."""
    (place.tiles.folder / IMAGES / "chips.parquet").unlink()
    (place.tiles.folder / IMAGES / f"{place.identifiers[0]}.tif").unlink()

    made = pack(place.tiles, Packing(IMAGES, skip_missing=True), place.root / "set")

    assert (made.about["samples"], made.missing) == (11, 1)
    assert made.about["image"]["nodata"] == 0


@pytest.mark.parametrize("dtype", ["uint8", "int16", "int32", "float32", "float64"])
def test_number_types_are_kept(tmp_path, dtype):
    """Nothing becomes int16 on the way."""
    place = make_place(tmp_path, 3, dtype=dtype)

    made = pack(place.tiles, Packing(IMAGES), place.root / "set")

    found = loaded(made.folder / "data" / "train" / f"lux_{place.identifiers[0]}.npz")
    np.testing.assert_array_equal(found, place.images[place.identifiers[0]], strict=True)


def test_labels_are_mapped_and_nodata_is_not(place):
    """Values through the map; pixels without data get what is ignored, not the map's class of their value."""
    value_map = ValueMap.by_pairs({10: 1, 20: 2})

    made = pack(place.tiles, Packing(IMAGES, LABELS, value_map=value_map, ignore=99), place.root / "set")

    raw = place.labels[place.identifiers[0]][0]
    found = loaded(made.folder / "data" / "train" / f"lux_{place.identifiers[0]}.npz", "label")
    np.testing.assert_array_equal(found, np.select([raw == 10, raw == 20], [1, 2], 99))
    assert [(one["value"], one["name"], one["color"]) for one in made.about["label"]["classes"]] == [
        (1, "Trees", "#006400"),
        (2, "Shrubs", "#ffbb22"),
    ]


def test_a_class_with_the_value_to_ignore_is_refused(place):
    """A class that is ignored in every loss is lost without a word."""
    with pytest.raises(UserError, match="--ignore"):
        pack(place.tiles, Packing(IMAGES, LABELS, ignore=20), place.root / "set")


def test_tiles_of_no_split_are_left_out_and_counted(tmp_path):
    """Those in the gap between splits belong to none."""
    place = make_place(tmp_path, 4, splits=["train", "none", None, "test"])

    made = pack(place.tiles, Packing(IMAGES), place.root / "set")

    assert made.about["splits"] == {"train": 1, "test": 1}
    assert made.about["left_out"]["unsplit"] == 2


@pytest.mark.parametrize(
    ("asked", "says"),
    [
        pytest.param({"images": "s3"}, "s2", id="no such dataset"),
        pytest.param({"images": "../s2"}, "no chips", id="a path for a dataset"),
        pytest.param({"images": IMAGES, "labels": "cover-2021"}, LABELS, id="no such labels"),
        pytest.param({"images": IMAGES, "split_column": "splits"}, "split", id="no such column"),
        pytest.param({"images": IMAGES, "ignore": 0}, "--labels", id="labels' options without labels"),
        pytest.param({"images": IMAGES, "labels": LABELS, "ignore": 256}, "256", id="a value too large"),
        pytest.param({"images": IMAGES, "dates": "2020"}, "2020-01-01,2021-01-01", id="dates that are none"),
        pytest.param({"images": IMAGES, "format": "hdf5"}, "webdataset", id="no such format"),
    ],
)
def test_what_was_asked_wrongly_is_told_in_a_line(place, asked, says):
    """The value, what there is instead; nothing was written."""
    with pytest.raises(UserError, match=says) as refusal:
        pack(place.tiles, Packing(**asked), place.root / "set")

    assert "\n" not in str(refusal.value)
    assert sorted(each.name for each in place.root.iterdir()) == ["work"]


def test_the_users_code_says_what_is_packed(place):
    """It is asked about each chip as the published tool does, and those it refuses are counted."""
    asked = []

    def include(chip):
        asked.append(chip)
        return bool((chip["label"] == 10).sum() > 31)

    made = pack(place.tiles, Packing(IMAGES, LABELS), place.root / "set", include=include)

    many = sum(bool((place.labels[name] == 10).sum() > 31) for name in place.identifiers)
    assert (made.about["samples"], made.about["left_out"]["by_hook"]) == (many, 12 - many)
    assert asked[0]["chip"].shape == (8, 8, 3)
    assert set(asked[0]) == {"chip", "chip_id", "center_latlon", "corners", "label", "label_proportions"}


def test_a_point_in_the_areas_name_is_none_in_a_samples(tmp_path):
    """Up to the first point goes the key of a sample in WebDataset."""
    place = make_place(tmp_path, 3)
    name = type(place.tiles.name)("lux.north", "aschips", place.tiles.name.hash)

    made = pack(Tiles(place.tiles.frame, name, {}, place.tiles.path), Packing(IMAGES), place.root / "set")

    assert all("." not in path.stem for path in (made.folder / "data" / "train").iterdir())

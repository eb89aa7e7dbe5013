"""What `y.tif` holds: classes of the scene classification, or of a raster of the user's."""

import json

import numpy as np
import preprocess_kit as kit
import pytest
import rasterio

from orchestrator.products.preprocess.keys import LabelKeys
from orchestrator.products.preprocess.labels import BACKENDS, Labels

SCENES = kit.DATA / "l2a_120m_T33TWL_T33TWM"


class Numbers:
    """A raster that is on the pixels of the sample already."""

    def __init__(self, numbers):
        self._numbers = np.array(numbers, np.int32)

    def classes(self, row, height, outside):  # noqa: ARG002  as `Warped` has it
        return self._numbers[row : row + height]


def labels_of(numbers, backend="scl", nodata=None, **keys):
    labels = Labels(LabelKeys(backend=backend, **keys), BACKENDS[backend], Numbers([numbers]), nodata)
    return labels.strip(0, 1)[0].tolist(), labels


def test_no_data_and_unknown_numbers_are_ignored_also_without_a_mapping():
    """0 is no class, nor is 12, nor what lies outside of the raster; 1 to 11 stay."""
    made, _ = labels_of([-1, 0, 1, 4, 11, 12, 200, 255])

    assert made == [255, 255, 1, 4, 11, 255, 255, 255]


def test_a_mapping_names_what_is_kept():
    """What it does not name is ignored; 0 is one of its names like others, and never what lies outside."""
    made, _ = labels_of([-1, 0, 4, 5, 6, 12, 300], mapping={4: 1, 5: 1, 0: 7}, ignore_index=9)

    assert made == [9, 7, 1, 1, 9, 9, 9]


def test_a_raster_of_the_users_keeps_its_numbers_but_for_its_nodata():
    """Up to 255; others need a mapping."""
    assert labels_of([0, 3, 17, 254, 300], "raster", nodata=17.0)[0] == [0, 3, 255, 254, 255]
    mapped, _ = labels_of([0, 3, 300], "raster", mapping={300: 5}, src_value_range=301)
    assert mapped == [255, 255, 5]


def test_labels_are_counted():
    """Of all pixels, and of those that are not ignored."""
    told = labels_of([0, 4, 4, 6])[1].statistics()

    assert told["label_counts"] == {"4": 2, "6": 1, "255": 1}
    assert (told["valid_pixel_count"], told["total_pixel_count"], told["valid_pixel_ratio"]) == (3, 4, 0.75)
    assert told["label_pct"]["4"] == 0.5


def test_labels_lie_on_the_target_by_the_nearest_pixel(tmp_path, index):
    """On 10 m each class of 20 m comes four times, as rasterio has it."""
    made = kit.preprocess(tmp_path, index, target_grid="B02", max_scenes=1)

    scl, _ = kit.read(kit.file_of(index, "l2a.scl_20m"))
    wanted = np.kron(np.where((scl[0] < 1) | (scl[0] > 11), 255, scl[0]), np.ones((2, 2), int))
    assert np.array_equal(made.read(asset="y")[0], wanted)
    with rasterio.open(made.folder / made.records[0]["paths"]["y"]) as raster:
        assert (raster.nodata, raster.dtypes[0]) == (255, "uint8")
    assert len(np.unique(wanted)) > 5


def test_another_backend_reads_a_raster_of_the_users(tmp_path, index):
    """One for each tile, in the CRS of the scene; what it does not reach is ignored."""
    with rasterio.open(kit.file_of(index, "l2a.scl_20m")) as like:
        profile = {"driver": "GTiff", "width": 54, "height": 108, "count": 1, "dtype": "uint16", "crs": like.crs}
        profile |= {"transform": like.transform, "nodata": 9}
    numbers = np.arange(108 * 54, dtype="uint16").reshape(108, 54) % 11
    with rasterio.open(tmp_path / "map_T33TWL.tif", "w", **profile) as raster:
        raster.write(numbers, 1)

    labels = {"backend": "raster", "path": str(tmp_path / "map_{tile}.tif"), "mapping": {3: 1, 4: 2}}
    made = kit.preprocess(tmp_path, index, labels=labels, max_scenes=1).read(asset="y")[0]

    assert np.array_equal(made[:, :54], np.select([numbers == 3, numbers == 4], [1, 2], 255))
    assert (made[:, 54:] == 255).all()


@pytest.mark.real
@kit.needs_real
@pytest.mark.parametrize(
    ("scene", "counts"),
    [("S2A_33TWL_20230815_0_L2A", {"4": 813353, "6": 2107}), ("S2B_33TWL_20230818_0_L2A", {})],
)
def test_real_classes_are_counted_and_numbers_that_are_none_ignored(tmp_path, scene, counts):
    """The counts of the scene classification itself; 0 and 12, of copies that were compressed with losses, are none."""
    (folder,) = [found for found in SCENES.glob("*33TWL_*") if scene.split("_")[2] in found.name]
    for file in [*folder.glob("*B02*"), *folder.glob("*SCL*")]:  # with what stands beside each: its CRS
        (tmp_path / file.name).symlink_to(file)
    items = [{"role": "l1c.band.B02", "path": "B02.tif"}, {"role": "l2a.scl_20m", "path": "SCL.tif"}]
    key = {"tile_id": "T33TWL", "sensing_start_utc": "2023-08-15T10:00:31Z"}
    index = kit.index_of(tmp_path, [{"key": key, "files_l1c": {"items": items[:1]}, "files_l2a": {"items": items[1:]}}])

    made = kit.preprocess(tmp_path, index, bands=["B02"], to_toa_reflectance=False)

    told, (labels, *_) = made.meta()["labels"], made.read(asset="y")
    with rasterio.open(folder / "SCL.tif") as raster:
        scl = raster.read(1)
    known = {str(number): int((scl == number).sum()) for number in range(1, 12) if (scl == number).any()}
    assert {name: count for name, count in told["stats"]["label_counts"].items() if name != "255"} == known
    assert counts.items() <= known.items()
    assert set(np.unique(labels)) <= {*range(1, 12), 255}
    assert json.loads(json.dumps(told["backend_stats"]["source_counts"])).get("12", 0) == int((scl == 12).sum())

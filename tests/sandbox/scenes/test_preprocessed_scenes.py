"""Preprocessed scenes, `x.tif` and `meta.json`, are served as reflectance of Level-1C; what is none is left out."""

from __future__ import annotations

import json
import shutil

import numpy as np
import pytest
import rasterio
from affine import Affine
from product_kit import START, delivered, fetched, whole

from orchestrator.sandbox.scenes.folder import FolderCatalogue, ScenesError
from orchestrator.sandbox.scenes.layout import LEVEL_1C, PROBABILITY

REFLECTANCE = np.array([[0.0, 0.12344, -0.01], [1.0, 7.0, np.nan]], np.float32)
VALID = np.array([[0, 1, 1], [1, 1, 1]], np.float32)
INDEX = f"{START}_{START}_T33TWL"


def processed(folder, bands=None, compress="deflate", **meta):
    """Write a preprocessed scene with its bands by name."""
    bands = bands or {"B02": REFLECTANCE, "B8A": REFLECTANCE + 1, "valid": VALID}
    place = folder / "processed" / "tile=T33TWL" / "sensing=2024-06-13T100000Z"
    place.mkdir(parents=True)
    height, width = next(iter(bands.values())).shape
    profile = {"driver": "GTiff", "dtype": "float32", "count": len(bands), "height": height, "width": width}
    grid = {"crs": "EPSG:32633", "transform": Affine(20, 0, 499980, 0, -20, 5100000), "tiled": True}
    with rasterio.open(place / "x.tif", "w", compress=compress, **profile, **grid) as target:
        for number, values in enumerate(bands.values(), start=1):
            target.write(values, number)
    document = {
        "schema": "s2pipe.step2.sample_meta.v2",
        "key": {"tile_id": "T33TWL", "sensing_start_utc": "2024-06-13T10:00:00Z"},
        "assets": {"x": {"band_names": list(bands)}},
        "scene": {"cloud_cover": 12.5},
        "settings": {"to_toa_reflectance": True, "normalize": {"mode": "none"}},
    }
    (place / "meta.json").write_text(json.dumps(document | meta))
    return place


def only(folder, collection=LEVEL_1C):
    (scene,) = FolderCatalogue(folder).scenes(collection, None, None, None)
    return scene


def test_reflectance_is_served_as_whole_numbers_of_10000_by_the_mask_of_the_scene(tmp_path):
    processed(tmp_path)
    scene = only(tmp_path)

    values, valid = whole(scene, "B2")

    assert [(band.name, band.type.maximum) for band in scene.bands] == [("B2", 65535), ("B8A", 65535)]
    assert values.tolist() == [[0, 1234, 0], [10000, 65535, 0]]
    assert valid.tolist() == [[False, True, True], [True, True, False]]


def test_a_mask_of_its_own_is_used_for_each_band_where_there_is_one(tmp_path):
    ones = np.ones((2, 3), np.float32)
    processed(tmp_path, {"B02": ones, "B05": ones, "valid_B02": VALID, "valid_B05": 1 - VALID})
    scene = only(tmp_path)

    assert np.array_equal(whole(scene, "B2")[1], VALID != 0)
    assert np.array_equal(whole(scene, "B5")[1], VALID == 0)


def test_a_scene_alone_is_known_by_its_key(tmp_path):
    processed(tmp_path)

    properties = only(tmp_path).properties

    assert properties["system:index"] == INDEX
    assert properties["system:time_start"] == 1718272800000  # 2024-06-13 10:00:00 UTC
    assert properties["CLOUDY_PIXEL_PERCENTAGE"] == 12.5


def test_a_scene_is_joined_with_the_clouds_of_its_level_2a(tmp_path):
    place = fetched(delivered(tmp_path / "safe", "L2A", bands=("SCL",)), tmp_path, "SCL_20m", "MTD_TL")
    shutil.rmtree(tmp_path / "safe")
    tile = place / "MTD_TL.xml"
    tile.write_text(tile.read_text().replace(f"_S{START}_", "_S20240613T100011_"))  # of the strip, as real ones
    processed(tmp_path)

    scene, clouds = only(tmp_path), only(tmp_path, PROBABILITY)

    assert scene.item.index == clouds.item.index == f"{START}_20240613T100011_T33TWL"
    assert scene.item.time_ms == clouds.item.time_ms
    assert "MEAN_SOLAR_AZIMUTH_ANGLE" in scene.properties


def test_a_scene_that_is_there_as_it_was_delivered_is_served_from_there(tmp_path):
    delivered(tmp_path, "L1C", bands=("B02",))
    processed(tmp_path)

    catalogue = FolderCatalogue(tmp_path)

    (scene,) = catalogue.scenes(LEVEL_1C, None, None, None)
    assert scene.item.path.name == "MTD_TL.xml"
    assert "as it was delivered; the scene is left out" in catalogue.left_out[0]


@pytest.mark.parametrize(
    ("meta", "said"),
    [
        pytest.param({"settings": {"to_toa_reflectance": False}}, "holds no reflectance", id="numbers"),
        pytest.param(
            {"settings": {"normalize": {"mode": "apply_with_stats"}}}, "holds no reflectance", id="normalised"
        ),
        pytest.param({"key": {}}, "has no key", id="no key"),
        pytest.param({"key": {"tile_id": "x", "sensing_start_utc": "2024-06-13"}}, "tile_id 'x'", id="no tile"),
        pytest.param({"assets": {"x": {"band_names": ["B02"]}}}, "no band valid", id="no mask"),
        pytest.param({"assets": {"x": {"band_names": ["B02", "valid", "a", "B03"]}}}, "has 3 bands, fewer", id="bands"),
    ],
)
def test_what_is_no_reflectance_or_cannot_be_read_is_said_in_a_line(tmp_path, meta, said):
    processed(tmp_path, **meta)

    with pytest.raises(ScenesError, match=said) as caught:
        FolderCatalogue(tmp_path)

    assert "\n" not in str(caught.value)


def test_a_scene_without_its_raster_is_said(tmp_path):
    (processed(tmp_path) / "x.tif").unlink()

    with pytest.raises(ScenesError, match=r"x\.tif is not there"):
        FolderCatalogue(tmp_path)


def test_a_large_scene_is_read_by_windows_with_every_pixel_in_its_place(tmp_path):
    counts = (np.arange(2900)[:, None] * 7 + np.arange(2910) * 3) % 10007
    valid_rows = np.broadcast_to(np.arange(2900)[:, None] % 5 != 0, counts.shape)
    bands = {"B02": (counts / 10000).astype(np.float32), "valid": valid_rows.astype(np.float32)}
    processed(tmp_path, bands, compress=None)
    scene = only(tmp_path)

    for row, col in ((1000, 2000), (2, 1020), (2600, 2600)):
        found, valid = scene.read("B2", 0, row, col, 300, 300)
        inside = np.s_[row : row + 300, col : col + 300]
        assert np.array_equal(found[valid], counts[inside][valid])
        assert np.array_equal(valid, valid_rows[inside])

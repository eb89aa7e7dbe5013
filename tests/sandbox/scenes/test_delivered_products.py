"""Products as they are delivered are scenes of Earth Engine's harmonised collections."""

from __future__ import annotations

import os
import shutil
import xml.etree.ElementTree as ET
from pathlib import Path

import numpy as np
import pytest
from product_kit import CUT, START, delivered, fetched, granule, image, numbers, rewrite, whole

from orchestrator.sandbox.scenes.folder import FolderCatalogue, ScenesError
from orchestrator.sandbox.scenes.layout import LEVEL_1C, PROBABILITY, REFLECTANCE

INDEX = f"{START}_{START}_T33TWL"
BANDS = ("B01", "B02", "B05", "B10", "SCL", "AOT", "TCI")


@pytest.fixture(scope="module")
def l2a(tmp_path_factory):
    return delivered(tmp_path_factory.mktemp("l2a"), "L2A", bands=BANDS)


@pytest.fixture(scope="module")
def l1c(tmp_path_factory):
    return delivered(tmp_path_factory.mktemp("l1c"), "L1C", bands=BANDS)


@pytest.fixture
def own(l2a, tmp_path):
    """A product that a test may spoil."""
    return shutil.copytree(l2a, tmp_path / l2a.name)


def only(folder, collection=REFLECTANCE):
    (scene,) = FolderCatalogue(folder).scenes(collection, None, None, None)
    return scene


@pytest.mark.parametrize(
    ("band", "ending", "metres"), [("B2", "B02_10m", 10), ("B5", "B05_20m", 20), ("B1", "B01_60m", 60)]
)
def test_reflectance_of_level_2a_is_what_the_file_holds_less_1000_on_the_band_s_own_grid(l2a, band, ending, metres):
    scene = only(l2a)

    values, valid = whole(scene, band)

    stored = numbers(image(l2a, ending)).astype(int)
    assert 0 < np.count_nonzero(stored == 0) < stored.size
    assert np.array_equal(valid, stored != 0)
    assert np.array_equal(values, np.where(stored == 0, 0, stored - 1000))
    (about,) = [each for each in scene.bands if each.name == band]
    assert (about.transform[0], about.height, about.width) == (
        metres,
        CUT.height * 60 // metres,
        CUT.width * 60 // metres,
    )


@pytest.mark.parametrize(("band", "ending"), [("SCL", "SCL_20m"), ("AOT", "AOT_10m")])
def test_what_is_no_reflectance_is_served_as_it_is(l2a, band, ending):
    assert np.array_equal(whole(only(l2a), band)[0], numbers(image(l2a, ending)))


def test_level_1c_is_served_under_the_name_of_its_harmonised_collection_with_the_band_of_cirrus(l1c):
    scene = only(l1c, LEVEL_1C)

    stored = numbers(image(l1c, "B10")).astype(int)
    assert [band.name for band in scene.bands] == ["B1", "B2", "B5", "B10"]
    assert np.array_equal(whole(scene, "B10")[0], np.where(stored == 0, 0, stored - 1000))


def test_a_baseline_without_offset_is_served_as_it_is(tmp_path):
    safe = delivered(tmp_path, "L1C", baseline="02.06", bands=("B01",))

    assert np.array_equal(whole(only(tmp_path, LEVEL_1C), "B1")[0], numbers(image(safe, "B01")))


def test_what_is_darker_than_the_offset_is_0_and_seen(own):
    values = np.full((36, 36), 1500, np.uint16)
    values[0, :4] = [0, 1, 1000, 1001]
    rewrite(image(own, "B01_60m"), values)

    found, valid = whole(only(own), "B1")

    assert found[0, :5].tolist() == [0, 0, 0, 1, 500]
    assert valid[0, :5].tolist() == [False, True, True, True, True]


def test_files_that_were_fetched_alone_are_the_same_scene(l2a, tmp_path):
    fetched(l2a, tmp_path)

    alone, in_safe = only(tmp_path), only(l2a)

    assert alone.properties == in_safe.properties
    assert [band.name for band in alone.bands] == [band.name for band in in_safe.bands]
    assert all(np.array_equal(whole(alone, band)[0], whole(in_safe, band)[0]) for band in ("B2", "B5", "B1", "SCL"))


def test_a_classification_alone_is_a_cloud_probability_and_no_reflectance(l2a, tmp_path):
    fetched(l2a, tmp_path, "SCL_20m", "MTD_TL")
    catalogue = FolderCatalogue(tmp_path)

    (scene,) = catalogue.scenes(PROBABILITY, None, None, None)

    classes = numbers(image(l2a, "SCL_20m"))
    wanted = np.select([classes == 9, classes == 8, classes == 10, classes == 3], [100, 65, 40, 20], 0)
    assert np.array_equal(whole(scene, "probability")[0], wanted)
    assert [
        band for band, _ in [(b.name, b) for s in catalogue.scenes(REFLECTANCE, None, None, None) for b in s.bands]
    ] == ["SCL"]


def test_where_the_usual_resolution_is_missing_the_finest_is_served(own):
    image(own, "B02_10m").unlink()

    values, _ = whole(only(own), "B2")

    assert values.shape == (108, 108)
    assert np.array_equal(values, np.maximum(numbers(image(own, "B02_20m")).astype(int) - 1000, 0))


def test_properties_are_what_the_metadata_says_by_earth_engine_s_names(l2a):
    tile, product = (ET.parse(path).getroot() for path in (granule(l2a) / "MTD_TL.xml", l2a / "MTD_MSIL2A.xml"))  # noqa: S314

    found = only(l2a).properties

    said = {name: float(tile.findtext(f".//{name}")) for name in ("CLOUDY_PIXEL_PERCENTAGE", "WATER_PERCENTAGE")}
    said["MEAN_SOLAR_ZENITH_ANGLE"] = float(tile.findtext(".//Mean_Sun_Angle/ZENITH_ANGLE"))
    said["MEAN_INCIDENCE_AZIMUTH_ANGLE_B8A"] = float(
        tile.findtext(".//Mean_Viewing_Incidence_Angle[@bandId='8']/AZIMUTH_ANGLE")
    )
    said["SPACECRAFT_NAME"] = product.findtext(".//SPACECRAFT_NAME")
    assert {name: found[name] for name in said} == said
    assert (found["system:index"], found["MGRS_TILE"], found["PROCESSING_BASELINE"]) == (INDEX, "33TWL", "05.10")
    assert found["PRODUCT_ID"] == l2a.name.removesuffix(".SAFE")


def test_both_levels_and_the_clouds_of_a_sensing_share_an_index(l1c, l2a, tmp_path):
    for safe in (l1c, l2a):
        shutil.copytree(safe, tmp_path / safe.name)
    catalogue = FolderCatalogue(tmp_path)

    indices = {
        name: [s.item.index for s in catalogue.scenes(name, None, None, None)] for name in catalogue.collections()
    }

    assert indices == {REFLECTANCE: [INDEX], PROBABILITY: [INDEX], LEVEL_1C: [INDEX]}


def test_the_newest_baseline_of_a_sensing_is_served_and_the_other_said(own, tmp_path):
    newer = delivered(tmp_path, "L2A", baseline="05.11", bands=BANDS)

    catalogue = FolderCatalogue(tmp_path)

    (scene,) = catalogue.scenes(REFLECTANCE, None, None, None)
    (sentence,) = catalogue.left_out
    assert newer.name in str(scene.item.path)
    assert own.name in sentence
    assert "newer" in sentence


def _old(own):
    own.rename(own.parent / "S2A_OPER_PRD_MSIL2A_PDMC_20160318T145513_R065_V20160317T100756_20160317T100756.SAFE")


def _no_tile(own):
    fetched(own, own.parent, "SCL_20m")
    shutil.rmtree(own)


def _no_image(own):
    shutil.rmtree(granule(own) / "IMG_DATA")


def _cut_short(own):
    path = granule(own) / "MTD_TL.xml"
    path.write_bytes(path.read_bytes()[:2000])


def _no_number(own):
    path = granule(own) / "MTD_TL.xml"
    path.write_text(path.read_text().replace("<WATER_PERCENTAGE>", "<WATER_PERCENTAGE>x"))


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        pytest.param(_old, "before December 2016", id="old name"),
        pytest.param(_no_tile, "MTD_TL.xml is not there", id="no metadata of the tile"),
        pytest.param(_no_image, "has no image", id="no image"),
        pytest.param(_cut_short, "cannot be read as XML", id="metadata cut short"),
        pytest.param(_no_number, "a number that cannot be read", id="no number"),
    ],
)
def test_a_product_that_cannot_be_served_is_left_out_and_said_in_a_line(own, l1c, tmp_path, spoil, said):
    spoil(own)
    shutil.copytree(l1c, tmp_path / l1c.name)

    catalogue = FolderCatalogue(tmp_path)

    (sentence,) = catalogue.left_out
    assert said in sentence
    assert "\n" not in sentence
    assert [scene.collection for scene in catalogue.scenes(LEVEL_1C, None, None, None)] == [LEVEL_1C]
    assert not list(catalogue.scenes(REFLECTANCE, None, None, None))


def test_a_folder_whose_only_product_cannot_be_served_is_refused_with_its_reason(own):
    _no_image(own)

    with pytest.raises(ScenesError, match="has no image"):
        FolderCatalogue(own)


def test_a_second_granule_that_is_empty_is_nothing(own):
    (own / "GRANULE" / "L2A_T33TWL_A046880_null").mkdir()

    assert only(own).item.index == INDEX


def test_scenes_lie_where_the_product_says_that_it_has_data(l2a):
    place = only(l2a).place

    assert place.footprint.area < 0.9 * place.outline.area
    assert place.outline.contains(place.footprint.buffer(-0.001))


def test_the_collection_of_level_1c_is_there_only_with_products_of_level_1c(l1c, l2a):
    assert LEVEL_1C not in FolderCatalogue(l2a).collections()
    assert LEVEL_1C in FolderCatalogue(l1c).alone


def test_scenes_are_the_same_wherever_their_folder_lies_and_others_with_other_files(own, l2a, tmp_path):
    there = FolderCatalogue(l2a).identity()

    assert FolderCatalogue(tmp_path).identity() == there
    image(own, "B01_60m").unlink()
    assert FolderCatalogue(tmp_path).identity() != there


DATA = Path(os.environ.get("ORCHESTRATOR_TEST_DATA", Path(__file__).parents[4] / "shared" / "data"))


@pytest.mark.real
@pytest.mark.skipif(not DATA.is_dir(), reason="the folder of real products is not here (ORCHESTRATOR_TEST_DATA)")
@pytest.mark.parametrize(
    ("folder", "index", "share"),
    [
        pytest.param("cdse_scene_T31TDH_20180101", "20180101T105441_20180101T105435_T31TDH", 0.59137, id="T31TDH"),
        pytest.param("l1c_T56JMM_20180629_decimated", "20180629T000241_20180629T000241_T56JMM", None, id="T56JMM"),
    ],
)
def test_real_products_are_served_as_they_are(folder, index, share):
    """Baseline 02.06 has no offset; the share of T31TDH that is seen was counted before."""
    scene = only(DATA / folder, LEVEL_1C)

    values, valid = whole(scene, "B1")

    (safe,) = (DATA / folder).glob("*.SAFE")
    assert np.array_equal(values, numbers(image(safe, "B01")))
    assert (scene.item.index, scene.properties["GRANULE_ID"]) == (index, granule(safe).name)
    assert share is None or np.mean(valid) == pytest.approx(share, abs=1e-5)

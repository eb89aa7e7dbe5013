"""Products are found in whole SAFE trees and in files alone; what is no product is skipped, with a reason."""

from __future__ import annotations

import pytest
from safe_kit import DATA, needs_real

from orchestrator.core.errors import UserError
from orchestrator.safe.bands import BANDS
from orchestrator.safe.folder import find_products, read_folder

L1C = "S2D_MSIL1C_20251210T100319_N0511_R122_T33UWQ_20251212T162649.SAFE"
L2A = "S2B_MSIL2A_20251210T100319_N0511_R122_T33UWQ_20251212T171501.SAFE"
OLD = "S2A_OPER_PRD_MSIL1C_PDMC_20160318T145513_R065_V20160317T100756_20160317T100756.SAFE"
STEM = "T33UWQ_20251210T100319"


def tree(folder, *paths):
    """Make empty files: names are all that is read."""
    for path in paths:
        file = folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.touch()
    return folder


def l1c(folder, name=L1C):
    granule = f"{name}/GRANULE/L1C_T33UWQ_A000001_20251210T100500"
    files = [f"{granule}/IMG_DATA/{STEM}_{band}.jp2" for band in ("B02", "B05", "B01", "TCI")]
    return tree(folder, f"{name}/MTD_MSIL1C.xml", f"{name}/manifest.safe", f"{granule}/MTD_TL.xml", *files)


def l2a(folder):
    granule = f"{L2A}/GRANULE/L2A_T33UWQ_A000001_20251210T100500"
    images = f"{granule}/IMG_DATA"
    names = ["R10m/{}_B02_10m.jp2", "R20m/{}_B02_20m.jp2", "R20m/{}_SCL_20m.jp2", "R60m/{}_SCL_60m.jp2"]
    masks = f"{granule}/QI_DATA/MSK_CLDPRB_20m.jp2"
    return tree(folder, f"{L2A}/MTD_MSIL2A.xml", masks, *(f"{images}/{name.format(STEM)}" for name in names))


def test_bands_of_level_1c_have_the_resolution_of_the_band(tmp_path):
    (product,) = find_products(l1c(tmp_path)).products

    assert set(product.images) == {("B01", 60), ("B02", 10), ("B05", 20), ("TCI", 10)}
    assert product.image_path("B05").name == f"{STEM}_B05.jp2"
    assert (product.level, product.tile, product.datatake, product.name) == ("L1C", "33UWQ", "20251210T100319", L1C)


def test_bands_of_level_2a_are_told_apart_by_resolution_and_the_finest_comes_first(tmp_path):
    (product,) = find_products(l2a(tmp_path)).products

    assert product.image_path("B02").name == f"{STEM}_B02_10m.jp2"
    assert product.image_path("SCL", 60).name == f"{STEM}_SCL_60m.jp2"
    assert product.tile_metadata is None


def test_files_alone_are_a_product_by_the_folders_around_them(tmp_path):
    place = "raw/L2A/tile=T33UWQ/sensing=20251210T100319Z/files"
    tree(tmp_path, f"{place}/{STEM}_SCL_20m.jp2", f"{place}/MTD_TL.xml", f"{place}/MTD_MSIL2A.xml")

    (product,) = find_products(tmp_path).products

    assert (product.level, product.tile, product.datatake, product.name) == ("L2A", "33UWQ", "20251210T100319", "")
    assert product.image_path("SCL") == tmp_path / place / f"{STEM}_SCL_20m.jp2"
    assert product.tile_metadata == tmp_path / place / "MTD_TL.xml"
    assert find_products(tmp_path / place).products == (product,)


def test_a_second_granule_that_is_empty_is_no_granule(tmp_path):
    l1c(tmp_path)
    (tmp_path / L1C / "GRANULE" / "L1C_T33UWQ_A000001_null").mkdir()

    (product,) = find_products(tmp_path).products

    assert product.tile_metadata.parent.name == "L1C_T33UWQ_A000001_20251210T100500"


def test_an_old_name_is_skipped_with_a_reason_and_the_others_are_read(tmp_path):
    l1c(l1c(tmp_path), OLD)

    found = find_products(tmp_path)

    assert [product.name for product in found.products] == [L1C]
    assert [skipped.path.name for skipped in found.skipped] == [OLD]
    assert "before December 2016" in found.skipped[0].reason


@pytest.mark.parametrize(
    ("more", "said"),
    [
        pytest.param("GRANULE/a/IMG_DATA/x.txt", "no granule with files", id="none"),
        pytest.param("GRANULE/a/MTD_TL.xml GRANULE/b/MTD_TL.xml", "2 granules with files", id="two"),
        pytest.param("MTD_MSIL1C.xml", "no granule with files", id="no folder of granules"),
    ],
)
def test_a_product_without_one_granule_is_skipped_with_a_reason(tmp_path, more, said):
    tree(tmp_path, *(f"{L1C}/{path}" for path in more.split()))

    (skipped,) = find_products(tmp_path).skipped

    assert said in skipped.reason


def test_a_band_that_is_missing_is_named_with_those_that_are_there(tmp_path):
    product = read_folder(l2a(tmp_path) / L2A)

    with pytest.raises(UserError) as refused:
        product.image_path("B02", 60)

    assert "has no B02 in 60 m; there is B02 10 m, B02 20 m, SCL 20 m, SCL 60 m" in str(refused.value)


def test_images_of_another_tile_are_not_this_product_s(tmp_path):
    place = "raw/L1C/tile=T33UWQ/sensing=20251210T100319Z/files"
    tree(tmp_path, f"{place}/T32UWQ_20251210T100319_B02.jp2", f"{place}/{STEM}_B02.jp2.part")

    (product,) = find_products(tmp_path).products

    assert product.images == {}


def test_a_folder_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(UserError, match="there is no such folder"):
        find_products(tmp_path / "none")


@needs_real
@pytest.mark.real
def test_real_products_are_found_and_metadata_without_a_product_s_name_is_skipped():
    found = find_products(DATA)

    t31tdh, t56jmm = found.products
    assert (t31tdh.tile, set(t31tdh.images)) == ("31TDH", {("B01", 60)})
    assert {band for band, _ in t56jmm.images} == set(BANDS)
    assert {skipped.path.name for skipped in found.skipped} == {"L1C_N0301_T46RER", "L2A_N0509_T01KAB"}

"""Names, folders and the manifest; and GDAL's own reader of Sentinel-2 products as a stranger."""

from __future__ import annotations

import hashlib
import re

import pytest
import rasterio
from sandbox_safe_kit import CUT, TILE, parsed, sensing

from orchestrator.sandbox.safe.product import Options
from orchestrator.sandbox.safe.tree import write

NAME = re.compile(r"S2[ABCD]_MSI(L1C|L2A)_\d{8}T\d{6}_N\d{4}_R\d{3}_T\d\d[A-Z]{3}_\d{8}T\d{6}\.SAFE")
SOME = ("B01",)


def manifest(folder):
    """Each listed file as path, size, name of the algorithm, checksum."""
    objects = parsed(folder / "manifest.safe").iter("byteStream")
    for each in objects:
        checksum = each.find("checksum")
        yield each.find("fileLocation").get("href"), each.get("size"), checksum.get("checksumName"), checksum.text


def test_a_product_is_called_as_earth_engine_says(written):
    assert NAME.fullmatch(written.folder.name)
    assert written.folder.name == f"{written.scene.properties['PRODUCT_ID']}.SAFE"


def test_the_granule_is_called_as_earth_engine_says(written):
    assert [each.name for each in (written.folder / "GRANULE").iterdir()] == [written.scene.properties["GRANULE_ID"]]


def test_level_1c_has_all_bands_in_one_folder(source):
    product = sensing(source, "L1C", Options(CUT))
    start = product.datatake

    paths = {product.path(image) for image in product.images}

    names = ["B01", "B02", "B03", "B04", "B05", "B06", "B07", "B08", "B8A", "B09", "B10", "B11", "B12"]
    assert paths == {f"GRANULE/{product.granule}/IMG_DATA/T{TILE}_{start}_{name}.jp2" for name in names}


def test_level_2a_has_the_files_of_a_real_product(source):
    """Those of a real product of baseline 05.09, its true colour images apart."""
    product = sensing(source, "L2A", Options(CUT))
    stem = f"T{TILE}_{product.datatake}"
    real = {
        10: "AOT B02 B03 B04 B08 WVP",
        20: "AOT B01 B02 B03 B04 B05 B06 B07 B11 B12 B8A SCL WVP",
        60: "AOT B01 B02 B03 B04 B05 B06 B07 B09 B11 B12 B8A SCL WVP",
    }

    paths = {product.path(image).split("IMG_DATA/")[-1] for image in product.images if image.name != "CLDPRB"}

    assert paths == {f"R{size}m/{stem}_{name}_{size}m.jp2" for size, names in real.items() for name in names.split()}


def test_each_file_is_in_the_manifest_with_its_size_and_checksum(written):
    for href, size, algorithm, checksum in manifest(written.folder):
        content = (written.folder / href).read_bytes()
        assert algorithm == "SHA3-256"
        assert (int(size), checksum.lower()) == (len(content), hashlib.sha3_256(content).hexdigest())


def test_nothing_but_the_manifest_and_schemas_is_left_out_of_the_manifest(written):
    """As in real products."""
    listed = {href.removeprefix("./") for href, *_ in manifest(written.folder)}

    found = {path.relative_to(written.folder).as_posix() for path in written.folder.rglob("*") if path.is_file()}

    assert found - listed == {"manifest.safe", "rep_info/S2_User_Product_Metadata.xsd"}
    assert listed <= found


def test_checksums_come_in_both_cases_of_letters(written):
    checksums = {checksum for _, _, _, checksum in manifest(written.folder)}

    assert any(text == text.upper() for text in checksums)
    assert any(text == text.lower() for text in checksums)


def test_manifests_of_old_baselines_have_md5(source, tmp_path):
    folder = write(sensing(source, "L1C", Options(CUT, baseline="02.06", bands=SOME)), tmp_path)

    for href, _, algorithm, checksum in manifest(folder):
        content = (folder / href).read_bytes()
        assert (algorithm, checksum.lower()) == ("MD5", hashlib.md5(content, usedforsecurity=False).hexdigest())


@pytest.mark.parametrize("folder", ["AUX_DATA", "DATASTRIP", "GRANULE", "HTML", "rep_info"])
def test_the_folders_of_a_real_product_are_there(written, folder):
    assert (written.folder / folder).is_dir()


def test_gdal_opens_the_product_by_its_metadata(written):
    """The driver SENTINEL2 follows the metadata to the granule and its images."""
    with rasterio.open(f"SENTINEL2_{written.product.level}:{written.metadata}:10m:EPSG_32633") as stack:
        numbers, offset = stack.read(1), [value for key, value in stack.tags(1).items() if key.endswith("ADD_OFFSET")]
        transform, shape = stack.transform, stack.shape
    with rasterio.open(written.image("B04", 10)) as red:
        assert (numbers == red.read(1)).all()
        assert (transform, shape) == (red.transform, red.shape)
    assert offset == ["-1000"]


def test_a_sensing_that_is_processed_again_has_another_baseline_and_a_later_name(source, pair):
    first = pair["L2A"].product

    later = sensing(source, "L2A", Options(CUT).reprocessed("05.11"))

    before, after = first.name.split("_"), later.name.split("_")
    assert after[3] == "N0511"
    assert after[-1] > before[-1]
    assert (after[:3], after[4:6]) == (before[:3], before[4:6])


def test_a_third_spacecraft_shows_in_all_names(source):
    product = sensing(source, "L1C", Options(CUT, spacecraft="S2C"))

    names = (product.name, product.granule_id, product.datastrip_id, product.datatake_id.removeprefix("G"))

    assert [name[:3] for name in names] == ["S2C"] * 4


def test_a_product_that_is_there_is_not_made_again(written):
    (written.folder / "mark").touch()

    write(written.product, written.folder.parent)

    assert (written.folder / "mark").exists()
    (written.folder / "mark").unlink()

"""What parts say of themselves is carried on, or refused: scales, colours, masks, nodata, georeference."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import rasterio
import rasterio.mask
from assembly import Scene, read, reference
from folder_kit import NO_DASH, SCENE, assembled, export, refused, two_parts
from rasterio.enums import ColorInterp
from rasterio.transform import Affine

from orchestrator.core.errors import IntegrityError
from orchestrator.model.grid import Window


def edit(paths, change):
    for path in paths:
        with rasterio.open(path, "r+") as raster:
            change(raster)


def test_scale_offset_unit_names_and_metadata_are_carried_on(tmp_path):
    """Everything that gives the numbers their meaning, of each band its own."""
    paths = two_parts(tmp_path / "parts", count=2)

    def dress(raster):
        raster.scales, raster.offsets = (0.5, 0.0001), (-10.0, 0.25)
        raster.units = ("kelvin", "metre")
        raster.descriptions = ("temperature", None)
        raster.update_tags(SENSOR="x")
        raster.update_tags(2, KIND="height")

    edit(paths, dress)

    result = assembled(tmp_path)

    with rasterio.open(result["path"]) as raster:
        assert raster.scales == (0.5, 0.0001)
        assert raster.offsets == (-10.0, 0.25)
        assert raster.units == ("kelvin", "metre")
        assert raster.descriptions == ("temperature", None)
        assert raster.tags()["SENSOR"] == "x"
        assert raster.tags(2)["KIND"] == "height"


def test_a_palette_is_carried_on_and_classes_are_not_averaged(tmp_path):
    """Colours and number of each class stay; overviews hold classes that there are."""
    colours = {0: (0, 0, 0, 255), 1: (200, 30, 30, 255), 2: (20, 90, 200, 255), 9: (1, 2, 3, 255)}
    paths = two_parts(tmp_path / "parts")
    checker = np.where(np.indices((64, 64)).sum(axis=0) % 2, 1, 9).astype("uint8")[np.newaxis]

    def paint(raster):
        raster.write_colormap(1, colours)
        raster.write(checker)

    edit(paths, paint)

    result = assembled(tmp_path)

    with rasterio.open(result["path"]) as raster:
        assert raster.colorinterp == (ColorInterp.palette,)
        shown = raster.colormap(1)
        assert {value: shown[value][:3] for value in colours} == {v: c[:3] for v, c in colours.items()}
        assert set(np.unique(raster.read(1, out_shape=(32, 64)))) <= {1, 9}


def test_true_colours_stay_true_colours(tmp_path):
    """Red, green and blue are shown as such."""
    two_parts(tmp_path / "parts", count=3, photometric="RGB")

    result = assembled(tmp_path)

    with rasterio.open(result["path"]) as raster:
        assert raster.colorinterp == (ColorInterp.red, ColorInterp.green, ColorInterp.blue)


@pytest.mark.parametrize(
    ("second", "change", "named"),
    [
        pytest.param({"nodata": 7}, None, "1.tif: its nodata values: ..7.0.,., not ..0.0.,", id="nodata"),
        pytest.param({"crs": "EPSG:32634"}, None, "1.tif: its CRS: EPSG:32634, not EPSG:32633", id="CRS"),
        pytest.param({"dtype": "int16"}, None, "its number types", id="number type"),
        pytest.param({"count": 2}, None, "1.tif: its", id="bands"),
        pytest.param({"transform": Affine(20, 0, 500620, 0, -20, 5200020)}, None, "pixels are 20 × 20", id="pixels"),
        pytest.param(
            {"transform": Affine(10, 0, 500625, 0, -10, 5200020)}, None, "0.5 columns and 0 rows off", id="half"
        ),
        pytest.param({}, lambda r: setattr(r, "scales", (0.5,)), "its scales: .0.5,., not .1.0,", id="scale"),
        pytest.param({}, lambda r: setattr(r, "offsets", (3.0,)), "its offsets", id="offset"),
        pytest.param({}, lambda r: setattr(r, "descriptions", ("B4",)), "its band names", id="names"),
        pytest.param({}, lambda r: r.write_colormap(1, {1: (9, 9, 9)}), "its colour", id="palette"),
    ],
)
def test_parts_that_are_not_alike_are_refused(second, change, named, tmp_path):
    """With the file, what it says, and what the others say."""
    paths = two_parts(tmp_path / "parts", second)
    if change:
        edit(paths[1:], change)

    refused(tmp_path, named)


@pytest.mark.parametrize(
    ("profile", "named"),
    [
        pytest.param({"transform": Affine(10, 0, 0, 0, 10, 0.5)}, "south-up.*turn it first", id="south-up"),
        pytest.param({"transform": Affine(10, 1, 0, 1, -10, 0)}, "is rotated", id="rotated"),
        pytest.param({"crs": None}, "names no CRS", id="no CRS"),
        pytest.param({"nodata": None}, "name no nodata value; say by --nodata", id="no nodata"),
        pytest.param({"count": 2, "nodata": None, "alpha": "YES"}, "band 2 is alpha", id="alpha"),
        pytest.param({"dtype": "int64"}, "dtype 'int64' is not one of", id="number type"),
    ],
)
def test_what_cannot_be_carried_on_is_refused(profile, named, tmp_path):
    """Never dropped in silence."""
    for path in two_parts(tmp_path / "parts", **profile)[1:]:
        path.unlink()

    refused(tmp_path, named)


def test_a_file_that_is_no_part_is_named(tmp_path):
    """An HTML page saved as a GeoTIFF is no GeoTIFF."""
    two_parts(tmp_path / "parts")
    (tmp_path / "parts" / "2.tif").write_text("<html>")

    refused(tmp_path, "2.tif is no readable GeoTIFF")


def test_a_part_that_was_renamed_is_refused(tmp_path):
    """Its name says another place than its georeference."""
    parts = export(SCENE, tmp_path / "parts")
    parts[Window(192, 256, 8, 4)].rename(tmp_path / "parts" / NO_DASH.format(256, 256))

    refused(tmp_path, r"\(256, 256\).*was it renamed")


def test_a_mask_beside_a_part_is_refused(tmp_path):
    """It would be lost."""
    (path, _other) = two_parts(tmp_path / "parts")
    with rasterio.Env(GDAL_TIFF_INTERNAL_MASK="NO"), rasterio.open(path, "r+") as raster:
        raster.write_mask(np.full((64, 64), 255, "uint8"))

    refused(tmp_path, r"its mask lies in 0\.tif\.msk")


def test_what_a_sidecar_says_is_not_lost(tmp_path):
    """A scale that stands in .aux.xml is no part of the file; the file and the key are named."""
    (path, _other) = two_parts(tmp_path / "parts")
    Path(f"{path}.aux.xml").write_text(
        '<PAMDataset><PAMRasterBand band="1"><Scale>0.5</Scale></PAMRasterBand></PAMDataset>'
    )

    refused(tmp_path, r"its scales with 0\.tif\.aux\.xml")


def test_statistics_in_a_sidecar_do_no_harm(tmp_path):
    """QGIS leaves them behind."""
    (path, _other) = two_parts(tmp_path / "parts")
    Path(f"{path}.aux.xml").write_text(
        '<PAMDataset><PAMRasterBand band="1"><Metadata><MDI key="STATISTICS_MAXIMUM">1</MDI></Metadata>'
        "</PAMRasterBand></PAMDataset>"
    )

    assert assembled(tmp_path)["parts"] == 2


def test_masks_in_the_parts_become_nodata(tmp_path):
    """By the value that the user names; pixels that the masks call data stay as they are."""
    scene = Scene(**{**vars(SCENE), "masked": True, "holes": 0})
    parts = export(scene, tmp_path / "parts")

    result = assembled(tmp_path, nodata=None)

    np.testing.assert_array_equal(read(result["path"]), reference(scene, parts, tmp_path))


def test_a_nodata_value_that_a_datum_has_is_refused(tmp_path):
    """With masks and no nodata value, the user's value must be none that a pixel has."""
    for path in two_parts(tmp_path / "parts", nodata=None):
        with rasterio.Env(GDAL_TIFF_INTERNAL_MASK="YES"), rasterio.open(path, "r+") as raster:
            mask = np.full((64, 64), 255, "uint8")
            mask[:8] = 0
            raster.write_mask(mask)

    refused(tmp_path, "though they have masks")
    with pytest.raises(IntegrityError, match="its mask calls data"):
        assembled(tmp_path, nodata=2)
    result = assembled(tmp_path, nodata=77)

    pixels = read(result["path"])
    assert (pixels[:, :8] == 77).all()
    assert sorted(np.unique(pixels[:, 8:])) == [1, 2]


def test_the_value_for_nothing_may_be_the_users_word(tmp_path):
    """Earth Engine writes 0 for masked pixels where it was asked for no value; the file says so afterwards."""
    two_parts(tmp_path / "parts", nodata=None)

    result = assembled(tmp_path, nodata=1)

    with rasterio.open(result["path"]) as raster:
        assert raster.nodata == 1
    assert result["valid"] == {"band1": 0.5}


def test_another_value_than_the_parts_name_is_refused(tmp_path):
    """The parts know better."""
    two_parts(tmp_path / "parts")

    refused(tmp_path, "the nodata value of the parts is 0, not 5", nodata=5)


@pytest.mark.parametrize("where", ["Area", "Point"])
def test_points_and_areas_lie_where_they_lay(where, tmp_path):
    """Whether a pixel is a point or an area moves nothing by half a pixel."""
    paths = two_parts(tmp_path / "parts")
    edit(paths, lambda raster: raster.update_tags(AREA_OR_POINT=where))
    with rasterio.open(paths[0]) as raster:
        transform = raster.transform

    result = assembled(tmp_path)

    with rasterio.open(result["path"]) as raster:
        assert raster.transform == transform
        assert raster.tags()["AREA_OR_POINT"] == where

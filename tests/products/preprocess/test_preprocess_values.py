"""What `x.tif` holds: against rasterio's warp of the whole raster, the formula of reflectance, and known numbers."""

import json

import numpy as np
import preprocess_kit as kit
import pytest
import rasterio

METHODS = ["nearest", "bilinear", "cubic", "average", "mode", "max", "min", "med", "q1", "q3", "sum"]


@pytest.fixture(scope="module")
def sample(tmp_path_factory, products):
    """Two scenes on the pixels of 20 m, of bands of 10, 20 and 60 m; angles beside them."""
    folder = tmp_path_factory.mktemp("sample")
    index = kit.laid(folder / "raw", products)
    angles = {"enabled": True, "view_bands": ["B02"]}
    return index, kit.preprocess(folder, index, angles=angles, valid_pixel_mask="per_band")


def side(path):
    with rasterio.open(path) as raster:
        return raster.transform.a


def test_bands_of_every_resolution_are_what_rasterio_makes_of_the_whole_raster(sample):
    """Upwards bilinear, downwards average, then (number - 1000) / 10000 of pixels that hold data, 0 elsewhere."""
    index, made = sample
    pixels = made.read()

    for at, band in enumerate(("B02", "B05", "B01")):
        source, like = (kit.file_of(index, role) for role in (f"l1c.band.{band}", "l2a.scl_20m"))
        numbers = kit.whole(source, like, "average" if side(source) < 20 else "bilinear")
        wanted = np.where(numbers == 0, 0, (numbers.astype(float) - 1000) / 10000).astype("float32")
        assert np.array_equal(pixels[at], wanted)
        assert np.array_equal(pixels[3 + at], (numbers != 0).astype("float32"))


def test_the_file_has_names_of_bands_tiles_and_no_nodata(sample):
    """As its readers expect it: bands, then the masks."""
    _, made = sample

    with rasterio.open(made.folder / made.records[0]["paths"]["x"]) as raster:
        assert raster.descriptions == ("B02", "B05", "B01", "valid_B02", "valid_B05", "valid_B01")
        assert (raster.nodata, raster.block_shapes[0], raster.dtypes[0]) == (None, (256, 256), "float32")
        assert raster.tags()["TIFFTAG_COPYRIGHT"] == "Contains modified Copernicus Sentinel data 2024"
        assert raster.compression.name == "deflate"


def test_the_mask_of_all_bands_is_where_each_has_data(tmp_path, index, sample):
    """One layer, `valid`: the product of those of the bands."""
    made = kit.preprocess(tmp_path, index)
    apart = sample[1].read()[3:]

    assert made.meta()["assets"]["x"]["band_names"] == ["B02", "B05", "B01", "valid"]
    assert np.array_equal(made.read()[3], apart.min(axis=0))
    assert 0 < made.read()[3].mean() < 1


def test_the_file_holds_what_its_metadata_says(sample):
    """Shape, grid, share of valid pixels and their mean, counted anew."""
    _, made = sample
    told, pixels = made.meta(), made.read()
    valid = pixels[3] == 1

    assert told["assets"]["x"]["shape_chw"] == list(pixels.shape)
    assert told["statistics"]["bands"]["B02"]["valid_pixel_count"] == valid.sum()
    assert told["statistics"]["bands"]["B02"]["mean"] == pytest.approx(pixels[0][valid].astype(float).mean(), abs=1e-9)
    assert told["attribution"] == "Contains modified Copernicus Sentinel data 2024"
    assert told["scene"]["cloud_cover"] == 12.5
    assert told["unproved"] == [file["role"] for file in told["inputs"]]  # this index has no checksum


@pytest.mark.parametrize("reference", ["B01", "B02", "B05"])
def test_every_grid_of_the_scene_can_be_the_target(tmp_path, index, reference):
    """No labels are needed for it, and there is no y.tif then."""
    made = kit.preprocess(tmp_path, index, target_grid=reference, labels={"enabled": False}, max_scenes=1)

    with rasterio.open(made.folder / made.records[0]["paths"]["x"]) as raster:
        assert raster.transform.a == {"B01": 60, "B02": 10, "B05": 20}[reference]
    assert made.records[0]["paths"]["y"] is None
    assert made.records[0]["y_path"] is None
    assert not (made.folder / made.records[0]["paths"]["x"]).with_name("y.tif").exists()


def test_numbers_stay_numbers_without_reflectance(tmp_path, index):
    """As they are stored."""
    made = kit.preprocess(tmp_path, index, bands=["B05"], to_toa_reflectance=False, max_scenes=1)

    assert np.array_equal(made.read()[0], kit.read(kit.file_of(index, "l1c.band.B05"))[0][0].astype("float32"))


def test_a_band_is_normalised_by_its_own_statistics(tmp_path, index):
    """To mean 0 and standard deviation 1, but for the width of a bin; 0 where there is no data."""
    words = {"bands": ["B02"], "max_scenes": 1}
    counted = kit.preprocess(tmp_path, index, **words, normalize={"mode": "compute_only"})

    stats = {"mode": "apply_with_stats", "stats_path": str(counted.stats)}
    band, valid = kit.preprocess(tmp_path / "normalised", index, **words, normalize=stats).read()

    values = band[valid == 1].astype(float)
    assert (values.mean(), values.std()) == pytest.approx((0, 1), abs=2e-3)
    assert not band[valid == 0].any()


def test_old_and_new_baselines_agree_on_one_surface(tmp_path, products):
    """With an offset of -1000 and with none: the same reflectance, but for the rounding of the numbers."""
    new = kit.preprocess(tmp_path / "new", kit.laid(tmp_path / "a", products), bands=["B05"], max_scenes=1)
    older = kit.synthetic(tmp_path / "older", days=("2024-06-13",), bands=("B05",), baseline="02.06")
    old = kit.preprocess(tmp_path / "old", kit.laid(tmp_path / "b", older), bands=["B05"], max_scenes=1)

    both = (new.read()[1] == 1) & (old.read()[1] == 1)
    assert np.abs(new.read()[0] - old.read()[0])[both].max() <= 1.01e-4
    assert both.sum() == (new.read()[1] == 1).sum()
    assert new.read()[0][new.read()[1] == 0].max() == 0  # never -0.1


def test_the_index_has_both_spellings_of_paths(sample):
    """`paths.x` and `x_path`, from the output folder."""
    _, made = sample
    (first, _) = json.loads(made.index.read_text())["samples"]

    assert first["x_path"] == first["paths"]["x"]
    assert (made.folder / first["meta_path"]).is_file()
    assert first["paths"]["x"].startswith("processed/tile=T33TWL/sensing=2024-06-13T")
    assert ":" not in first["paths"]["x"]


@pytest.mark.real
@kit.needs_real
@pytest.mark.parametrize("reference", ["B01", "B11"])
def test_a_real_scene_of_odd_sizes_is_what_rasterio_makes_of_it(tmp_path, reference):
    """T56JMM, thirteen bands and their masks: 439, 219 and 73 pixels a side, none of which fits into another."""
    index = kit.laid(tmp_path / "raw", (kit.DATA / "l1c_T56JMM_20180629_decimated").glob("*.SAFE"))
    like = kit.file_of(index, f"l1c.band.{reference}")

    made = kit.preprocess(
        tmp_path, index, target_grid=reference, bands=kit.BANDS, labels={"enabled": False}, valid_pixel_mask="per_band"
    )

    pixels = made.read()
    assert pixels.shape[0] == 26
    for at, band in enumerate(kit.BANDS):
        source = kit.file_of(index, f"l1c.band.{band}")
        numbers = kit.whole(source, like, "average" if side(source) < side(like) else "bilinear")
        assert np.array_equal(pixels[13 + at], numbers != 0)
        assert np.array_equal(pixels[at], (numbers.astype(float) / 10000).astype("float32"))


@pytest.mark.real
@kit.needs_real
def test_a_real_band_has_the_known_numbers(tmp_path):
    """T31TDH B01: 1,980,424 of 3,348,900 valid, up to 1.5466; winsorised moments."""
    index = kit.laid(tmp_path / "raw", (kit.DATA / "cdse_scene_T31TDH_20180101").glob("*.SAFE"))
    words = {"target_grid": "B01", "bands": ["B01"], "labels": {"enabled": False}}

    made = kit.preprocess(tmp_path, index, **words)
    counted = kit.preprocess(tmp_path, index, **words, normalize={"mode": "compute_only"})
    pixels, valid = made.read()
    assert (valid.sum(), valid.size, float(pixels.max())) == (1980424, 3348900, pytest.approx(1.5466, abs=1e-6))
    stats = {name: told["B01"] for name, told in json.loads(counted.stats.read_text()).items() if "by_band" in name}
    assert (stats["clip_low_by_band"], stats["clip_high_by_band"]) == pytest.approx((0.11715, 0.98585), abs=1e-5)
    assert (stats["mean_by_band"], stats["std_by_band"]) == pytest.approx((0.20866, 0.16375), abs=1e-5)

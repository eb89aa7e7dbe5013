"""The output is a cloud-optimised BigTIFF that carries names, scales, tags and honest overviews."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
import rasterio
import shapely
import tifffile
from assembly import Scene, assemble, read, reference, star, store_bands_apart
from rasterio.enums import ColorInterp
from rio_cogeo import cog_validate

from orchestrator.assemble import header, tiff
from orchestrator.assemble.codec import Codec, Encoding
from orchestrator.assemble.reduce import halve
from orchestrator.assemble.settings import MosaicSettings
from orchestrator.assemble.storage import FileBytes
from orchestrator.model.mosaic import MosaicSpec
from orchestrator.model.spec import PixelSpec

COG = Scene(
    height=1500, width=1300, side=512, driver="COG",
    profile={"blocksize": 128, "compress": "deflate", "predictor": "yes", "overview_resampling": "average"},
)  # fmt: skip


@pytest.fixture(scope="module")
def cog(tmp_path_factory):
    """Parts that are cloud-optimised, an area, and the mosaic made of them."""
    folder = tmp_path_factory.mktemp("cog")
    left, bottom, right, top = COG.grid.bounds()
    hole = shapely.box(left + 5000, top - 6000, left + 5700, top - 5200)
    area = shapely.box(left + 300, bottom + 300, right - 500, top - 700).difference(hole)
    scene = Scene(**{**vars(COG), "area": area})
    parts = scene.write(folder / "parts")
    return scene, parts, assemble(scene, parts, folder / "work")


def test_the_validator_has_neither_error_nor_warning(cog):
    """Directories first, overviews before the data they summarise, from coarse to fine."""
    _scene, _parts, report = cog

    assert cog_validate(report.path, strict=True) == (True, [], [])


def test_data_lies_in_the_file_from_coarse_to_fine(cog):
    """Every block of an overview lies before every block of the next finer level, and after all directories."""
    _scene, _parts, report = cog
    with report.path.open("rb") as file:
        images = tiff.read(FileBytes.of(file.fileno())).directories
    stored = [i.numbers(tiff.TILE_OFFSETS)[i.numbers(tiff.TILE_SIZES) > 0] for i in images]

    assert len(images) == 5
    for finer, coarser in itertools.pairwise(stored):
        assert coarser.max() < finer.min()


def test_names_scales_tags_and_nodata_arrive(tmp_path):
    """What the plan says about the pixels stands in the file, where GDAL and others look for it."""
    scene = Scene(bands=3, dtype="uint8")
    pixels = PixelSpec(("red", "green", "blue"), "uint8", 0, scale=0.5, offset=-10)
    scene_spec = scene.spec()
    spec = MosaicSpec(scene_spec.grid, pixels, tags=(("RUN", "7"), ("TITLE", "Ä & <b>")))
    parts = Scene(**{**vars(scene), "bands": 3}).write(tmp_path / "parts")
    for path in parts.values():
        with rasterio.open(path, "r+") as dst:
            dst.descriptions = pixels.bands

    class Named:
        spec = staticmethod(lambda **_: spec)

    report = assemble(Named, parts, tmp_path / "work")

    with rasterio.open(report.path) as src:
        assert src.descriptions == pixels.bands
        assert src.scales == (0.5,) * 3
        assert src.offsets == (-10.0,) * 3
        assert src.nodatavals == (0.0,) * 3
        assert src.tags()["TITLE"] == "Ä & <b>"
        assert src.tags()["RUN"] == "7"
        assert src.colorinterp == (ColorInterp.gray, ColorInterp.undefined, ColorInterp.undefined)
        assert src.crs.to_epsg() == 32633
        assert tuple(src.transform)[:6] == scene.grid.transform
        assert src.profile["interleave"] == "pixel"


def test_statistics_are_there_and_say_that_they_are_approximate(cog):
    """A viewer can stretch colours without reading the file; means of pixels stay close to the pixels."""
    _scene, _parts, report = cog
    pixels = read(report.path).astype(float)

    with rasterio.open(report.path) as src:
        tags = [src.tags(band) for band in (1, 2)]

    for found, band in zip(tags, pixels, strict=True):
        valid = band[band != 0]
        assert found["STATISTICS_APPROXIMATE"] == "YES"
        assert float(found["STATISTICS_MEAN"]) == pytest.approx(valid.mean(), rel=0.05)
        assert valid.min() <= float(found["STATISTICS_MINIMUM"]) <= valid.mean()
        assert valid.mean() <= float(found["STATISTICS_MAXIMUM"]) <= valid.max()


def test_tifffile_reads_the_same_pixels(cog):
    """A second reader, which shares no code with GDAL."""
    _scene, _parts, report = cog

    with tifffile.TiffFile(report.path) as file:
        assert file.is_bigtiff
        assert [page.shape[:2] for page in file.series[0].levels] == [
            (1500, 1300),
            (750, 650),
            (375, 325),
            (188, 163),
            (94, 82),
        ]
        pixels = np.moveaxis(file.asarray(), 2, 0)

    np.testing.assert_array_equal(pixels, read(report.path))


def overview(path, level):
    with rasterio.open(path, overview_level=level) as src:
        return src.read()


def test_overviews_of_parts_hold_nothing_of_the_outside(cog):
    """Overview blocks on the boundary are computed anew: where four pixels are nodata, so is their mean."""
    scene, parts, report = cog
    full = np.pad(read(report.path), ((0, 0), (0, 0), (0, 0)))

    first = np.moveaxis(overview(report.path, 0), 0, 2)

    expected = halve(np.moveaxis(full, 0, 2), 0, "average")
    assert "taken from the parts" in report.overviews
    assert report.blocks_copied > 80
    # GDAL rounds its means in its own way: blocks taken from parts may differ by one.
    assert np.abs(first.astype(int) - expected).max() <= 1
    np.testing.assert_array_equal(first == 0, expected == 0)
    np.testing.assert_array_equal(read(report.path), reference(scene, parts, report.path.parent))


@pytest.mark.parametrize("resampling", ["average", "nearest"])
@pytest.mark.parametrize("clipped", [True, False], ids=["an area", "no area"])
@pytest.mark.parametrize("dtype", ["uint16", "float32", "int16"])
def test_computed_overviews_are_what_they_are_called(resampling, dtype, clipped, tmp_path):
    """Every level is made of the next finer one, across parts and blocks, edges included."""
    nodata = {"uint16": 0, "float32": math.nan, "int16": -9999}[dtype]
    base = Scene(height=333, width=401, side=96, dtype=dtype, nodata=nodata)
    scene = Scene(**{**vars(base), "area": star(base, np.random.default_rng(8)) if clipped else None})

    report = assemble(scene, scene.write(tmp_path / "parts"), tmp_path / "work", overviews=resampling)

    finer = np.moveaxis(read(report.path), 0, 2)
    with rasterio.open(report.path) as src:
        levels = len(src.overviews(1))
    assert levels == 5
    for level in range(levels):
        odd = ((0, finer.shape[0] % 2), (0, finer.shape[1] % 2), (0, 0))
        coarser = np.moveaxis(overview(report.path, level), 0, 2)
        np.testing.assert_array_equal(coarser, halve(np.pad(finer, odd, constant_values=nodata), nodata, resampling))
        finer = coarser
    assert resampling in report.overviews


def test_classes_are_never_averaged(tmp_path):
    """Nobody tells how the overviews of parts were made: of classes they are made anew, of the nearest pixels."""
    scene = Scene(**{**vars(COG), "height": 512, "width": 512, "dtype": "uint8", "nodata": 255})

    report = assemble(scene, scene.write(tmp_path / "parts"), tmp_path / "work", classes=True)

    np.testing.assert_array_equal(overview(report.path, 0), read(report.path)[:, ::2, ::2])
    assert report.overviews == "nearest of valid pixels, level by level"


def spoil_padding(path, dtype):
    """Fill what the blocks of an uncompressed file hold beyond its edges with a number no pixel has."""
    with path.open("r+b") as file:
        for image in tiff.read(FileBytes.of(file.fileno())).directories:
            side, height, width = (image.number(t) for t in (tiff.TILE_WIDTH, tiff.HEIGHT, tiff.WIDTH))
            rows, cols = -(-height // side), -(-width // side)
            offsets = image.numbers(tiff.TILE_OFFSETS).reshape(-1, rows, cols)  # of each band, where bands lie apart
            for (_, row, col), offset in np.ndenumerate(offsets):
                file.seek(offset)
                block = np.fromfile(file, dtype, side * side * image.number(tiff.SAMPLES) // len(offsets))
                block = block.reshape(side, side, -1)
                block[max(height - row * side, 0) :], block[:, max(width - col * side, 0) :] = 30_000, 30_000
                file.seek(offset)
                file.write(block.tobytes())


@pytest.mark.parametrize(
    ("driver", "side", "profile", "apart", "made"),
    [
        pytest.param(
            "GTiff", 80, {"tiled": True, "blockxsize": 16, "blockysize": 16}, False, "average of valid", id="computed"
        ),
        pytest.param("COG", 512, {"blocksize": 128, "compress": "none"}, False, "taken from", id="from the parts"),
        pytest.param("COG", 512, {"blocksize": 128, "compress": "none"}, True, "average of valid", id="bands apart"),
    ],
)
def test_what_blocks_hold_beyond_the_edge_is_never_seen(driver, side, profile, apart, made, tmp_path):
    """Edge blocks are padded with anything; overviews are made of the pixels of the raster alone."""
    scene = Scene(height=734, width=802, side=side, driver=driver, profile=profile, holes=0, dtype="int16")
    left, bottom, right, top = scene.grid.bounds()
    area = shapely.box(left + 300, bottom - 50, right + 50, top - 300)
    scene = Scene(**{**vars(scene), "area": area})
    parts = scene.write(tmp_path / "parts")
    for path in parts.values():
        if apart:
            store_bands_apart(path)
        spoil_padding(path, "int16")

    report = assemble(scene, parts, tmp_path / "work")

    with rasterio.open(report.path) as src:
        levels = len(src.overviews(1))
    assert levels >= 2
    assert report.overviews.startswith(made)
    for pixels in (read(report.path), *(overview(report.path, level) for level in range(levels))):
        assert pixels.max() < 3000


def test_the_mean_leaves_nodata_out_and_never_makes_it():
    """Nodata does not darken edges, and a mean of true values is not taken for nodata."""
    pixels = np.array([[[0], [4], [-1], [1]], [[0], [7], [-1], [1]]], "int16")

    assert halve(pixels, 0, "average").ravel().tolist() == [6, 1]
    assert halve(pixels.astype("float32"), 0, "average").ravel().tolist() == [5.5, 0]
    assert halve(pixels, 0, "nearest").ravel().tolist() == [0, -1]


def test_an_area_that_nothing_covers_gives_an_empty_file(tmp_path):
    """No part at all is a mosaic of nodata, valid and small."""
    scene = Scene(height=700, width=900)

    report = assemble(scene, {}, tmp_path / "work")

    assert not read(report.path).any()
    assert cog_validate(report.path, strict=True)[0]
    assert report.size == report.path.stat().st_size <= 4096
    assert report.blocks_copied == report.blocks_encoded == 0


def test_blocks_of_nodata_are_not_stored(tmp_path):
    """A part that is all nodata costs nothing, even where its blocks are stored, compressed or not."""
    for compress in ("deflate", "lzw", "zstd", "none"):
        profile = {"tiled": True, "blockxsize": 64, "blockysize": 64, "compress": compress}
        scene = Scene(height=128, width=128, side=128, holes=1.0, profile=profile)

        report = assemble(scene, scene.write(tmp_path / compress), tmp_path / f"work-{compress}")

        assert (report.blocks_copied, report.blocks_encoded, report.blocks_sparse) == (0, 0, 5)


def test_offsets_beyond_four_gigabytes_are_read_right(tmp_path):
    """The file is a BigTIFF in truth: blocks more than 5 GB into it are found by GDAL and by tifffile."""
    scene = Scene(height=96, width=64)
    settings = MosaicSettings.of(scene.spec())
    codec = Codec(Encoding("deflate", 2, 64), settings.dtype, 2)
    blocks = np.arange(2 * 64 * 64 * 2, dtype="uint16").reshape(2, 64, 64, 2)
    stored = [codec.encode(block) for block in blocks]
    offsets = np.array([[5 << 30], [(5 << 30) + len(stored[0])]])
    image = header.Image(96, 64, offsets, np.array([[len(s)] for s in stored]))
    path = tmp_path / "big.tif"
    with path.open("wb") as file:
        file.write(header.header(header.template(settings), codec.encoding, [image]))
        file.seek(5 << 30)
        file.write(b"".join(stored))

    pixels = np.moveaxis(read(path), 0, 2)

    np.testing.assert_array_equal(pixels, blocks.reshape(128, 64, 2)[:96])
    np.testing.assert_array_equal(tifffile.imread(path), pixels)
    path.unlink()


@pytest.mark.parametrize("compress", ["none", "deflate", "lzw", "zstd"])
@pytest.mark.parametrize(
    ("dtype", "predictor"),
    [
        ("uint8", 2),
        ("int16", 2),
        ("uint16", 1),
        ("int32", 2),
        ("float32", 2),
        ("float32", 3),
        ("float64", 3),
        ("float64", 2),
    ],
)
def test_a_block_comes_back_as_it_went(compress, dtype, predictor):
    """Encoding loses nothing: NaN, infinities and negative zero included."""
    rng = np.random.default_rng(1)
    codec = Codec(Encoding(compress, predictor, 32), np.dtype(dtype), 3)
    pixels = (rng.normal(size=codec.shape) * 100).astype(dtype)
    if dtype.startswith("float"):
        pixels[0, :4, 0] = [np.nan, np.inf, -np.inf, -0.0]

    again = codec.decode(codec.encode(pixels))

    assert again.tobytes() == pixels.tobytes()
    assert again.flags.writeable

"""Strips of rows: whatever their height, they are the whole raster's; and what is counted of them is every value."""

import tracemalloc
from dataclasses import replace

import numpy as np
import preprocess_kit as kit
import pytest
import rasterio
from hypothesis import given, settings
from hypothesis import strategies as st
from rasterio.warp import Resampling, reproject

from orchestrator.core.errors import IntegrityError
from orchestrator.model.grid import Grid
from orchestrator.products.preprocess.counting import count_scene, settings_of
from orchestrator.products.preprocess.document import ScenePlan, SourceFile
from orchestrator.products.preprocess.keys import METHODS, PreprocessKeys
from orchestrator.products.preprocess.normalisation.histogram import SceneCounter
from orchestrator.products.preprocess.raster import StripReader, Warped, is_nested, strip_rows
from orchestrator.products.preprocess.sample import make_sample
from orchestrator.products.preprocess.tiles import TileWriter

CRS = "EPSG:32631"


def grid(step, side=1200, ulx=399960.0):
    return Grid(CRS, (float(step), 0.0, ulx, 0.0, -float(step), 4800000.0), side // step, side // step)


@pytest.fixture(scope="module")
def rasters(tmp_path_factory):
    """Numbers by chance, with holes, on 10, 20 and 60 m, in small blocks."""
    chance, made = np.random.default_rng(0), {}
    for step in (10, 20, 60):
        of = grid(step)
        numbers = chance.integers(1, 4000, (of.height, of.width)).astype("uint16")
        numbers[chance.random(numbers.shape) < 0.1] = 1  # the least that is data
        numbers[chance.random(numbers.shape) < 0.1] = 0
        numbers[: of.height // 3, : of.width // 2] = 0
        path = tmp_path_factory.mktemp("rasters") / f"T31TDH_20180101T105441_B{step}.tif"
        profile = {"driver": "GTiff", "count": 1, "dtype": "uint16", "crs": CRS, "tiled": True, "blockysize": 16}
        profile |= {"blockxsize": 16, "width": of.width, "height": of.height}
        with rasterio.open(path, "w", **profile, transform=rasterio.Affine(*of.transform)) as raster:
            raster.write(numbers, 1)
        made[step] = (path, numbers)
    return made


def whole(numbers, source, target, method):
    made = np.zeros((target.height, target.width), numbers.dtype)
    places = {"src_transform": rasterio.Affine(*source.transform), "dst_transform": rasterio.Affine(*target.transform)}
    nodata = {"src_nodata": 0, "dst_nodata": 0}
    reproject(numbers, made, **places, src_crs=CRS, dst_crs=CRS, resampling=Resampling[method], **nodata)
    return made


@settings(max_examples=60)
@given(
    steps=st.sampled_from([(10, 20), (10, 60), (20, 10), (20, 60), (60, 10), (60, 20), (20, 20)]),
    method=st.sampled_from([name for name in METHODS if name != "mode"]),
    heights=st.lists(st.integers(5, 60), min_size=1, max_size=4),
)
def test_strips_of_any_height_are_those_of_the_whole_raster(rasters, steps, method, heights):
    """To the last bit, for every method, upwards and downwards; `mode` is the slow one, and below."""
    (path, numbers), target = rasters[steps[0]], grid(steps[1])

    warped, strips, row = Warped(StripReader(path), target, up=method, down=method), [], 0
    while row < target.height:
        height = min(heights[len(strips) % len(heights)], target.height - row)
        strips.append(warped.valid(row, height))
        row += height

    wanted = numbers if steps[0] == steps[1] else whole(numbers, grid(steps[0]), target, method)
    assert np.array_equal(np.concatenate(strips), wanted)


def test_the_most_frequent_number_too(rasters):
    """`mode`, from 10 to 60 m, in strips of 7 rows."""
    (path, numbers), target = rasters[10], grid(60)

    warped = Warped(StripReader(path), target, up="mode", down="mode")
    made = np.concatenate([warped.valid(row, min(7, 20 - row)) for row in range(0, 20, 7)])

    assert np.array_equal(made, whole(numbers, grid(10), target, "mode"))


def test_the_method_is_chosen_by_the_side_of_a_pixel(rasters):
    """Larger pixels than the target's go up, smaller ones down."""
    reader = StripReader(rasters[20][0])

    up, down = (Warped(reader, grid(step), up="cubic", down="max").method for step in (10, 60))

    assert (up, down) == (Resampling.cubic, Resampling.max)


def test_where_a_raster_does_not_reach_there_is_no_data(rasters):
    """Numbers are 0, classes what is said of outside."""
    warped = Warped(StripReader(rasters[20][0]), grid(20, ulx=900000.0), up="nearest", down="nearest")

    assert not warped.valid(0, 10).any()
    assert set(np.unique(warped.classes(10, 10, -1))) == {-1}


def test_each_row_of_blocks_is_decoded_once(rasters, monkeypatch):
    """Whatever the strips, no row of the file is read twice."""
    path, numbers = rasters[10]
    reader, read = StripReader(path), []
    decoded = reader._decoded
    monkeypatch.setattr(reader, "_decoded", lambda top, bottom: read.extend(range(top, bottom)) or decoded(top, bottom))

    for top in range(0, 120, 11):
        assert np.array_equal(reader.rows(top, min(120, top + 17)), numbers[top : top + 17])

    assert len(read) == len(set(read))


def test_grids_that_do_not_fit_into_each_other_are_made_in_one_piece():
    """439 and 219 pixels over the same ground: up to 2,048 rows at once; 10 and 60 m: a row of blocks."""
    odd = [Grid(CRS, (109800 / n, 0.0, 0.0, 0.0, -109800 / n, 0.0), n, n) for n in (439, 219)]

    assert not is_nested(*odd)
    assert (strip_rows(odd[0], odd[1:]), strip_rows(grid(10), [grid(60), grid(20)])) == (2048, 256)


@pytest.mark.parametrize("method", ["cubic", "bilinear", "average"])
@pytest.mark.parametrize(("rows", "made_rows"), [(615, 300), (914, 300), (1968, 960), (300, 610)])
def test_strips_of_grids_that_do_not_fit_have_one_kernel(tmp_path, rows, made_rows, method):
    """2.05 pixels in one: GDAL takes 2 or 2.05 by a piece's height; but for halves they are the whole's."""
    source, target = (Grid(CRS, (100.0, 0.0, 0.0, 0.0, -6000.0 / n, 0.0), n, 5) for n in (rows, made_rows))
    numbers = np.random.default_rng(0).integers(1, 4000, (rows, 5)).astype("uint16")
    profile = {"driver": "GTiff", "count": 1, "dtype": "uint16", "crs": CRS, "width": 5, "height": rows}
    with rasterio.open(tmp_path / "x.tif", "w", **profile, transform=rasterio.Affine(*source.transform)) as raster:
        raster.write(numbers, 1)

    warped = Warped(StripReader(tmp_path / "x.tif"), target, up=method, down=method)
    made = np.concatenate([warped.valid(row, min(101, made_rows - row)) for row in range(0, made_rows, 101)])

    assert np.abs(made.astype(int) - whole(numbers, source, target, method)).max() <= 1


def scene_of(rasters, strip):
    path = str(rasters[10][0])
    return ScenePlan("T31TDH", "2018-01-01T10:54:41Z", (SourceFile("l1c.band.B02", path),), grid(20), strip)


@pytest.mark.parametrize("most", [None, 500])
@pytest.mark.parametrize("strip", [256, 13])
def test_a_scene_is_counted_value_by_value(rasters, most, strip):
    """By tables of numbers, or chosen pixels: as the histogram of every value of the whole scene has it."""
    normalize = {"hist_range": [0, 2000], "hist_bin_width": 10.0, "max_pixels_per_scene": most}
    words = {"l1c_bands": ["B02"], "to_toa_reflectance": False, "downsample_method": "min"}
    keys = PreprocessKeys(**words, normalize=normalize)
    scene, numbers = scene_of(rasters, strip), whole(rasters[10][1], grid(10), grid(20), "min")

    with kit.Pool() as pool:
        found = count_scene(scene, keys, kit.NEVER, pool)

    counter = SceneCounter(settings_of(keys), scene.name, 60)
    counter.add_band("B02", numbers.astype(float), numbers != 0)
    assert np.array_equal(found.counts, counter.histogram().counts)
    if most is None:
        wanted, _ = np.histogram(np.minimum(numbers[numbers != 0], 1999), 200, (0, 2000))
        assert np.array_equal(found.counts[0], wanted)
        assert found.overflow[0] == (numbers >= 2000).sum() > 0
    else:
        assert found.counts.sum() == most


def test_an_unfinished_file_is_no_file_of_blocks(tmp_path):
    """A block too few is an error of ours, not a file."""
    wide = replace(grid(10), width=300)

    with (
        kit.Pool() as pool,
        pytest.raises(IntegrityError, match="has 1 blocks, expected 1 × 2"),
        TileWriter(tmp_path / "x", wide, ["a"], "uint8", nodata=None, tags=(), pool=pool) as file,
    ):
        file.append(np.zeros((120, 200, 1), "uint8"))


def peak_of(folder, rows):
    """Return the most bytes that arrays took while a scene of 64 columns and so many rows was made."""
    folder.mkdir()
    of = {step: Grid(CRS, (step, 0.0, 0.0, 0.0, -step, 0.0), rows * 10 // step, 640 // step) for step in (10, 20)}
    files = []
    for name, step in (("B02", 10), ("B05", 20)):
        profile = {"driver": "GTiff", "count": 1, "dtype": "uint16", "crs": CRS, "blockysize": 64}
        profile |= {"width": of[step].width, "height": of[step].height}
        place = rasterio.Affine(*of[step].transform)
        with rasterio.open(folder / f"{name}.tif", "w", **profile, transform=place) as file:
            file.write(np.full((1, of[step].height, of[step].width), 7, "uint16"))
        files.append(SourceFile(f"l1c.band.{name}", str(folder / f"{name}.tif")))
    keys = PreprocessKeys(l1c_bands=["B02", "B05"], to_toa_reflectance=False, labels={"enabled": False})
    scene = ScenePlan("T31TDH", "2018-01-01T10:54:41Z", tuple(files), of[10], strip_rows(of[10], [of[20]]))
    with kit.Pool() as pool:
        tracemalloc.start()
        made = make_sample(scene, keys, None, folder, (), kit.NEVER, pool)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    assert made.statistics["valid_pixel_count"] == rows * 64
    return peak


def test_memory_does_not_grow_with_the_size_of_a_scene(tmp_path):
    """Four times as many rows: the same strips."""
    small, large = (peak_of(tmp_path / str(rows), rows) for rows in (2560, 10240))

    assert large < 1.1 * small

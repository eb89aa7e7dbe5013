"""The pixels that hold data are counted, each of them, whatever way their blocks came."""

from __future__ import annotations

import os

import numpy as np
import pytest
from assembly import Never, Scene, place, read, star

from orchestrator.assemble.mosaic import BlockAssembler
from orchestrator.core.errors import IntegrityError, Stopped

TILED = {"tiled": True, "blockxsize": 32, "blockysize": 32, "compress": "deflate"}


def finished(scene, folder):
    """Return the mosaic of a scene, complete, and its file."""
    mosaic = BlockAssembler().open(scene.spec(), folder / "work")
    place(mosaic, scene.write(folder / "parts").items())
    return mosaic, mosaic.finish(Never()).path


@pytest.mark.parametrize(
    "scene",
    [
        pytest.param(Scene(profile=TILED), id="copied blocks that reach over the edge"),
        pytest.param(Scene(height=150, width=130, side=50, bands=3), id="decoded blocks that parts share"),
        pytest.param(Scene(dtype="float32", nodata=-9999.0, side=128, profile=TILED), id="floats"),
        pytest.param(Scene(dtype="float32", nodata=float("nan"), side=128, profile=TILED), id="NaN is nodata"),
        pytest.param(Scene(dtype="float32", nodata=float("-inf"), side=128), id="minus infinity is nodata"),
        pytest.param(Scene(missing=(1, 5), profile=TILED), id="missing parts"),
    ],
)
def test_the_count_is_that_of_all_pixels(scene, tmp_path):
    """GDAL reads the finished file, numpy counts what is not nodata: the same for every band, with an area too."""
    clipped = Scene(**{**vars(scene), "area": star(scene, np.random.default_rng(3))})
    for number, each in enumerate((scene, clipped)):
        mosaic, path = finished(each, tmp_path / str(number))

        pixels = read(path)
        empty = np.isnan(pixels) if np.isnan(scene.nodata) else pixels == scene.nodata

        assert mosaic.valid(Never()) == tuple((~empty).sum(axis=(1, 2)).tolist())


def test_a_pixel_that_is_not_a_number_holds_no_data(tmp_path):
    """NaN by computation is no datum, also where the nodata value is another."""
    scene = Scene(height=32, width=32, side=32, bands=1, dtype="float32", nodata=-1.0, holes=0, profile=TILED)
    pixels = scene.pixels()
    pixels[0, :4, :4] = np.nan

    class WithNan(Scene):
        def pixels(self):
            return pixels

    mosaic, _path = finished(WithNan(**vars(scene)), tmp_path)

    assert mosaic.valid(Never()) == (32 * 32 - 16,)


def test_the_counting_tells_how_far_it_is_and_stops_when_asked_to(tmp_path):
    """Nobody waits for a hundred gigabytes to be decoded."""
    mosaic, _path = finished(Scene(profile=TILED), tmp_path)
    told, asked = [], iter([False, False, True])

    class Soon(Never):
        def is_set(self):
            return next(asked)

    with pytest.raises(Stopped, match="counting"):
        mosaic.valid(Soon(), lambda done, blocks: told.append((done, blocks)))

    assert [done for done, _blocks in told] == [1, 2]
    assert len({blocks for _done, blocks in told}) == 1


def test_a_block_that_cannot_be_decoded_is_named(tmp_path):
    """What was damaged on the disk is found before it is published."""
    mosaic, path = finished(Scene(height=64, width=64, side=64, holes=0, profile=TILED), tmp_path)
    fd = os.open(path, os.O_RDWR)
    os.pwrite(fd, b"\xff" * 500, path.stat().st_size - 600)
    os.close(fd)

    with pytest.raises(IntegrityError, match=r"block \(1, 1\)"):
        mosaic.valid(Never())

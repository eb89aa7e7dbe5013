"""The pixels that hold data are counted, each of them, whatever way their blocks came."""

from __future__ import annotations

import os

import numpy as np
import pytest
from assembly import Never, Scene, place, read, star

from orchestrator.assemble.mosaic import BlockAssembler
from orchestrator.core.crc32c import crc32c_of, crc32c_text
from orchestrator.core.errors import IntegrityError, Stopped
from orchestrator.model.product import OutputLostError
from orchestrator.products.mosaic.publication import sha256_of_finished

TILED = {"tiled": True, "blockxsize": 32, "blockysize": 32, "compress": "deflate"}


def finished(scene, folder, **how):
    """Return the mosaic of a scene, complete, and its file."""
    mosaic = BlockAssembler().open(scene.spec(), folder / "work", **how)
    place(mosaic, scene.write(folder / "parts").items())
    return mosaic, mosaic.finish(Never()).path


SCENES = [
    pytest.param(Scene(profile=TILED), id="copied blocks that reach over the edge"),
    pytest.param(Scene(height=150, width=130, side=50, bands=3), id="decoded blocks that parts share"),
    pytest.param(Scene(dtype="float32", nodata=-9999.0, side=128, profile=TILED), id="floats"),
    pytest.param(Scene(dtype="float32", nodata=float("nan"), side=128, profile=TILED), id="NaN is nodata"),
    pytest.param(Scene(dtype="float32", nodata=float("-inf"), side=128), id="minus infinity is nodata"),
    pytest.param(Scene(missing=(1, 5), profile=TILED), id="missing parts"),
]


@pytest.mark.parametrize("scene", SCENES)
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


MIXED = Scene(height=96, width=160, side=48, profile=TILED | {"blockxsize": 16, "blockysize": 16})


@pytest.mark.parametrize("scene", [*SCENES, pytest.param(MIXED, id="overviews of several parts")])
def test_what_was_counted_while_placing_is_what_is_counted_in_the_file(scene, tmp_path):
    """Counts and bytes are those of a file whose parts were not examined, and the checksum is that of its bytes."""
    clipped = Scene(**{**vars(scene), "area": star(scene, np.random.default_rng(3))})
    for number, each in enumerate((scene, clipped)):
        plain, path = finished(each, tmp_path / f"plain {number}")
        mosaic, examined = finished(each, tmp_path / f"examined {number}", examining=True)

        assert mosaic.valid(Never()) == plain.valid(Never())
        assert examined.read_bytes() == path.read_bytes()
        assert mosaic.finish(Never()).crc32c == crc32c_text(crc32c_of(examined))


@pytest.mark.parametrize(
    "examined_first", [False, True], ids=["an earlier version began", "an earlier version goes on"]
)
def test_parts_that_nobody_examined_are_counted_in_the_file(examined_first, tmp_path):
    """Work that was begun by another version is continued, and nothing is said of what nobody has read."""
    scene = Scene(profile=TILED, area=star(Scene(), np.random.default_rng(3)))
    parts = list(scene.write(tmp_path / "parts").items())
    first = BlockAssembler().open(scene.spec(), tmp_path / "work", examining=examined_first)
    place(first, parts[:4])
    first.close()

    mosaic = BlockAssembler().open(scene.spec(), tmp_path / "work", examining=not examined_first)
    place(mosaic, parts[4:])
    report = mosaic.finish(Never())

    assert (report.crc32c, mosaic.valid(Never())) == ("", finished(scene, tmp_path / "other")[0].valid(Never()))


def test_parts_stored_in_two_ways_are_counted_and_summed_as_they_lie_in_the_file(tmp_path):
    """What is decoded and encoded anew for the file is summed as it was encoded, and counted once."""
    scene = Scene(
        height=128, width=128, side=64, profile=TILED, area=star(Scene(height=128, width=128), np.random.default_rng(3))
    )
    parts = scene.write(tmp_path / "parts")
    others = Scene(**{**vars(scene), "profile": TILED | {"compress": "lzw"}}).write(tmp_path / "others")
    mixed = [(w, (others if number % 2 else parts)[w]) for number, w in enumerate(parts)]
    mosaic = BlockAssembler().open(scene.spec(), tmp_path / "work", examining=True)
    place(mosaic, mixed)

    report = mosaic.finish(Never())

    assert report.crc32c == crc32c_text(crc32c_of(report.path))
    assert mosaic.valid(Never()) == finished(scene, tmp_path / "alike")[0].valid(Never())


def test_a_byte_that_changes_on_the_disk_after_it_was_placed_is_found_before_publication(tmp_path):
    """The pass that takes the SHA-256 compares what it reads with what was written; the file is taken away."""
    mosaic, path = finished(Scene(profile=TILED), tmp_path, examining=True)
    report = mosaic.finish(Never())
    with path.open("r+b") as file:
        file.seek(-100, os.SEEK_END)
        byte = file.read(1)
        file.seek(-100, os.SEEK_END)
        file.write(bytes([byte[0] ^ 1]))

    with pytest.raises(OutputLostError, match="damaged on this disk; it is made again of the parts"):
        sha256_of_finished(report, Never())
    assert not path.exists()


def test_a_block_that_cannot_be_decoded_is_not_placed(tmp_path):
    """A part that arrived as it was made and yet is none is brought again while the others are on their way."""
    scene = Scene(height=64, width=64, side=64, holes=0, profile=TILED)
    [(window, path)] = scene.write(tmp_path / "parts").items()
    content = bytearray(path.read_bytes())
    middle = len(content) // 2
    content[middle : middle + 500] = b"\xff" * 500
    mosaic = BlockAssembler().open(scene.spec(), tmp_path / "work", examining=True)

    with pytest.raises(IntegrityError, match="cannot be decoded"):
        place(mosaic, [(window, bytes(content))])

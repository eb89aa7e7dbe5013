"""An output of strips is the very file that one machine makes, whatever the grid, the parts and the cuts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pytest
from assembly import Never, Scene, assemble, read, reference, star
from hypothesis import given, settings
from hypothesis import strategies as st
from place_kit import DictionaryPlace
from rio_cogeo.cogeo import cog_validate

from orchestrator.assemble.joining import JoinedMosaic, StripJoin
from orchestrator.assemble.strip import StripMosaic
from orchestrator.assemble.strip_index import StripIndex
from orchestrator.core.errors import IntegrityError
from orchestrator.model.grid import Window
from orchestrator.model.mosaic import MosaicSpec
from orchestrator.model.strip import OutputStrip, strip_cell
from orchestrator.model.unit import Cell
from orchestrator.products.mosaic.strip_sink import IndexFolder, StripSink

NODATA = {"uint8": 0, "int16": -9999, "uint16": 7, "float32": float("nan"), "float64": -1e9}


def strips_of(scene: Scene, cuts: list[int]) -> list[OutputStrip]:
    """Cut in half rows of parts: `cuts` count such, so that at the odd ones parts lie in two strips."""
    rows = sorted({0, *(min(cut * scene.side // 2, scene.height) for cut in cuts), scene.height})
    return [OutputStrip(number, row, bottom) for number, (row, bottom) in enumerate(pairwise(rows))]


def make_strip(
    spec: MosaicSpec, strip: OutputStrip, parts: Mapping[Window, Any], place: DictionaryPlace, folder: Path
) -> StripIndex:
    """Make one strip, and send its index through its text."""
    clear = max((window.bottom for window in parts if window.row < strip.row), default=0)
    made = StripMosaic.open(spec, strip, folder / f"strip-{strip.index}", clear=clear)
    mine = [(window, data) for window, data in parts.items() if strip.has(window)]
    made.place(mine, lambda _window: None)
    index = made.publish(place, f"{strip.index}/", Never())
    return StripIndex.from_json(index.to_json())


def join(
    scene: Scene, parts: Mapping[Window, Any], cuts: list[int], folder: Path, place: DictionaryPlace, **changes: Any
) -> JoinedMosaic:
    """Make strips one after the other, the lowest first, and join them."""
    spec = scene.spec(**changes)
    indexes = [make_strip(spec, strip, parts, place, folder) for strip in reversed(strips_of(scene, cuts))]
    return StripJoin(spec, indexes, place, folder / "join", Never()).run("out.tif")


@st.composite
def scenes(draw: st.DrawFn) -> tuple[Scene, dict[str, str], list[int]]:
    """A grid that is cut and stored and clipped in some way, how to write the output, and where strips are cut."""
    dtype = draw(st.sampled_from(sorted(NODATA)))
    block = draw(st.sampled_from([16, 32]))
    compress = draw(st.sampled_from(["deflate", "zstd", "lzw", None]))
    profile: dict[str, Any] = {"tiled": True, "blockxsize": block, "blockysize": block}
    if compress:
        profile |= {"compress": compress, "predictor": draw(st.sampled_from([1, 2]))}
    # A side of 40 lies across blocks: neighbours share them, and so do strips.
    side = draw(st.sampled_from([block, block * 2, block * 4, 40]))
    scene = Scene(
        height=draw(st.integers(1, 170)),
        width=draw(st.integers(1, 130)),
        side=side,
        bands=draw(st.integers(1, 3)),
        dtype=dtype,
        nodata=NODATA[dtype],
        holes=draw(st.sampled_from([0.0, 0.1, 1.0])),
        seed=draw(st.integers(0, 1000)),
        missing=tuple(draw(st.lists(st.integers(0, 12), max_size=4))),
        profile=profile,
    )
    if draw(st.booleans()):
        scene = replace(scene, area=star(scene, np.random.default_rng(scene.seed)))
    options = {"overviews": draw(st.sampled_from(["auto", "average", "nearest", "none"]))}
    if draw(st.booleans()):
        options["compress"] = draw(st.sampled_from(["deflate", "zstd"]))
    return scene, options, draw(st.lists(st.integers(1, 20), max_size=4))


@given(scenes())
@settings(max_examples=25, deadline=None)
def test_strips_joined_are_the_bytes_of_one_machine(case):
    """Not one byte differs, and neither does what is told about the file."""
    scene, options, cuts = case
    with TemporaryDirectory() as name:
        folder, place = Path(name), DictionaryPlace()
        parts = scene.write(folder / "parts")
        whole = assemble(scene, parts, folder / "whole", **options)

        joined = join(scene, parts, cuts, folder, place, **options)

        assert place.contents["out.tif"] == whole.path.read_bytes()
        told = {name: getattr(whole, name) for name in joined.report}
        assert joined.report == told


@given(scenes(), st.sampled_from(["lzw", "zstd"]), st.sampled_from([16, 32, 48]))
@settings(max_examples=10, deadline=None)
def test_parts_that_are_not_stored_alike_are_joined_all_the_same(case, compress, block):
    """Where every third part has another compression and other blocks, the output is still that of one machine."""
    scene, options, cuts = case
    with TemporaryDirectory() as name:
        folder, place = Path(name), DictionaryPlace()
        parts = scene.write(folder / "parts")
        other = replace(scene, profile={"tiled": True, "blockxsize": block, "blockysize": block, "compress": compress})
        others = other.write(folder / "others")
        mixed = {w: (others if n % 3 == scene.seed % 3 else parts)[w] for n, w in enumerate(sorted(parts))}
        options = {"overviews": options["overviews"]}
        whole = assemble(scene, mixed, folder / "whole", **options)

        join(scene, mixed, cuts, folder, place, **options)

        assert place.contents["out.tif"] == whole.path.read_bytes()


@pytest.fixture(scope="module")
def country(tmp_path_factory: pytest.TempPathFactory) -> tuple[Scene, dict[Window, Path], Path]:
    """A clipped raster of 25 × 20 blocks in parts of 4 × 4, for four strips of two rows of parts and a rest."""
    folder = tmp_path_factory.mktemp("country")
    profile = {"tiled": True, "blockxsize": 16, "blockysize": 16, "compress": "deflate", "predictor": 2}
    scene = Scene(height=400, width=320, side=64, seed=5, profile=profile)
    scene = replace(scene, area=star(scene, np.random.default_rng(1), hole=False))
    return scene, scene.write(folder / "parts"), folder


def test_an_output_of_strips_is_a_cloud_optimised_geotiff_of_the_right_pixels(country, tmp_path):
    """Judged by rio-cogeo, and by rasterio.merge followed by rasterio.mask."""
    scene, parts, _folder = country
    place = DictionaryPlace()

    join(scene, parts, [4, 8], tmp_path, place)

    (tmp_path / "out.tif").write_bytes(place.contents["out.tif"])
    assert cog_validate(tmp_path / "out.tif")[0]
    np.testing.assert_array_equal(read(tmp_path / "out.tif"), reference(scene, parts, tmp_path))


def test_a_part_that_reaches_into_the_next_strip_changes_no_byte(country, tmp_path):
    """The lower strip leaves alone what lies in the rows that it shares, overviews too, where it has nothing itself."""
    scene, parts, _folder = country
    whole, place = assemble(scene, parts, tmp_path / "whole"), DictionaryPlace()

    join(scene, parts, [3, 9], tmp_path, place)

    assert place.contents["out.tif"] == whole.path.read_bytes()


def test_strips_count_the_pixels_that_hold_data(country, tmp_path):
    """What they count together is what is counted in the output; side 40 shares blocks between them."""
    scene, _parts, _folder = country
    scene = replace(scene, side=40)
    parts = scene.write(tmp_path / "parts")

    joined = join(scene, parts, [3, 10], tmp_path, DictionaryPlace())

    data = reference(scene, parts, tmp_path)
    assert joined.valid == tuple(np.count_nonzero(data != scene.nodata, axis=(1, 2)).tolist())


def test_a_join_reads_no_more_than_blocks_at_the_cuts(country, tmp_path):
    """Strips of 2^3 rows of blocks make overviews down to level 3; only coarser ones are the join's."""
    scene, parts, _folder = country
    spec, place = replace(scene, area=None).spec(), DictionaryPlace()
    indexes = [make_strip(spec, strip, parts, place, tmp_path) for strip in strips_of(scene, [4, 8])]
    place.read_bytes = place.written_bytes = 0

    joined = StripJoin(spec, indexes, place, tmp_path / "join", Never()).run("out.tif")

    # Level 3 has 4 × 3 blocks, and level 4, next to the coarsest, 2 × 2: all of level 3 is read for level 4.
    largest = max(int(run.sizes.max()) for index in indexes for table in index.tables for run in table.runs)
    assert place.read_bytes <= 12 * largest
    assert joined.moved == place.read_bytes + place.written_bytes


def test_the_index_of_a_strip_keeps_what_it_says(country, tmp_path):
    """Read back from its text, it writes the same text."""
    scene, parts, _folder = country

    index = make_strip(scene.spec(), strips_of(scene, [4])[0], parts, DictionaryPlace(), tmp_path)

    assert StripIndex.from_json(index.to_json()).to_json() == index.to_json()


def test_a_block_that_is_not_what_its_strip_wrote_is_refused(country, tmp_path):
    """A flipped bit in a block that the join reads is found by the block's own checksum."""
    scene, parts, _folder = country
    spec, place = scene.spec(), DictionaryPlace()
    indexes = [make_strip(spec, strip, parts, place, tmp_path) for strip in strips_of(scene, [4, 8])]
    for name in [name for name in place.contents if name.split(".")[1] == "3"]:
        data = bytearray(place.contents[name])
        data[len(data) // 2] ^= 1
        place.contents[name] = bytes(data)

    with pytest.raises(IntegrityError, match="not those its strip wrote"):
        StripJoin(spec, indexes, place, tmp_path / "join", Never()).run("out.tif")


def test_strips_with_a_gap_are_no_output(country, tmp_path):
    """The rows that no strip has are named rather than left empty."""
    scene, parts, _folder = country
    spec, place = scene.spec(), DictionaryPlace()
    indexes = [make_strip(spec, strip, parts, place, tmp_path) for strip in strips_of(scene, [4, 8])]

    with pytest.raises(IntegrityError, match="do not make up rows 0 to 400"):
        StripJoin(spec, [indexes[0], indexes[2]], place, tmp_path / "join", Never())


def test_strips_of_another_output_are_refused(country, tmp_path):
    """Two jobs with one grid and other options do not mix."""
    scene, parts, _folder = country
    place = DictionaryPlace()
    indexes = [make_strip(scene.spec(), strip, parts, place, tmp_path) for strip in strips_of(scene, [4])]

    with pytest.raises(IntegrityError, match="one of another output"):
        StripJoin(scene.spec(compress="zstd"), indexes, place, tmp_path / "join", Never())


def test_a_part_of_another_strip_is_refused(country, tmp_path):
    """It would be in two."""
    scene, parts, _folder = country

    strip = StripMosaic.open(scene.spec(), OutputStrip(0, 0, 64), tmp_path)
    with pytest.raises(IntegrityError, match="does not begin in rows 0 to 64"):
        strip.place([(w, d) for w, d in parts.items() if w.row == 64], lambda _window: None)


def test_a_strip_that_did_not_know_of_a_part_from_above_is_refused(country, tmp_path):
    """Told of no part that reaches into its rows, it took blocks for its own that are not."""
    scene, parts, _folder = country
    spec, place = scene.spec(), DictionaryPlace()
    upper, lower = strips_of(scene, [3])
    indexes = [make_strip(spec, upper, parts, place, tmp_path)]
    alone = {window: data for window, data in parts.items() if window.row >= lower.row}
    indexes.append(make_strip(spec, lower, alone, place, tmp_path))

    with pytest.raises(IntegrityError, match="reach to 128; make it again"):
        StripJoin(spec, indexes, place, tmp_path / "join", Never())


def test_a_sink_takes_no_strip_of_another_version(country, tmp_path):
    """A worker of another version writes other tags; its strip is refused when it arrives, not when all are joined."""
    scene, parts, _folder = country
    strip = strips_of(scene, [4])[0]
    index = make_strip(scene.spec(tags=(("made_by", "another"),)), strip, parts, DictionaryPlace(), tmp_path)

    sink = StripSink(IndexFolder(tmp_path), scene.spec(tags=(("made_by", "this one"),)))
    with pytest.raises(IntegrityError, match="give all workers the same version"):
        sink.place([(strip_cell(strip, 0), index.to_json())], lambda _cell: None)

    assert sink.placed() == frozenset()


def test_a_sink_finds_the_strips_it_had(country, tmp_path):
    """Opened again it has the strip, under the turn in which it was made, and the parts of the strip."""
    scene, parts, _folder = country
    strip = strips_of(scene, [4])[0]
    index = make_strip(scene.spec(), strip, parts, DictionaryPlace(), tmp_path)
    StripSink(IndexFolder(tmp_path), scene.spec()).place([(strip_cell(strip, 1), index.to_json())], lambda _cell: None)

    placed = StripSink(IndexFolder(tmp_path), scene.spec()).placed()

    assert placed == {strip_cell(strip, 1), *(Cell(window) for window in parts if strip.has(window))}

"""A TIFF from elsewhere is the one planned or is refused in a sentence: whatever it says, however it swells."""

from __future__ import annotations

import corpus_rasters as corpus
import hostile_kit as kit

COUNT = 200 if kit.WHOLE else 50


def test_what_is_planned_is_taken(world):
    """The measure of the others: a valid part, however it is stored."""
    for number in range(len(corpus.STORED)):
        path = world.work / f"valid-{number}.tif"
        path.write_bytes(corpus.valid(number))

        end = world.give("raster", str(path))

        assert (end.code, end.said, end.fault) == (0, "", "")


def test_a_raster_that_lies_swells_or_is_damaged_ends_in_a_sentence(world):
    """No traceback, no signal, no call, no file, and no more memory than the child may have."""
    given = {}
    for name, content in corpus.corpus(13, COUNT, world.listener.address):
        path = world.work / f"{len(given):03d}.tif"
        path.write_bytes(content)
        given[path] = name
    world.begin()

    ends = {name: world.give("raster", str(path)) for path, name in given.items()}

    assert {name: end.fault for name, end in ends.items() if end.fault} == {}
    assert {name: end.said for name, end in ends.items() if not end.said.isprintable()} == {}
    assert world.listener.heard == []
    assert world.traces() == []
    assert len(ends) == COUNT


def test_a_virtual_dataset_of_what_is_planned_is_no_raster(world):
    """Under whatever name: it could name any file of the machine. All four readers refuse it."""
    (world.work / "true.tif").write_bytes(corpus.valid())
    (world.work / "virtual.tif").write_bytes(corpus.virtual(str(world.work / "true.tif")))

    end = world.give("raster", str(world.work / "virtual.tif"))

    assert end.said.count("not recognized as being in a supported file format") == 4


def test_a_piece_of_another_crs_is_not_taken(world):
    """The same numbers in the next zone are another place, sixty kilometres or more away."""
    (world.work / "zone.tif").write_bytes(corpus.valid(crs="EPSG:32634"))

    end = world.give("raster", str(world.work / "zone.tif"))

    assert "its CRS is EPSG:32634, expected EPSG:32633" in end.said
    assert "a piece is in EPSG:32634, expected EPSG:32633" in end.said

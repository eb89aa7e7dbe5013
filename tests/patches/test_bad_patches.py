"""What cannot be cut is refused in one line that names it, before anything is made."""

from __future__ import annotations

import json

import numpy as np
import patch_kit as kit
import pytest

import orchestrator as orc
from orchestrator.products.patches.scenes import read_ready_scenes


@pytest.fixture(scope="module")
def here(tmp_path_factory):
    """A place of its own for what this process remembers of runs."""
    with orc.connect(state_dir=tmp_path_factory.mktemp("state")) as connection:
        yield connection


@pytest.fixture
def scenes(tmp_path):
    kit.write_scene(tmp_path)
    return tmp_path


KEYS = [
    pytest.param({"size": 65}, r"patch of 65 pixels is larger than the grid of 64; .* --edge pad", id="too large"),
    pytest.param({"size": 0}, "size", id="no size"),
    pytest.param({"stride": 0}, "stride", id="stride 0"),
    pytest.param({"shares": (0.7, 0.2, 0.2)}, r"add up to 1\.1, not to 1", id="shares"),
    pytest.param({"shares": (0.5, 0.5)}, "three shares are wanted", id="two shares"),
    pytest.param({"edge": "wrap"}, "edge", id="no such edge"),
    pytest.param({"min_valid": 80}, "min_valid", id="per cent"),
    pytest.param({"times": "some"}, "no number of times; give 2 or more, or 'all'", id="times"),
    pytest.param({"shadow": True}, "give max_cloud", id="shadow without cloud"),
    pytest.param({"labels": False, "max_ignore": 0.5}, "labels is false", id="ignore without labels"),
    pytest.param({"labels": False, "max_cloud": 0.5}, "needs labels of the scene classification", id="no labels"),
    pytest.param({"angles": True}, "has no angles", id="no angles"),
    pytest.param({"shard_size": "lots"}, "size of a shard is 'lots'", id="shard"),
    pytest.param({"block": 10, "split_by": "tile"}, "block is the side", id="block of tiles"),
    pytest.param({"sise": 3}, "sise", id="no such key"),
]


@pytest.mark.parametrize(("keys", "says"), KEYS)
def test_what_was_asked_for_is_refused(scenes, here, keys, says):
    """The key or its value is named, and no folder is made."""
    with pytest.raises(orc.UserError, match=says) as error:
        orc.patches.cut(scenes, scenes / "patches", **{"size": 32, **keys}, progress=False, connection=here)

    assert "\n" not in str(error.value).strip()
    assert not (scenes / "patches").exists()


def write_other_bands(out):
    kit.write_scene(out, when="2025-12-15T10:03:19Z", bands=("B03", "B04", "valid"))


def write_other_labels(out):
    kit.write_scene(out, when="2025-12-15T10:03:19Z", labels=False)


def write_no_validity(out):
    kit.write_scene(out, when="2025-12-15T10:03:19Z", bands=("B02", "B03", "B04"))


def write_other_grid(out):
    scene = kit.write_scene(out, when="2025-12-15T10:03:19Z")
    kit.write_scene(out / "other", when="2025-12-15T10:03:19Z", x=kit.pixels(32, 32), y=kit.classes(32, 32))
    (scene.folder / "y.tif").write_bytes(next((out / "other").rglob("y.tif")).read_bytes())


def write_mapped_clouds(out):
    for path in out.rglob("meta.json"):
        told = json.loads(path.read_text())
        told["labels"]["stats"]["mapping"] = {str(code): int(code > 6) for code in range(12)}
        path.write_text(json.dumps(told))


def write_no_tiff(out):
    next(out.rglob("x.tif")).write_bytes(b"no image at all")


SCENES = [
    pytest.param(write_other_bands, {}, r"scene T33UWQ_20251215T100319 has bands B03,B04,valid", id="other bands"),
    pytest.param(write_other_labels, {}, "has labels and scene T33UWQ_20251215T100319 has none", id="some labels"),
    pytest.param(write_no_validity, {}, "has no band 'valid' among B02, B03, B04", id="no validity"),
    pytest.param(write_other_grid, {}, r"y\.tif lies on another grid", id="labels apart"),
    pytest.param(write_mapped_clouds, {"max_cloud": 0.2}, "their mapping joins them with others", id="mapped clouds"),
    pytest.param(write_no_tiff, {}, r"x\.tif does not open", id="no TIFF"),
]


@pytest.mark.parametrize(("write", "keys", "says"), SCENES)
def test_scenes_that_do_not_fit_are_refused(scenes, here, write, keys, says):
    """The scene is named, and no folder is made."""
    write(scenes)

    with pytest.raises(orc.UserError, match=says):
        orc.patches.cut(scenes, scenes / "patches", size=32, **keys, progress=False, connection=here)

    assert not (scenes / "patches").exists()


@pytest.mark.parametrize(
    ("samples", "says"),
    [
        pytest.param([], "holds no sample that could be made", id="empty"),
        pytest.param([{"key": {"tile_id": "T33UWQ", "sensing_start_utc": "x"}, "status": "error", "error": "no"}],
                     "holds no sample that could be made", id="all failed"),
    ],
)  # fmt: skip
def test_an_index_without_scenes_is_refused(scenes, here, samples, says):
    """It is named."""
    path = kit.write_index(scenes)
    path.write_text(json.dumps({**json.loads(path.read_text()), "samples": samples}))

    with pytest.raises(orc.UserError, match=says):
        orc.patches.cut(path, scenes / "patches", progress=False, connection=here)


def test_a_folder_without_scenes_is_refused(tmp_path, here):
    """What was looked for is told."""
    with pytest.raises(orc.UserError, match=r"holds no preprocessed scene \(tile=\.\.\./sensing=\.\.\./x\.tif\)"):
        orc.patches.cut(tmp_path, tmp_path / "patches", progress=False, connection=here)


def test_grids_that_differ_are_not_stacked(scenes, here):
    """Scenes of a tile on grids of 60 and 20 m."""
    kit.write_scene(scenes, when="2025-12-15T10:03:19Z", step=20)

    with pytest.raises(orc.UserError, match="lie on different grids"):
        orc.patches.cut(scenes, scenes / "patches", size=32, times=2, progress=False, connection=here)


def test_that_nothing_is_left_is_said_with_numbers(tmp_path, here):
    """How many windows there were, why each is not there, and what the best one holds."""
    kit.write_scene(tmp_path, x=kit.pixels(64, 64, wedge=200))

    with pytest.raises(orc.UserError, match=r"not one patch is left of 4 windows of 1 scene: 4 hold too little data"):
        orc.patches.cut(tmp_path, tmp_path / "patches", size=32, progress=False, connection=here)

    assert not (tmp_path / "patches").exists()


PACKS = [
    pytest.param({"balance": "all"}, "these patches have none", id="balance without labels"),
    pytest.param({"shares": (0.5, 0.2, 0.2)}, "add up to 0.9, not to 1", id="shares"),
    pytest.param({"format": "hdf5"}, "there is no format 'hdf5'", id="format"),
    pytest.param({"shard_size": "x"}, "size of a shard", id="shard"),
    pytest.param({"present": 2.0}, "--present is 2", id="present"),
    pytest.param({"split_by": "tile", "shares": (0.5, 0.5, 0)}, "1 group that stays together", id="one tile"),
]


def test_what_cannot_be_packed_is_refused(tmp_path, here):
    """Each in a line that names it; the set itself is not replaced; no folder is made."""
    kit.write_scene(tmp_path, x=kit.pixels(64, 64), labels=False)
    how = {"size": 32, "shares": (1, 0, 0), "progress": False, "connection": here}
    cut = orc.patches.cut(tmp_path, tmp_path / "patches", **how)

    for case in PACKS:
        keys, says = case.values
        with pytest.raises(orc.UserError, match=says):
            orc.patches.pack(cut, tmp_path / "other", **keys)
    with pytest.raises(orc.UserError, match="is the set itself"):
        orc.patches.pack(cut, cut.folder, overwrite=True)
    with pytest.raises(orc.UserError, match="holds no patches"):
        orc.patches.pack(tmp_path / "processed", tmp_path / "other")
    assert not (tmp_path / "other").exists()


def test_scenes_that_change_under_way_are_not_mixed(tmp_path):
    """What was measured is what is cut: a file of another size or time is refused."""
    kit.write_scene(tmp_path)
    (scene,) = read_ready_scenes(tmp_path, labels=True, angles=False)
    kit.write_scene(tmp_path, x=kit.pixels(64, 64, seed=5), y=np.full((64, 64), 4, np.uint8))

    with pytest.raises(orc.UserError, match="has changed since the run was planned"):
        scene.check_stamps()


def test_patches_do_not_lie_in_the_folder_of_a_scene(scenes, here):
    """It is what the scene was made as, and replaced with it."""
    (own,) = (path.parent for path in scenes.rglob("x.tif"))

    with pytest.raises(orc.UserError, match="lies in the folder of a scene"):
        orc.patches.cut(scenes, own / "patches", size=32, overwrite=True, progress=False, connection=here)

    assert not (own / "patches").exists()


def test_no_consent_replaces_a_folder_that_is_no_set_of_patches(scenes, tmp_path, here):
    """A folder of somebody's, and a set into which somebody has put a file; a set as it was made is replaced."""
    other, made = tmp_path / "other", tmp_path / "made"
    other.mkdir()
    (other / "precious.txt").write_text("mine")
    how = {"shares": (1, 0, 0), "progress": False, "connection": here}
    orc.patches.cut(scenes, made, size=32, **how)
    orc.patches.cut(scenes, made, size=16, overwrite=True, **how)
    with orc.connect(state_dir=tmp_path / "elsewhere") as elsewhere:  # which knows the set by its proof alone
        orc.patches.cut(scenes, made, size=32, overwrite=True, **(how | {"connection": elsewhere}))
    (made / "notes.txt").write_text("mine")

    for folder in (other, made):
        before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
        with pytest.raises(orc.UserError, match="it is not replaced, with --overwrite either"):
            orc.patches.cut(scenes, folder, size=64, overwrite=True, **how)
        assert {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()} == before

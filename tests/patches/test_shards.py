"""Patches as they are cut: what shards hold, where they lie, what is told of them; through the Python API."""

from __future__ import annotations

import hashlib
import io
import json
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path

import geopandas
import numpy as np
import patch_kit as kit
import pytest
from rasterio.warp import transform_bounds

import orchestrator as orc

SIZE, STEP, SIDE = 32, 60, 168  # pixels, metres, pixels
DAYS = ("2025-12-10T10:03:19Z", "2025-12-15T10:03:19Z", "2025-12-20T10:03:19Z")


@pytest.fixture(scope="module")
def here(tmp_path_factory):
    """A place of its own for what this process remembers of runs."""
    with orc.connect(state_dir=tmp_path_factory.mktemp("state")) as connection:
        yield connection


def write_scenes(out, count=3, side=SIDE, **more):
    scenes = [
        kit.write_scene(out, when=day, x=kit.pixels(side, side, n, wedge=50), y=kit.classes(side, side, n), **more)
        for n, day in enumerate(DAYS[:count])
    ]
    return {f"{kit.TILE}_{day[:10].replace('-', '')}T100319": scene for day, scene in zip(DAYS, scenes, strict=False)}


@pytest.fixture(scope="module")
def made(here, tmp_path_factory):
    """Three scenes of one tile, cut into patches of 32 pixels, ten to a shard."""
    out = tmp_path_factory.mktemp("scenes")
    scenes = write_scenes(out)
    kit.write_index(out, *scenes.values())
    cut = orc.patches.cut(out, out / "patches", size=SIZE, shard_size="10", progress=False, connection=here)
    return scenes, cut


def samples_of(folder):
    """Return what the shards hold: of each sample its members by suffix, decoded, and its shard."""
    found = {}
    for shard in sorted((folder / "shards").glob("*.tar")):
        with tarfile.open(shard) as tar:
            for member in tar:
                key, _, suffix = member.name.partition(".")
                content = tar.extractfile(member).read()
                value = json.loads(content) if suffix == "json" else np.load(io.BytesIO(content), allow_pickle=False)
                found.setdefault(key, {"shard": shard.name})[suffix] = value
    return found


WITHOUT_TORCH = """
import sys, glob, json
sys.modules["torch"] = None
import webdataset
shards = sorted(glob.glob(sys.argv[1]))
for one in webdataset.WebDataset(shards, shardshuffle=False, empty_check=False).decode():
    print(json.dumps([one["__key__"], float(one["x.npy"].sum()), int(one["y.npy"].sum()), one["json"]["row"]]))
"""


def test_webdataset_reads_every_shard_without_torch(made):
    """Keys, arrays and facts, by the library itself."""
    scenes, cut = made
    command = [sys.executable, "-c", WITHOUT_TORCH, str(cut.folder / "shards" / "*.tar")]

    lines = subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()

    told = {key: rest for key, *rest in map(json.loads, lines)}
    assert set(told) == set(cut)
    for key, (x, y, row) in told.items():
        scene, col = scenes[key[:22]], int(key[31:])
        window = np.s_[row : row + SIZE, col : col + SIZE]
        assert (x, y) == (pytest.approx(float(scene.x[:, *window].sum()), rel=1e-6), int(scene.y[window].sum()))


def test_samples_are_the_windows_of_the_scenes(made):
    """Each sample's arrays are the pixels of x.tif and y.tif at the row and column of its key."""
    scenes, cut = made

    found = samples_of(cut.folder)

    assert len(found) == len(cut) > 0
    for key, sample in found.items():
        scene, row, col = scenes[key[:22]], int(key[24:29]), int(key[31:])
        window = np.s_[row : row + SIZE, col : col + SIZE]
        assert (sample["x.npy"] == scene.x[:, *window]).all()
        assert (sample["y.npy"] == scene.y[window]).all()
        assert sample["json"]["key"] == key


def test_the_patches_that_hold_enough_are_there_and_no_others(made):
    """At least 0.8 with data and at most 0.5 without a label, counted here for every window."""
    scenes, cut = made
    wanted = set()
    for name, scene in scenes.items():
        for row in range(0, SIDE - SIZE + 1, SIZE):
            for col in range(0, SIDE - SIZE + 1, SIZE):
                own = np.s_[row : row + SIZE, col : col + SIZE]
                if scene.x[-1][own].mean() >= 0.8 and (scene.y[own] == 255).mean() <= 0.5:
                    wanted.add(f"{name}_r{row:05d}_c{col:05d}")

    assert set(cut) == wanted
    assert set(cut.frame.loc[~cut.frame["kept"], "why"]) == {"valid"}
    assert len(cut.frame) == 3 * 25


def test_the_table_tells_where_the_bytes_of_a_sample_are(made):
    """Offset, size and checksum; the outline is where rasterio says that the window lies."""
    scenes, cut = made
    frame = geopandas.read_parquet(cut.folder / "patches.parquet")
    kept = frame[frame["kept"]]

    for row in kept.itertuples():
        with (cut.folder / row.shard).open("rb") as file:
            file.seek(row.offset)
            content = file.read(row.bytes)
        assert hashlib.sha256(content).hexdigest() == row.sha256
        assert content[:100].rstrip(b"\0").decode() == f"{row.key}.x.npy"
    first = kept.iloc[0]
    transform = scenes[first["scene"]].transform
    left, top = transform.c + STEP * first["col"], transform.f - STEP * first["row"]
    bounds = transform_bounds("EPSG:32633", "EPSG:4326", left, top - SIZE * STEP, left + SIZE * STEP, top)
    assert frame.crs == "EPSG:4326"
    assert first.geometry.bounds == pytest.approx(bounds, abs=1e-6)


def test_shards_have_nearly_as_many_samples_and_never_more_than_asked_for(made):
    """At most ten; those of a split differ by one."""
    _, cut = made
    counts = cut.frame[cut.frame["kept"]].groupby(["split", "shard"]).size()

    assert counts.max() <= 10
    assert all(own.max() - own.min() <= 1 for _, own in counts.groupby(level="split"))


def test_labels_are_counted_in_every_window(made):
    """Pixels of each class, and the share without one."""
    scenes, cut = made
    for row in cut.frame.iloc[::7].itertuples():
        own = scenes[row.scene].y[row.row : row.row + SIZE, row.col : row.col + SIZE]
        assert row.ignore == pytest.approx((own == 255).mean())
        assert [getattr(row, f"label_{value}") for value in (3, 4, 5, 6, 8, 9)] == [
            int((own == value).sum()) for value in (3, 4, 5, 6, 8, 9)
        ]


def test_statistics_are_of_each_split_over_pixels_with_data(made):
    """Mean and standard deviation of each band as numpy finds them."""
    _, cut = made
    told = json.loads((cut.folder / "statistics.json").read_text())
    by_split = {}
    for sample in samples_of(cut.folder).values():
        by_split.setdefault(sample["shard"].partition("-")[0], []).append(sample["x.npy"])

    assert set(told) == set(by_split) == {"train", "val", "test"}
    for split, arrays in by_split.items():
        for at, band in enumerate(told[split]["bands"]):
            values = np.concatenate([x[at][x[-1] > 0] for x in arrays]).astype(float)
            assert (band["band"], band["count"]) == (kit.BANDS[at], len(values))
            assert (band["mean"], band["std"]) == pytest.approx((values.mean(), values.std()), rel=1e-9)


def test_every_place_is_in_one_split(made):
    """The same ground on three days is in one of train, val and test."""
    _, cut = made

    assert cut.frame[cut.frame["kept"]].groupby(["row", "col"])["split"].nunique().max() == 1


def test_the_set_says_what_it_is(made):
    """The notice of Copernicus, the classes by their names, a STAC item for each scene; every file has its checksum."""
    _, cut = made
    told = json.loads((cut.folder / "dataset.json").read_text())
    lines = (cut.folder / "SHA256SUMS").read_text().splitlines()
    files = {path.relative_to(cut.folder).as_posix() for path in cut.folder.rglob("*") if path.is_file()}

    assert told["attribution"] == "Contains modified Copernicus Sentinel data 2025"
    assert "Contains modified Copernicus Sentinel data 2025" in (cut.folder / "README.md").read_text()
    assert {one["value"]: one["name"] for one in told["label"]["classes"]}[6] == "water"
    assert {path.stem for path in (cut.folder / "stac" / "items").iterdir()} == {
        scene["key"] for scene in told["scenes"]
    }
    assert {line[66:] for line in lines} == files - {"SHA256SUMS"}
    assert told["apart"] == {"gap": 0.0, "overlapping": 0, "nearer": 0}


def test_the_same_scenes_give_the_same_bytes(made, here):
    """Every file of a second set, cut by a job of its own in another folder, is that of the first."""
    _, cut = made
    scenes = cut.folder.parent

    again = orc.patches.cut(scenes, scenes / "again", size=SIZE, shard_size="10", progress=False, connection=here)

    assert (again.folder / "SHA256SUMS").read_bytes() == (cut.folder / "SHA256SUMS").read_bytes()


def test_other_shards_are_made_without_the_scenes(made, tmp_path):
    """Other splits, sizes and format from the table and the shards alone: the scenes are gone before it begins."""
    scenes, cut = made
    copy = tmp_path / "patches"
    shutil.copytree(cut.folder, copy)
    hidden = cut.folder.parent / "processed"
    hidden.rename(tmp_path / "gone")
    try:
        packed = orc.patches.pack(copy, tmp_path / "other", shares=(0.5, 0.25, 0.25), shard_size=7, seed=3)
        files = orc.patches.pack(copy, tmp_path / "files", format="npz")
    finally:
        (tmp_path / "gone").rename(hidden)

    before, after = samples_of(copy), samples_of(packed.folder)
    assert after.keys() == before.keys()
    assert all((after[key]["x.npy"] == before[key]["x.npy"]).all() for key in before)
    own = packed.frame[packed.frame["kept"]]
    kept = cut.frame[cut.frame["kept"]]
    assert dict(zip(own["key"], own["sha256"], strict=True)) == dict(zip(kept["key"], kept["sha256"], strict=True))
    assert own.groupby("shard").size().max() <= 7
    assert own["split"].value_counts(normalize=True)["train"] == pytest.approx(0.5, abs=0.12)
    assert own.groupby(["row", "col"])["split"].nunique().max() == 1
    one = next(iter(files))
    with np.load(next(files.folder.glob(f"data/*/{one}.npz")), allow_pickle=False) as told:
        assert (told["x"] == before[one]["x.npy"]).all()
        assert json.loads(told["facts"].tobytes())["key"] == one
    assert len(files) == len(cut)
    assert scenes


def test_a_damaged_sample_is_not_copied(made, tmp_path):
    """It is named, and no set appears."""
    _, cut = made
    copy = tmp_path / "patches"
    shutil.copytree(cut.folder, copy)
    row = cut.frame[cut.frame["kept"]].iloc[5]
    with (copy / row["shard"]).open("r+b") as file:
        file.seek(row["offset"] + 700)
        file.write(b"damage")

    with pytest.raises(orc.IntegrityError, match=Path(row["shard"]).name):
        orc.patches.pack(copy, tmp_path / "other")

    assert not (tmp_path / "other").exists()


def test_balance_leaves_as_many_of_a_rare_class_as_of_the_others(here, tmp_path):
    """Of patches with water and without, train keeps equally many; val and test keep all."""
    y = np.full((128, 128), 4, np.uint8)
    y[:48, :48] = 6
    kit.write_scene(tmp_path, x=kit.pixels(128, 128), y=y)
    cut = orc.patches.cut(
        tmp_path, tmp_path / "patches", size=16, block=960, shares=(0.8, 0.1, 0.1), progress=False, connection=here
    )

    packed = orc.patches.pack(cut, tmp_path / "balanced", balance=[6])

    water = packed.frame["label_6"] > 0
    train = packed.frame["split"] == "train"
    before = cut.frame[cut.frame["split"] == "train"]
    assert (train & water).sum() == (train & ~water).sum() == (before["label_6"] > 0).sum() > 0
    assert packed.splits["val"] == cut.splits["val"]
    assert packed.about["left_out"]["balance"] == cut.splits["train"] - packed.splits["train"]


def test_scenes_of_a_place_are_put_over_each_other(here, tmp_path):
    """(time, band, row, col) of two scenes, in the order of time; a third that is left over is told."""
    scenes = write_scenes(tmp_path, side=64)

    cut = orc.patches.cut(
        tmp_path,
        tmp_path / "stacks",
        size=SIZE,
        times=2,
        shares=(1, 0, 0),
        min_valid=0,
        progress=False,
        connection=here,
    )

    first, second, _third = scenes.values()
    key = f"{kit.TILE}_20251210T100319_20251215T100319_r00032_c00000"
    stack = cut.read(key)
    assert stack["x"].shape == (2, 3, SIZE, SIZE)
    assert (stack["x"] == np.stack([one.x[:, 32:, :32] for one in (first, second)])).all()
    assert (stack["y"] == np.stack([one.y[32:, :32] for one in (first, second)])).all()
    assert len(cut) == 4
    assert cut.about["left_out"]["times"] == 4


@pytest.mark.parametrize(("edge", "count"), [("drop", 1), ("shift", 4), ("pad", 4)])
def test_edges_are_left_out_moved_back_or_filled_up(here, tmp_path, edge, count):
    """Of 48 pixels in patches of 32: the second lies at 16, or reaches beyond, with 0 and no label there."""
    scene = kit.write_scene(tmp_path, x=kit.pixels(48, 48), y=kit.classes(48, 48))
    how = {"size": SIZE, "edge": edge, "min_valid": 0.2, "max_ignore": 0.8, "shares": (1, 0, 0)}

    cut = orc.patches.cut(tmp_path, tmp_path / "patches", **how, progress=False, connection=here)

    assert len(cut) == count
    if edge == "shift":
        assert (cut.read(f"{kit.TILE}_20251210T100319_r00016_c00016")["x"] == scene.x[:, 16:, 16:]).all()
    if edge == "pad":
        last = cut.read(f"{kit.TILE}_20251210T100319_r00032_c00032")
        assert (last["x"][:, :16, :16] == scene.x[:, 32:, 32:]).all()
        assert last["x"][:, 16:].max() == last["x"][:, :, 16:].max() == 0
        assert (last["y"][16:] == 255).all()


def test_cloudy_patches_are_left_out(here, tmp_path):
    """Classes 8, 9 and 10 of the scene classification, and 3 where shadows count."""
    y = np.full((64, 64), 4, np.uint8)
    y[:32, :32], y[32:, 32:] = 9, 3
    kit.write_scene(tmp_path, x=kit.pixels(64, 64), y=y)
    how = {"size": SIZE, "max_cloud": 0.2, "shares": (1, 0, 0), "progress": False, "connection": here}

    clear = orc.patches.cut(tmp_path, tmp_path / "clear", **how)
    lit = orc.patches.cut(tmp_path, tmp_path / "lit", **how, shadow=True)

    assert clear.frame["why"].fillna("").tolist() == ["cloud", "", "", ""]
    assert lit.frame["why"].fillna("").tolist() == ["cloud", "", "", "cloud"]


def test_angles_come_along_where_they_are_wanted(here, tmp_path):
    """`angles.npy` (band, row, col), beside x and y."""
    angles = np.stack([np.full((64, 64), n, np.float32) + np.arange(64, dtype=np.float32) for n in range(2)])
    kit.write_scene(tmp_path, angles=angles)

    cut = orc.patches.cut(
        tmp_path, tmp_path / "patches", size=SIZE, angles=True, shares=(1, 0, 0), progress=False, connection=here
    )

    assert (cut.read(f"{kit.TILE}_20251210T100319_r00000_c00032")["angles"] == angles[:, :32, 32:]).all()

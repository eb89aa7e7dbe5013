"""Commands that write one file of tiles at once, and files that cannot be written: nothing is lost."""

from __future__ import annotations

import resource
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from threading import Barrier

import geopandas
import numpy as np
import pytest
import rasterio
import shapely
from affine import Affine

from orchestrator.app.verbs.labels import count_labels, write_balance
from orchestrator.app.verbs.splits import link, split
from orchestrator.core.errors import SpaceError, UserError
from orchestrator.faces.cli.main import run_cli
from orchestrator.tiling.file import name_tiles, read_tiles, rewrite_tiles, write_tiles
from orchestrator.tiling.split_options import SplitOptions

BOXES = [shapely.box(1000 * col, 0, 1000 * (col + 1), 1000) for col in range(300, 320)]


def written(folder, suffix=".parquet"):
    frame = geopandas.GeoDataFrame(geometry=BOXES, crs=32632)
    return write_tiles(name_tiles(frame, "sea", "aschips"), folder, suffix)


def raster_in(folder):
    path = folder / "classes.tif"
    transform = Affine(500, 0, 300_000, 0, -500, 1000)
    profile = {"driver": "GTiff", "height": 2, "width": 40, "count": 1, "dtype": "uint8", "crs": "EPSG:32632"}
    with rasterio.open(path, "w", transform=transform, **profile) as file:
        file.write(np.full((1, 2, 40), 3, np.uint8))
    return path


def bytes_in(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}


@pytest.mark.parametrize("suffix", [".parquet", ".geojson"])
def test_a_split_made_while_labels_are_counted_stays(tmp_path, suffix):
    """The count reads the file, then somebody splits it, then the count writes it; the CSV is of the last split."""
    path, raster = written(tmp_path, suffix).path, raster_in(tmp_path)

    def meanwhile(_what, done=[]):  # noqa: B006
        if not done:
            done.append(split(path, SplitOptions(train=0.6, test=0.2, val=0.2)))

    count_labels(path, "lc", raster=raster, say=meanwhile)

    tiles = read_tiles(path)
    assert set(tiles.frame["split"]) == {"train", "test", "val"}
    assert tiles.frame["lc_proportions"].tolist() == [{"3": 1.0}] * len(BOXES)
    assert set(tiles.about) >= {"labels"}
    assert sorted(each.name for each in tmp_path.iterdir() if each.name.startswith(".")) == []


def test_labels_counted_since_tiles_were_read_stay(tmp_path):
    """In Python a table of tiles is held for long."""
    tiles = written(tmp_path)
    count_labels(tiles.path, "lc", raster=raster_in(tmp_path))

    made, _report = split(tiles, SplitOptions(train=0.6, test=0.2, val=0.2))
    linked, column = link(tiles, tiles)

    assert {"split", "lc_proportions"} <= set(made.frame.columns)
    assert {"split", "lc_proportions", column} <= set(linked.frame.columns)
    assert "lc_proportions" in linked.about["labels"]


def test_many_writers_at_once_all_keep_their_columns(tmp_path):
    """All have read the same file."""
    names, start = [f"c{number}" for number in range(8)], Barrier(8)
    tiles = written(tmp_path)

    def write(name):
        start.wait()
        rewrite_tiles(tiles, tiles.frame.assign(**{name: name}), {"labels": {name: {"columns": []}}})

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(write, names))

    found = read_tiles(tiles.path)
    assert set(names) <= set(found.frame.columns)
    assert set(found.about["labels"]) == set(names)


def test_a_column_that_another_command_wrote_meanwhile_is_not_replaced_unasked(tmp_path):
    """Of two splits at once one is told; nothing is written."""
    tiles = written(tmp_path)
    split(tiles.path, SplitOptions(train=0.6, test=0.2, val=0.2))
    before = bytes_in(tmp_path)

    with pytest.raises(UserError, match="another command wrote the column 'split' since the file was read"):
        split(tiles, SplitOptions(train=0.2, test=0.2, val=0.6))
    assert bytes_in(tmp_path) == before

    split(tiles, SplitOptions(train=0.2, test=0.2, val=0.6, overwrite=True))
    assert (read_tiles(tiles.path).frame["split"] == "val").sum() == 12


@contextmanager
def no_file_larger_than(size):
    """Let the system refuse bytes as a full disk does."""
    former = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, former[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, former)


def test_a_full_disk_loses_nothing(tmp_path):
    """Of tiles and of tables: what lay there is there, and nothing else."""
    tiles, raster = written(tmp_path), raster_in(tmp_path)
    counted = count_labels(tiles.path, "lc", raster=raster)
    before = bytes_in(tmp_path)

    for command in (
        lambda: split(tiles.path, SplitOptions()),
        lambda: count_labels(tiles.path, "other", raster=raster),
        lambda: link(tiles.path, tiles.path),
        lambda: write_tiles(counted.tiles, tmp_path, ".geojson"),
    ):
        with (
            no_file_larger_than(100),
            pytest.raises(SpaceError, match=f"{tiles.name.stem}.* cannot be written: .*; make"),
        ):
            command()
    assert bytes_in(tmp_path) == before


@pytest.mark.parametrize("folder", ["/proc/x", "a file/in"])
@pytest.mark.parametrize(
    "command",
    [
        pytest.param(["tiles", "grid", "6,49,6.05,49.05", "--size", "1000"], id="grid"),
        pytest.param(["tiles", "random", "6,49,6.05,49.05", "--max-size", "1000"], id="random"),
    ],
)
def test_a_folder_that_cannot_be_made_is_named(tmp_path, capsys, monkeypatch, folder, command):
    """What could not be written, why, and what to do."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a file").touch()

    code = run_cli([*command, "-o", folder])

    said = capsys.readouterr().err
    assert code == 2
    assert f"{folder}/" in said
    assert "cannot be written: " in said
    assert "name a folder in which files can be made" in said


def test_a_table_of_classes_says_where_it_cannot_be_written(tmp_path):
    tiles, raster = written(tmp_path), raster_in(tmp_path)
    count_labels(tiles.path, "lc", raster=raster)
    from orchestrator.app.verbs.labels import balance_labels  # noqa: PLC0415

    with pytest.raises(UserError, match=r"/proc/x"):
        write_balance(balance_labels(tiles.path, "lc"), type(tmp_path)("/proc/x/classes.csv"))

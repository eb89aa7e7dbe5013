"""`tiles mosaic`: chips become one raster, by where they really lie."""

from __future__ import annotations

import json

import numpy as np
import pytest
import rasterio
from after_kit import CRS, LEFT, TOP, chips_of, rows_in, tiles_in, write_chip, write_list
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from rasterio.merge import merge
from rio_cogeo.cogeo import cog_validate

import orchestrator as orc
from orchestrator.core.errors import UserError
from orchestrator.faces.cli.main import run_cli
from orchestrator.tiling import rasters
from orchestrator.tiling.chip_folder import open_chips
from orchestrator.tiling.joining import join_chips, plan_joining


class Never:
    def is_set(self):
        return False


def joined(tiles, path, dataset="s2", **options):
    plan = plan_joining(tiles, open_chips(tiles, dataset), **options)
    join_chips(plan, path, Never(), lambda *_: None)
    return plan


def test_chips_on_one_lattice_are_copied_exactly(tmp_path):
    """Every pixel, band, name, the number type and nodata; the file is a valid COG."""
    tiles = tiles_in(tmp_path)
    made = list(chips_of(tiles).values())
    wanted = np.concatenate([np.concatenate(made[:3], axis=2), np.concatenate(made[3:], axis=2)], axis=1)

    joined(tiles, tmp_path / "m.tif")

    with rasterio.open(tmp_path / "m.tif") as file:
        assert np.array_equal(file.read(), wanted)
        assert (file.transform.c, file.transform.f, file.transform.a) == (LEFT, TOP, 10.0)
        assert (file.descriptions, file.nodata, file.dtypes) == (("B1", "B2"), 0, ("uint8", "uint8"))
        assert file.crs == CRS
    assert cog_validate(tmp_path / "m.tif", strict=True)[0]


@pytest.mark.filterwarnings("ignore:Use `@` matmul:PendingDeprecationWarning")
@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    offsets=st.lists(st.tuples(st.integers(0, 40), st.integers(0, 40)), min_size=3, max_size=6),
    seed=st.integers(0, 999),
    piece=st.sampled_from([16, 48, 2048]),
)
def test_any_chips_of_one_lattice_are_merged_as_rasterio_does(tmp_path_factory, monkeypatch, offsets, seed, piece):
    """`rasterio.merge`, first valid pixel, over overlaps, holes and gaps; whatever the pieces it is written in."""
    monkeypatch.setattr(rasters, "PIECE", piece)
    folder = tmp_path_factory.mktemp("m")
    tiles = tiles_in(folder, rows=1, cols=len(offsets))
    chips_of(tiles, listed=False)
    random, paths = np.random.default_rng(seed), []
    for identifier, (row, col) in zip(tiles.frame["identifier"], offsets, strict=True):
        pixels = random.integers(0, 4, (2, 16, 16), dtype=np.uint8)
        paths.append(tiles.folder / "s2" / f"{identifier}.tif")
        write_chip(paths[-1], pixels, left=LEFT + 10 * col, top=TOP - 10 * row)

    joined(tiles, folder / "m.tif")

    wanted, transform = merge(paths, method="first")
    with rasterio.open(folder / "m.tif") as file:
        assert file.transform.almost_equals(transform)
        assert np.array_equal(file.read(), wanted)


@pytest.mark.parametrize(
    ("about", "how"),
    [({"classes": {"10": "trees", "20": "shrubs"}}, "nearest"), ({}, "nearest")],
    ids=["classes", "bytes"],
)
def test_other_lattices_are_warped_and_nobody_invents_a_class(tmp_path, about, how):
    """Every value of the raster is one of the chips', and where both say something they are mostly the same."""
    tiles = tiles_in(tmp_path)
    chips_of(tiles, about=about)

    plan = joined(tiles, tmp_path / "m.tif", scale=0.0001, crs="EPSG:4326")

    with rasterio.open(tmp_path / "m.tif") as file:
        found = np.unique(file.read())
        assert file.crs == "EPSG:4326"
    assert plan.resampling == how
    assert set(found) <= set(range(200))


def test_values_are_warped_smoothly(tmp_path):
    """A plane stays a plane, by formula: value = column, at half the pixel size."""
    tiles = tiles_in(tmp_path, rows=1, cols=1, size=640)
    chips_of(tiles, nodata=None, listed=False)
    plane = np.broadcast_to(np.arange(64, dtype=np.float32) + 100, (1, 64, 64)).copy()
    write_chip(tiles.folder / "s2" / f"{tiles.frame['identifier'][0]}.tif", plane, left=LEFT, top=TOP, nodata=-1)

    plan = joined(tiles, tmp_path / "m.tif", scale=5.0)

    with rasterio.open(tmp_path / "m.tif") as file:
        row = file.read(1)[60]
    assert plan.resampling == "bilinear"
    assert row[2:-2] == pytest.approx(100 + (np.arange(128)[2:-2] + 0.5) / 2 - 0.5, abs=1e-3)


def test_chips_of_two_zones_need_a_scale(tmp_path):
    """The message says what they are and what to type; with it both are there."""
    tiles = tiles_in(tmp_path, rows=1, cols=2, size=1000)
    chips_of(tiles, listed=False)
    second = tiles.folder / "s2" / f"{tiles.frame['identifier'][1]}.tif"
    corners = tiles.frame.geometry.to_crs("EPSG:32631").iloc[1].bounds
    write_chip(second, np.full((2, 100, 100), 201, np.uint8), left=corners[0], top=corners[3], crs="EPSG:32631")

    with pytest.raises(UserError, match=r"EPSG:32632, EPSG:32631.*--scale 10"):
        plan_joining(tiles, open_chips(tiles, "s2"))
    joined(tiles, tmp_path / "m.tif", scale=10.0)

    with rasterio.open(tmp_path / "m.tif") as file:
        values = file.read(1)
        assert file.crs == CRS
    assert (values == 201).sum() == pytest.approx(10_000, rel=0.15)


def test_a_gap_without_nodata_is_told(tmp_path, capsys):
    """Chips that name no nodata, as other programs write them, have zeros between them."""
    tiles = tiles_in(tmp_path)
    chips_of(tiles, nodata=None)
    (tiles.folder / "s2" / f"{tiles.frame['identifier'][1]}.tif").unlink()

    code = run_cli(["tiles", "mosaic", str(tiles.path), "--dataset", "s2", "-o", str(tmp_path / "m.tif")])

    with rasterio.open(tmp_path / "m.tif") as file:
        assert file.nodata is None
        assert not file.read()[:, :10, 10:20].any()
    assert code == 3
    assert "where there is no chip, pixels are 0" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--dataset", "s3"], "there are s2"),
        (["--dataset", "s2", "-o", "m.png"], "a mosaic is written as .tif"),
        (["--dataset", "s2", "-o", "there.tif"], "is there already"),
        (["--dataset", "s2", "--crs", "EPSG:4326"], "--scale"),
        (["--dataset", "s2", "--crs", "EPSG:1"], "is not known"),
        (["--dataset", "s2", "--scale", "1e-9"], "larger --scale"),
    ],
)
def test_what_cannot_be_joined_is_said_in_one_line(tmp_path, monkeypatch, capsys, words, said):
    """Nothing is written, and nothing is replaced."""
    tiles = tiles_in(tmp_path)
    chips_of(tiles)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "there.tif").write_text("mine")
    before = sorted(tmp_path.iterdir())

    code = run_cli(["tiles", "mosaic", str(tiles.path), *words, *([] if "-o" in words else ["-o", "m.tif"])])

    error = capsys.readouterr().err
    assert (code, len(error.splitlines())) == (2, 1)
    assert said in error
    assert sorted(tmp_path.iterdir()) == before
    assert (tmp_path / "there.tif").read_text() == "mine"


def test_chips_of_other_bands_are_refused(tmp_path):
    """Both files are named."""
    tiles = tiles_in(tmp_path)
    chips_of(tiles, listed=False)
    path = tiles.folder / "s2" / f"{tiles.frame['identifier'][4]}.tif"
    write_chip(path, np.ones((3, 10, 10), np.uint8), left=LEFT + 100, top=TOP - 100)

    with pytest.raises(UserError, match=rf"2 bands of uint8.*{path.name} 3 bands"):
        plan_joining(tiles, open_chips(tiles, "s2"))


def test_it_is_the_same_from_python(tmp_path):
    """And says where the raster is."""
    tiles = tiles_in(tmp_path)
    chips_of(tiles)
    run_cli(["tiles", "mosaic", str(tiles.path), "--dataset", "s2", "-o", str(tmp_path / "a.tif")])

    made = orc.tiles.mosaic(tiles.path, "s2", tmp_path / "b.tif")

    assert (made.path, made.tiles, made.resampling) == (tmp_path / "b.tif", 6, "")
    assert (tmp_path / "a.tif").read_bytes() == (tmp_path / "b.tif").read_bytes()


def test_json_tells_the_grid(tmp_path, capsys):
    """For programs."""
    tiles = tiles_in(tmp_path)
    chips_of(tiles)

    run_cli(["--json", "tiles", "mosaic", str(tiles.path), "--dataset", "s2", "-o", str(tmp_path / "a.tif")])

    told = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert (told["height"], told["width"], told["crs"], told["tiles"]) == (20, 30, CRS, 6)


def test_chips_that_are_missing_or_changed_are_named_and_the_others_joined(tmp_path, capsys):
    """One deleted, one that failed, one overwritten with another's pixels; one without data is none of them."""
    tiles = tiles_in(tmp_path)
    made = list(chips_of(tiles).items())
    folder, rows = tiles.folder / "s2", list(rows_in(tiles.folder / "s2").values())
    files = [folder / row["file"] for row in rows]
    files[0].unlink()
    rows[1] |= {"state": "FAILED", "why": "out of luck"}
    files[2].write_bytes(files[3].read_bytes())
    rows[4]["state"] = "EMPTY"
    files[4].unlink()
    write_list(folder, rows)

    code = run_cli(["tiles", "mosaic", str(tiles.path), "--dataset", "s2", "-o", str(tmp_path / "m.tif")])

    said = " ".join(capsys.readouterr().err.split())
    whys = ["is not in the folder", "out of luck", "is not the file that chips.parquet tells"]
    assert code == 3
    assert "3 tiles not in it" in said
    assert all(f"{made[at][0]}: " in said and why in said for at, why in enumerate(whys))
    with rasterio.open(tmp_path / "m.tif") as file:
        assert np.array_equal(
            file.read(window=rasterio.windows.from_bounds(*shape(tiles, 3), file.transform)), made[3][1]
        )
        assert file.shape == (10, 30)


def shape(tiles, at):
    return tiles.frame.geometry.iloc[at].bounds


def test_a_mosaic_of_classes_has_their_colours(tmp_path):
    """As dataset.json tells them, so that every program draws it so."""
    tiles = tiles_in(tmp_path)
    chips_of(tiles, bands=1, about={"classes": {"10": {"name": "trees", "colour": "006400"}, "20": {"name": "grass"}}})

    joined(tiles, tmp_path / "m.tif")

    with rasterio.open(tmp_path / "m.tif") as file:
        assert file.colormap(1)[10] == (0, 0x64, 0, 255)
        assert file.read(1).max() > 100
    assert cog_validate(tmp_path / "m.tif", strict=True)[0]

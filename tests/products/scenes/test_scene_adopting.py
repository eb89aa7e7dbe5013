"""SAFE folders that lie there already become an index that the next step reads."""

import hashlib
import json
import os
import re
import shutil
import threading
from pathlib import Path

import numpy as np
import pytest
import rasterio

import orchestrator as orc
from orchestrator.faces.cli.main import run_cli
from orchestrator.products.scenes.adopting import adopt
from orchestrator.products.scenes.checking import check_folder
from orchestrator.products.scenes.index import read_scenes
from orchestrator.sandbox.safe.product import Cut, Options
from orchestrator.sandbox.safe.source import Source
from orchestrator.sandbox.safe.tree import write

DATA = Path(os.environ.get("ORCHESTRATOR_TEST_DATA", Path(__file__).parents[4] / "shared" / "data"))
REAL = DATA / "l1c_T56JMM_20180629_decimated"
NEVER = threading.Event()


@pytest.fixture(scope="module")
def products(tmp_path_factory):
    """Level-1C with two bands and Level-2A of one sensing, 24 pixels of 60 m."""
    folder = tmp_path_factory.mktemp("safe")
    for level, bands in (("L1C", ("B02", "B11")), ("L2A", ("SCL",))):
        options = Options(Cut(600, 600, 24, 24), bands=bands)
        (product,) = Source().of_tile(level, "33TWL", "2024-06-13", "2024-06-14", options)
        write(product, folder)
    return folder


@pytest.fixture
def folder(tmp_path, products):
    """A copy that may be spoilt."""
    return Path(shutil.copytree(products, tmp_path / "mine"))


def kinds(report):
    return sorted(f"{one.kind} {one.what.split(' is not there')[0]}" for one in report.faults if one.kind == "missing")


def items(path):
    (scene,) = json.loads(path.read_bytes())["scenes"]
    return {item["role"]: item for level in ("l1c", "l2a") for item in scene[f"files_{level}"]["items"]}


def image(folder, name):
    (path,) = folder.glob(f"*MSIL1C*/GRANULE/*/IMG_DATA/*_{name}.jp2")
    return path


def test_products_of_both_levels_are_one_scene_of_files_that_their_manifests_prove(folder):
    found = adopt(folder, folder, NEVER)

    (scene,) = read_scenes(found.path).scenes
    assert scene.name.startswith("T33TWL 2024-06-13T")
    assert (scene.l1c.name, scene.l2a.name) == tuple(sorted(path.name for path in folder.glob("*.SAFE")))
    assert {item.role for item in scene.items} >= {"l1c.band.B02", "l1c.band.B11", "l1c.tile_metadata", "l2a.scl_20m"}
    assert found.verified == found.files == len(scene.items)
    for role, path in scene.files.items():
        item = items(found.path)[role]
        assert (item["size"], item["sha256"]) == (path.stat().st_size, hashlib.sha256(path.read_bytes()).hexdigest())
        assert (item["planned"], item["present"]) == (False, True)
    assert check_folder(folder, NEVER).faults == ()


def test_bands_that_are_not_there_are_listed(folder):
    """Eleven that the product never had, and one that its manifest lists."""
    image(folder, "B11").unlink()

    found = adopt(folder, folder, NEVER)

    assert kinds(found)[:2] == ["missing l1c.band.B01", "missing l1c.band.B03"]
    assert len(kinds(found)) == 12
    assert (items(found.path)["l1c.band.B11"]["planned"], items(found.path)["l1c.band.B11"]["present"]) == (True, False)


@pytest.mark.parametrize("spoilt", ["size", "checksum"])
def test_a_file_that_is_not_what_its_manifest_says_is_planned_and_present(folder, spoilt):
    """And stays so when others are merged in."""
    path = image(folder, "B02")
    content = path.read_bytes()
    path.write_bytes(content + b"0" if spoilt == "size" else content[:-1] + bytes([content[-1] ^ 1]))

    adopt(folder, folder, NEVER)
    found = adopt(folder, folder, NEVER)

    assert [one.kind for one in found.faults if one.kind != "missing"] == [spoilt]
    item = items(found.path)["l1c.band.B02"]
    assert (item["planned"], item["present"], item["checksum"]) == (True, True, None)
    assert item["sha256"] == hashlib.sha256(path.read_bytes()).hexdigest()


def test_nothing_is_compared_where_nobody_wants_it(folder):
    image(folder, "B02").write_bytes(b"other")

    found = adopt(folder, folder, NEVER, verify=False)

    assert found.verified == 0
    assert {one.kind for one in found.faults} == {"missing"}
    assert not items(found.path)["l1c.band.B02"]["planned"]


def test_a_product_without_a_manifest_is_taken_and_said(folder):
    (path,) = folder.glob("*MSIL2A*/manifest.safe")
    path.unlink()

    found = adopt(folder, folder, NEVER)

    assert [one.path for one in found.faults if one.kind == "manifest"] == [str(path.parent)]
    assert items(found.path)["l2a.scl_20m"]["checksum"] is None


def test_an_index_elsewhere_has_links_and_keeps_its_scenes(products, tmp_path):
    """The second product joins the first."""
    one, two = sorted(products.glob("*.SAFE"))

    adopt(one, tmp_path / "out", NEVER)
    found = adopt(two, tmp_path / "out", NEVER)

    (scene,) = read_scenes(found.path).scenes
    assert (scene.l1c.name, scene.l2a.name) == (one.name, two.name)
    assert all(path.is_symlink() and path.resolve().is_relative_to(products) for path in scene.files.values())
    assert items(found.path)["l2a.scl_20m"]["path"].startswith("raw/L2A/tile=T33TWL/sensing=20240613T")
    assert adopt(two, tmp_path / "out", NEVER).verified == found.verified


def test_a_file_of_somebody_elses_is_not_replaced_by_a_link(products, tmp_path):
    safe = next(products.glob("*MSIL2A*"))
    adopt(safe, tmp_path, NEVER)
    (link,) = (tmp_path / "raw").rglob("*_SCL_20m.jp2")
    link.unlink()
    link.write_bytes(b"mine")

    with pytest.raises(orc.UserError, match="exists already and is not"):
        adopt(safe, tmp_path, NEVER)
    assert link.read_bytes() == b"mine"


def test_the_newest_baseline_of_a_scene_counts(folder):
    (path,) = folder.glob("*MSIL1C*")
    older = path.with_name(re.sub(r"_N\d{4}_", "_N0100_", path.name))
    shutil.copytree(path, older)

    found = adopt(folder, folder, NEVER)

    assert [one.path for one in found.faults if one.kind == "skipped"] == [str(older)]


def test_a_folder_without_products_is_refused(tmp_path, capsys):
    assert run_cli(["copernicus", "index", str(tmp_path)]) == 2
    assert "Name the one in which *.SAFE lie" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.real
@pytest.mark.skipif(not REAL.is_dir(), reason="the folder of real data is absent (ORCHESTRATOR_TEST_DATA)")
def test_a_real_product_is_indexed_and_preprocessed(tmp_path, capsys):
    """Its images were made smaller by who published them, 250, 501 and 1504 m: none verifies, all metadata does."""
    assert run_cli(["copernicus", "index", str(REAL), "--out", str(tmp_path)]) == 3
    assert "1 scene, 15 files" in capsys.readouterr().out
    index = tmp_path / "meta" / "step1" / "index.json"
    doubtful = [role for role, item in items(index).items() if item["planned"] and item["present"]]
    assert len(doubtful) == 13
    assert all(role.startswith("l1c.band.") for role in doubtful)

    with orc.connect(state_dir=tmp_path / "state") as connection:
        made = orc.copernicus.preprocess(
            index, tmp_path / "out", target_grid="B02", bands=["B02", "B05", "B01"], labels={"enabled": False},
            progress=False, connection=connection,
        )  # fmt: skip

    pixels = made.read(0)
    (path,) = REAL.glob("*.SAFE/GRANULE/*/IMG_DATA/*_B02.jp2")
    with rasterio.open(path) as raster:
        numbers = raster.read(1)
    valid = pixels[-1] == 1
    assert pixels.shape == (4, *numbers.shape)
    np.testing.assert_allclose(pixels[0][valid], numbers[valid] / 10_000, rtol=1e-6)  # baseline 02.06: no offset

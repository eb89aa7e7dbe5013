"""
Defects of the published tool that nobody else's tests look at through its own words.

The others: lost chips, cut files and 429 in `tests/products/test_chips_missing.py`; one lattice in
`test_chips_lattice.py`; int16 in `tests/packing/test_zip_pickle.py`; edited tiles in
`tests/tiling/splits/test_written.py`; leaking splits in `test_gap.py`; lists that were executed in `test_words.py`.
"""

from __future__ import annotations

import io
import os
import pickle
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

import geopandas
import numpy as np
import pytest
import rasterio
import shapely
from geet_kit import CORNER, lay_out

from orchestrator.faces.cli.main import run_cli

ROOT = Path(__file__).parents[2]
GRID = ["geet", "grid", "--chip_size_meters", "1000", "--aoi_name", "lux", "--dest_dir", ".", "--aoi_wkt_file"]


@pytest.fixture
def here(tmp_path, monkeypatch):
    """A folder of somebody who types in it."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def chips_of(file, dataset, dtype="uint8", bands=1):
    """Chips as geetiles leaves them: files alone, called like their tiles."""
    folder = file.with_suffix("") / dataset
    folder.mkdir(parents=True)
    for number, (identifier, shape) in enumerate(geopandas.read_file(file)[["identifier", "geometry"]].to_numpy()):
        west, south, east, north = shape.bounds
        place = rasterio.Affine((east - west) / 5, 0, west, 0, (south - north) / 5, north)
        pixels = np.full((bands, 5, 5), 10 * (number % 2 + 1), dtype)
        profile = {"count": bands, "height": 5, "width": 5, "dtype": dtype, "crs": "EPSG:4326", "transform": place}
        with rasterio.open(folder / f"{identifier}.tif", "w", driver="GTiff", **profile) as chip:
            chip.write(pixels)


def test_nothing_is_asked_where_nobody_answers(here):
    """A command whose input is closed ends by itself, with a reason, also without `--skip_confirm`."""
    lay_out(here)
    run_cli([*GRID, "luxembourg.wkt"])
    (file,) = here.glob("*.geojson")
    words = [
        "geet",
        "download",
        "--tiles_file",
        file.name,
        "--dataset_def",
        "esa-world-cover",
        "--pixels_lonlat",
        "[9,9]",
    ]

    done = subprocess.run(
        [sys.executable, "-m", "orchestrator", "--state-dir", "state", *words],
        stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=120, check=False, cwd=here,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )  # fmt: skip

    assert done.returncode == 4
    assert "no Earth Engine project is named" in done.stderr


def test_nothing_is_written_outside_the_folder_that_was_named(here, monkeypatch):
    """Choosing tiles leaves the temporary folder as it is."""
    lay_out(here)
    (here / "temporary").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(here / "temporary"))
    words = ["--orig_shapefile", "COMM_RG_01M_2016_4326.zip", "--aoi_wkt_file", "luxembourg.wkt", "--aoi_name", "lux"]

    assert run_cli(["geet", "select", *words, "--tiles_name", "communes", "--dest_dir", "made"]) == 0

    assert not list((here / "temporary").iterdir())
    assert len(list((here / "made").iterdir())) == 1


@pytest.mark.parametrize("labelled", [True, False], ids=["with labels", "without labels"])
def test_an_archive_of_tiles_in_another_folder_holds_its_chips(here, labelled):
    """Chips that geetiles itself brought, in a folder that is not the one we are in."""
    lay_out(here)
    run_cli([*GRID[:-3], "--dest_dir", "far/away", "--aoi_wkt_file", "luxembourg.wkt"])
    (file,) = (here / "far" / "away").glob("*.geojson")
    chips_of(file, "pictures", "int16", 3)
    chips_of(file, "classes")
    labels = ["--labels_dataset_name", "classes", "--label_map", "[10,20]"] if labelled else []

    words = ["zip.dataset", "--tiles_file", str(file.relative_to(here)), "--images_dataset_name", "pictures"]

    code = run_cli(["geet", *words, *labels])

    name = "lux_pictures_classes" if labelled else "lux_pictures"
    with zipfile.ZipFile(file.with_name(f"{name}.zip")) as archive:
        members = [member for member in archive.namelist() if member.endswith(".pkl")]
        chip = pickle.load(io.BytesIO(archive.read(members[0])))  # noqa: S301
    assert (code, len(members)) == (0, len(geopandas.read_file(file)))
    assert ("label" in chip) == labelled
    assert not labelled or set(np.unique(chip["label"])) == {1}


def test_no_chip_is_no_archive(here, capfd):
    """Exit code 0 for an archive of nothing is what there was."""
    lay_out(here)
    run_cli([*GRID, "luxembourg.wkt"])
    (file,) = here.glob("*.geojson")
    (file.with_suffix("") / "pictures").mkdir(parents=True)

    code = run_cli(["geet", "zip.dataset", "--tiles_file", file.name, "--images_dataset_name", "pictures"])

    assert code in (2, 3)
    assert "Traceback" not in capfd.readouterr().err
    assert not list(here.glob("*.zip"))[1:]


def test_an_archive_of_somebody_else_is_left_alone(here, capfd):
    """It is said, and nothing is packed."""
    lay_out(here)
    run_cli([*GRID, "luxembourg.wkt"])
    (file,) = here.glob("*.geojson")
    chips_of(file, "pictures", "int16", 3)
    (here / "lux_pictures.zip").write_text("mine")

    code = run_cli(["geet", "zip.dataset", "--tiles_file", file.name, "--images_dataset_name", "pictures"])

    assert code == 2
    assert "was not made here" in " ".join(capfd.readouterr().err.split())
    assert (here / "lux_pictures.zip").read_text() == "mine"


@pytest.mark.parametrize(
    ("wkt", "said"),
    [
        pytest.param("POLYGON EMPTY", "no geometry", id="an empty area"),
        pytest.param("POLYGON ((300000 5500000, 310000 5500000, 310000 5510000, 300000 5500000))", "degrees", id="m"),
        pytest.param("POLYGON ((6 49", "WKT", id="half a text"),
        pytest.param("LINESTRING (6 49, 7 50)", "", id="a line"),
    ],
)  # fmt: skip
def test_an_area_that_is_none_is_refused_in_one_line(here, capfd, wkt, said):
    """No stack trace, no file; exit code 2."""
    (here / "a.wkt").write_text(wkt)

    assert run_cli([*GRID, "a.wkt"]) == 2

    (line,) = [each for each in capfd.readouterr().err.splitlines() if each.startswith("orchestrator: ")]
    assert said in line
    assert not list(here.glob("*.geojson"))


def test_an_area_of_several_parts_is_one_area(here):
    """Each part has tiles, where there only a stack trace was."""
    parts = shapely.MultiPolygon([CORNER, shapely.affinity.translate(CORNER, 0.2, 0.1)])
    (here / "a.wkt").write_text(parts.wkt)

    assert run_cli([*GRID, "a.wkt"]) == 0

    (file,) = here.glob("*.geojson")
    tiles = geopandas.read_file(file)
    assert all(tiles.intersects(part).any() for part in parts.geoms)

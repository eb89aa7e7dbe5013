"""Parts that somebody already has become one clipped file: what rasterio.merge and rasterio.mask give, or a refusal."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest
import rasterio
import rasterio.mask
import shapely
from assembly import Never, Scene, read, reference, star
from folder_kit import DASH, NO_DASH, PLAIN, ROOT, SCENE, TILED, assembled, export, request, two_parts, write_area
from rasterio.transform import Affine
from rio_cogeo import cog_validate

from orchestrator import __version__
from orchestrator.core.errors import Stopped, UserError
from orchestrator.core.files import sha256_of
from orchestrator.model.grid import Grid
from orchestrator.products.mosaic.parts.folder import assemble_folder


def inside(area_of=SCENE, seed=5):
    """A star that lies within the scene, with a hole."""
    return star(area_of, np.random.default_rng(seed)).intersection(shapely.box(*area_of.grid.bounds()))


def on_the_grid_of(path, scene, truth):
    """Return the pixels of `truth`, on the scene's grid, that the result shows."""
    with rasterio.open(path) as raster:
        a, _b, left, _d, e, top = scene.grid.transform
        col, row = round((raster.bounds.left - left) / a), round((raster.bounds.top - top) / e)
        return truth[:, row : row + raster.height, col : col + raster.width]


@pytest.mark.parametrize("pattern", [DASH, NO_DASH, PLAIN], ids=["dash", "no dash", "other names"])
@pytest.mark.parametrize(
    "stored", [{}, {"interleave": "band"}, {"tiled": False}], ids=["tiled", "bands apart", "strips"]
)
def test_the_parts_become_what_rasterio_gives(pattern, stored, tmp_path):
    """Whatever the parts are called and however they are stored: merged, then masked, pixel by pixel."""
    kept = {k: v for k, v in (TILED | stored).items() if stored.get("tiled", True) or not k.startswith("block")}
    scene = Scene(**{**vars(SCENE), "profile": kept, "area": inside()})
    parts = export(scene, tmp_path / "parts", pattern)

    result = assembled(tmp_path, areas=(write_area(tmp_path / "a.geojson", scene.area),))

    truth = reference(scene, parts, tmp_path)
    np.testing.assert_array_equal(read(result["path"]), on_the_grid_of(result["path"], scene, truth))
    assert cog_validate(result["path"], strict=True)[0]


def test_without_an_area_everything_is_kept(tmp_path):
    """Nothing is cut away, and parts whose blocks fit are copied as they are."""
    parts = export(SCENE, tmp_path / "parts")

    result = assembled(tmp_path)

    np.testing.assert_array_equal(read(result["path"]), reference(SCENE, parts, tmp_path))
    assert result["assembly"]["method"] == "splice"


def test_several_areas_cut_together(tmp_path):
    """What lies in one of them stays."""
    left, bottom, right, top = SCENE.grid.bounds()
    areas = [shapely.box(left, bottom, left + 800, top), shapely.box(right - 905, bottom, right, bottom + 655)]
    scene = Scene(**{**vars(SCENE), "area": shapely.union_all(areas)})
    parts = export(scene, tmp_path / "parts")

    named = tuple(write_area(tmp_path / f"{number}.geojson", area) for number, area in enumerate(areas))
    result = assembled(tmp_path, areas=named)

    np.testing.assert_array_equal(read(result["path"]), reference(scene, parts, tmp_path))


def test_the_share_of_valid_pixels_and_every_part_are_in_the_proof(tmp_path):
    """Counted by hand, and with the checksum of each part's file."""
    scene = Scene(**{**vars(SCENE), "area": inside()})
    parts = export(scene, tmp_path / "parts")

    result = assembled(tmp_path, areas=(write_area(tmp_path / "a.geojson", scene.area),))

    proof = json.loads(Path(result["proof"]).read_text())
    pixels = read(result["path"])
    assert list(proof["valid"]["pixels"].values()) == (pixels != 0).sum(axis=(1, 2)).tolist()
    assert proof["output"]["sha256"] == sha256_of(Path(result["path"]))
    sums = {part["file"]: part["sha256"] for part in proof["parts"]}
    assert sums.items() <= {str(path): sha256_of(path) for path in parts.values()}.items()


@pytest.mark.parametrize("suffix", [".tif", ".json", ".png"])
def test_nothing_that_is_there_is_replaced(suffix, tmp_path):
    """A file at one of the result's names is somebody's; also a link that leads nowhere."""
    two_parts(tmp_path / "parts")
    there = tmp_path / "out" / f"whole_clipped{suffix}"
    there.parent.mkdir()
    there.symlink_to(tmp_path / "nowhere")

    with pytest.raises(UserError, match=rf"whole_clipped\{suffix} is there already.*--overwrite"):
        assembled(tmp_path)

    assert [path.name for path in there.parent.iterdir()] == [there.name]


def test_what_is_there_is_replaced_when_asked_for(tmp_path):
    """And a result that lies among its parts is none of them."""
    two_parts(tmp_path / "parts")
    first = assembled(tmp_path, output=tmp_path / "parts")

    again = assembled(tmp_path, output=tmp_path / "parts", overwrite=True)

    assert again["sha256"] == first["sha256"]
    names = sorted(path.name for path in (tmp_path / "parts").iterdir())
    assert names == ["0.tif", "1.tif", "whole_clipped.json", "whole_clipped.png", "whole_clipped.tif"]


def command(tmp_path, **environment):
    """Run the command in a process of its own."""
    words = [sys.executable, "-m", "orchestrator", "--json", "assemble", tmp_path / "parts"]
    words += ["--output", tmp_path / "out", "--base-name", "whole"]
    told = {**os.environ, "PYTHONPATH": str(ROOT), **environment}
    return subprocess.run(words, cwd=tmp_path, env=told, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("moment", ["assembly.placed", "assembly.finished", "assembly.published"])
def test_killed_anywhere_the_same_command_gives_the_same_file(moment, tmp_path):
    """Nothing is left over, nothing is lost, and the names are not taken by the killed one."""
    export(SCENE, tmp_path / "parts")
    expected = assembled(tmp_path, output=tmp_path / "undisturbed", version=__version__)["sha256"]
    killed = command(tmp_path, ORCHESTRATOR_CRASH_AT=moment)

    done = command(tmp_path)

    assert killed.returncode == -9, killed.stderr
    assert done.returncode == 0, done.stderr
    assert sha256_of(tmp_path / "out" / "whole_clipped.tif") == expected
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        "whole_clipped.json", "whole_clipped.png", "whole_clipped.tif",
    ]  # fmt: skip


class Placed(Never):
    """A wish to stop once more than some parts were told to be placed."""

    def __init__(self, told, parts):
        self.told, self.parts = told, parts

    def is_set(self):
        return len([what for what, _done, _of in self.told if what == "placing parts"]) > self.parts


class Looks(Never):
    """A wish to stop from the `last`-th time on that the main thread looks; counts its looks by what is being done."""

    def __init__(self, last=None):
        self.last, self.seen = last, 0

    def is_set(self):
        self.seen += threading.current_thread() is threading.main_thread()
        return self.last is not None and self.seen > self.last


def test_stopped_in_the_middle_it_continues(tmp_path):
    """Parts that were placed are not placed again, and the file is the one that was due."""
    export(SCENE, tmp_path / "parts")
    looks, told = Looks(), []
    expected = assemble_folder(
        request(tmp_path, output=tmp_path / "undisturbed"), looks, lambda *said: told.append((looks.seen, *said))
    )["sha256"]
    before = max(seen for seen, what, *_ in told if what == "looking at the parts")
    after = next(seen for seen, what, *_ in told if what == "completing the file")

    with pytest.raises(Stopped):
        assemble_folder(request(tmp_path), Looks((before + after) // 2))
    journal = (tmp_path / "out" / ".orchestrator" / "assemble-whole" / "mosaic" / "journal").read_bytes()
    result = assembled(tmp_path)

    assert 0 < sum(len(json.loads(line[9:]).get("parts", ())) for line in journal.splitlines()) < 20
    assert result["sha256"] == expected


def test_a_stop_is_heard_inside_a_part(tmp_path):
    """One file may be the whole raster; nobody waits for its end."""
    scene = Scene(height=600, width=600, side=600, bands=1, profile=TILED)
    export(scene, tmp_path / "parts", PLAIN)
    told, looks = [], []

    class Soon(Never):
        def is_set(self):
            looks.append(1)
            return len(looks) > 20

    with pytest.raises(Stopped, match="while placing a part"):
        assemble_folder(request(tmp_path), Soon(), lambda *said: told.append(said))

    assert not [what for what, _done, _of in told if what == "placing parts"]


def test_parts_that_changed_meanwhile_begin_anew(tmp_path):
    """What was placed of the old ones is forgotten."""
    export(SCENE, tmp_path / "parts")
    told = []
    with pytest.raises(Stopped):
        assemble_folder(request(tmp_path), Placed(told, 3), lambda *said: told.append(said))
    newer = Scene(**{**vars(SCENE), "seed": 9})
    shutil.rmtree(tmp_path / "parts")
    export(newer, tmp_path / "parts")

    result = assembled(tmp_path)

    np.testing.assert_array_equal(read(result["path"]), newer.pixels())


@pytest.fixture
def rasters():
    named = os.environ.get("ORCHESTRATOR_TEST_DATA")
    folder = (Path(named) if named else ROOT.parent / "shared" / "data") / "raster"
    if not folder.is_dir():
        pytest.skip("no real rasters: set ORCHESTRATOR_TEST_DATA to the folder of real data")
    return folder


def test_a_real_cloud_optimised_file_is_taken_apart_and_joined(rasters, tmp_path):
    """Three bytes a pixel in EPSG:3857, in JPEG as it is: what is read of the parts is read of the whole."""
    (tmp_path / "parts").mkdir()
    with rasterio.open(rasters / "rasterio_cogeo.tif") as source:
        whole, colours, transform = source.read(), source.colorinterp, source.transform
        grid = Grid("EPSG:3857", tuple(transform)[:6], *source.shape)
        for window in grid.window.tiles(256, 512):
            profile = source.profile | {"height": window.height, "width": window.width, "nodata": source.nodata}
            profile["transform"] = Affine(*grid.window_transform(window))
            with rasterio.open(tmp_path / "parts" / NO_DASH.format(window.row, window.col), "w", **profile) as part:
                part.write(whole[:, window.row : window.bottom, window.col : window.right])
            inside = np.s_[:, window.row : window.bottom, window.col : window.right]
            whole[inside] = read(tmp_path / "parts" / NO_DASH.format(window.row, window.col))
        nodata = source.nodata

    result = assembled(tmp_path, nodata=0 if nodata is None else None)

    np.testing.assert_array_equal(read(result["path"]), whole)
    with rasterio.open(result["path"]) as raster:
        assert raster.colorinterp == colours
        assert raster.transform == transform


@pytest.mark.filterwarnings("ignore::PendingDeprecationWarning")  # rasterio uses affine in its old way
def test_a_real_file_alone_is_clipped(rasters, tmp_path):
    """One file is a raster too; what GDAL masks is what is cut away."""
    (tmp_path / "parts").mkdir()
    shutil.copy(rasters / "eolearn_import-tiff-test1.tiff", tmp_path / "parts" / "a.tiff")
    with rasterio.open(tmp_path / "parts" / "a.tiff") as source:
        left, bottom, right, top = source.bounds
        area = shapely.Point((left + right) / 2, (bottom + top) / 2).buffer((top - bottom) / 3)
        truth, _transform = rasterio.mask.mask(source, [area], nodata=65535)
        crs = source.crs.to_string()

    result = assembled(tmp_path, nodata=65535, areas=(write_area(tmp_path / "a.geojson", area, crs),))

    np.testing.assert_array_equal(read(result["path"]), truth)

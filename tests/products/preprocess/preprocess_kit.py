"""Folders as a download leaves them, and scenes that are preprocessed in this process."""

from __future__ import annotations

import atexit
import json
import os
import re
import shutil
import tempfile
import threading
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import rasterio
from rasterio.warp import Resampling, reproject

import orchestrator as orc
from orchestrator.sandbox.safe.product import Cut, Options
from orchestrator.sandbox.safe.source import Source
from orchestrator.sandbox.safe.tree import write

DATA = Path(os.environ.get("ORCHESTRATOR_TEST_DATA", Path(__file__).parents[4] / "shared" / "data"))
needs_real = pytest.mark.skipif(not DATA.is_dir(), reason="the folder of real data is absent (ORCHESTRATOR_TEST_DATA)")
BANDS = ("B01", "B02", "B03", "B04", "B05", "B06", "B07", "B08", "B8A", "B09", "B10", "B11", "B12")
# Half of it lies outside of the swath, and every class of clouds is in it.
CUT = (640, 1696, 36, 36)
_NAME = re.compile(r"S2._MSI(L1C|L2A)_(\d{8}T\d{6})_N(\d{4})_R\d{3}_(T\d\d[A-Z]{3})_.*\.SAFE")


def synthetic(folder, days=("2024-06-13", "2024-06-18"), **options):
    """Write SAFE folders of both levels of some days, and return them."""
    wanted = {"L1C": options.pop("bands", ("B01", "B02", "B05")), "L2A": ("SCL",)}
    made = []
    for day in days:
        after = day[:-2] + f"{int(day[-2:]) + 1:02}"
        for level, bands in wanted.items():
            (product,) = Source().of_tile(level, "33TWL", day, after, Options(Cut(*CUT), bands=bands, **options))
            made.append(write(product, folder))
    return made


def laid(folder, safes):
    """Lay files of SAFE folders out as a download does, by links; return the index, written by hand."""
    scenes = {}
    for safe in safes:
        level, datatake, baseline, tile = _NAME.fullmatch(safe.name).groups()
        own = f"raw/{level}/tile={tile}/sensing={datatake}Z/files"
        (folder / own).mkdir(parents=True, exist_ok=True)
        items = []
        for path in sorted(safe.rglob("*")):
            if role := role_of(level, path.name):
                (folder / own / path.name).symlink_to(path)
                items.append({"role": role, "path": f"{own}/{path.name}", "planned": False, "present": True})
        t = datatake
        sensing = f"{t[:4]}-{t[4:6]}-{t[6:8]}T{t[9:11]}:{t[11:13]}:{t[13:]}Z"
        scene = scenes.setdefault((tile, sensing), {"key": {"tile_id": tile, "sensing_start_utc": sensing}})
        scene[level.lower()] = {
            "product_id": "1",
            "product_name": safe.name,
            "baseline": f"N{baseline}",
            "rel_orbit": "R022",
            "cloud_cover": 12.5,
            "coverage_ratio": 0.5,
            "geofootprint": None,
            "scl_percentages": None,
        }
        scene[f"files_{level.lower()}"] = {"root_dir": own, "items": items}
    return index_of(folder, list(scenes.values()))


def index_of(folder, scenes):
    """Write an index of scenes."""
    path = folder / "meta" / "step1" / "index.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    content = {"schema": "s2pipe.step1.index.v2", "created_utc": "2026-01-17T09:45:39Z", "query": {"aggregate": True}}
    path.write_text(json.dumps(content | {"output": {"out_dir": str(folder), "layout": "raw"}, "scenes": scenes}))
    return path


def role_of(level, name):
    """Return the published role of a file."""
    if name in ("MTD_TL.xml", f"MTD_MSI{level}.xml"):
        return f"{level.lower()}.{'tile' if 'TL' in name else 'product'}_metadata"
    if found := re.search(r"_(B\d[\dA]|SCL)(_20m)?\.jp2$", name):
        return "l2a.scl_20m" if found[1] == "SCL" else f"l1c.band.{found[1]}"
    return ""


def changed(index, change):
    """Rewrite an index; `change` is given its scenes."""
    content = json.loads(index.read_text())
    change(content["scenes"])
    index.write_text(json.dumps(content))


def replace_by_copy(path):
    """Put a file of its own in the place of a link, so that it can be spoilt."""
    content = path.read_bytes()
    path.unlink()
    path.write_bytes(content)
    return content


@cache
def remembered():
    """A state folder in which nothing has been done: copies of it need not be made from nothing each time."""
    folder = Path(tempfile.mkdtemp(prefix="state-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    with orc.connect(state_dir=folder) as connection:
        assert connection.records.store
    return folder


def preprocess(folder, index, **keys):
    """Preprocess in this process; runs are remembered in `folder`."""
    told = {"target_grid": "scl_20m", "bands": ["B02", "B05", "B01"], **keys}
    if not (folder / "state").exists():
        shutil.copytree(remembered(), folder / "state")
    with orc.connect(state_dir=folder / "state") as connection:
        return orc.copernicus.preprocess(index, folder / "out", progress=False, connection=connection, **told)


def whole(source, like, method):
    """Return a raster on the pixels of another, by rasterio, in one piece: 0 is no data on both sides."""
    with rasterio.open(source) as src, rasterio.open(like) as target:
        numbers, made = src.read(1), np.zeros(target.shape, src.dtypes[0])
        if src.transform == target.transform:
            return numbers
        reproject(
            numbers, made, src_transform=src.transform, dst_transform=target.transform, src_crs=src.crs,
            dst_crs=target.crs, src_nodata=0, dst_nodata=0, resampling=Resampling[method], warp_mem_limit=4000,
        )  # fmt: skip
        return made


def file_of(index, role):
    """Return the file of a role of the first scene."""
    (scene, *_) = json.loads(index.read_text())["scenes"]
    items = [*scene["files_l1c"]["items"], *scene.get("files_l2a", {"items": ()})["items"]]
    return index.parents[2] / next(item["path"] for item in items if item["role"] == role)


def read(path):
    """Return (band, row, col) and the names of the bands."""
    with rasterio.open(path) as raster:
        return raster.read(), raster.descriptions


class Pool(ThreadPoolExecutor):
    """Threads for one scene."""

    def __init__(self):
        super().__init__(2)


NEVER = threading.Event()

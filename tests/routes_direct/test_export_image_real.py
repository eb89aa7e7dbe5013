"""`orc.export_image` of real scenes against the JPEG 2000 files they are served from."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
import rasterio
from rasterio.windows import Window

import orchestrator as orc
from orchestrator.sandbox.scenes.folder import FolderCatalogue
from orchestrator.sandbox.server import Options, Sandbox

DATA = Path(os.environ.get("ORCHESTRATOR_TEST_DATA", Path(__file__).parents[3] / "shared" / "data"))
FOLDER = DATA / "l2a_120m_T33TWL_T33TWM"
NAMES = {"B2": "B02", "B4": "B04", "SCL": "SCL"}
pytestmark = [
    pytest.mark.real,
    pytest.mark.skipif(not FOLDER.is_dir(), reason="the folder of real scenes is not here (ORCHESTRATOR_TEST_DATA)"),
    pytest.mark.filterwarnings("ignore:Use `@` matmul:PendingDeprecationWarning"),  # in rasterio's own code
    pytest.mark.filterwarnings("ignore:Anonymous credentials:UserWarning"),
]


def test_a_scene_comes_as_its_files_hold_it_on_its_own_lattice(tmp_path):
    asset = "COPERNICUS/S2_SR_HARMONIZED/20230818T100031_20230818T100808_T33TWL"
    files = {band: FOLDER / "S2A_33TWL_20230818_0_L2A" / f"{name}.tif" for band, name in NAMES.items()}
    window = Window(300, 420, 130, 110)
    expected = {}
    for band, path in files.items():
        with rasterio.open(path) as file:
            expected[band], box, crs = file.read(1, window=window), file.window_bounds(window), file.crs
            transform = file.window_transform(window)

    with Sandbox(FolderCatalogue(FOLDER), Options()) as sandbox:
        how = {"project": sandbox.options.project, "state_dir": tmp_path}
        with orc.connect(sandbox_url=sandbox.url, **how):
            array = orc.export_image(asset, box, list(NAMES), area_crs=str(crs))

    assert (array.rio.transform(), array.rio.crs) == (transform, crs)
    for band, values in expected.items():
        found = array.sel(band=band).values
        np.testing.assert_array_equal(np.where(found == array.rio.nodata, 0, found), values)

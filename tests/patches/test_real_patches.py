"""A real band of 60 m, cut: its wedge without data is left out as a plain count says."""

from __future__ import annotations

import journey_kit as kit
import numpy as np
import patch_kit
import pytest
import rasterio

import orchestrator as orc

DATA = kit.real_data()
SCENE = "cdse_scene_T31TDH_20180101"
pytestmark = [
    pytest.mark.real,
    pytest.mark.skipif(DATA is None or not (DATA / SCENE).is_dir(), reason="the real data are not on this machine"),
]


def test_the_real_band_has_the_patches_that_were_counted(tmp_path):
    """Of 49 windows of T31TDH, B01, 25 are fully valid, 28 from 0.8 on, and 15 hold nothing; each is cut as it is."""
    (path,) = (DATA / SCENE).rglob("*_B01.jp2")
    with rasterio.open(path) as source:
        numbers = source.read(1)
    x = np.stack([numbers / np.float32(10_000), (numbers != 0).astype(np.float32)]).astype(np.float32)
    patch_kit.write_scene(
        tmp_path,
        tile="T31TDH",
        when="2018-01-01T10:54:41Z",
        x=x,
        crs="EPSG:32631",
        bands=("B01", "valid"),
        labels=False,
    )

    with orc.connect(state_dir=tmp_path / "state") as here:
        cut = orc.patches.cut(tmp_path, tmp_path / "patches", shares=(1, 0, 0), progress=False, connection=here)

    valid = cut.frame["valid"]
    counts = len(valid), int((valid == 1).sum()), int((valid >= 0.8).sum()), int((valid == 0).sum())
    assert counts == (49, 25, 28, 15)
    assert len(cut) == 28
    key = next(iter(cut))
    row, col = int(key[24:29]), int(key[31:])
    assert (cut.read(key)["x"] == x[:, row : row + 256, col : col + 256]).all()

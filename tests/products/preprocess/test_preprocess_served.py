"""Preprocessed scenes are scenes of the sandbox: what is written here is understood there."""

from __future__ import annotations

import numpy as np
import preprocess_kit as kit
import pytest

from orchestrator.sandbox.scenes.folder import FolderCatalogue, ScenesError

LEVEL_1C = "COPERNICUS/S2_HARMONIZED"


def test_on_a_band_s_own_grid_a_preprocessed_scene_is_served_like_the_delivered_one(tmp_path, index):
    """Reflectance times 10,000 is the number less its offset, and the mask is that of the files."""
    kit.preprocess(tmp_path, index, target_grid="B02", bands=["B02"], labels={"enabled": False})

    delivered, made = (FolderCatalogue(tmp_path / name) for name in ("raw", "out"))

    pairs = list(zip(*(c.scenes(LEVEL_1C, None, None, None) for c in (delivered, made)), strict=True))
    assert len(pairs) == 2
    for one, other in pairs:
        (values, valid), (numbers, there) = (scene.read("B2", 0, 0, 0, 216, 216) for scene in (one, other))
        assert np.array_equal(valid, there)
        assert np.array_equal(values[valid], numbers[valid])


def test_numbers_that_are_no_reflectance_are_not_served(tmp_path, index):
    kit.preprocess(tmp_path, index, to_toa_reflectance=False, labels={"enabled": False})

    with pytest.raises(ScenesError, match="holds no reflectance"):
        FolderCatalogue(tmp_path / "out")

"""What windows hold is counted once for all of them, and agrees with a look at each."""

from __future__ import annotations

import threading

import numpy as np
import patch_kit as kit
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from orchestrator.core.errors import Stopped
from orchestrator.products.patches.lattice import lattice
from orchestrator.products.patches.measure import measure
from orchestrator.products.patches.scenes import read_ready_scenes

CLOUDS = (8, 9)


def looked_at(valid, label, row, col, size):
    """Count the pixels of one window, those beyond the scene as neither valid nor labelled."""
    own_valid = valid[row : row + size, col : col + size]
    own = label[row : row + size, col : col + size]
    beyond = size * size - own.size
    counts = {value: int((own == value).sum()) for value in np.unique(own).tolist() if value != 255}
    clouds = sum(int((own == value).sum()) for value in CLOUDS)
    return int(own_valid.sum()), int((own == 255).sum()) + beyond, clouds, counts


@given(data=st.data())
@settings(max_examples=12, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_every_window_is_counted_as_a_look_at_it_counts(tmp_path, data):
    """Whatever the shape, size, stride, edge, mask and labels; also where each band has its own mask."""
    height, width = data.draw(st.integers(16, 40)), data.draw(st.integers(16, 40))
    size, stride = data.draw(st.integers(1, 16)), data.draw(st.integers(1, 20))
    edge, each = data.draw(st.sampled_from(["drop", "pad", "shift"])), data.draw(st.booleans())
    chance = np.random.default_rng(data.draw(st.integers(0, 1000)))
    masks = (chance.random((2, height, width)) < 0.7).astype(np.float32)
    label = chance.choice(np.array([0, 3, 4, 8, 9, 255], np.uint8), (height, width))
    x = np.concatenate([chance.random((2, height, width), np.float32), masks if each else masks[:1]])
    names = (*kit.BANDS, *(("valid_B02", "valid_B04") if each else ("valid",)))
    kit.write_scene(tmp_path, x=x, y=label, bands=names)
    (scene,) = read_ready_scenes(tmp_path, labels=True, angles=False)
    windows = lattice(height, width, size, stride, edge)

    found = measure(scene, windows, CLOUDS, threading.Event())

    valid = masks.all(axis=0) if each else masks[0] > 0
    for at, (row, col) in enumerate(windows.corners.tolist()):
        counts = {int(value): int(n) for value, n in zip(found.classes, found.labels[at], strict=True) if n}
        told = int(found.valid[at]), int(found.ignored[at]), int(found.cloudy[at]), counts
        assert told == looked_at(valid, label, row, col, size)


def test_a_stop_is_heeded_while_a_scene_is_measured(tmp_path):
    """After some rows at the latest."""
    kit.write_scene(tmp_path)
    (scene,) = read_ready_scenes(tmp_path, labels=True, angles=False)
    stop = threading.Event()
    stop.set()

    with pytest.raises(Stopped):
        measure(scene, lattice(64, 64, 16, 16), (), stop)

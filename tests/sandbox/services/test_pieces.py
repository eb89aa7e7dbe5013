"""The small parts that the services are made of."""

from __future__ import annotations

import numpy as np
import pytest
import requests
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.sandbox import fields
from orchestrator.sandbox.earthengine.exports import DASHED, files
from orchestrator.sandbox.earthengine.raster import WINDOW_BAND_PIXELS, windows
from orchestrator.sandbox.web import ProtocolViolation

sides = st.integers(1, 1500)


@given(height=sides, width=sides, bands=st.integers(1, 40), block=st.sampled_from([16, 256, 512]))
def test_windows_of_a_file_cover_it_once_in_whole_blocks(height, width, bands, block):
    """Every pixel falls in one window; windows begin at blocks, and are small unless one block is not."""
    covered = np.zeros((height, width), np.uint8)

    for row, col, h, w in windows(height, width, bands, block):
        covered[row : row + h, col : col + w] += 1
        assert row % block == 0
        assert col % block == 0
        assert h * w * bands <= max(WINDOW_BAND_PIXELS, block * block * bands)

    assert (covered == 1).all()


@given(height=sides, width=sides, tall=st.integers(1, 8), wide=st.integers(1, 8))
def test_files_of_an_image_cover_it_once_and_are_named_by_their_offset(height, width, tall, wide):
    """Every pixel falls in one file, and only a single file goes without offsets."""
    covered = np.zeros((height, width), np.uint8)

    found = list(files("p", height, width, tall * 256, wide * 256, form=DASHED))

    for file in found:
        covered[file.row : file.row + file.height, file.col : file.col + file.width] += 1
    assert (covered == 1).all()
    offsets = [f"p-{file.row:010d}-{file.col:010d}.tif" for file in found]
    assert [file.name for file in found] == (["p.tif"] if len(found) == 1 else offsets)


@pytest.mark.parametrize(
    ("mask", "shown"),
    [
        ("a", {"a": 1}),
        ("b(c)", {"b": {"c": 2}}),
        ("b/d,a", {"a": 1, "b": {"d": 3}}),
        ("items(c),b(c,d)", {"b": {"c": 2, "d": 3}, "items": [{"c": 4}, {}]}),
        ("*", {"a": 1, "b": {"c": 2, "d": 3}, "items": [{"c": 4}, {"d": 5}]}),
    ],
)
def test_field_masks_keep_what_they_name(mask, shown):
    """Names, paths, groups and lists, as in Google's partial responses."""
    value = {"a": 1, "b": {"c": 2, "d": 3}, "items": [{"c": 4}, {"d": 5}]}

    assert fields.select(mask, value) == shown


@pytest.mark.parametrize("mask", ["a(", "a)", ",", "a//b", "a b;"])
def test_a_broken_field_mask_is_refused(mask):
    """A mask that cannot be read is an error, not an empty answer."""
    with pytest.raises(ProtocolViolation):
        fields.parse(mask)


def test_a_service_account_gets_a_token(sandbox):
    """A key file whose `token_uri` points here can be used."""
    grant = {"grant_type": "urn:ietf:params:oauth:grant-type:jwt-bearer", "assertion": "x"}

    answer = requests.post(sandbox.url + "/token", data=grant, timeout=20)

    assert answer.json()["access_token"]


def test_the_clock_can_be_moved(sandbox, kit, prefix):
    """A test that needs tomorrow does not wait for it."""
    requests.post(sandbox.url + "/sandbox/clock", json={"advanceSeconds": 86_400}, timeout=20)
    kit.finish(kit.to_bucket(prefix, description="tomorrow"))
    later = sandbox.operations.all()[0].created
    requests.post(sandbox.url + "/sandbox/clock", json={"advanceSeconds": -86_400}, timeout=20)
    kit.finish(kit.to_bucket(prefix, description="today"))

    assert sandbox.operations.all()[0].created < later


def test_a_forgotten_operation_is_not_found(sandbox, kit, prefix):
    """The service's history ends somewhere: a pruned operation is 404 and its objects stay."""
    task = kit.to_bucket(prefix)
    kit.finish(task)

    requests.post(sandbox.url + "/sandbox/forget", json={"operation": task.name}, timeout=20)

    assert requests.get(f"{sandbox.url}/v1/{task.name}", timeout=20).status_code == 404
    assert len(sandbox.buckets.objects(kit.bucket_name, prefix)) == 1

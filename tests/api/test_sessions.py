"""Several connections in one process, which has one client of Earth Engine."""

from __future__ import annotations

import ee
import pytest

import orchestrator as orc


def address() -> str:
    """Return the address that the client of the process is signed in to."""
    return ee.data._get_state().cloud_api_base_url


@pytest.mark.parametrize("first", [0, 1], ids=["older first", "newer first"])
def test_sandboxes_may_be_closed_in_any_order(sandbox, tmp_path, first):
    """The client speaks to the newest that is open, and at the end to the outer one again."""
    pair = [orc.sandbox(state_dir=tmp_path / name) for name in "ab"]
    closed, left = pair[first], pair[1 - first]

    closed.close()
    between = address()
    left.close()

    assert between == left.url
    assert address() == sandbox.url
    assert ee.Number(2).add(1).getInfo() == 3


def test_a_client_that_is_signed_in_is_left_so(sandbox):
    """Connecting once more asks nobody; after the user's own `ee.Initialize` elsewhere it signs in again."""
    before = ee.data._get_state()
    sandbox.shared.earth_engine()
    kept = ee.data._get_state() is before
    ee.Reset()

    sandbox.shared.earth_engine()

    assert kept
    assert address() == sandbox.url

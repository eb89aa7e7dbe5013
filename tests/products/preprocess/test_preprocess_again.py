"""The same preprocessing once more makes what is not there any more."""

from __future__ import annotations

import pytest
from preprocess_kit import laid, preprocess, synthetic

SMALL = {"labels": {"enabled": False}, "angles": {"enabled": False}, "bands": ["B01"]}


@pytest.mark.parametrize(
    ("lost", "keys"),
    [("normalize/stats.json", {"normalize": {"mode": "compute_only"}}), ("processed/**/x.tif", {})],
    ids=["statistics", "a raster"],
)
def test_what_was_deleted_of_a_result_is_made_again(tmp_path, lost, keys):
    """The same bytes, though the manifest of the run is there."""
    index = laid(tmp_path / "in", synthetic(tmp_path / "safe", days=("2024-06-13",), bands=("B01",)))
    preprocess(tmp_path, index, **SMALL, **keys)
    (path,) = (tmp_path / "out").glob(lost)
    content = path.read_bytes()
    path.unlink()

    preprocess(tmp_path, index, **SMALL, **keys)

    assert path.read_bytes() == content

"""What a run keeps of its result, in this version and the one before."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from orchestrator.core.errors import IntegrityError
from orchestrator.model.objects import StoredObject
from orchestrator.model.result import Result, ResultFile

FILES = (
    ResultFile(Path("/o/a.json"), 3, "aa", "proof"),
    ResultFile(Path("/o/a.tif"), 7, "bb", "data"),
)


def test_a_manifest_reads_back_equal():
    """Files in their order, and the facts beside them."""
    result = Result(FILES, {"valid": {"B2": 0.5}})

    again = Result.from_json(result.to_json())

    assert (again.files, dict(again.facts), again.whole) == (FILES, {"valid": {"B2": 0.5}}, True)


def test_the_keys_of_the_first_version_stay():
    """Whoever reads path, bytes and sha256 goes on to find the file that makes the result."""
    told = json.loads(Result(FILES, {"assembly": {}, "valid": {}}).to_json())

    assert {key: told[key] for key in ("path", "bytes", "sha256")} == {"path": "/o/a.tif", "bytes": 7, "sha256": "bb"}
    assert set(told) == {"path", "bytes", "sha256", "assembly", "valid", "version", "files"}


def test_a_result_of_the_first_version_is_read():
    """It lists one file, and says that this is not all."""
    result = Result.from_json('{"path": "/o/a.tif", "bytes": 7, "sha256": "bb", "assembly": {"method": "splice"}}')

    assert result.main == FILES[1]
    assert not result.whole
    assert result.facts["assembly"]["method"] == "splice"


def test_a_result_of_a_newer_version_is_refused():
    """Rather than misread."""
    with pytest.raises(IntegrityError, match="newer than this program"):
        Result.from_json('{"version": 99, "path": "/o/a.tif", "bytes": 7, "sha256": "bb"}')


def test_a_result_has_a_file():
    """One of none is refused when it is made."""
    with pytest.raises(IntegrityError):
        Result(())


def test_a_raster_that_was_put_together_at_its_place_reads_back_equal():
    """It has no SHA-256, and keeps what it lies as there."""
    joined = StoredObject(".orchestrator/a/strips/mosaic.tif", 9, "17", crc32c="yZRlqg==")
    file = ResultFile(Path("/o/a.tif"), 9, "", "data", joined)

    assert Result.from_json(Result((file,)).to_json()).files == (file,)

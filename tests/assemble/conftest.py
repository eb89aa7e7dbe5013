"""Lets the tests of this folder import `assembly`, their common ground, and gives them a folder on a disk."""

import sys
import tempfile
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))


@pytest.fixture
def tmp_path(tmp_path):
    """
    A folder of the test's own, on a disk where other tests' folders are in memory.

    A file system in memory inserts no room into a file (fallocate(2)), which a finished mosaic begins with.
    """
    if not tmp_path.is_relative_to("/dev/shm"):  # noqa: S108  looked at, not used
        yield tmp_path
        return
    with tempfile.TemporaryDirectory(dir="/var/tmp") as folder:
        yield Path(folder)

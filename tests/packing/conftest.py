"""Where the makers of chips are found."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))


@pytest.fixture
def place(tmp_path):
    """Return a folder with twelve tiles, split, with images and labels of 8 x 8 pixels."""
    from chip_kit import make_place  # noqa: PLC0415  found by the line above

    return make_place(tmp_path)

"""What the tests of transfers share."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from download_kit import Quiet


@pytest.fixture
def quiet() -> Quiet:
    return Quiet()

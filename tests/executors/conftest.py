"""Lets the tests of this folder, and the processes that they begin, import what does units here, and the kits."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE), *(str(HERE.parent / room) for room in ("journey", "products"))]

pytest.register_assert_rewrite("contract")
import service_fixtures  # noqa: E402  after the line that shows what its asserts compared

service = service_fixtures.service

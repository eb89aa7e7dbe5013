"""Lets the tests of this folder import its kit, and that of the journeys, which knows where real data lie."""

from __future__ import annotations

import sys
from pathlib import Path

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE), str(HERE.parent / "journey")]

"""Lets the tests of this folder, and the processes that they begin, import what does units here."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

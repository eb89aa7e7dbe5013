"""What makes metadata is of use to these tests alone."""

from __future__ import annotations

import sys
from pathlib import Path

# pytest's importlib mode puts no folder of tests on the path.
sys.path.insert(0, str(Path(__file__).parent))

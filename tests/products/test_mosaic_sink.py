"""The sink of a mosaic, while parts come."""

from __future__ import annotations

import subprocess
import sys

CODE = """
import sys
from orchestrator.products.mosaic.sink import MosaicSink

class Placed:
    def place(self, parts, on_placed):
        print(sorted({"matplotlib.figure", "pystac"} & sys.modules.keys()))

MosaicSink(Placed()).place([], print)
print(sorted({"matplotlib.figure", "pystac"} & sys.modules.keys()))
"""


def test_what_a_result_needs_is_loaded_when_the_first_part_is_placed():
    """Not before, since a run shall begin at once; and not when all are there, since somebody waits for the result."""
    told = subprocess.run([sys.executable, "-c", CODE], capture_output=True, text=True, check=True)

    assert told.stdout.splitlines() == ["[]", "['matplotlib.figure', 'pystac']"]

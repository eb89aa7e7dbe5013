"""Many who look at once, in a process that has loaded nothing yet."""

from __future__ import annotations

import subprocess
import sys

PROGRAM = """
import sys, threading
from concurrent.futures import ThreadPoolExecutor
from orchestrator.app.verbs.previews import colour_strip
from orchestrator.previews.rio import rio_tiler
begin = threading.Barrier(8)
def ask(number):
    begin.wait()
    return colour_strip("viridis") if number % 2 else rio_tiler("reader", "a tile").part
with ThreadPoolExecutor(8) as pool:
    assert len(list(pool.map(ask, range(8)))) == 8
"""


def test_the_first_tiles_of_a_process_may_be_asked_for_at_once():
    """rio-tiler's modules import each other in a circle, which two threads could enter from both ends."""
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=False)

    assert (done.returncode, done.stderr) == (0, "")

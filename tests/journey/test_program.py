"""The programs that journeys start are forks: they end as a process of the interpreter does."""

from __future__ import annotations

import subprocess
import sys

import pytest

NOT_WRITTEN = 120  # the interpreter's code where it cannot flush
ENDS = {
    "the last line": "print('done')",
    "a code": "import sys; sys.exit(3)",
    "words": "import sys; sys.exit('no')",
    "an error": "raise ValueError('no')",
    "a thread that is waited for": "import threading; threading.Timer(0.05, print, ['late']).start()",
    "what is to be done at the end": "import atexit; atexit.register(print, 'at the end'); raise SystemExit(2)",
    "nobody reads": "import os, sys\nprint('x')\nos.close(1)\nos.open('/dev/full', os.O_WRONLY)",
}


@pytest.mark.parametrize("text", ENDS.values(), ids=ENDS.keys())
def test_a_fork_ends_as_the_interpreter_does(program, tmp_path, text):
    """Exit code, what it wrote and the last line of its errors, though what it imported is not destroyed."""
    script = tmp_path / "ends.py"
    script.write_text(text)
    there = subprocess.run([sys.executable, script], cwd=tmp_path, capture_output=True, text=True, check=False)

    here = program.start([], tmp_path, script=str(script)).wait()

    assert (here.code, here.out) == (there.returncode, there.stdout)
    if there.returncode != NOT_WRITTEN:  # the interpreter adds what it could not write
        assert here.err.splitlines()[-1:] == there.stderr.splitlines()[-1:]

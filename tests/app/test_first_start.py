"""Two first starts at once on one state folder."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAIRS = int(os.environ.get("ORCHESTRATOR_TEST_STARTS", "30"))
# Forks two processes for each folder, with everything imported; both begin when the pipe is closed.
PROGRAM = """
import os, sys, threading
from pathlib import Path
from orchestrator.app.application import Application
from orchestrator.config import load

def start(folder, go, told):
    settings = load(None, environment={}, overrides={"local": {"state_dir": folder}}).settings
    app = Application(settings, stop=threading.Event())
    os.read(go, 1)
    os.write(told, app.owner.encode() + b" ")
    if folder.endswith("/0"):  # making the tables costs a second
        app.store.queue.waiting()
        app.store.close()
    os._exit(0)

for number in range(int(sys.argv[2])):
    go, ready = os.pipe()
    listening, told = os.pipe()
    children = []
    for _ in range(2):
        child = os.fork()
        if child == 0:
            os.close(ready)
            start(str(Path(sys.argv[1]) / str(number)), go, told)
        children.append(child)
    os.close(go), os.close(ready), os.close(told)
    codes = [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children]
    print(*codes, os.read(listening, 100).decode(), flush=True)
    os.close(listening)
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
def test_two_first_starts_agree_on_one_name_and_one_database(tmp_path):
    """Whoever comes second takes the name that the first has written; both have opened the same state."""
    command = [sys.executable, "-c", PROGRAM, str(tmp_path), str(PAIRS)]
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=600, check=False, env={**os.environ, "PYTHONPATH": str(ROOT)}
    )

    lines = [line.split() for line in done.stdout.splitlines()]
    names = [(tmp_path / str(number) / "owner").read_text() for number in range(PAIRS)]
    assert done.returncode == 0, done.stderr
    assert [line[:2] for line in lines] == [["0", "0"]] * PAIRS, done.stderr
    assert [line[2:] for line in lines] == [[name, name] for name in names]
    assert len(set(names)) == PAIRS

"""On systems that lack what Linux has, the program imports, works and gives the same bytes."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
ELSEWHERE = ROOT / "tests/core/elsewhere"
# What belongs to the service alone, and what another program (Alembic, the interpreter) runs.
NOT_IMPORTED = ("orchestrator.__main__", "orchestrator.sandbox.__main__", "orchestrator.engine.stores.migrations.")
IMPORT_ALL = f"""
import importlib, os, pkgutil, sys
assert not hasattr(os, "fork") and not hasattr(os, "pread") and sys.modules["fcntl"] is None
import orchestrator
count = 0
for found in pkgutil.walk_packages(orchestrator.__path__, "orchestrator."):
    if not found.name.startswith({NOT_IMPORTED!r}):
        importlib.import_module(found.name)
        count += 1
print(count)
"""
LOCKS = """
import sys
from pathlib import Path
from orchestrator.core.locks import LockedError, LockFile
lock = LockFile(Path(sys.argv[1]))
try:
    lock.acquire(lambda said: "held by " + said.decode())
except LockedError as error:
    print(error)
else:
    lock.write(b"the first")
    print("held", flush=True)
    sys.stdin.read()
    lock.remove()
"""
SYSTEMS = pytest.mark.parametrize("open_files_stay", [False, True], ids=["nothing of Linux", "open files stay"])


@pytest.fixture
def start(tmp_path):
    """Start Python elsewhere."""
    started = []

    def run(*words, open_files_stay=False, linux=False, **environment):
        path = [str(ROOT)] if linux else [str(ELSEWHERE), str(ROOT)]
        env = os.environ | {"PYTHONPATH": os.pathsep.join(path), "PYTHONWARNINGS": "ignore"} | environment
        if open_files_stay:
            env["ORCHESTRATOR_TEST_OPEN_FILES_STAY"] = "1"
        process = subprocess.Popen(
            [sys.executable, *words],
            env=env,
            cwd=tmp_path,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        started.append(process)
        return process

    yield run
    for process in started:
        process.kill()
        process.communicate()


def test_every_module_is_imported(start):
    """No module asks at its import for what only Linux has."""
    out, err = start("-c", IMPORT_ALL).communicate()

    assert err == ""
    assert int(out) > 250


JOB = (
    *("--area", "C:/aoi.geojson", "--base-name", "a", "--start-date", "2024-06-01", "--end-date", "2024-06-15"),
    *("--bands", "B2,B8", "--scale", "20", "--sandbox", "--output"),
)
AREA = {
    "type": "Polygon",
    "coordinates": [[[6.10, 49.60], [6.13, 49.60], [6.14, 49.61], [6.13, 49.62], [6.10, 49.62], [6.10, 49.60]]],
}


def run(start, folder, **where):
    """Run the job into `folder`; return its exit code, what it says, and the digest of its result."""
    words = ("-m", "orchestrator", "--state-dir", f"{folder}/state", "run", *JOB, folder)
    process = start(*words, **where)
    out, err = process.communicate()
    return process.returncode, out + err


@pytest.fixture
def expected(tmp_path_factory, program):
    """What the job gives where nothing is hidden: the digest of its file."""
    here = tmp_path_factory.mktemp("linux")
    write_area(here)
    program.start(["--state-dir", "state", "run", *JOB, "linux"], here).wait().expect(0)
    return digest(here / "linux")


def write_area(folder):
    (folder / "C:").mkdir()
    (folder / "C:/aoi.geojson").write_text(json.dumps(AREA))


def digest(folder):
    return hashlib.sha256((folder / "a_clipped.tif").read_bytes()).hexdigest()


@pytest.mark.long
def test_what_was_killed_goes_on(start, tmp_path, expected):
    """
    Killed before a part has its name, and before the output has: nothing is exported twice, the same bytes.

    The whole way, through a sandbox that lacks the same; no file is renamed or removed while it is open.
    """
    write_area(tmp_path)
    for point in ("download.before_publish", "output.finished"):
        code, _ = run(start, "elsewhere", open_files_stay=True, ORCHESTRATOR_CRASH_AT=point)
        assert code == -signal.SIGKILL

    code, said = run(start, "elsewhere", open_files_stay=True)

    assert code == 0, said
    assert digest(tmp_path / "elsewhere") == expected
    proof = json.loads((tmp_path / "elsewhere/a_clipped.json").read_text())
    assert {part["attempt"] for part in proof["parts"]} == {1}


@SYSTEMS
def test_one_process_holds_a_lock(start, tmp_path, open_files_stay):
    """The second is told what the first wrote; a lock that was removed, or whose process was killed, is free."""
    path = tmp_path / "locks/one"
    first = start("-c", LOCKS, str(path), open_files_stay=open_files_stay)
    assert first.stdout.readline() == "held\n"

    second = start("-c", LOCKS, str(path), open_files_stay=open_files_stay).communicate()

    assert second == ("held by the first\n", "")
    assert first.communicate() == ("", "")
    assert not path.parent.exists()
    third = start("-c", LOCKS, str(path), open_files_stay=open_files_stay)
    assert third.stdout.readline() == "held\n"
    third.kill()
    third.communicate()
    fourth = start("-c", LOCKS, str(path), open_files_stay=open_files_stay)
    assert fourth.stdout.readline() == "held\n"

"""What tests of the matrix share: the program as processes, a sandbox, and how a run met what was ordered."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

TESTS = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(Path(__file__).parent), *(str(TESTS / room) for room in ("journey", "clients_storage", "engine"))]

import service_fixtures  # noqa: E402  after the line that finds it

service = service_fixtures.service


@pytest.fixture(scope="module")
def tmpfs(tmp_path_factory):
    """A disk of two megabytes."""
    folder = tmp_path_factory.mktemp("disk")
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=2m", "none", folder], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip(f"no file system can be mounted here: {mounted.stderr.decode().strip()}")
    yield folder
    subprocess.run(["umount", folder], check=True)


@pytest.fixture
def small_disk(tmpfs):
    """A disk of two megabytes, empty."""
    yield tmpfs
    for path in tmpfs.iterdir():
        shutil.rmtree(path) if path.is_dir() else path.unlink()


@pytest.fixture
def story(request, monkeypatch):
    """
    A run in the engine's model of the world, which is driven by hand, and which its test brings to its end.

    Where the test's name says that the disk of the work is full, or of the state, that lies on a small disk.
    """
    import run_machine  # noqa: PLC0415  many tests here need none

    if "work_dir" in request.node.name:
        monkeypatch.setattr(run_machine, "QUICK", request.getfixturevalue("small_disk"))
    machine = run_machine.Machine()
    if "work_dir" in request.node.name or "state DB" in request.node.name:
        elsewhere = request.getfixturevalue("tmp_path" if "work_dir" in request.node.name else "small_disk")
        machine.state.move(elsewhere / "state.db")
    machine.admit(heavy=False, keep_parts=True, split="blocks" if "weigh_more" in request.node.name else "square")
    yield machine
    machine.run_id = ""  # it has ended, as each test says
    machine.process.execution.close()
    machine.store.close()
    machine.teardown()

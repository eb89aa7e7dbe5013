"""What may import what: the contracts in pyproject.toml hold, and would notice if they did not."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
# Room, what is written into it, and the contract that must break.
VIOLATIONS = [
    ("engine", "import orchestrator.products.mosaic.files", "Rooms know the model, not each other"),
    ("engine", "from rasterio import open as _open", "The engine knows ports"),
    ("products/mosaic", "def f():\n    from orchestrator.clients import gcs", "Products know no service"),
    ("routes", "import orchestrator.raster.spans", "Routes bring pixels and do not look at them"),
    ("raster", "import ee", "Google's SDKs are met only in clients"),
    ("model", "import orchestrator.sandbox", "And we know nothing of the sandbox"),
    ("assemble", "import orchestrator.plan.aoi", "Rooms know the model, not each other"),
]


def lint(root: Path) -> tuple[int, str]:
    """Run import-linter on a source tree; return its exit code and what it said of the contracts."""
    command = [sys.executable, "-c", "from importlinter.cli import lint_imports_command as c; c()", "--no-cache"]
    environment = dict(os.environ) | {"PYTHONPATH": str(root)}
    done = subprocess.run(command, cwd=root, env=environment, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout


@pytest.fixture(scope="module")
def broken(tmp_path_factory):
    """A copy of the sources with a violation of each kind, as import-linter sees it."""
    root = tmp_path_factory.mktemp("broken")
    shutil.copy(ROOT / "pyproject.toml", root)
    shutil.copytree(ROOT / "orchestrator", root / "orchestrator", ignore=shutil.ignore_patterns("__pycache__"))
    for number, (room, text, _) in enumerate(VIOLATIONS):
        (root / "orchestrator" / room / f"violation{number}.py").write_text(text + "\n")
    (root / "orchestrator" / "unplaced").mkdir()
    (root / "orchestrator" / "unplaced" / "__init__.py").touch()
    return lint(root)


def test_the_sources_keep_every_contract():
    """As they are."""
    code, said = lint(ROOT)

    assert code == 0, said
    assert "0 broken" in said


@pytest.mark.parametrize("number", range(len(VIOLATIONS)), ids=[f"{room}: {text}" for room, text, _ in VIOLATIONS])
def test_a_violation_is_caught(broken, number):
    """The contract is named, and the module that broke it."""
    code, said = broken
    room, _, contract = VIOLATIONS[number]
    module = f"orchestrator.{room.replace('/', '.')}.violation{number}"

    assert code != 0
    assert any(contract in line and "BROKEN" in line for line in said.splitlines()), said
    assert module in said


def test_a_new_folder_must_be_given_a_place(broken):
    """Otherwise it could import anything, and be imported by everything."""
    assert "unplaced" in broken[1]

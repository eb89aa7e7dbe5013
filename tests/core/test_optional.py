"""What only some need is an extra; where it is missing one sentence names it and how to get it."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from orchestrator.core.errors import ExtraError, UserError
from orchestrator.core.optional import EXTRAS, required

ROOT = Path(__file__).resolve().parents[2]


def test_the_extras_are_those_of_the_package():
    """Each with the packages that it brings."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]

    declared = {
        extra: tuple(re.match(r"[\w\[\]-]+", line)[0] for line in lines)
        for extra, lines in project["optional-dependencies"].items()
    }

    assert dict(EXTRAS) == declared


def test_what_is_there_is_imported():
    """The module itself, also one inside a package."""
    assert required("json.decoder", "xarray", "a test").JSONDecoder


def test_what_is_missing_is_named_with_its_extra(monkeypatch):
    """A user's error; this program is not looked for on an index, where a stranger's package has its name."""
    monkeypatch.setitem(sys.modules, "rioxarray", None)

    with pytest.raises(ExtraError, match="needs the extra `xarray`") as raised:
        required("rioxarray", "xarray", "`Result.to_xarray`")

    assert isinstance(raised.value, UserError)
    assert "(rioxarray is missing): `pip install rioxarray xarray`" in str(raised.value)


@pytest.fixture
def without(tmp_path):
    """Run the command where some packages cannot be imported; return its exit code and what it wrote for people."""

    def run(packages, *words):
        for name in packages:
            (tmp_path / f"{name}.py").write_text(f"raise ModuleNotFoundError('no {name}', name={name!r})\n")
        path = os.pathsep.join([str(tmp_path), str(ROOT)])
        command = [sys.executable, "-m", "orchestrator", "--state-dir", str(tmp_path / "state"), *words]
        done = subprocess.run(
            command, env=os.environ | {"PYTHONPATH": path}, cwd=tmp_path, capture_output=True, text=True, check=False
        )
        return done.returncode, done.stderr

    return run


WHAT = ("--base-name", "a", "--output", "o", "--start-date", "2024-06-01", "--end-date", "2024-07-01", "--sandbox")


def test_a_sandbox_without_scipy_says_so(without):
    """One line, exit code 2, with the interpreter's own pip."""
    code, said = without(["scipy"], "run", "--area", "6.1,49.6,6.11,49.61", *WHAT)

    assert code == 2
    assert "the extra `sandbox` (scipy is missing)" in said
    assert "-m pip install scipy" in said
    assert "Traceback" not in said


def test_geoparquet_without_pyarrow_says_so(without, tmp_path):
    """The label of the area, the extra, the command."""
    (tmp_path / "area.parquet").write_bytes(b"PAR1")

    code, said = without(["pyarrow"], "plan", "--area", "area.parquet", *WHAT)

    assert code == 2
    assert re.search(
        r"area.parquet: GeoParquet needs the extra `parquet` \(pyarrow is missing\): `.*pip install ", said
    )
    assert "Traceback" not in said

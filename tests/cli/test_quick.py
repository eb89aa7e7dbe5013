"""Commands that only look are quick, because what is heavy is not even imported."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from orchestrator.faces.cli.main import COMMANDS, cli

HEAVY = {
    *("alembic", "ee", "geopandas", "google", "googleapiclient", "imagecodecs", "matplotlib", "numpy", "pandas"),
    *("pyarrow", "pyproj", "pystac", "rasterio", "scipy", "shapely", "structlog", "tenacity", "tifffile", "xarray"),
}
LOOK = """
import json, sys
from orchestrator.faces.cli.main import run_cli
code = run_cli(sys.argv[1:])
print(json.dumps([code, sorted({name.split(".")[0] for name in sys.modules})]))
"""
WHOLE = LOOK.replace('[code, sorted({name.split(".")[0] for name in sys.modules})]', "sorted(sys.modules)")
MOST_FOR_HELP = (
    300  # modules, of Python's own too, which differ by version: 256 on 3.11, and 368 with the parser of Markdown
)
MAIN = """
import gc, json, sys
from orchestrator.faces.cli import main
main.sys.exit = lambda code: print(json.dumps([gc.isenabled(), gc.get_freeze_count()]))
main.main(sys.argv[1:])
"""


@pytest.mark.parametrize(
    "words",
    [
        ["status"],
        ["status", "east"],
        ["why", "east"],
        ["logs", "east"],
        ["watch", "east"],
        ["status", "--json"],
        ["health"],
        ["--help"],
        ["run", "--help"],
    ],
    ids=" ".join,
)
def test_a_look_imports_nothing_heavy(kept, words):
    """In a process of its own, after the command, none of the heavy libraries is loaded."""
    kept.store.runs.set_state(kept.admit("east").id, "FAILED", "no")
    command = [sys.executable, "-c", LOOK, "--state-dir", str(kept.folder), *words]

    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout

    code, modules = json.loads(said.splitlines()[-1])
    assert code == (1 if words[0] in ("watch", "health") else 0)
    assert HEAVY & set(modules) == set()


@pytest.mark.parametrize("words", [["status"], ["status", "none"]], ids=" ".join)
def test_garbage_is_collected_once_the_command_is_there(kept, words):
    """It is not while modules are imported, which live for good; a command that runs for months must not grow."""
    command = [sys.executable, "-c", MAIN, "--state-dir", str(kept.folder), *words]

    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout

    collected, left_out = json.loads(said.splitlines()[-1])
    assert collected
    assert left_out > 10_000


def test_help_imports_no_command():
    """The list of commands needs their names and sentences only, not what a database needs."""
    said = subprocess.run([sys.executable, "-c", LOOK, "--help"], capture_output=True, text=True, check=True).stdout

    assert {"sqlalchemy", "pydantic", "structlog", "apscheduler"} & set(json.loads(said.splitlines()[-1])[1]) == set()


def test_help_imports_only_what_draws_it():
    """No parser of Markdown for forty plain sentences, no engine, nothing that moves on a screen; and little in all."""
    said = subprocess.run([sys.executable, "-c", WHOLE, "--help"], capture_output=True, text=True, check=True).stdout

    modules = json.loads(said.splitlines()[-1])
    unwanted = ("markdown_it", "pygments", "rich.live", "rich.markdown", "orchestrator.app", "orchestrator.engine")
    assert [name for name in modules if name.startswith((*unwanted, "orchestrator.model"))] == []
    assert len(modules) < MOST_FOR_HELP


@pytest.mark.parametrize("name", COMMANDS)
def test_the_list_says_what_the_command_says(name):
    """The sentence in the list of commands is the first one of the command's own help."""
    first = (cli.commands[name].help or "").strip().split("\n\n")[0]

    assert " ".join(first.split()) == COMMANDS[name].says

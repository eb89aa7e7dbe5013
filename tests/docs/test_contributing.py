"""CONTRIBUTING.md names what there is: paths, variables, rooms, commands; and its product is one."""

from __future__ import annotations

import re
import shlex
import threading
from datetime import date

import pytest
from reading import ROOT, blocks, rows, sections

from orchestrator.core.clock import SystemClock
from orchestrator.engine.admission import admit
from orchestrator.engine.batch.watch import OperationsWatch
from orchestrator.engine.context import Backoff, Clients, ProcessContext
from orchestrator.engine.execution import Execution
from orchestrator.engine.limits import Limits
from orchestrator.engine.stores.sql import SqlStore
from orchestrator.model.job import AreaSource, Job
from orchestrator.model.states import RunState
from orchestrator.routes.no_exports import NoExports

PATH = ROOT / "CONTRIBUTING.md"
TEXT = PATH.read_text(encoding="utf-8")
PAGE = sections(PATH)
TOOLS = {"pip", "python", "ruff", "mypy", "lint-imports", "mkdocs", "orchestrator"}


def table(heading: str, first: str) -> list[list[str]]:
    """Return the rows of the table under a heading whose first column is called `first`."""
    begins = f"| {first} |"
    behind = PAGE[heading].partition(begins)[2].partition("\n\n")[0]
    return rows(begins + behind)


def test_every_path_named_exists():
    """Of the repository, or below the package; what lies beside the repository is not everybody's."""
    named = re.findall(r"`((?:[\w.]+/)+[\w.]*)`", TEXT)
    paths = {path for path in named if not path.startswith("../")}

    assert len(paths) > 50
    assert [p for p in sorted(paths) if not (ROOT / p).exists() and not (ROOT / "orchestrator" / p).exists()] == []


def test_every_room_of_tests_has_its_line():
    """Whoever changes a room finds how to try it."""
    told = {row[0].strip("`").removeprefix("tests/") for row in table("Tests", "tests of")}

    assert told == {path.name for path in (ROOT / "tests").iterdir() if path.is_dir() and not path.name.startswith("_")}


def test_the_variables_are_those_that_tests_read():
    """None is told that nobody reads, and none is kept secret."""
    sources = [*(ROOT / "tests").rglob("*.py"), ROOT / ".ci" / "run"]
    read = set()
    for path in sources:
        if path.name != "test_contributing.py":
            read |= set(re.findall(r"\b(?:ORCHESTRATOR_TEST_\w+|HYPOTHESIS_PROFILE)\b", path.read_text("utf-8")))

    assert set(re.findall(r"^\| `(\w+)", PAGE["Tests"].partition("| variable |")[2], re.MULTILINE)) == read


@pytest.mark.parametrize("line", [line for block in blocks(PATH, "bash") for line in block.splitlines()])
def test_every_command_begins_with_a_tool_of_the_environment(line):
    """And names tests that exist."""
    words = [word for word in shlex.split(line) if not re.match(r"[A-Z_]+=", word)]

    assert words[0] in {"python3", "sqlite3", *(f".venv/bin/{tool}" for tool in TOOLS)}
    assert [word for word in words if word.startswith("tests/") and not (ROOT / word).exists()] == []


def test_the_example_is_a_product(tmp_path):
    """The engine carries it to its end, in a state of its own and without any service."""
    names: dict[str, object] = {}
    exec(compile(blocks(PATH, "python")[0], str(PATH), "exec"), names)  # noqa: S102  our own page
    product = names["Rows"]()
    clock = SystemClock()
    store = SqlStore(f"sqlite:///{tmp_path / 'state.db'}", clock)
    limits = Limits(1, 1, store.limits, clock)
    process = ProcessContext("me", None, True, 1, Backoff(), limits, clock, threading.Event())
    job = Job("three", str(tmp_path), AreaSource("none"), "2024-01-01", "2024-02-01", product="rows")
    run = admit(store, "three", job, date(2024, 6, 1))

    done = Execution(
        run.id,
        store=store,
        clients=Clients(product, NoExports(), list),
        process=process,
        watch=OperationsWatch(list, clock, 1, 4),
        cut=lambda _task: None,
        refit=lambda task, *_: task,
    ).work()
    store.close()

    assert (done.state, done.reason) == (RunState.CLEANED, "")
    assert (tmp_path / "three.txt").read_text() == "row 0\nrow 1\nrow 2\n"
    assert sorted(path.name for path in tmp_path.iterdir() if path.is_dir()) == []

"""Standard output and standard error of a command, on a pipe."""

from __future__ import annotations

import io
import os
import subprocess
import sys

import pytest
from rich.console import Console
from rich.live import Live

from orchestrator.app.display import View
from orchestrator.engine.progress import Progress
from orchestrator.faces.cli.output import Output, _Busy
from orchestrator.model.job import AreaSource
from orchestrator.model.states import RunState


class End:
    """The end of a command, reached after so many seconds of waiting; nobody waits in truth."""

    def __init__(self, seconds: float, at=None) -> None:
        self.left = seconds
        self.at = at or {}
        self.passed = 0.0

    def wait(self, seconds: float) -> bool:
        self.passed += seconds
        for moment in [moment for moment in self.at if moment <= self.passed]:
            self.at.pop(moment)()
        return self.passed > self.left


def written(capfd):
    return capfd.readouterr().err.splitlines()


def test_a_pipe_gets_a_line_each_ten_seconds(capfd):
    """At the beginning and every ten seconds: four lines in 35 seconds."""
    output = Output(as_json=False)

    output._write_lines(View(Progress().snapshot, "east"), End(35))

    assert len(written(capfd)) == 4


def test_a_pipe_gets_a_line_when_something_else_is_done(capfd):
    """Finishing is said when it begins, not up to ten seconds later."""
    output, progress = Output(as_json=False), Progress()
    turn = {4.0: lambda: progress.set(state=RunState.ASSEMBLING, detail="")}

    output._write_lines(View(progress.snapshot, "east"), End(8, turn))

    lines = written(capfd)
    assert len(lines) == 2
    assert "finishing" in lines[1]


def test_nothing_is_silent_for_more_than_five_seconds(capfd):
    """What comes before a run, reading an area or starting a sandbox, says so every five seconds."""
    output = Output(as_json=False)

    output._tell(_Busy("reading the area"), End(16))

    lines = written(capfd)
    assert len(lines) == 3
    assert all(line.startswith("reading the area, ") for line in lines)


def test_quiet_says_nothing_of_it(capfd):
    """-q leaves results and errors."""
    output = Output(as_json=False, quiet=True)

    output._tell(_Busy("reading the area"), End(16))
    output.note("a remark")

    assert written(capfd) == []


def test_a_log_line_goes_above_the_block_of_a_terminal():
    """A warning while a run is shown is a line of its own, whole, and the block goes on below it."""
    output, screen = Output(as_json=False), io.StringIO()
    output.moving = Console(file=screen, force_terminal=True, width=40, _environ={})
    view = View(Progress().snapshot, "east")

    with Live(view, console=output.moving, auto_refresh=False, transient=True):
        print("a warning of some length that is wider than the terminal", file=output.log_stream())

    shown = screen.getvalue()
    assert "a warning of some length that is wider than the terminal\n" in shown
    assert shown.rindex("east: planning") > shown.index("a warning")


@pytest.mark.parametrize("words", [["status"], ["status", "lodz"]], ids=" ".join)
def test_a_letter_that_the_console_lacks_is_spelled_out(kept, words):
    """A name of an area is shown on a console of any code page; nothing ends in a traceback."""
    kept.admit("lodz", area=AreaSource("Łódź.gpkg"))
    command = [sys.executable, "-m", "orchestrator", "--state-dir", str(kept.folder), *words]
    env = os.environ | {"PYTHONIOENCODING": "cp1252"}

    said = subprocess.run(command, env=env, capture_output=True, check=False)

    assert (said.returncode, said.stderr) == (0, b"")
    assert "\\u0141ód\\u017a.gpkg".encode("cp1252") in said.stdout

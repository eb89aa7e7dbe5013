"""Runs of the Python API, through the sandbox and the real clients."""

from __future__ import annotations

import io
import json
import logging
import signal
import subprocess
import sys
import threading
import urllib.request
from collections.abc import Callable
from pathlib import Path
from xml.etree import ElementTree as ET

import ee
import geopandas as gpd
import numpy as np
import pytest
from api_kit import BOTTOM, LEFT, RIGHT, TOP, cheap_image
from shapely.geometry import box

import orchestrator as orc
from orchestrator.faces.cli.main import run_cli

DATES = ("2024-06-01", "2024-07-01")


def exports(sandbox) -> int:
    """Return how many exports were ever started."""
    with urllib.request.urlopen(f"{sandbox.url}/sandbox/state") as answer:  # noqa: S310  loopback
        return int(json.load(answer)["exportsStarted"])


def tell(sandbox, what, body) -> None:
    """Say something to the control of the sandbox."""
    asked = urllib.request.Request(f"{sandbox.url}/sandbox/{what}", json.dumps(body).encode())  # noqa: S310  loopback
    urllib.request.urlopen(asked).close()  # noqa: S310


@pytest.mark.filterwarnings("ignore:Use `@` matmul:PendingDeprecationWarning")  # in rioxarray's own code
def test_the_example_of_the_page_works(tmp_path, monkeypatch, sandbox):
    """Word for word, with a GeoDataFrame and an image of the reader's own."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ORCHESTRATOR_LOCAL__STATE_DIR", str(tmp_path / "state"))
    page = (Path(__file__).resolve().parents[2] / "docs" / "reference" / "python.md").read_text()
    example = page.split("```python\n")[1].split("```")[0]
    gdf = gpd.GeoDataFrame(geometry=[box(LEFT, BOTTOM, RIGHT, TOP)], crs=4326)
    names = {"gdf": gdf, "ee_image": cheap_image().select(["mixed"], ["B4"])}

    with orc.connect(sandbox_url=sandbox.url, state_dir=tmp_path / "state"):  # what is open for the last lines
        exec(example, names)  # noqa: S102  our own page

    result = names["result"]
    assert result.path == tmp_path / "results" / "basin_clipped.tif"
    assert result.proof["job"]["base_name"] == "basin"
    assert result.valid["B4"] == pytest.approx(0.8, abs=0.02)


def test_a_result_is_returned_and_not_made_again(declare, sandbox):
    """The same job once more exports nothing."""
    first, before = orc.run(declare()), exports(sandbox)

    again = orc.run(declare())

    assert (again.run, again.sha256, exports(sandbox)) == (first.run, first.sha256, before)
    assert again.files["data"] == again.path
    assert all(path.is_file() for path in again.files.values())


def test_the_command_line_finds_what_python_made(declare, sandbox, tmp_path, capsys):
    """A job file that is written of the job is the same job to `orchestrator run`."""
    job = declare(name="ours")
    result = orc.run(job)
    file = str(job.to_file(tmp_path / "job.toml"))
    capsys.readouterr()

    code = run_cli(["run", "--sandbox-url", sandbox.url, "--state-dir", str(sandbox.state_dir), "--json", file])

    summary = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert (code, summary["run"], summary["sha256"]) == (0, result.run, result.sha256)


def test_python_continues_what_the_command_line_submitted(declare, sandbox, tmp_path, capsys):
    """One run, whoever began it."""
    job = declare(name="theirs")
    file = str(job.to_file(tmp_path / "job.toml"))
    run_cli(["submit", "--sandbox-url", sandbox.url, "--state-dir", str(sandbox.state_dir), "--json", file])
    submitted = json.loads(capsys.readouterr().out.splitlines()[-1])["run"]

    assert orc.run(job).run == submitted


def stayed(threads):
    """Return the threads that began since and do not end: one that shares limits does so once nothing was asked."""
    begun = set(threading.enumerate()) - threads
    for thread in begun:
        thread.join(30)
    return [thread.name for thread in begun if thread.is_alive()]


class Listener(io.StringIO):
    """A place for lines, where something happens once a word is written."""

    def __init__(self, word: str, then: Callable[[], None]) -> None:
        super().__init__()
        self._word, self._then = word, then

    def write(self, text: str) -> int:
        if self._word in text and self._word:
            self._word = ""
            self._then()
        return super().write(text)


def interrupt():
    raise KeyboardInterrupt


def test_an_interrupt_stops_cleanly_and_the_same_job_goes_on(declare, sandbox, monkeypatch):
    """It says how, no thread is left, and what was exported is not exported twice."""
    before = exports(sandbox)
    threads = set(threading.enumerate())
    monkeypatch.setattr(sys, "stderr", Listener("exporting", interrupt))
    tell(sandbox, "faults", {"action": "task_hold", "after": 0.5})

    with pytest.raises(KeyboardInterrupt, match="the same call goes on"):
        orc.run(declare(name="interrupted"), progress=True)
    tell(sandbox, "release", {})

    (run,) = orc.runs(name="interrupted")
    assert run.state in ("PLANNED", "EXPORTING", "ASSEMBLING")
    assert stayed(threads) == []
    assert orc.run(declare(name="interrupted")).run == run.id
    assert exports(sandbox) - before == orc.plan(declare(name="interrupted")).tasks


def test_the_process_is_left_as_it_was(declare, sandbox, capfd):  # noqa: ARG001  a connection is needed
    """No signal handler, no logging, no thread, nothing written where progress is not wanted."""
    before = (signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM), list(logging.root.handlers))
    threads = set(threading.enumerate())

    orc.run(declare(name="quiet"), progress=False)

    assert (signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM), list(logging.root.handlers)) == before
    assert stayed(threads) == []
    assert capfd.readouterr() == ("", "")


def test_progress_is_written_where_it_is_asked_for(declare, sandbox, monkeypatch, capsys):
    """A line when something else is done, on standard error; Earth Engine goes on once its parts were told."""
    written = Listener("parts: ", lambda: tell(sandbox, "release", {}))
    monkeypatch.setattr(sys, "stderr", written)
    tell(sandbox, "faults", {"action": "task_hold", "after": 0.5})

    orc.run(declare(name="told"), progress=True)

    assert written.getvalue().startswith("told: planning")
    assert "parts: " in written.getvalue()
    assert capsys.readouterr().out == ""


def test_a_function_gives_what_its_image_gives(declare, sandbox):  # noqa: ARG001  a connection is needed
    """It is called with the area and the dates of the job; the image it returns is kept."""
    called = []

    def image(region, start, end):
        called.append((region.bounds().getInfo()["type"], start, end))
        return cheap_image()

    by_function = orc.run(declare(image=image, dates=DATES, name="function", bands=None))
    by_image = orc.run(declare(name="image", bands=["x", "y", "mixed"]))

    assert called[0] == ("Polygon", *DATES)
    with by_function.open() as one, by_image.open() as other:
        np.testing.assert_array_equal(one.read(), other.read())


@pytest.mark.parametrize(
    ("function", "named"),
    [
        pytest.param(lambda where: where, "asks for 'where'", id="another argument"),
        pytest.param(lambda: 3, "returned int", id="no image"),
        pytest.param(lambda: 1 / 0, "ZeroDivisionError", id="a fault"),
    ],
)
def test_a_function_that_gives_no_image_is_refused(declare, sandbox, function, named):  # noqa: ARG001
    """With its name and what is wrong, before anything is remembered."""
    with pytest.raises(orc.RecipeError, match=named):
        orc.plan(declare(image=function, dates=DATES, name="wrong"))

    assert orc.runs(name="wrong") == []


def test_bands_are_asked_for_where_they_are_not_named(declare, sandbox):  # noqa: ARG001  a connection is needed
    """With a number type that holds the image's numbers exactly: doubles stay doubles."""
    plan = orc.plan(declare(bands=None, name="asked"))

    assert plan.report.plan.pixels.bands == ("x", "y", "mixed")
    assert plan.report.plan.pixels.dtype == "float64"


def test_a_submitted_run_can_be_cancelled_and_taken_up_again(declare, sandbox):  # noqa: ARG001
    """Cancelled, it has no result; retried, it goes on to one."""
    run = orc.submit(declare(name="cancelled"))

    assert run.cancel()
    with pytest.raises(orc.RunFailed, match="cancelled"):
        run.wait()
    run.retry()

    assert run.wait().path.is_file()
    assert run.state == "CLEANED"


def test_a_run_that_needs_a_person_says_what_to_do(declare, sandbox):  # noqa: ARG001
    """A fifth of the pixels is masked; with a share that is consented to, the run goes on."""
    with pytest.raises(orc.NeedsPerson, match="hold data"):
        orc.run(declare(name="sparse", min_valid=0.99))

    (run,) = orc.runs(name="sparse")
    run.retry(min_valid=0.5)

    assert run.wait().valid["x"] == pytest.approx(0.8, abs=0.02)


def test_a_plan_draws_its_parts(declare, sandbox):  # noqa: ARG001
    """Well-formed SVG, with the paper and a rectangle for each part."""
    plan = orc.plan(declare(scale=4, max_part_size="1MiB"))

    page = ET.fromstring(plan._repr_html_())  # noqa: S314  our own

    rectangles = page.findall(".//{http://www.w3.org/2000/svg}rect")
    assert plan.parts > 1
    assert len(rectangles) == plan.parts + 1


def test_a_result_shows_itself(declare, sandbox):  # noqa: ARG001
    """Its picture stands inside the page, which needs no other file."""
    result = orc.run(declare())

    assert "data:image/png;base64," in result._repr_html_()
    assert result.preview()._repr_png_()[1:4] == b"PNG"


def test_the_users_own_session_is_given_back(sandbox, tmp_path):
    """The client was signed in elsewhere before a sandbox began, and is so again when it has ended."""
    ee.Reset()
    from orchestrator.clients.session import CLIENT  # noqa: PLC0415

    CLIENT.key = ""  # as if the session had been the user's, not ours
    from google.auth.credentials import AnonymousCredentials  # noqa: PLC0415

    ee.Initialize(AnonymousCredentials(), project="orchestrator-sandbox", url=sandbox.url)

    with orc.sandbox(state_dir=tmp_path / "state") as other:
        inside = ee.data._get_state().cloud_api_base_url

    assert inside == other.url
    assert ee.data._get_state().cloud_api_base_url == sandbox.url
    assert ee.Number(2).add(1).getInfo() == 3


SUBMITS = """
import atexit, sys
import orchestrator as orc

orc.connect(sandbox_url=sys.argv[1], state_dir=sys.argv[2])
run = orc.submit(orc.Job.from_file(sys.argv[3]))
atexit.register(lambda: print(run.id, type(run._work._error).__name__))
"""


def test_a_program_may_end_before_its_run(declare, sandbox, tmp_path):
    """It ends at once, and its run cleanly, with what it had; the next one goes on with it."""
    file = declare(name="left").to_file(tmp_path / "job.toml")
    words = [sys.executable, "-c", SUBMITS, sandbox.url, str(sandbox.state_dir), str(file)]

    ended = subprocess.run(words, capture_output=True, text=True, check=True, timeout=60)

    assert "Traceback" not in ended.stderr
    (run,) = orc.runs(name="left")
    assert ended.stdout.split() == [run.id, "Stopped"]
    assert run.wait().path.is_file()


def test_a_connection_ends_what_was_submitted_through_it(declare, sandbox, tmp_path):
    """At the end of the block no thread is left, and the run goes on with the next connection."""
    threads = set(threading.enumerate())
    with orc.connect(sandbox_url=sandbox.url, state_dir=tmp_path / "state"):
        run = orc.submit(declare(name="stopped"))

    assert stayed(threads) == []
    with orc.connect(sandbox_url=sandbox.url, state_dir=tmp_path / "state"):
        assert orc.run(declare(name="stopped")).run == run.id


def test_a_plan_tells_what_the_last_run_took(declare, sandbox):  # noqa: ARG001
    """Its time and Earth Engine's count, from the state."""
    result = orc.run(declare(name="again"))

    plan = orc.plan(declare(name="again"))

    assert plan.earlier.run == result.run
    assert plan.earlier.seconds == pytest.approx(result.seconds, abs=1)
    assert "last time" in plan._repr_html_()


def test_runs_of_one_process_share_what_they_take_of_the_project(sandbox):
    """The tasks and the requests of all of them are counted together; each has a wish of its own to end."""
    with sandbox.lent() as one, sandbox.lent() as other:
        assert one.limits is other.limits is sandbox.shared.limits
        assert one.request_limits is other.request_limits
        assert len({id(each.stop) for each in (one, other, sandbox.shared)}) == 3


@pytest.mark.parametrize("route", ["gcs", "drive", "pixels"])
def test_every_route_gives_the_same_pixels(declare, sandbox, route):  # noqa: ARG001
    """Whatever way they come, they are those of the expression: each value follows from its place."""
    with orc.run(declare(name=f"by_{route}", route=route)).open() as raster:
        x, _mixed = raster.read(masked=True)
        columns = raster.bounds.left + 20 * (np.arange(raster.width) + 0.5)

    wanted = np.broadcast_to(columns / 10, x.shape)
    np.testing.assert_allclose(x.compressed(), wanted[~x.mask], atol=0.51)


def test_a_wait_may_have_an_end(declare, sandbox):  # noqa: ARG001
    """Python's own error says so, the run goes on, and is waited for once more."""
    run = orc.submit(declare(name="waited"))

    with pytest.raises(TimeoutError, match=f"run {run.id} has not ended within 0 s"):
        run.wait(timeout=0)

    assert run.wait(timeout=120).path.is_file()


def test_a_run_that_is_carried_in_a_wait_stops_at_its_end(declare, sandbox, tmp_path):
    """Cleanly, with no thread left, and the next wait goes on with it."""
    with orc.connect(sandbox_url=sandbox.url, state_dir=tmp_path / "state"):
        run = orc.submit(declare(name="carried"))
        run.cancel()
        with pytest.raises(orc.RunFailed):
            run.wait()
        run.retry()
        threads = set(threading.enumerate())

        with pytest.raises(TimeoutError):
            run.wait(timeout=0)

        assert stayed(threads) == []
        assert run.wait().path.is_file()

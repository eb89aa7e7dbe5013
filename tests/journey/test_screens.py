"""What a person sees of a run, on a terminal, on a pipe, and from another process."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import struct
import subprocess
import sys
import termios
from pathlib import Path

import geopandas
import journey_kit as kit
import pytest
from shapely.geometry import box

CONTROL = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


def on_terminal(home, columns):
    """
    Run the small job with standard error on a terminal of that width; return its lines and standard output.

    Earth Engine does not go on before it was shown.
    """
    home.service.order({"action": "task_hold", "after": 0.5})
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    words = [*home.job(), "--sandbox-url", home.service.url, "--bucket", kit.BUCKET, "--state-dir", "state"]
    environment = {key: value for key, value in os.environ.items() if key not in ("COLUMNS", "LINES", "NO_COLOR")}
    environment |= kit.IMPATIENT | {"TERM": "xterm-256color", "PYTHONPATH": str(Path(__file__).parents[2])}
    process = subprocess.Popen(
        [sys.executable, "-m", "orchestrator", "run", *words],
        cwd=home.folder,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=slave,
    )
    os.close(slave)
    shown = b""
    while seen := _read(master):
        shown += seen
        if b"running" in seen:
            home.service.post("/sandbox/release", {})
    os.close(master)
    out, _ = process.communicate(timeout=60)
    assert process.returncode == 0, shown.decode()
    return re.split(r"[\r\n]+", CONTROL.sub("", shown.decode())), out.decode()


def _read(master):
    try:
        return os.read(master, 65536)
    except OSError:  # the other side is closed
        return b""


@pytest.mark.parametrize("columns", [40, 60])
def test_a_narrow_terminal_shows_earth_engine_and_wraps_nothing(home, columns):
    """Each line fits; Earth Engine's tasks, their share and the parts are seen; results stay on standard output."""
    lines, out = on_terminal(home, columns)

    assert [line for line in lines if len(line) > columns] == []
    assert any(re.match(r" *Earth Engine: \d+ running", line) for line in lines)
    assert any(re.match(r" *Earth Engine: [1-9]\d* tasks done", line) for line in lines)
    assert any(re.match(r" *parts [█░]* ?\d/4", line) for line in lines)
    assert any(re.match(r"small: exporting, .*\d+ s", line) for line in lines)
    assert out.startswith(str(home.final))


def words(home, *more):
    return [
        "run",
        *home.job(),
        "--sandbox-url",
        home.service.url,
        "--bucket",
        kit.BUCKET,
        "--state-dir",
        "state",
        *more,
    ]


def test_a_pipe_shows_earth_engine_from_the_beginning(home):
    """The first line says that it plans, a later one what Earth Engine does, while it does."""
    home.service.order({"action": "task_hold", "after": 0.5})
    running = home.program.start(words(home), home.folder)
    home.wait_until(lambda: "Earth Engine: " in running.said())
    home.service.post("/sandbox/release", {})
    outcome = running.wait().expect(0)

    said = [line for line in outcome.err.splitlines() if line.startswith("small: ")]
    assert said[0].startswith("small: planning")
    assert re.search(r"Earth Engine: \d+ running", "".join(said))


def test_quiet_prints_the_path_of_the_result_only(home):
    """For `tif=$(orchestrator -q run ...)`; the first time and when it is there already."""
    first = home.program.start(words(home, "-q"), home.folder).wait().expect(0)
    second = home.program.start(words(home, "-q"), home.folder).wait().expect(0)

    assert (first.out, first.err) == (second.out, second.err) == (f"{home.final}\n", "")


def test_a_run_is_followed_from_another_process(home, undisturbed):
    """`watch` and `logs -f` see a daemon's run to its end, though that is killed and started again meanwhile."""
    serve = ["serve", "--until-idle", "--sandbox-url", home.service.url, "--bucket", kit.BUCKET]
    home.start("submit", "--sandbox-url", home.service.url).wait().expect(0)
    watching = home.program.start(["watch", "small", "--state-dir", "state", "--json"], home.folder)
    logging = home.program.start(["logs", "small", "-f", "-n", "1", "--state-dir", "state", "--json"], home.folder)
    home.wait_until(lambda: bool(watching.said()))

    home.command(*serve, **{kit.CRASH_AT: "task.collected"}).expect(-9)
    home.command(*serve).expect(0)

    watched, logged = watching.wait().expect(0), logging.wait().expect(0)
    assert watched.sha256 == undisturbed.sha256
    assert [event["parts"] for event in watched.named("run.planned")] == [4]
    assert watched.named("run.done")
    assert logged.events[-1]["event"] == "run.done"
    assert all(event["at"] for event in logged.events)


def test_one_area_that_fails_does_not_stop_the_others(home):
    """Of three areas the second cannot be written: the first and the third are done, and the summary names it."""
    boxes = [box(500_000 + 3000 * n, 5_100_000, 500_500 + 3000 * n, 5_100_500) for n in range(3)]
    frame = geopandas.GeoDataFrame({"name": ["a", "b", "c"]}, geometry=boxes, crs="EPSG:32633")
    frame.to_file(home.folder / "three.gpkg")
    (home.out / "small_b_clipped.tif").mkdir(parents=True)

    outcome = home.run("--shapefile", "three.gpkg", "--each", "name").expect(1)

    told = next(m for m in outcome.messages if m["message_type"] == "jobs")
    assert [(job["base_name"], job["exit_code"]) for job in told["jobs"]] == [
        ("small_a", 0),
        ("small_b", 2),
        ("small_c", 0),
    ]
    assert "small_b_clipped.tif is a folder" in told["jobs"][1]["sentence"]
    assert (home.out / "small_a_clipped.tif").is_file()
    assert (home.out / "small_c_clipped.tif").is_file()


def test_a_run_whose_result_is_there_cannot_be_cancelled(home):
    """It is said where the result is; `clean` takes away what the run left, and makes it CLEANED."""
    home.run(**{kit.CRASH_AT: "run.published"})

    refused = home.command("cancel", "small", "--sandbox-url", home.service.url, "--bucket", kit.BUCKET)
    home.command("clean", "small", "--sandbox-url", home.service.url, "--bucket", kit.BUCKET).expect(0)

    assert refused.expect(2).messages[-1]["exit_code"] == 2
    assert str(home.final) in refused.err
    assert "clean" in refused.err
    assert [run["state"] for run in home.runs()] == ["CLEANED"]
    assert home.service.objects() == []

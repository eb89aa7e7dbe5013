"""The daemon, as a process that gets signals; and what one process may do while another works."""

from __future__ import annotations

import signal

import journey_kit as kit
import pytest

CONFIG = """
[gcs]
bucket = "{bucket}"

[jobs.nightly]
area = "area.geojson"
output = "out"
base_name = "small"
start_date = "2024-05-01"
end_date = "2024-06-01"
recipe = "image-code"
params = {{ file = "{folder}/image.py" }}
bands = ["x", "y", "mixed"]
grid = {{ crs = "EPSG:32633", scale = 10 }}
max_part_size = "1.25 MiB"
{schedule}
"""


def configure(home, schedule="every = '1d'"):
    text = CONFIG.format(bucket=kit.BUCKET, folder=home.folder, schedule=schedule)
    (home.folder / "config.toml").write_text(text)


def serve(home, *more, **environment):
    words = ["serve", "--sandbox-url", home.service.url, "--bucket", kit.BUCKET, "--state-dir", "state", *more]
    return home.program.start(words, home.folder, **environment)


def until_idle(home):
    outcome = serve(home, "--until-idle").wait()
    assert outcome.code == 0, outcome.err + outcome.out
    return outcome


def test_a_scheduled_job_that_is_due_runs_once(home, undisturbed):
    """What was missed while nobody served is caught up at the start; a second start has nothing to do."""
    configure(home)
    before = home.service.exports

    until_idle(home)
    once = home.service.exports
    until_idle(home)

    runs = home.runs()
    assert [(run["state"], run["sha256"]) for run in runs] == [("CLEANED", undisturbed.sha256)]
    assert home.service.exports == once == before + len(home.tasks(runs[0]["run"]))
    assert home.service.objects() == []


def test_sigterm_ends_the_daemon_cleanly_and_a_new_start_goes_on(home, undisturbed):
    """Stopped in the middle of an export: exit code 0, no second export, the same bytes after the next start."""
    configure(home)
    before = home.service.exports
    home.service.order({"action": "task_hold", "after": 0.5})

    daemon = serve(home)
    home.wait_until(lambda: home.service.exports > before)
    daemon.signal(signal.SIGTERM)
    stopped = daemon.wait()
    interrupted = home.runs()[0]["state"]
    home.service.post("/sandbox/release", {})
    until_idle(home)

    assert (stopped.code, interrupted) == (0, "EXPORTING"), stopped.err
    assert "Traceback" not in stopped.err
    assert home.runs()[0]["sha256"] == undisturbed.sha256
    assert home.service.exports - before == len(home.tasks(home.runs()[0]["run"]))


def test_the_daemon_survives_kill_9(home, undisturbed):
    """Killed while a part is being placed, the next daemon finishes the same run."""
    configure(home)

    killed = serve(home, **{kit.CRASH_AT: "part.placed"}).wait()
    until_idle(home)

    assert killed.code == kit.KILLED
    assert [run["sha256"] for run in home.runs()] == [undisturbed.sha256]


def test_a_submitted_job_is_done_by_the_daemon(home, undisturbed):
    """`submit` asks nothing of the service; `serve --until-idle` does the work and ends."""
    heard = home.service.requests()

    home.start("submit", "--sandbox-url", home.service.url).wait().expect(0)
    silent = home.service.requests() == heard
    until_idle(home)

    assert silent
    assert [run["sha256"] for run in home.runs()] == [undisturbed.sha256]


def test_the_same_command_after_success_exports_nothing(home, undisturbed):
    """It says that the job is done, where the result is, and asks for no export."""
    home.run().expect(0)
    before = home.service.exports

    again = home.run().expect(0)

    assert home.service.exports == before
    assert again.sha256 == undisturbed.sha256
    assert again.summary["state"] == "CLEANED"


def test_the_same_command_makes_a_lost_result_anew(home, undisturbed):
    """A result that was deleted is exported again; one that is another file by now, when that is said."""
    home.run().expect(0)
    home.final.unlink()
    home.run().expect(0)
    home.final.write_bytes(b"damaged")

    home.run().expect(2)
    again = home.run("--overwrite").expect(0)

    assert again.sha256 == undisturbed.sha256
    assert home.final.stat().st_size > 1000


@pytest.mark.parametrize("second", ["run", "serve"])
def test_a_run_has_one_process(home, undisturbed, second):
    """The second process on one run says who holds it and ends with code 5; a daemon leaves the run alone."""
    before = home.service.exports
    home.service.order({"action": "task_hold", "after": 0.5})
    first = home.start("run")
    home.wait_until(lambda: home.service.exports > before)

    if second == "run":
        other = home.start("run")
    else:
        other = serve(home)
        home.wait_until(lambda: "serve.started" in other.said())
        other.signal(signal.SIGTERM)
    refused = other.wait()
    home.service.post("/sandbox/release", {})
    done = first.wait().expect(0)

    assert done.sha256 == undisturbed.sha256
    if second == "run":
        assert refused.code == 5, refused.err
        assert str(first.pid) in refused.err
        assert len(refused.err.strip().splitlines()) == 1
    else:
        assert refused.code == 0, refused.err

"""What lies where a result goes: it is replaced only by the job that made it, and made by one process at a time."""

from __future__ import annotations

import hashlib
import json
import os
import time

import journey_kit as kit
import pytest


def run_in(home, state, *more, **environment):
    """Run the small job with a state folder of its own, as a second person or a service would."""
    there = ["--sandbox-url", home.service.url, "--bucket", kit.BUCKET, "--state-dir", state, "--json"]
    return home.program.start(["run", *home.job(*more), *there], home.folder, **environment)


def foreign(home, kind):
    """Put something of somebody else's where the result would go; return where, and how to tell that it is intact."""
    home.out.mkdir()
    path = home.out / f"small_clipped.{'tif' if kind == 'link' else kind}"
    if kind == "link":
        (home.folder / "precious").write_bytes(b"precious")
        path.symlink_to(home.folder / "precious")
    else:
        path.write_bytes(b"precious")
    return path


@pytest.mark.parametrize("kind", ["tif", "json", "png", "stac.json", "link"])
def test_a_foreign_file_is_not_overwritten(home, kind):
    """It is refused before anything is exported, in one line that names the file."""
    path, before = foreign(home, kind), home.service.exports

    outcome = home.run()

    outcome.expect(2)
    assert str(path) in outcome.err + outcome.out
    assert path.read_bytes() == b"precious"
    assert home.service.exports == before


def test_it_is_overwritten_when_that_is_said(home):
    """`--overwrite` replaces it; through a link the link is replaced, not what it points to."""
    foreign(home, "link")

    home.run("--overwrite").expect(0)

    assert not home.final.is_symlink()
    assert (home.folder / "precious").read_bytes() == b"precious"


def test_another_jobs_result_is_not_overwritten(home):
    """Other dates are another job; the refusal names the run that made the file."""
    first = home.run().expect(0)

    outcome = home.run("--start-date", "2024-04-01")

    assert outcome.expect(2).named("run.planned") == []
    assert first.summary["run"] in outcome.err + outcome.out
    assert hashlib.sha256(home.final.read_bytes()).hexdigest() == first.sha256


def test_the_same_job_replaces_its_own_result(home):
    """`--again` is what the user said."""
    home.run().expect(0)

    home.run("--again").expect(0)


def test_a_result_that_somebody_changed_is_not_replaced(home):
    """It is theirs by now."""
    home.run().expect(0)
    with home.final.open("ab") as file:
        file.write(b"my notes")

    home.run("--again").expect(2)

    assert home.final.read_bytes().endswith(b"my notes")


def test_a_file_that_appears_during_the_night_holds_the_run(home):
    """The night's work is kept; after the file is moved, `retry` publishes without another export."""
    home.run(**{kit.CRASH_AT: "run.assembling"})
    home.final.write_bytes(b"precious")
    before = home.service.exports

    home.run().expect(3)
    assert home.final.read_bytes() == b"precious"
    home.final.unlink()
    outcome = home.run()

    outcome.expect(0)
    assert home.service.exports == before


def test_two_state_folders_make_one_result(home):
    """The second is refused while the first is unfinished, whether or not its process lives; nothing is doubled."""
    before = home.service.exports
    assert run_in(home, "mine", **{kit.CRASH_AT: "task.collected"}).wait().code == kit.KILLED

    refused = run_in(home, "theirs").wait()
    first = run_in(home, "mine").wait().expect(0)

    assert refused.expect(5).named("run.planned") == []
    assert "installation" in refused.err + refused.out
    assert hashlib.sha256(home.final.read_bytes()).hexdigest() == first.sha256
    assert home.service.exports - before == len(home.proof()["parts"])


@pytest.mark.parametrize("trial", range(int(os.environ.get("ORCHESTRATOR_TEST_TRIALS", "3"))))
def test_two_state_folders_at_once_never_mix(home, trial):
    """Begun together: one makes the result, the other is refused or comes to nothing; the proof tells the file."""
    before = home.service.exports
    both = [run_in(home, name) for name in ("mine", "theirs")]

    outcomes = [running.wait() for running in both]

    done = [outcome for outcome in outcomes if outcome.code == 0]
    assert len(done) == 1, [outcome.err for outcome in outcomes]
    assert {outcome.code for outcome in outcomes} <= {0, 2, 5}
    proof = json.loads(home.final.with_suffix(".json").read_text())
    assert proof["output"]["sha256"] == hashlib.sha256(home.final.read_bytes()).hexdigest() == done[0].sha256
    assert home.service.exports - before == len(done[0].named("task.exported"))
    assert home.leftovers() == []
    del trial


def test_a_copy_of_the_state_cancels_nothing_of_the_one_that_works(home):
    """It says who works there; once nobody does any more, the same command cancels."""
    home.service.order({"action": "task_stuck", "count": None})
    assert home.run(**{kit.CRASH_AT: "task.posted"}).code == kit.KILLED
    [claim] = [name for name in home.service.objects() if name.endswith("/.owner")]
    home.service.put(claim, json.dumps({"word": "theirs", "pid": 7, "host": "elsewhere", "beat": time.time()}).encode())
    there = ["--sandbox-url", home.service.url, "--bucket", kit.BUCKET]

    refused = home.command("cancel", "latest", *there).expect(5)
    cancelled = [asked for asked in home.service.requests() if ":cancel" in str(asked)]
    home.service.remove(claim)
    home.command("cancel", "latest", *there).expect(0)

    assert "process 7 on elsewhere" in refused.err + refused.out
    assert (cancelled, home.runs()[0]["state"]) == ([], "CANCELLED")
    assert [asked for asked in home.service.requests() if ":cancel" in str(asked)] != []
    assert [name for name in home.service.objects() if name.endswith("/.owner")] == []

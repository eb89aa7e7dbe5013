"""`calibrate` finds out what it does not know, writes it down, and leaves nothing behind."""

from __future__ import annotations

import json
import math
import threading

import pytest

from orchestrator.app import Application
from orchestrator.app.calibration import laboratory as place
from orchestrator.app.calibration.assumptions import ASSUMPTIONS, REFUSALS, Observation
from orchestrator.app.verbs.calibrate import calibrate
from orchestrator.config import load
from orchestrator.core.errors import Stopped, UserError
from orchestrator.sandbox.behaviour import Behaviour
from orchestrator.sandbox.faults import Rule
from orchestrator.sandbox.scenes.synthetic import SyntheticCatalogue
from orchestrator.sandbox.server import DEFAULT_BUCKET, Options, Sandbox

TURNED = Behaviour(
    bucket_part_names="dashed",
    drive_part_names="plain",
    repeated_request_id="answered",
    compression="deflate",
    predictor=2,
    interleave="band",
    float_fill=math.nan,
    integer_fill=7,
    export_no_data=-5.0,
    pixels_fill=-1.0,
    pixels_no_data=-2.0,
    sentences={
        "image_not_found": "No image {asset}.",
        "request_size": "{size} bytes; {limit} are allowed.",
        "pixel_grid": "{width} by {height} is more than {side}.",
    },
)


@pytest.fixture
def asked(tmp_path, monkeypatch):
    """`asked(sandbox)` makes all experiments; returns what was found by name, what was said, and the file."""
    monkeypatch.setattr(place, "_POLL_SECONDS", 0.05)

    def ask(sandbox, budget_hours=0.1, target=tmp_path / "told.json"):
        overrides = {
            "ee": {"url": sandbox.url, "project": sandbox.options.project},
            "gcs": {"url": sandbox.url, "bucket": DEFAULT_BUCKET},
            "drive": {"url": sandbox.url},
            "local": {"state_dir": str(tmp_path / "state")},
        }
        settings = load(None, environment={}, overrides=overrides).settings
        app = Application(settings, stop=threading.Event())
        try:
            told = list(calibrate(app, budget_hours=budget_hours, wait_seconds=60, target=target))
        finally:
            app.store.close()
        found = {each.assumption.name: each for each in told if isinstance(each, Observation)}
        return found, [each for each in told if isinstance(each, str)], target

    return ask


def names_in(sandbox):
    files = [each.name for each in sandbox.buckets.objects(DEFAULT_BUCKET)]
    return files + [each.name for each in sandbox.drive.find(lambda each: each.blob is not None)]


def test_every_assumption_is_confirmed_by_a_sandbox_that_makes_it(asked):
    """The sandbox of the defaults behaves as is assumed, and nothing of ours is left in it."""
    with Sandbox(SyntheticCatalogue(), Options()) as sandbox:
        found, said, _ = asked(sandbox)

        assert {name: each.verdict for name, each in found.items()} == dict.fromkeys(ASSUMPTIONS, "confirmed")
        assert names_in(sandbox) == []
        assert said == []
        assert sandbox.drive.find(lambda each: each.name == "orchestrator") == []


def test_a_folder_of_drive_that_was_there_before_stays(asked, monkeypatch):
    """Though it is empty at the end as it was at the beginning."""
    monkeypatch.setattr("orchestrator.app.calibration.experiments.every", lambda *_: [])
    with Sandbox(SyntheticCatalogue(), Options(drive_folders=("orchestrator",))) as sandbox:
        _, said, _ = asked(sandbox)

        assert len(sandbox.drive.find(lambda each: each.name == "orchestrator")) == 1
    assert said == []


def test_a_folder_in_which_something_else_lies_is_named(asked, monkeypatch):
    """It was not there before, and somebody has put a file into it meanwhile."""
    with Sandbox(SyntheticCatalogue(), Options()) as sandbox:

        def someone(*_):
            home = sandbox.drive.folder("orchestrator")
            sandbox.drive.create("theirs", mime_type="text/plain", parents=(home.id,))
            return []

        monkeypatch.setattr("orchestrator.app.calibration.experiments.every", someone)
        _, said, _ = asked(sandbox)

        assert [each.name for each in sandbox.drive.find(lambda each: each.name == "theirs")] == ["theirs"]
    assert said == ["could not be taken away: the Drive folder 'orchestrator' (something else lies in it)"]


def test_whoever_stops_it_is_told_what_was_spent_and_what_is_left(asked, monkeypatch, tmp_path):
    """No file is written; whether tidying still succeeds is a matter of moments, and is said."""
    begin = place.Laboratory.begin
    monkeypatch.setattr(place.Laboratory, "begin", lambda *given: _stopping(begin, *given))
    with Sandbox(SyntheticCatalogue(), Options()) as sandbox:
        sandbox.faults.order(Rule("task_hold", count=None))

        with pytest.raises(Stopped, match=r"; 0 EECU-seconds were spent .*; (left are|nothing is left)"):
            asked(sandbox)

        sandbox.faults.release()
    assert not (tmp_path / "told.json").exists()


def test_what_cannot_be_asked_about_any_more_is_named():
    """An export that may still run, and whatever begins with the prefix; an ended stop says so."""

    class Deaf:
        def operation(self, _name):
            raise Stopped

        find = operation

    laboratory = place.Laboratory(Deaf(), None, threading.Event(), 1.0, 1.0, prefix="mine-", started=["operations/7"])

    left = laboratory.tidy([Deaf()])

    assert left == ["export operations/7, which may still run (stopped)", "whatever begins with mine- (stopped)"]


def _stopping(begin, laboratory, *given):
    """Begin an export and ask to stop."""
    operation = begin(laboratory, *given)
    laboratory.stop.set()
    return operation


def test_every_behaviour_that_is_turned_round_is_found(asked):
    """Nothing but what a sandbox cannot be told is confirmed."""
    with Sandbox(SyntheticCatalogue(), Options(behaviour=TURNED, slots=3)) as sandbox:
        sandbox.faults.order(Rule("headers", count=None, headers={"x-earth-engine-quota-status": "other=1"}))

        found, _, _ = asked(sandbox)

    verdicts = {name: each.verdict for name, each in found.items()}
    assert verdicts == {**dict.fromkeys(ASSUMPTIONS, "different"), "region_rows": "confirmed"}
    assert found["slots"].value == 3
    assert found["quota_header"].value == "other=1"


def test_a_sandbox_takes_the_file_and_behaves_so(asked):
    """What was found of one sandbox makes another one just like it."""
    with Sandbox(SyntheticCatalogue(), Options(behaviour=TURNED)) as sandbox:
        _, _, target = asked(sandbox)

    told = Behaviour.read(target)

    assert {name: getattr(told, name) for name in ("compression", "interleave", "sentences")} == {
        name: getattr(TURNED, name) for name in ("compression", "interleave", "sentences")
    }
    assert math.isnan(told.float_fill)
    assert str(told) == str(TURNED)


def test_what_could_not_be_tried_keeps_the_default_and_says_why(asked):
    """A failed export tells nothing: no value is made up for what it was to show."""
    with Sandbox(SyntheticCatalogue(), Options()) as sandbox:
        sandbox.faults.order(Rule("task_fail", text="float", message="Out of luck."))

        found, _, target = asked(sandbox)

    assert found["compression"].verdict == "not tried"
    assert "Out of luck" in found["compression"].note
    assert found["integer_fill"].verdict == "confirmed"
    assert "compression" not in json.loads(target.read_text())["behaviour"]


def test_a_task_that_does_not_end_is_cancelled(asked, monkeypatch):
    """Its experiment is not tried; nothing of it runs on."""
    monkeypatch.setattr(place.Laboratory, "expired", lambda _laboratory, _until: True)
    with Sandbox(SyntheticCatalogue(), Options()) as sandbox:
        sandbox.faults.order(Rule("task_hold", count=None))

        found, _, _ = asked(sandbox)
        sandbox.faults.release()
        for task in sandbox.operations.all():
            sandbox.tasks.wait(task.id)

        assert {each.state for each in sandbox.operations.all()} == {"CANCELLED"}
    assert "did not end" in found["bucket_part_names"].note


def test_no_export_begins_beyond_the_budget(asked):
    """The first export uses it up; what needs no export is told all the same."""
    with Sandbox(SyntheticCatalogue(), Options()) as sandbox:
        found, _, target = asked(sandbox, budget_hours=1e-7)

        assert sandbox.state()["exportsStarted"] == 1
    assert found["bucket_part_names"].verdict == "confirmed"
    assert json.loads(target.read_text())["eecuSeconds"] > 1e-7 * 3600
    assert "budget is used up" in found["drive_part_names"].note


@pytest.mark.parametrize("budget", [0, -1, 11, math.nan])
def test_a_budget_that_is_none_is_refused(asked, budget):
    """Before anything remote happens."""
    with Sandbox(SyntheticCatalogue(), Options()) as sandbox:
        with pytest.raises(UserError, match="budget"):
            asked(sandbox, budget_hours=budget)

        assert sandbox.state()["requests"] == {}


def test_a_file_of_the_users_is_not_replaced(asked, tmp_path):
    """It is refused before anything remote happens."""
    target = tmp_path / "mine.json"
    target.write_text("mine")
    with Sandbox(SyntheticCatalogue(), Options()) as sandbox:
        with pytest.raises(UserError, match=r"mine\.json exists"):
            asked(sandbox, target=target)

        assert sandbox.state()["requests"] == {}
    assert target.read_text() == "mine"


def test_the_sentences_are_the_sandboxs_own():
    """What is assumed of refusals is what the sandbox says, with the same holes."""
    usual, turned = Behaviour(), TURNED
    for key, sentence in REFUSALS.items():
        said = sentence.format(asset="a", size=1, limit=2, width=3, height=4, side=5)

        assert usual.worded(said) == said
        assert turned.worded(said) != said, key

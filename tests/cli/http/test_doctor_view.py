"""The checks of doctor for whoever opens the page: one look at a time, told as it comes."""

from __future__ import annotations

import re
import threading

import pytest

from orchestrator.app.sandbox_process import service_at
from orchestrator.app.verbs.checkup import KEPT_SECONDS, Checkup
from orchestrator.app.verbs.findings import Finding, findings
from orchestrator.config import load
from orchestrator.faces.web.views import doctor
from orchestrator.sandbox.scenes.world import WorldCatalogue
from orchestrator.sandbox.server import Sandbox

WAIT_SECONDS = 30.0


class Steps:
    """A look that goes on when it is let; `begun` counts how many there were."""

    def __init__(self) -> None:
        self.begun: list[bool] = []
        self.now = 0.0
        self.go, self.first = threading.Semaphore(0), threading.Semaphore(0)
        self.checkup = Checkup(self.find, lambda: self.now)

    def find(self, offline, say):
        self.begun.append(offline)
        yield Finding("config", "ok", "config.toml")
        say("clock")
        self.first.release()
        assert self.go.acquire(timeout=WAIT_SECONDS)
        yield Finding("clock", "error", "off by 70 s", "set the clock")

    def whole(self):
        self.go.release()
        return self.checkup.whole()


@pytest.fixture
def steps():
    return Steps()


def test_a_look_is_told_as_far_as_it_has_come(steps):
    """What was found is there before the rest is."""
    steps.checkup.look()
    assert steps.first.acquire(timeout=WAIT_SECONDS)

    seen = steps.checkup.look()

    assert ([one.name for one in seen.findings], seen.done) == (["config"], False)
    assert [one.name for one in steps.whole().findings] == ["config", "clock"]


def test_of_many_who_ask_at_once_one_look_is_made(steps):
    """Also of those who want another while it is under way."""
    for _ in range(5):
        steps.checkup.look(anew=True)

    assert steps.whole().worst == "error"
    assert steps.begun == [False]


def test_who_waits_for_a_service_that_says_nothing_is_told_which(steps):
    """In time for a client that gives up soon; the same look goes on, and is whole when it is asked for again."""
    steps.checkup.look()
    assert steps.first.acquire(timeout=WAIT_SECONDS)

    seen = steps.checkup.whole(wait_seconds=0)

    assert [(one.name, one.verdict) for one in seen.findings] == [("config", "ok"), ("clock", "warning")]
    assert "no answer within 0 s" in seen.findings[-1].seen
    assert [one.verdict for one in steps.whole().findings] == ["ok", "error"]
    assert steps.begun == [False]


@pytest.mark.parametrize(
    ("later", "given", "looks"),
    [
        (KEPT_SECONDS, {}, 1),
        (KEPT_SECONDS + 1, {}, 2),
        (0, {"anew": True}, 2),
        (0, {"offline": True}, 1),
    ],
    ids=["within half a minute", "after it", "asked for", "less of it"],
)
def test_what_was_found_is_kept_for_half_a_minute(steps, later, given, looks):
    """Who opens the page again asks no service; who wants another look gets it."""
    steps.whole()

    steps.now = later
    steps.checkup.look(**given)
    steps.whole()

    assert len(steps.begun) == looks


def test_a_look_without_the_network_is_not_taken_for_a_whole_one(steps):
    steps.go.release()
    steps.checkup.whole(offline=True)

    steps.whole()

    assert steps.begun == [True, False]


def test_a_fault_of_ours_is_a_finding_and_ends_the_look():
    """Nobody waits for ever."""

    def broken(_offline, _say):
        yield Finding("config", "ok", "config.toml")
        raise ValueError("oh")

    seen = Checkup(broken).whole()

    assert [(one.name, one.verdict, one.seen) for one in seen.findings[1:]] == [("doctor", "error", "ValueError: oh")]
    assert seen.done


def test_the_page_shows_what_is_wrong_first_and_commands_to_copy(serve):
    """Nothing of what was seen is taken for markup."""
    found = [
        Finding("config", "ok", "config.toml"),
        Finding("job <b>", "error", "cron 'x'", "correct the job"),
        Finding("daemon", "ok", "no daemon works on this state; start `orchestrator serve`"),
        Finding("bucket", "warning", "none is named", "set `bucket` under [gcs]"),
    ]
    checkup = Checkup(lambda _offline, _say: iter(found))
    checkup.whole()
    templates = serve().client.app._app.state.site.templates

    text = templates.get_template("parts/doctor_findings.html").render(**doctor._facts(checkup))

    assert re.findall(r'data-verdict="(\w+)"', text) == ["error", "warning", "ok", "ok"]
    assert ("<b>" in text, "1 thing to mend</strong>, 1 warning" in text) == (False, True)
    assert re.search(r'<code id="([^"]+)">orchestrator serve</code> <button[^>]* data-copy="#\1"', text)
    assert "<code>bucket</code>" in text


def test_the_api_finds_what_the_command_finds(call, serve):
    """Without the network here; with it they ask the same."""
    written = [(one["name"], one["verdict"]) for one in call("--json", "doctor", "--offline").messages]

    answered = serve().get("/doctor", offline=True).json()

    assert [(one["name"], one["verdict"]) for one in answered] == written


def test_a_catalogue_that_makes_up_what_it_is_asked_for_is_well(serve):
    """A sandbox without scenes of the user's has no list of everything; it answers all the same."""
    with Sandbox(WorldCatalogue(0)) as sandbox:
        app = serve(**service_at(sandbox.url)).client.app._app.state.site.app
        found = next(one for one in findings(app, offline=False, reload=load) if one.name == "copernicus catalogue")

    assert (found.verdict, "_T33TVM_" in found.seen) == ("ok", True)

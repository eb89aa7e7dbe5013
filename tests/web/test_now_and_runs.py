"""Now and Runs: what is shown first, what buttons do, and that an address is a filter."""

from __future__ import annotations

import json
import re
import time
from contextlib import contextmanager
from urllib.parse import urlencode

import browsing
import journey_kit as kit
import pytest
from page_kit import serving

from orchestrator.app.heartbeat import DAEMON
from orchestrator.core.clock import SystemClock
from orchestrator.engine.stores.records import Admission, ProcessRow
from orchestrator.engine.stores.sql import SqlStore
from orchestrator.model.job import AreaSource, Job
from orchestrator.model.states import RunState, Who

S = RunState
CANARY = "<img src=x onerror=alert(1)>\"'><b>"


class House:
    """A state folder with a page over it, and no daemon."""

    def __init__(self, home, page):
        self.home, self.page, self.number = home, page, 0
        self.store = SqlStore(f"sqlite:///{home.folder / 'state' / 'state.db'}", SystemClock())

    def begin(self, name, *steps, reason="", who=Who.NOBODY, valid=None):
        """A run that came through some states."""
        self.number += 1
        job = Job(
            f"{name}{self.number}", "/results", AreaSource("a.gpkg"), "2024-05-01", "2024-06-01", service="google"
        )
        run = self.store.runs.admit(Admission(name, "", job.fingerprints(), job.to_json(), f"d{self.number}")).id
        for step in steps:
            if step is S.PLANNED:
                self.store.runs.save_plan(run, "{}", "image", "{}", [])
            else:
                self.store.runs.set_state(run, step, reason, who=who)
            if step is S.ASSEMBLING:
                kept = {"path": "/results/a.tif", "bytes": 2048, "sha256": "aa", "valid": valid or {"B4": 0.5}}
                self.store.runs.save_result(run, json.dumps(kept))
        return run

    def state(self, run):
        return self.store.runs.head(run).state

    def events(self, run):
        return [(event.name, json.loads(event.facts)) for event in self.store.events.latest(run)]

    @contextmanager
    def daemon(self):
        """For the time of the block one was heard of just now."""
        facts = {"service": "google", "slots": 1}
        self.store.processes.beat(ProcessRow(DAEMON, "host", 7, "2026-03-01T00:00:00", time.time(), facts))
        yield
        self.store.processes.end(DAEMON, 7)

    def act(self, path, **fields):
        return self.page.post(path, data=fields, headers={"HX-Request": "true", "Accept": "text/html"})


@pytest.fixture(scope="module")
def house(tmp_path_factory, program):
    """One for the tests of this file: each begins runs of its own name."""
    folder = tmp_path_factory.mktemp("house")
    (folder / "state").mkdir()
    home = kit.Home(folder, program, None)
    with serving(home) as page:
        made = House(home, page)
        yield made
        made.store.close()


def shown(text):
    """The ids of runs that a list shows, in their order."""
    return re.findall(r'<tr id="run-(\w+)"', text)


DONE = (S.PLANNED, S.EXPORTING, S.ASSEMBLING, S.PUBLISHED, S.CLEANED)


def test_what_needs_a_person_stands_first(house):
    """Before what runs and what waits, with the reason, whose letters are letters, and what can be done."""
    run = house.begin("person", S.HELD, reason=f"say which bucket {CANARY}", who=Who.PERSON)

    text = house.page.get("/").text

    card = text[text.index(f'id="need-held-{run}"') :].partition("</li>")[0]
    assert text.index('id="needs-head"') < text.index('id="running-head"') < text.index('id="waiting-head"')
    assert "say which bucket &lt;img" in card
    assert CANARY not in text
    assert f'action="/runs/{run}/retry"' in card
    assert "hx-confirm=" in card


def test_a_button_takes_a_run_up_again_and_that_is_written_down(house):
    """What was done, by whom it was asked for, and the answer is a sentence at the foot of the page."""
    run = house.begin("again", S.PLANNED, S.FAILED, reason="no bands")

    answer = house.act(f"/runs/{run}/retry")

    assert (answer.status_code, house.state(run)) == (200, S.PLANNED)
    assert f"Run {run} is PLANNED again" in answer.text
    assert answer.headers["HX-Retarget"] == "#notes"
    told = dict(house.events(run))["web.action"]
    assert (told["verb"], told["client"], told["done"]) == ("retry", "127.0.0.1", True)


def test_a_run_that_ended_meanwhile_answers_with_a_sentence(house):
    """A page may be old; nothing is changed."""
    run = house.begin("ended", *DONE)

    answer = house.act(f"/runs/{run}/cancel")

    assert (answer.status_code, house.state(run)) == (409, S.CLEANED)
    assert f"Run {run} is CLEANED already; there is nothing to cancel." in answer.text


def test_without_scripts_a_button_answers_with_a_page(house):
    """A form is a form: the sentence has a page of its own, and a way back."""
    run = house.begin("plain", S.PLANNED, S.FAILED, reason="no bands")

    answer = house.page.post(f"/runs/{run}/retry", headers={"Referer": f"{house.page.url}/runs?job=plain"})

    assert "<!doctype html>" in answer.text
    assert f"Run {run} is PLANNED again" in answer.text


def test_several_runs_are_acted_on_at_once_and_each_is_told_of(house):
    """How many were, how many were not, and why not."""
    failed = [house.begin("bulk", S.PLANNED, S.FAILED, reason="no bands") for _ in range(2)]
    done = house.begin("bulk", *DONE)

    answer = house.act("/runs/act", act="retry", run=[*failed, done, "nothing"])

    assert answer.status_code == 409
    assert "2 runs taken up again; 2 runs refused; " in answer.text
    assert f"run {done} is CLEANED; only a failed, cancelled or held run can be retried" in answer.text
    assert [house.state(run) for run in (*failed, done)] == [S.PLANNED, S.PLANNED, S.CLEANED]


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"act": "retry"}, "no run is chosen to retry"),
        ({"act": "delete", "run": "x"}, "&#39;delete&#39; is nothing that is done to runs"),
        ({"act": "cancel", "run": [f"r{n}" for n in range(101)]}, "101 runs are too many to cancel at once"),
    ],
    ids=["none", "another act", "too many"],
)
def test_what_is_no_act_on_runs_is_refused_in_a_sentence(house, fields, says):
    """Before anything is done to any of them."""
    answer = house.act("/runs/act", **fields)

    assert answer.status_code == 400
    assert says in answer.text


def test_an_address_is_a_filter(house):
    """What it says is shown, in that order, with the form filled in; the parts that follow the state say the same."""
    least = house.begin("filtered", *DONE, valid={"B4": 0.125, "B8": 1.0})
    most = house.begin("filtered", *DONE, valid={"B4": 0.75})
    house.begin("filtered", S.FAILED, reason="no bands")
    query = urlencode([("state", "CLEANED"), ("job", "filtered"), ("sort", "valid"), ("text", "A.GPKG")])

    page, part = (house.page.get(f"{path}?{query}").text for path in ("/runs", "/runs/part/list"))

    assert shown(page) == shown(part) == [least, most]
    assert "12.5" in page
    assert "<option selected>filtered</option>" in page
    assert 'value="A.GPKG"' in page
    assert f'hx-get="/runs/part/list?{query.replace("&", "&amp;")}' not in page  # its order is its own
    following = re.search(r'hx-get="(/runs/part/list[^"]*)"', page)[1].replace("&amp;", "&")
    assert shown(house.page.get(following).text) == [least, most]


def test_pages_of_a_list_are_linked(house):
    """Each shows what the others do not."""
    runs = [house.begin("paged", S.FAILED, reason="no bands") for _ in range(3)]

    first = house.page.get("/runs?job=paged&rows=2").text
    onwards = re.search(r'rel="next" href="([^"]*)"', first)[1].replace("&amp;", "&")
    second = house.page.get(onwards).text

    assert [*shown(first), *shown(second)] == runs[::-1]


def test_a_filter_that_cannot_be_read_is_named_above_the_whole_list(house):
    """An address that was typed wrongly leads somewhere all the same."""
    answer = house.page.get("/runs?state=FALED")

    assert answer.status_code == 400
    assert "state &#39;FALED&#39; is not known: did you mean &#39;FAILED&#39;?" in answer.text
    assert 'id="filter"' in answer.text


def test_what_failed_is_shown_until_it_was_seen(house):
    """In this browser; what fails afterwards is shown again."""
    before = house.begin("seen", S.FAILED, reason="an old trouble")
    assert before in house.page.get("/").text

    answer = house.page.post("/now/seen")
    cookie = answer.history[0].headers["Set-Cookie"]
    after = house.begin("seen", S.FAILED, reason="a new trouble")
    text = house.page.get("/").text

    assert "HttpOnly" in cookie
    assert "samesite=strict" in cookie.lower()
    assert (f"need-failed-{before}" in text, f"need-failed-{after}" in text) == (False, True)
    following = re.search(r'hx-get="(/now/part/all[^"]*)"', text)[1].replace("&amp;", "&")
    assert (f"need-failed-{before}" in house.page.get(following).text) is False


def test_a_run_that_is_done_is_a_result_with_its_share_of_valid_pixels(house):
    """The latest results stand on the first page."""
    run = house.begin("result", *DONE, valid={"B4": 0.3125})

    text = house.page.get("/").text

    assert f'href="/runs/{run}/result"' in text
    assert "31.25 % valid" in text


@pytest.fixture
def browser_page(chromium, house):
    """A page of the browser, logged in; after the test it has broken nothing."""
    with browsing.visit(chromium, house.page.login) as (page, watch):
        yield page
        heard = watch.of(page)
    assert heard == []


def test_a_person_is_asked_before_a_run_is_cancelled(house, browser_page):
    """By the keyboard alone: Escape leaves it as it is, Enter on the answer does it."""
    run = house.begin("asked", S.PLANNED, S.HELD, reason="say which bucket", who=Who.PERSON)
    browser_page.goto("/")
    button = browser_page.locator(f"#need-held-{run} button.danger")

    button.press("Enter")
    question = browser_page.locator("dialog").text_content()
    browser_page.keyboard.press("Escape")
    browser_page.locator("dialog").wait_for(state="detached")
    left = house.store.runs.requested(run)
    with house.daemon():
        button.press("Enter")
        browser_page.locator("dialog .first").press("Enter")
        said = browser_page.locator("#notes .note").text_content()

    assert f"End run {run} (asked)? Its tasks in Earth Engine are cancelled." in question
    assert (left, house.store.runs.requested(run)) == ("", "cancel")
    assert f"Run {run} will be cancelled by the daemon" in said


def test_what_is_chosen_stays_so_while_the_list_follows_the_state(house, browser_page):
    """New runs come in above; the ticks stay with their runs."""
    first, second = (house.begin("chosen", S.FAILED, reason="no bands") for _ in range(2))
    browser_page.goto("/runs?job=chosen")
    browser_page.locator(f"#run-{first} input").check()

    third = house.begin("chosen", S.FAILED, reason="no bands")
    browser_page.locator(f"#run-{third}").wait_for()

    ticks = {run: browser_page.locator(f"#run-{run} input").is_checked() for run in (first, second, third)}
    assert ticks == {first: True, second: False, third: False}
    assert browser_page.locator("#how-many").text_content() == "1 chosen"


def test_a_folder_in_which_nothing_was_done_says_how_to_begin(tmp_path, program):
    """One card, and a way to New."""
    home = kit.Home(tmp_path, program, None)

    with serving(home) as page:
        text = page.get("/").text

    assert "Nothing has been run here yet" in text
    assert '<a class="button first" href="/new">' in text
    assert "running-head" not in text

"""Events become messages once each, are sent at least once, and nobody waits for them."""

from __future__ import annotations

from dataclasses import replace

import pytest
from sqlalchemy import select

from orchestrator.app.notices import post as room
from orchestrator.app.notices.kinds import EVENTS, KINDS
from orchestrator.app.notices.wording import tell
from orchestrator.config.notify import KIND_NAMES
from orchestrator.engine.stores.contract_watch import Happening
from orchestrator.engine.stores.schema import metadata
from orchestrator.model.states import RunState, Who

ALL = ",".join(KIND_NAMES)


def happen(post, name, run_id="", **facts):
    post.store.events.record(run_id, name, facts)


@pytest.mark.parametrize(
    ("name", "facts", "kind"),
    [
        ("run.planned", {"tasks": 2, "requests": 0}, "started"),
        ("run.done", {"path": "/out/a.tif"}, "finished"),
        ("run.failed", {"reason": "no"}, "failed"),
        ("run.cancelled", {}, "cancelled"),
        ("run.held", {"reason": "no", "who": "person"}, "held"),
        ("run.held", {"reason": "no", "who": "time"}, "waiting"),
        ("run.held", {"reason": "no bucket is named"}, "held"),
        ("budget.reached", {"reason": "no"}, "budget"),
        ("run.overdue", {"reason": "no"}, "overdue"),
        ("run.deferred", {"reason": "no", "until": "2026-11-02"}, "overdue"),
        ("run.recovered", {"reason": "no"}, "recovered"),
        ("job.refused", {"job": "east", "error": "no"}, "refused"),
        ("job.trouble", {"job": "east", "error": "no"}, "refused"),
        ("date.skipped", {"job": "east", "logical_date": "2026-11-01", "reason": "no"}, "missed"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_an_event_is_told_as_what_it_means(post, name, facts, kind):
    """With the job's name, the event's own reason, and no gap where a fact belongs."""
    notices, run_id = post.notices(events=ALL), post.admit().id
    happen(post, name, run_id if name.startswith(("run", "budget")) else "", **facts)

    notices.look()
    notices.send()

    (letter,) = post.box.sent
    assert letter.title == f"east: {kind}"
    assert all(str(facts[key]) in letter.text for key in ("reason", "error", "path") if key in facts)
    assert "?" not in letter.text


def test_every_kind_is_told_by_some_event_and_can_be_set():
    """The setting, the words and the events know the same."""
    meant = {EVENTS[name]({"who": who}) for name in EVENTS for who in ("time", "person")}

    assert set(KIND_NAMES) == set(KINDS) == meant


def test_what_nobody_wants_to_hear_is_not_told(post):
    """Neither kinds that are not set nor quiet jobs."""
    notices = post.notices(events="failed", quiet="west")
    happen(post, "run.done", post.admit("east").id, path="a")
    happen(post, "run.failed", post.admit("west").id, reason="no")

    assert notices.look() == 0


def test_what_happened_before_is_old_news(post):
    """Who begins to be told is not told the past; nor, later, what is older than `keep`."""
    happen(post, "run.failed", post.admit("before").id, reason="no")
    first = post.notices()
    before = first.look()
    happen(post, "run.failed", post.admit("after").id, reason="no")
    post.clock.move(2 * 86400)

    assert (before, post.notices().look()) == (0, 0)


def test_an_event_is_told_once_to_each_target(post):
    """Whoever looks, however often, in whichever process."""
    settings = {"urls": "jsons://hook.example/a jsons://hook.example/b"}
    first, second = post.notices(**settings), post.notices(**settings)
    for one in (first, second):
        one.look()
    happen(post, "run.failed", post.admit().id, reason="no")

    written = []
    for one in (first, second, first, post.notices(**settings)):
        written.append(one.look())
        one.send()

    assert written == [2, 0, 0, 0]
    assert len({letter.target.name for letter in post.box.sent}) == len(post.box.sent) == 2


def test_a_process_that_dies_after_sending_sends_again_with_the_same_id(post):
    """At least once: the next one takes it up when its claim is over, and whoever hears twice can tell."""
    notices = post.notices()
    happen(post, "run.failed", post.admit().id, reason="no")
    notices.look()
    post.box.dies = True
    with pytest.raises(KeyboardInterrupt):
        notices.send()
    post.box.dies = False

    at_once = post.notices().send()
    post.clock.move(91)
    later = post.notices().send()

    first, second = post.box.sent
    assert (at_once, later) == (0, 1)
    assert first.text == second.text
    assert "[abcd-" in first.text


def test_what_is_not_taken_is_tried_ever_more_seldom(post):
    """Half a minute, twice that, and so on to an hour, each a fifth more or less; then it is taken."""
    notices = post.notices()
    happen(post, "run.failed", post.admit().id, reason="no")
    notices.look()
    post.box.takes = False
    waits = []
    for _ in range(9):
        notices.send()
        (message,) = post.store.outbox.latest()
        waits.append(message.next_at - post.clock.at.timestamp())
        post.clock.move(waits[-1] + 1)
    post.box.takes = True
    notices.send()

    for n, wait in enumerate(waits):
        assert wait == pytest.approx(min(3600, 30 * 2**n), rel=0.21)
    assert post.store.outbox.latest()[0].outcome == "sent"


def test_it_is_given_up_after_a_day(post):
    """With the reason, and never sent again."""
    notices = post.notices()
    happen(post, "run.failed", post.admit().id, reason="no")
    notices.look()
    post.box.takes = False
    notices.send()
    post.clock.move(86401)
    notices.send()
    post.clock.move(86401)

    assert notices.send() == 0
    assert post.store.outbox.latest()[0].outcome == "given up: no route"
    assert len(post.box.sent) == 2


def test_a_run_that_waits_for_the_same_says_so_once(post):
    """Held, looked at, held again: one message; another reason is another."""
    notices, run_id = post.notices(events=ALL), post.admit().id
    for reason in ("no room", "no room", "quota", "quota"):
        happen(post, "run.held", run_id, reason=reason, who="time")
        notices.look()
    post.notices(events=ALL).look()

    assert len(post.store.outbox.latest()) == 2


def test_of_many_runs_what_was_told_last_is_looked_up(post, monkeypatch):
    """A process that lives for months does not keep it of every run there was."""
    monkeypatch.setattr("orchestrator.app.notices.post._REMEMBERED_RUNS", 3)
    notices, first = post.notices(events=ALL), post.admit().id
    for run_id in (first, *(post.admit(f"job{n}").id for n in range(7)), first):
        happen(post, "run.held", run_id, reason="no room", who="time")
        notices.look()

    assert len(post.store.outbox.latest()) == 8
    assert len(notices._last) <= 3


def test_a_flood_is_one_message(post):
    """Thirty jobs fail in one night: a line each, with the id of each, as bad as the worst; sent, all of them are."""
    notices = post.notices(events=ALL)
    for n in range(30):
        happen(post, "run.failed", post.admit(f"job{n}").id, reason=f"reason {n}")
    happen(post, "run.done", post.admit("good").id, path="a.tif")
    notices.look()

    assert notices.send() == 31

    (letter,) = post.box.sent
    assert (letter.title, letter.kind) == ("orchestrator: 31 messages", "failure")
    assert [f"job{n}: failed: It has failed: reason {n} [" in letter.text for n in range(30)] == [True] * 30
    assert {message.outcome for message in post.store.outbox.latest()} == {"sent"}


def test_a_few_come_one_by_one(post):
    notices = post.notices()
    for n in range(5):
        happen(post, "run.failed", post.admit(f"job{n}").id, reason="no")
    notices.look()
    notices.send()

    assert post.box.titles == [f"job{n}: failed" for n in range(5)]


def test_a_target_that_is_not_set_any_more_is_told_nothing(post):
    """Its address is gone with the setting, and its message ends."""
    happen_before = post.notices()
    happen(post, "run.failed", post.admit().id, reason="no")
    happen_before.look()

    post.notices(urls="jsons://hook.example/other").send()

    assert post.box.sent == []
    assert post.store.outbox.latest()[0].outcome.startswith("given up")


def test_the_outbox_is_bounded(post, monkeypatch):
    """Of what nobody takes, the newest thousand wait; of what ended, as many are remembered."""
    monkeypatch.setattr(room, "MOST_PENDING", 5)
    monkeypatch.setattr(room, "MOST_ENDED", 3)
    notices, run_id = post.notices(events=ALL), post.admit().id
    for n in range(20):
        happen(post, "run.failed", run_id, reason=f"{n}")
    notices.look()
    happen(post, "run.failed", run_id, reason="20")
    notices.look()

    messages = post.store.outbox.latest(100)
    assert [bool(message.outcome) for message in messages] == [False] * 5 + [True] * 3
    assert notices.look() == post.notices(events=ALL).look() == 0


def test_words_of_a_service_stay_in_their_line(post):
    """No secret, no control character, no line of its own, and not without end."""
    notices = post.notices()
    happen(post, "run.failed", post.admit().id, reason="a\x1b[2J\nb Bearer ya29.SECRETSECRET " + "x" * 5000)
    notices.look()
    notices.send()

    (letter,) = post.box.sent
    assert "ya29" not in letter.text
    assert "\x1b" not in letter.text
    assert [line for line in letter.text.splitlines() if line.startswith("b")] == []
    assert len(letter.text) < 2000


def test_a_template_says_what_is_wanted(post):
    notices = post.notices(title="[{date}] {base_name}", text="{says}|{run}")
    run = post.admit("east", "2026-11-01")
    happen(post, "run.failed", run.id, reason="no")
    notices.look()
    notices.send()

    (letter,) = post.box.sent
    assert (letter.title, letter.text) == ("[2026-11-01] east", f"It has failed: no|{run.id}")


def test_no_address_is_in_the_state(post):
    """The database knows targets by their names."""
    notices = post.notices(urls="jsons://user:hunter2hunter2@hook.example/s3cr3tpath")
    happen(post, "run.failed", post.admit().id, reason="no")
    notices.look()
    post.box.takes = False
    notices.send()

    with post.store._db.read() as db:
        dump = "\n".join(str(row) for table in metadata.sorted_tables for row in db.execute(select(table)))
    assert "jsons-" in dump
    assert not [word for word in ("hunter2", "hook.example", "s3cr3t") if word in dump]


def test_a_kill_between_a_state_and_its_event_is_made_good(post):
    """A run that failed, and whose process died before it said so, is told all the same, once."""
    notices, run_id = post.notices(), post.admit().id
    post.store.runs.set_state(run_id, RunState.FAILED, "no")
    post.clock.move(120)

    written = [notices.look()]
    post.clock.move(120)
    written.append(notices.look())

    assert written == [1, 0]
    assert post.store.outbox.latest()[0].event == "failed"


def test_a_run_whose_event_was_written_is_not_told_twice(post):
    notices, run_id = post.notices(), post.admit().id
    post.store.runs.set_state(run_id, RunState.HELD, "no", who=Who.PERSON)
    happen(post, "run.held", run_id, reason="no", who="person")
    post.clock.move(120)

    notices.look()

    assert len(post.store.outbox.latest()) == 1


def test_a_message_after_a_lost_state_has_another_id(post):
    """Events are counted from one again there; what receivers know a message by is not."""
    settings, head = post.app().settings.notify, post.store.runs.head(post.admit().id)
    first = Happening(3, head.id, "2026-11-01T00:00:00.000+00:00", "run.failed", '{"reason": "no"}')
    later = replace(first, at="2026-11-02T00:00:00.000+00:00")

    assert tell(first, head, settings, "abcd").id != tell(later, head, settings, "abcd").id


def test_a_hold_that_names_its_own_command_is_not_followed_by_another(post):
    """A plain `retry` would be held again at once."""
    notices, run_id = post.notices(), post.admit().id
    happen(post, "run.held", run_id, who="person", reason=f"`orchestrator retry {run_id} --eecu-hours 2` goes on")

    notices.look()
    notices.send()

    assert post.box.sent[0].text.count("orchestrator retry") == 1
    assert f"`orchestrator why {run_id}` says what to do." in post.box.sent[0].text

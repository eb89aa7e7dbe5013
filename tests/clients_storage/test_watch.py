"""What one call may take."""

from __future__ import annotations

import threading

import pytest

from orchestrator.clients.answers import Pages
from orchestrator.clients.watch import CallLimits, Watch, current_watch, watching
from orchestrator.core.errors import Stopped, TransientError


class Time:
    """A clock that only grows, and only when told to."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture
def time():
    return Time()


def test_a_call_ends_with_its_deadline_and_not_before(time):
    """The whole of it is counted, not the silence in it."""
    watch = Watch("listing", None, CallLimits(call_seconds=120.0), monotonic=time)
    time.seconds = 119.9
    watch.check()
    time.seconds = 120.0

    with pytest.raises(TransientError, match="listing: no complete answer within 120 s"):
        watch.check()


def test_a_stop_leaves_a_call_its_grace_and_no_more(time):
    """An answer that is nearly here is taken; nobody waits two minutes for it."""
    stop = threading.Event()
    watch = Watch("submitting", stop, CallLimits(call_seconds=120.0, grace_seconds=5.0), monotonic=time)
    time.seconds = 50.0
    stop.set()
    watch.check()
    time.seconds = 54.9
    watch.check()
    time.seconds = 55.0

    with pytest.raises(Stopped, match="submitting"):
        watch.check()


def test_a_stop_does_not_lengthen_a_call(time):
    """Near its deadline the grace is what is left."""
    stop = threading.Event()
    watch = Watch("submitting", stop, CallLimits(call_seconds=120.0, grace_seconds=5.0), monotonic=time)
    time.seconds = 118.0
    stop.set()
    watch.check()
    time.seconds = 120.0

    with pytest.raises(Stopped):
        watch.check()


def test_many_small_answers_of_one_call_have_a_cap_together():
    """A list of pages of honest size may be dishonest as a whole."""
    watch = Watch("listing", None, CallLimits(answer_bytes=100, call_bytes=250))
    for _ in range(2):
        watch.count_bytes(100, 100)

    with pytest.raises(TransientError, match="larger than 250 bytes together"):
        watch.count_bytes(100, 100)


def test_what_is_given_up_is_closed_when_it_ends_after_all(time):
    """A connection that comes too late is nobody's, and must not stay open."""
    go_on, closed = threading.Event(), threading.Event()
    watch = Watch("connecting", None, CallLimits(call_seconds=1.0), monotonic=time)
    time.seconds = 1.0

    with pytest.raises(TransientError):
        watch.wait_for(lambda: go_on.wait(60), closed.set)

    assert not closed.is_set()
    go_on.set()
    assert closed.wait(60)


def test_an_error_of_what_is_waited_for_is_its_own():
    """The thread in between hides nothing."""

    def refuse():
        raise ConnectionRefusedError("refused")

    with pytest.raises(ConnectionRefusedError):
        Watch("connecting", None).wait_for(refuse, lambda: None)


def test_a_watch_is_of_its_thread_and_of_its_block():
    """Another thread's call is not watched by ours."""
    seen = []
    ours = Watch("ours", None)

    with watching(ours):
        thread = threading.Thread(target=lambda: seen.append(current_watch()))
        thread.start()
        thread.join()
        inside = current_watch()

    assert inside is ours
    assert ours not in (*seen, current_watch())


def pages(**limits):
    return Pages("listing", "items", frozenset({"kind"}), **{"entries": 10, "pages": 3, **limits})


@pytest.mark.parametrize(
    ("limits", "page"),
    [
        pytest.param({"entries": 2}, lambda n: {"items": [{"name": f"{n}{i}"} for i in "ab"]}, id="entries"),
        pytest.param({"pages": 2}, lambda n: {"items": [], "nextPageToken": str(n)}, id="pages"),
    ],
)
def test_a_list_has_a_cap_on_its_entries_and_its_pages(limits, page):
    """Even one that never repeats itself."""
    with pytest.raises(TransientError, match="did not end"):
        check_all(pages(**limits), map(page, range(5)))


def check_all(checked, them):
    for each in them:
        checked.check(each)


@pytest.mark.parametrize(
    "second",
    [
        pytest.param({"items": [{"name": "c"}], "nextPageToken": "1"}, id="a token again"),
        pytest.param({"items": [{"name": "a"}], "nextPageToken": "2"}, id="a page again under another token"),
    ],
)
def test_a_list_that_repeats_itself_is_noticed(second):
    """By the token that leads back, or by what the page holds."""
    checked = pages()
    checked.check({"items": [{"name": "a"}], "nextPageToken": "1"})

    with pytest.raises(TransientError, match="goes round in circles"):
        checked.check(second)


def test_two_files_of_one_name_are_no_circle():
    """Drive's names may repeat; its ids do not."""
    checked = pages()
    checked.check({"items": [{"id": "1", "name": "a"}], "nextPageToken": "1"})

    checked.check({"items": [{"id": "2", "name": "a"}]})

"""What follows the state is made once for a revision, whoever asks."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

from orchestrator.faces.web.cache import Cache


class Maker:
    """Counts how often it was asked, and takes so long."""

    def __init__(self, seconds=0.0):
        self.seconds = seconds
        self.times = 0

    def __call__(self):
        self.times += 1
        threading.Event().wait(self.seconds)
        return b"shown"


def test_fifty_readers_at_once_have_it_made_once():
    """The others wait for it, and get the same bytes with the same tag."""
    cache, make, begin = Cache(), Maker(0.1), threading.Barrier(50)

    def read(_):
        begin.wait()
        return cache.get("/now/part", "1", make)

    with ThreadPoolExecutor(50) as readers:
        got = set(readers.map(read, range(50)))

    assert (len(got), make.times) == (1, 1)


def test_another_revision_has_it_made_anew():
    """What was made for the last one is forgotten."""
    cache, make = Cache(), Maker()

    for revision in ("1", "2", "2", "3"):
        cache.get("/now/part", revision, make)

    assert make.times == 3


def test_the_same_bytes_have_the_same_tag_at_every_revision():
    """So that a page that has them is told so, and draws nothing."""
    cache = Cache()

    assert cache.get("/a", "1", lambda: b"same").tag == cache.get("/a", "2", lambda: b"same").tag


def test_other_bytes_have_another_tag():
    """Else what is old would stay on the screen."""
    cache = Cache()

    assert cache.get("/a", "1", lambda: b"one").tag != cache.get("/a", "2", lambda: b"two").tag


def test_what_goes_wrong_is_tried_again_by_the_next():
    """An error is nobody's answer but that of who met it."""
    cache, make = Cache(), Maker()

    def fail():
        raise OSError("no")

    with ThreadPoolExecutor(1) as one:
        assert isinstance(one.submit(cache.get, "/a", "1", fail).exception(), OSError)

    assert cache.get("/a", "1", make).content == b"shown"


def test_only_so_many_bytes_are_kept():
    """Those of the oldest go; what is larger than all of it is answered, and kept nowhere."""
    cache, first, large = Cache(most_bytes=12), Maker(), Maker()
    cache.get("/0", "1", first)  # five bytes

    cache.get("/1", "1", lambda: b"1234567")
    cache.get("/0", "1", first)
    assert first.times == 1
    cache.get("/2", "1", lambda: b"1")
    cache.get("/0", "1", first)
    assert first.times == 2

    tight = Cache(most_bytes=4)
    assert [tight.get("/0", "1", large).content for _ in range(2)] == [b"shown"] * 2
    assert large.times == 2


def test_only_so_many_answers_are_kept():
    """A reader that asks for endless addresses fills no memory."""
    cache, first = Cache(most=8), Maker()
    cache.get("/0", "1", first)

    for number in range(1, 9):
        cache.get(f"/{number}", "1", lambda: b"")
    cache.get("/0", "1", first)

    assert first.times == 2

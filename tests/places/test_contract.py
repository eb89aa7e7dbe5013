"""What every place promises, whatever it is."""

from __future__ import annotations

import threading

import pytest

from orchestrator.core.crc32c import crc32c_of, crc32c_text
from orchestrator.core.errors import GenerationError, IntegrityError, NotFoundError
from orchestrator.model.objects import Deletion

QUIET = threading.Event()


def content_of(place, stored) -> bytes:
    return place.read(stored, lambda _bytes: None, QUIET)


def test_what_was_written_is_read(place):
    """Whole, with its size and its checksum."""
    made = place.create("a/b.bin", b"hello")

    assert (made.name, made.size, made.crc32c) == ("a/b.bin", 5, crc32c_text(crc32c_of(b"hello")))
    assert content_of(place, made) == b"hello"


def test_a_file_is_written_as_its_bytes_are(place, tmp_path):
    """Also one that is sent in several pieces."""
    file = tmp_path / "large.bin"
    file.write_bytes(bytes(range(256)) * (80 << 10))  # 20 MiB: two pieces and a half

    made = place.create("large.bin", file)
    place.fetch(made, tmp_path / "back.bin", lambda _bytes: None, QUIET)

    assert (tmp_path / "back.bin").read_bytes() == file.read_bytes()


def test_nothing_is_replaced_that_was_not_named(place):
    """Whoever knows of no object writes over none."""
    first = place.create("name", b"theirs")

    with pytest.raises(GenerationError):
        place.create("name", b"ours")

    assert content_of(place, first) == b"theirs"


def test_the_same_content_again_is_done(place):
    """A lost answer, or a crash after the effect: the second call finds what the first made."""
    first = place.create("name", b"content")

    again = place.create("name", b"content")

    assert again.generation == first.generation


def test_what_was_named_is_replaced(place):
    """And is another generation from then on."""
    first = place.create("name", b"earlier")

    second = place.create("name", b"later", over=first)

    assert second.generation != first.generation
    assert content_of(place, second) == b"later"


def test_an_earlier_generation_is_no_leave_to_replace(place):
    """What changed since it was looked at is somebody else's."""
    first = place.create("name", b"one")
    second = place.create("name", b"two", over=first)

    with pytest.raises(GenerationError):
        place.create("name", b"three", over=first)

    assert place.stat("name").generation == second.generation


def test_what_is_gone_is_not_replaced(place):
    """Somebody took it away: it is looked at again, not written."""
    first = place.create("name", b"one")
    place.delete(first)

    with pytest.raises(GenerationError):
        place.create("name", b"two", over=first)

    assert place.stat("name") is None


def test_a_range_is_exactly_what_was_asked_for(place):
    """From the beginning, the middle, up to the end; and nothing of nothing."""
    made = place.create("name", bytes(range(100)))

    found = [place.read_range(made, offset, size) for offset, size in ((0, 3), (40, 20), (99, 1), (7, 0))]

    assert found == [bytes(range(3)), bytes(range(40, 60)), bytes([99]), b""]


def test_a_range_past_the_end_is_refused(place):
    """Nobody is given fewer bytes than he asked for."""
    made = place.create("name", b"short")

    with pytest.raises(IntegrityError):
        place.read_range(made, 3, 10)


def test_what_was_replaced_is_not_read_as_what_it_was(place):
    """Bytes of two generations never meet."""
    first = place.create("name", b"one")
    place.create("name", b"two", over=first)

    with pytest.raises(GenerationError):
        place.read_range(first, 0, 3)


def test_what_is_gone_is_said_to_be_gone(place):
    """By name."""
    made = place.create("name", b"one")
    place.delete(made)

    with pytest.raises(NotFoundError, match="name"):
        place.read_range(made, 0, 3)


def test_a_listing_has_what_begins_so_and_nothing_else(place):
    """In the order of names, nothing that is only on its way."""
    for name in ("a/1", "a/2", "a/b/3", "ab", "b"):
        place.create(name, name.encode())

    assert [found.name for found in place.find("a/")] == ["a/1", "a/2", "a/b/3"]
    assert [found.name for found in place.find("a")] == ["a/1", "a/2", "a/b/3", "ab"]
    assert place.find("none/") == []


def test_only_the_generation_that_is_named_is_deleted(place):
    """What somebody wrote since stays; what is gone already is as good."""
    first = place.create("name", b"one")
    second = place.create("name", b"two", over=first)

    assert [place.delete(first), place.delete(second), place.delete(second)] == [
        Deletion.CHANGED,
        Deletion.DELETED,
        Deletion.ABSENT,
    ]


@pytest.mark.parametrize("count", [1, 2, 32, 33, 70], ids=lambda count: f"{count} sources")
def test_joined_is_the_sources_in_order(place, count):
    """Size, checksum and bytes; and of what was made on the way nothing is left."""
    sources = [place.create(f"strips/{number:03d}", f"strip {number};".encode()) for number in range(count)]

    made = place.join("whole", sources)

    expected = b"".join(f"strip {number};".encode() for number in range(count))
    assert content_of(place, made) == expected
    assert (made.size, made.crc32c) == (len(expected), crc32c_text(crc32c_of(expected)))
    assert [found.name for found in place.find("whole")] == ["whole"]


def test_a_join_again_is_done(place):
    """After a crash behind the effect, or by two who did not know of each other."""
    sources = [place.create(f"s{number}", bytes([number])) for number in range(40)]
    first = place.join("whole", sources)

    assert place.join("whole", sources).generation == first.generation


def test_a_join_replaces_nobodys_object(place):
    """As a writing does not."""
    theirs = place.create("whole", b"theirs")
    sources = [place.create("s", b"ours")]

    with pytest.raises(GenerationError):
        place.join("whole", sources)

    assert content_of(place, theirs) == b"theirs"


def test_a_source_that_was_replaced_is_not_joined(place):
    """The strip that was verified is the strip that is joined."""
    first = place.create("s", b"one")
    place.create("s", b"two", over=first)

    with pytest.raises((GenerationError, NotFoundError)):
        place.join("whole", [first])

    assert place.stat("whole") is None

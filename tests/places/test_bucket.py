"""A bucket as a place: answers that are lost, pieces that break off, joins that end in the middle."""

from __future__ import annotations

import threading

import pytest
from google.auth.credentials import AnonymousCredentials

from orchestrator.clients.gcs import CHUNK_UNIT, connect_gcs
from orchestrator.core.errors import CredentialError, GenerationError, NoBucketError
from orchestrator.core.retry import RetryPolicy
from orchestrator.places.bucket import BucketPlace

QUIET = threading.Event()
AT_ONCE = RetryPolicy(attempts=2, first_wait_seconds=0.0, max_wait_seconds=0.0)
PIECES = bytes(range(256)) * (5 << 9)  # 640 KiB: three pieces of 256 KiB

WHOLE = b"".join(bytes([number]) * 1000 for number in range(10))


@pytest.fixture
def file(tmp_path, monkeypatch):
    monkeypatch.setattr("orchestrator.places.bucket._PIECE_BYTES", CHUNK_UNIT)
    made = tmp_path / "file.bin"
    made.write_bytes(PIECES)
    return made


@pytest.fixture
def sources(bucket_place, monkeypatch):
    """Ten of them where a service takes four at once: three compositions on the way, and the last."""
    monkeypatch.setattr("orchestrator.places.bucket.MAX_SOURCES", 4)
    return [bucket_place.create(f"s/{number}", bytes([number]) * 1000) for number in range(10)]


def read(place, stored) -> bytes:
    return place.read(stored, lambda _bytes: None, QUIET)


@pytest.mark.parametrize(
    "fault",
    [
        pytest.param({"action": "reset"}, id="a piece does not arrive"),
        pytest.param({"action": "commit_then_fail", "then": "reset"}, id="a piece arrives, its answer does not"),
        pytest.param({"action": "http", "status": 503}, id="the service is busy"),
    ],
)
@pytest.mark.parametrize("skip", [0, 1, 2], ids=["the first piece", "the second", "the last"])
def test_a_piece_that_breaks_off_is_gone_on_with(bucket_place, orders, file, fault, skip):
    """From where the service has it, and the object is the file."""
    orders.order(api="objects.resume", skip=skip, **fault)

    made = bucket_place.create("file.bin", file)

    assert orders.pending() == 0
    assert read(bucket_place, made) == PIECES


def test_a_file_in_pieces_replaces_nothing_that_was_not_named(bucket_place, file):
    """The session is of the generation that it may replace, or of none."""
    theirs = bucket_place.create("file.bin", b"theirs")

    with pytest.raises(GenerationError):
        bucket_place.create("file.bin", file)

    assert read(bucket_place, theirs) == b"theirs"


def test_a_lost_answer_to_a_small_writing_is_no_conflict_with_oneself(bucket_place, orders):
    """The object is there: it is what was to be written."""
    orders.order(api="objects.insert", action="commit_then_fail", then="reset")

    made = bucket_place.create("small", b"content")

    assert orders.pending() == 0
    assert read(bucket_place, made) == b"content"


@pytest.mark.parametrize("skip", range(4), ids=["the first", "the second", "the third", "the last"])
@pytest.mark.parametrize("then", ["reset", 503], ids=["connection lost", "an error is said"])
def test_a_lost_answer_to_a_composition_is_no_conflict_with_oneself(bucket_place, sources, orders, skip, then):
    """Wherever in the tree it is; nothing is left of the way."""
    orders.order(api="objects.compose", action="commit_then_fail", then=then, skip=skip)

    made = bucket_place.join("whole", sources)

    assert orders.pending() == 0
    assert read(bucket_place, made) == WHOLE
    assert len(bucket_place.find("")) == 11


def test_what_is_made_on_the_way_is_told_before_it_is_used(bucket_place, sources):
    """A ledger knows every object that a kill could leave."""
    noted = []

    bucket_place.join("whole", sources, note=noted.append)

    assert [(found.size, found.name.startswith("whole.joining/")) for found in noted] == [
        (4000, True),
        (4000, True),
        (2000, True),
    ]


def test_a_join_that_ended_in_the_middle_is_gone_on_with(bucket_place, sources, orders):
    """What was composed before is used, not made again."""
    orders.order(api="objects.compose", action="http", status=403, skip=2)
    with pytest.raises(CredentialError):
        bucket_place.join("whole", sources)
    before = orders.asked("objects.compose")

    made = bucket_place.join("whole", sources)

    assert read(bucket_place, made) == WHOLE
    assert [found.name for found in bucket_place.find("whole")] == ["whole"]
    assert orders.asked("objects.compose") - before == 4  # two are found there, the third and the last are made


def test_no_payload_comes_through_this_machine(bucket_place, sources, orders):
    """Joining reads and writes no bytes of an object."""
    before = orders.asked("objects.insert"), orders.asked("objects.media")

    bucket_place.join("whole", sources)

    assert (orders.asked("objects.insert"), orders.asked("objects.media")) == before


def test_what_others_have_beside_the_prefix_is_not_seen(cloud, bucket_place):
    """Names count from the place's prefix."""
    cloud.create("worker", b"another's")
    made = bucket_place.create("mine", b"ours")

    assert bucket_place.find("") == [made]
    assert {found.name for found in cloud.find("")} == {"worker", "work/mine"}


def test_a_bucket_that_does_not_exist_is_said_with_what_to_do(sandbox):
    """In a sentence, without the address that was asked."""
    client = connect_gcs(sandbox.url, None, AnonymousCredentials(), "nobucket-here", 4, QUIET)
    place = BucketPlace(client, "gs://nobucket-here/maps", "maps", AT_ONCE, QUIET)

    with pytest.raises(NoBucketError, match=r"^there is no bucket gs://nobucket-here: .*buckets create") as refused:
        place.check_access()
    place.close()

    assert "http://" not in str(refused.value)

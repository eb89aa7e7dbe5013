"""What `download` promises when the network, the disk or the process does not."""

from __future__ import annotations

import errno
import hashlib
import random
import resource
import signal
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import pytest
from download_kit import CONTENT, Network, Ordered, Quiet, Ticking, fetch, listed, names

from orchestrator.core.errors import (
    GenerationError,
    IntegrityError,
    NotFoundError,
    SpaceError,
    Stopped,
    ThrottleError,
    TransientError,
)
from orchestrator.core.retry import RetryPolicy
from orchestrator.model.objects import StoredObject
from orchestrator.transfer.download import DownloadPolicy, download
from orchestrator.transfer.unfinished import part_path


def test_the_bytes_arrive_under_their_name_and_nothing_else_is_left(tmp_path):
    """A quiet network brings the file in one connection, tells every byte, and leaves no part behind."""
    network, told = Network(CONTENT, [Ordered(grain=65_536)]), []

    receipt = fetch(network, tmp_path / "a.tif", on_bytes=told.append)

    assert (tmp_path / "a.tif").read_bytes() == CONTENT
    assert names(tmp_path) == ["a.tif"]
    assert sum(told) == receipt.bytes_read == len(CONTENT)
    assert network.opened == [0]


def test_an_empty_object_becomes_an_empty_file(tmp_path):
    """Nothing is asked of the network for zero bytes."""
    network = Network(b"")

    fetch(network, tmp_path / "empty.tif")

    assert (tmp_path / "empty.tif").read_bytes() == b""
    assert network.opened == []


def test_a_cut_is_resumed_where_it_happened(tmp_path):
    """After a reset only what is missing is asked for."""
    network = Network(CONTENT, [Ordered(cut=100_000), Ordered(cut=50_000)])

    receipt = fetch(network, tmp_path / "a.tif")

    assert network.opened == [0, 100_000, 150_000]
    assert (receipt.bytes_read, receipt.failures) == (len(CONTENT), 2)


@pytest.mark.parametrize(
    "orders",
    [
        pytest.param([Ordered(flip=12_345)], id="a bit flip in one piece"),
        pytest.param([Ordered(cut=100_000), Ordered(flip=12_345)], id="a bit flip after a cut"),
        pytest.param([Ordered(cut=100_000, flip=12_345)], id="a bit flip before a cut"),
        pytest.param([Ordered(cut=100_000), Ordered(drop=1_000)], id="a resumed range that left out a thousand bytes"),
    ],
)
def test_wrong_bytes_cost_one_whole_download(tmp_path, orders):
    """What the service's own client lets pass, the checksum over the whole file does not."""
    network = Network(CONTENT, orders)

    receipt = fetch(network, tmp_path / "a.tif")

    assert (tmp_path / "a.tif").read_bytes() == CONTENT
    assert receipt.restarts == 1
    assert 0 in network.opened[1:]


def test_every_random_bit_flip_and_short_resume_is_caught(tmp_path):
    """200 of 200: with one connection cut and one bit turned, or bytes missing, no wrong file gets the name."""
    chance = random.Random(200)  # noqa: S311  faults to place, nothing to guard
    content = CONTENT[:20_000]
    wrong = 0
    for case in range(200):
        cut = chance.randrange(1, len(content) - 1_000)
        bad = Ordered(drop=chance.randrange(1, 1_000)) if case % 4 == 3 else Ordered(flip=chance.randrange(8 << 20))
        first = Ordered(cut=cut, flip=chance.randrange(8 << 20)) if case % 4 == 1 else Ordered(cut=cut)
        network = Network(content, [first, bad])
        target = tmp_path / f"{case}.tif"

        receipt = fetch(network, target)

        assert receipt.restarts == 1
        wrong += target.read_bytes() != content
    assert wrong == 0


def test_bytes_wrong_twice_are_refused_and_leave_nothing(tmp_path):
    """A second whole download with a wrong checksum is an error, and no file at all."""
    network = Network(CONTENT, [Ordered(flip=1), Ordered(flip=2)])

    with pytest.raises(IntegrityError, match=r"folder/part\.tif.*wrong checksum"):
        fetch(network, tmp_path / "a.tif")

    assert names(tmp_path) == []


def test_a_listing_without_checksum_is_refused_before_any_byte(tmp_path):
    """Bytes nobody can verify are not fetched."""
    network = Network(CONTENT)

    with pytest.raises(IntegrityError, match="neither crc32c nor md5"):
        fetch(network, tmp_path / "a.tif", source=StoredObject("a", len(CONTENT), "1"))

    assert network.opened == []


def test_md5_serves_where_there_is_no_crc32c(tmp_path):
    """Drive lists MD5 only; a wrong bit is caught by it as well."""
    source = StoredObject("a", len(CONTENT), "r1", md5=hashlib.md5(CONTENT, usedforsecurity=False).hexdigest())
    network = Network(CONTENT, [Ordered(flip=99)])

    receipt = fetch(network, tmp_path / "a.tif", source=source)

    assert receipt.restarts == 1
    assert (tmp_path / "a.tif").read_bytes() == CONTENT


def test_a_service_that_ignores_the_range_starts_the_file_anew(tmp_path):
    """A whole body in answer to a range replaces what was kept, never follows it."""
    network = Network(CONTENT, [Ordered(cut=100_000), Ordered(ignore_range=True)])

    receipt = fetch(network, tmp_path / "a.tif")

    assert (tmp_path / "a.tif").read_bytes() == CONTENT
    assert receipt.restarts == 0


def test_a_service_that_only_ever_sends_the_beginning_is_given_up(tmp_path):
    """Going back to the start is no progress, however many bytes it brings."""
    orders = [Ordered(cut=200_000, ignore_range=True) for _ in range(50)]

    with pytest.raises(TransientError):
        fetch(Network(CONTENT, orders), tmp_path / "a.tif", policy=DownloadPolicy(RetryPolicy(attempts=5)))


def test_going_back_and_forth_is_no_progress(tmp_path):
    """Only bytes beyond the furthest ever reached renew the attempts."""
    content = bytes(4 << 20)
    orders = [Ordered(cut=cut << 20, ignore_range=True) for cut in [3, 1] * 20]

    with pytest.raises(TransientError):
        fetch(Network(content, orders), tmp_path / "a.tif", policy=DownloadPolicy(RetryPolicy(attempts=5)))


def test_a_part_longer_than_the_object_is_begun_anew(tmp_path):
    """What is too long cannot be a beginning."""
    part_path(tmp_path / "a.tif", "17").write_bytes(CONTENT + b"more")
    network = Network(CONTENT)

    fetch(network, tmp_path / "a.tif")

    assert network.opened == [0]
    assert (tmp_path / "a.tif").read_bytes() == CONTENT


def test_attempts_end_and_the_next_start_takes_up_the_rest(tmp_path):
    """The last network error is raised; the part stays, is read again, and only the rest is fetched."""
    bad = Network(CONTENT, [Ordered(cut=100_000), Ordered(cut=0), Ordered(cut=0)])
    with pytest.raises(TransientError):
        fetch(bad, tmp_path / "a.tif", policy=DownloadPolicy(RetryPolicy(attempts=3)))
    assert not (tmp_path / "a.tif").exists()
    good = Network(CONTENT)

    receipt = fetch(good, tmp_path / "a.tif")

    assert (good.opened, receipt.resumed_at) == ([100_000], 100_000)
    assert (tmp_path / "a.tif").read_bytes() == CONTENT


def test_a_kept_part_that_rotted_is_thrown_away(tmp_path):
    """Bytes an earlier process left are checked like any other."""
    source = listed(CONTENT)
    rotten = bytearray(CONTENT[:100_000])
    rotten[5] ^= 1
    part_path(tmp_path / "a.tif", source.generation).write_bytes(rotten)

    receipt = fetch(Network(CONTENT), tmp_path / "a.tif")

    assert receipt.restarts == 1
    assert (tmp_path / "a.tif").read_bytes() == CONTENT


def test_a_part_of_another_generation_is_not_taken_up(tmp_path):
    """Two generations never share a part file."""
    part_path(tmp_path / "a.tif", "16").write_bytes(b"old" * 1_000)
    network = Network(CONTENT)

    fetch(network, tmp_path / "a.tif")

    assert network.opened == [0]


@pytest.mark.parametrize(
    ("before", "opened"),
    [pytest.param(CONTENT, [], id="right bytes are kept"), pytest.param(CONTENT[::-1], [0], id="wrong are replaced")],
)
def test_an_existing_target_counts_only_with_the_listed_checksum(tmp_path, before, opened):
    """A file of the right size is not enough."""
    (tmp_path / "a.tif").write_bytes(before)
    network = Network(CONTENT)

    fetch(network, tmp_path / "a.tif")

    assert network.opened == opened
    assert (tmp_path / "a.tif").read_bytes() == CONTENT


@pytest.mark.parametrize("error", [GenerationError("replaced"), NotFoundError("gone")], ids=["replaced", "gone"])
def test_what_cannot_be_had_any_more_ends_the_download_and_its_part(tmp_path, error):
    """Bytes of a generation that no longer exists are of no use; the error goes to who can list again."""
    network = Network(CONTENT, [Ordered(cut=100_000)])

    @contextmanager
    def open_body(start):
        if start:
            raise error
        with network.open(start) as body:
            yield body

    with pytest.raises(type(error)):
        download(listed(CONTENT), open_body, tmp_path / "a.tif", on_bytes=lambda _count: None, stop=Quiet())

    assert names(tmp_path) == []


def test_a_stop_between_reads_keeps_what_came(tmp_path, quiet):
    """A stop is obeyed after the read under way; the next start goes on from there."""
    network = Network(CONTENT, [Ordered(grain=10_000)])

    with pytest.raises(Stopped):
        fetch(network, tmp_path / "a.tif", stop=quiet, on_bytes=lambda _count: quiet.set())

    assert part_path(tmp_path / "a.tif", "17").read_bytes() == CONTENT[:10_000]
    assert not (tmp_path / "a.tif").exists()


def test_a_stop_ends_the_wait_for_the_next_try(tmp_path):
    """Nobody waits a minute for a program that was told to stop."""

    class StoppedWhileWaiting(Quiet):
        def wait(self, timeout=None):
            self.set()
            return super().wait(timeout)

    with pytest.raises(Stopped):
        fetch(Network(CONTENT, [Ordered(cut=1)]), tmp_path / "a.tif", stop=StoppedWhileWaiting())


def test_waits_grow_by_full_jitter_up_to_the_cap(tmp_path, quiet):
    """Each wait is the chance's share of a bound that doubles."""
    orders = [Ordered(cut=0) for _ in range(5)]
    policy = DownloadPolicy(RetryPolicy(attempts=9, first_wait_seconds=1, max_wait_seconds=6))

    fetch(Network(CONTENT, orders), tmp_path / "a.tif", stop=quiet, policy=policy, chance=lambda: 0.5)

    assert quiet.waits == [0.5, 1.0, 2.0, 3.0, 3.0]


def test_progress_renews_the_attempts(tmp_path):
    """A long file over a bad line may fail more often than a connection may in a row."""
    content = random.Random(1).randbytes(6 << 20)  # noqa: S311  bytes to move, nothing to guard
    network = Network(content, [Ordered(cut=1 << 20) for _ in range(5)])

    receipt = fetch(network, tmp_path / "a.tif", policy=DownloadPolicy(RetryPolicy(attempts=2)))

    assert receipt.failures == 5


def test_throttling_waits_four_times_as_long():
    """A service that asked for fewer calls is given more time."""
    policy = DownloadPolicy(RetryPolicy(max_wait_seconds=100))

    assert policy.wait_seconds(1, ThrottleError("slow down"), 0.5) == 4 * policy.wait_seconds(
        1, TransientError("reset"), 0.5
    )


def test_a_trickle_is_dropped_and_resumed(tmp_path):
    """Less than the least rate over a window counts as a failure, though bytes keep coming."""
    network = Network(CONTENT, [Ordered(grain=1_000)])

    receipt = fetch(network, tmp_path / "a.tif", clock=Ticking(7.0))

    assert receipt.failures == 1
    assert network.opened == [0, 5_000]


def test_of_two_that_bring_the_same_at_once_one_does_and_the_other_takes_what_it_brought(tmp_path):
    """Neither spoils the other's bytes, and the second asks for none."""
    begun, go = threading.Event(), threading.Event()

    class Slow(Network):
        def open(self, start):
            begun.set()
            assert go.wait(30)
            return super().open(start)

    class Patient(Quiet):
        def wait(self, timeout=None):  # noqa: ARG002  the port's signature
            go.set()
            first.result(30)
            return False

    second = Network(CONTENT)
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(fetch, Slow(CONTENT), tmp_path / "a.tif")
        assert begun.wait(30)
        try:
            receipt = fetch(second, tmp_path / "a.tif", Patient())
        finally:
            go.set()
        assert first.result(30).bytes_read == len(CONTENT)

    assert (receipt.bytes_read, second.opened) == (0, [])
    assert (tmp_path / "a.tif").read_bytes() == CONTENT
    assert names(tmp_path) == ["a.tif"]


def test_a_file_that_another_run_has_given_its_name_is_taken(tmp_path):
    """Where nobody can hold a file alone, the last step finds that it was done."""
    part = part_path(tmp_path / "a.tif", "17")

    fetch(Network(CONTENT[:1000]), tmp_path / "a.tif", on_bytes=lambda _count: part.rename(tmp_path / "a.tif"))

    assert (tmp_path / "a.tif").read_bytes() == CONTENT[:1000]


def test_a_part_that_somebody_removed_is_brought_anew(tmp_path):
    """By the next try: it is no fault of the run's."""
    part = part_path(tmp_path / "a.tif", "17")

    with pytest.raises(TransientError, match="comes anew"):
        fetch(Network(CONTENT[:1000]), tmp_path / "a.tif", on_bytes=lambda _count: part.unlink())

    assert names(tmp_path) == []


def test_a_full_disk_is_said_and_the_name_stays_free(tmp_path):
    """A limit on file size stands in for a full disk: SpaceError, no target, and no wrong bytes later."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, hard))
        with pytest.raises(SpaceError, match="free space"):
            fetch(Network(CONTENT), tmp_path / "a.tif")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        signal.signal(signal.SIGXFSZ, handler)
    assert not (tmp_path / "a.tif").exists()

    fetch(Network(CONTENT), tmp_path / "a.tif")

    assert (tmp_path / "a.tif").read_bytes() == CONTENT


def test_a_link_planted_under_the_parts_name_is_not_followed(tmp_path):
    """The part's name can be guessed; what lies behind a link there is not ours to write."""
    victim = tmp_path / "victim"
    victim.write_bytes(b"mine")
    part_path(tmp_path / "a.tif", "17").symlink_to(victim)

    with pytest.raises(OSError, match="symbolic link") as caught:
        fetch(Network(CONTENT), tmp_path / "a.tif")

    assert caught.value.errno == errno.ELOOP
    assert victim.read_bytes() == b"mine"


@pytest.mark.parametrize("name", ["a" * 250, "plain"], ids=["a long name", "a short name"])
def test_part_names_fit_the_folder_and_tell_generations_apart(name, tmp_path):
    """Whatever a service calls its generations, the part stays beside its target under a legal name."""
    target = tmp_path / name

    paths = {part_path(target, generation) for generation in ("1", "2", "../x", "a/b", "é" * 200)}

    assert len(paths) == 5
    assert all(path.parent == tmp_path and len(path.name.encode()) <= 255 for path in paths)

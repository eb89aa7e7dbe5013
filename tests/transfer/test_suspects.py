"""Wrong bytes have a culprit: the way, until the object itself is proved bad."""

from __future__ import annotations

import base64
import threading
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

import google_crc32c
import pytest

from orchestrator.core.errors import DamagedObjectError, GenerationError, NotFoundError, TransientError, WayError
from orchestrator.core.retry import RetryPolicy
from orchestrator.model.objects import StoredObject
from orchestrator.transfer.download import DownloadPolicy, download, download_bytes

CONTENT = bytes(range(256)) * 40


def crc32c(content):
    return base64.b64encode(google_crc32c.value(content).to_bytes(4, "big")).decode()


LISTED = StoredObject("run/part.tif", len(CONTENT), "17", crc32c(CONTENT))


class Body:
    def __init__(self, start, rest):
        self.start, self._rest = start, rest

    def read(self, most):
        chunk, self._rest = self._rest[:most], self._rest[most:]
        return chunk


@dataclass
class Cloud:
    """
    An object that holds `stored`, and a way to it that may spoil it.

    `spoil` is given the number of the connection, the offset it starts at, and the bytes of its body.
    """

    stored: bytes = CONTENT
    spoil: object = lambda _number, _start, body: body
    now: object = LISTED
    log: list[object] = field(default_factory=list)

    @contextmanager
    def open(self, start):
        self.log.append(start)
        number = sum(isinstance(each, int) for each in self.log)
        yield Body(start, self.spoil(number, start, self.stored[start:]))

    def renew(self):
        self.log.append("renew")

    def look(self, _source):
        self.log.append("look")
        if isinstance(self.now, Exception):
            raise self.now
        return self.now


def flipped(body, at):
    return body[:at] + bytes([body[at] ^ 1]) + body[at + 1 :]


@pytest.fixture(params=["a file", "memory"])
def bring(request, tmp_path):
    """Download from a cloud, to a file or to memory."""

    def to_file(cloud):
        target = tmp_path / "a.tif"
        download(LISTED, cloud.open, target, **common(cloud))
        return target.read_bytes()

    def to_memory(cloud):
        return download_bytes(LISTED, cloud.open, **common(cloud))

    def common(cloud):
        policy = DownloadPolicy(RetryPolicy(attempts=2, first_wait_seconds=0))
        stop = threading.Event()
        return {"on_bytes": lambda _count: None, "stop": stop, "policy": policy, "service": cloud}

    return to_file if request.param == "a file" else to_memory


def test_wrong_bytes_are_fetched_again_over_a_new_connection(bring):
    """One bad delivery costs one more, and not over the connection that brought it."""
    cloud = Cloud(spoil=lambda number, _start, body: flipped(body, 9) if number == 1 else body)

    assert bring(cloud) == CONTENT
    assert cloud.log == [0, "renew", 0]


@pytest.mark.parametrize(
    "spoil",
    [
        pytest.param(lambda number, _start, body: flipped(body, number), id="another byte each time"),
        pytest.param(lambda _number, _start, body: flipped(body, 0), id="always the first byte of a body"),
        pytest.param(lambda _number, _start, body: flipped(body, 4711), id="always the same byte of a body"),
        pytest.param(lambda _number, start, body: body if start else flipped(body, 4711), id="only whole bodies"),
    ],
)
def test_a_way_that_spoils_bytes_is_suspected_and_not_the_object(bring, spoil):
    """However regular the spoiling, a good object is never called damaged."""
    with pytest.raises(WayError, match=r"run/part\.tif.*wrong checksum"):
        bring(Cloud(spoil=spoil))


def test_an_object_that_contradicts_its_own_checksum_is_damaged(bring):
    """The same bytes over three connections, cut differently, and a checksum that is not theirs."""
    cloud = Cloud(stored=flipped(CONTENT, 4711))

    with pytest.raises(DamagedObjectError, match="damaged in the cloud"):
        bring(cloud)

    assert cloud.log == [0, "renew", 0, "look", "renew", 1]


def test_a_listing_that_disagrees_with_the_object_accuses_nobody(bring):
    """The service now states another checksum: list again, the object may be well."""
    with pytest.raises(WayError, match="the service now states"):
        bring(Cloud(stored=flipped(CONTENT, 4711), now=replace(LISTED, crc32c=crc32c(flipped(CONTENT, 4711)))))


@pytest.mark.parametrize("error", [GenerationError("replaced"), NotFoundError("gone")], ids=["replaced", "gone"])
def test_an_object_that_went_meanwhile_is_said_to_have_gone(bring, error):
    """What the service says of the object goes before any suspicion."""
    with pytest.raises(type(error)):
        bring(Cloud(stored=flipped(CONTENT, 4711), now=error))


def test_a_service_that_does_not_answer_leaves_it_open(bring):
    """Nothing is proved, so nothing is made again."""
    with pytest.raises(TransientError, match="nobody there"):
        bring(Cloud(stored=flipped(CONTENT, 4711), now=TransientError("nobody there")))


def test_a_suspected_way_leaves_no_bytes_behind(tmp_path):
    """Neither a file nor a part of one whose bytes nobody trusts."""
    cloud = Cloud(spoil=lambda number, _start, body: flipped(body, number))
    with pytest.raises(WayError):
        download(LISTED, cloud.open, tmp_path / "a", on_bytes=lambda _n: None, stop=threading.Event(), service=cloud)

    assert list(tmp_path.iterdir()) == []

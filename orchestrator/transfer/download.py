"""One object from a cloud to one file on disk: whole and verified, or not at all."""

from __future__ import annotations

import random
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from orchestrator.core import crash
from orchestrator.core.clock import Clock, SystemClock
from orchestrator.core.errors import (
    DamagedObjectError,
    GenerationError,
    NotFoundError,
    Stopped,
    ThrottleError,
    TransientError,
    WayError,
)
from orchestrator.core.retry import RetryPolicy
from orchestrator.model.objects import StoredObject
from orchestrator.model.ports import Stop
from orchestrator.transfer.pace import LeastPace
from orchestrator.transfer.service import ObjectService, SilentService
from orchestrator.transfer.unfinished import Growing, Tail, UnfinishedBytes, UnfinishedFile, disk_errors, part_path
from orchestrator.transfer.verify import READ_BYTES, holds


class Body(Protocol):
    """
    The bytes of an object from `start` on, as they arrive.

    Attributes:
        start: Offset of the first byte in the object. A service that ignored the range we asked for says 0.
    """

    start: int

    def read(self, most: int) -> bytes:
        """
        Return the next bytes, at least one and at most `most`, as soon as some are there; empty at the end.

        Raises:
            TransientError: The connection broke, or brought nothing for too long.
        """


# Opens the object's bytes from an offset on; raises as `Body.read` does, and GenerationError or NotFoundError
# where the listed generation cannot be had any more.
OpenBody = Callable[[int], AbstractContextManager[Body]]


@dataclass(frozen=True, slots=True)
class DownloadPolicy:
    """
    How long a download puts up with a bad network.

    Attributes:
        retry: Failures in a row, without a megabyte of progress between them, before giving up; and the waits.
        min_bytes_per_second: Less than this over a whole window is a failure: the connection is dropped and resumed.
        window_seconds: Length of that window.
    """

    retry: RetryPolicy = field(default_factory=RetryPolicy)
    min_bytes_per_second: float = 16 * 1024
    window_seconds: float = 30.0

    def __post_init__(self) -> None:
        if self.retry.attempts < 1 or self.min_bytes_per_second < 0 or self.window_seconds <= 0:
            raise ValueError(f"a download needs an attempt, a rate and a window: {self}")

    def wait_seconds(self, failures: int, error: TransientError, chance: float) -> float:
        """
        Return how long to wait after `failures` failures; `chance` is uniform in [0, 1).

        Full jitter (Exponential Backoff And Jitter, AWS Architecture Blog): many clients that failed together do
        not come back together. A service that asked us to slow down is given four times as long, and what it asked for.
        """
        asked = error.wait_seconds if isinstance(error, ThrottleError) else None
        first = self.retry.first_wait_seconds * (1 if asked is None else 4)
        # Past 30 doublings every cap is reached; the bound keeps the power small.
        doubled = first * float(2 ** min(failures - 1, 30))
        return max(chance * min(self.retry.max_wait_seconds, doubled), asked or 0.0)


@dataclass(frozen=True, slots=True)
class Receipt:
    """
    What a download took.

    Attributes:
        bytes_read: Bytes that came over the network, wrong and repeated ones included.
        resumed_at: Bytes an earlier process had left; the size when the target was there already.
        failures: Connections that broke and were taken up again.
        restarts: Times the whole object was fetched anew, over new connections, because bytes were wrong.
    """

    bytes_read: int
    resumed_at: int
    failures: int
    restarts: int


def download(
    source: StoredObject,
    open_body: OpenBody,
    target: Path,
    *,
    on_bytes: Callable[[int], None],
    stop: Stop,
    policy: DownloadPolicy | None = None,
    chance: Callable[[], float] = random.random,
    clock: Clock | None = None,
    service: ObjectService | None = None,
) -> Receipt:
    """
    Bring `source` to `target`, or raise; `target` never holds anything but the listed bytes.

    Bytes gather in `.{name}.{generation}.part` beside it. A cut is resumed there, in this process or the next;
    size and checksum are those of the listing, over the whole file, because a service does not say that what
    it resumed is right. A target that already holds the bytes is kept; any other content is replaced by one rename.
    Of several who bring the same at once, one does, and the others wait for it.

    `on_bytes` is told the bytes of each read, repeated ones too; `chance` is uniform in [0, 1). `service` is asked
    when bytes stay wrong; without one, only the listing speaks for the object.

    Raises:
        GenerationError: The object was replaced after it was listed.
        NotFoundError: The object is gone.
        WayError: The bytes stayed wrong after a second whole download, and the object is not proved bad.
        DamagedObjectError: The object itself is proved not to be what its checksum says.
        SpaceError: The disk is full; what came stays for the next start.
        Stopped: `stop` was set; what came stays for the next start.
        TransientError: The retries ran out; what came stays for the next start.
    """
    kept = Receipt(bytes_read=0, resumed_at=source.size, failures=0, restarts=0)
    with disk_errors(target):
        if holds(target, source):
            return kept
    with UnfinishedFile(part_path(target, source.generation), source, stop) as part:
        if part.waited and holds(target, source):  # whoever had it before has brought it
            part.discard()
            return kept
        network = _Network(
            open_body, policy or DownloadPolicy(), chance, clock or SystemClock(), service or SilentService()
        )
        transfer = _Transfer(source, network, part, on_bytes, stop)
        transfer.run()
        crash.point("download.before_publish")
        part.publish(target)
        return transfer.receipt()


def download_bytes(
    source: StoredObject,
    open_body: OpenBody,
    *,
    on_bytes: Callable[[int], None],
    stop: Stop,
    policy: DownloadPolicy | None = None,
    chance: Callable[[], float] = random.random,
    clock: Clock | None = None,
    service: ObjectService | None = None,
) -> bytes:
    """
    Return the listed bytes of `source`, never touching a disk; arguments and errors as for `download`.

    A cut is resumed within this call; what came before a crash is lost with the process.
    """
    part = UnfinishedBytes(source)
    network = _Network(
        open_body, policy or DownloadPolicy(), chance, clock or SystemClock(), service or SilentService()
    )
    _Transfer(source, network, part, on_bytes, stop).run()
    return part.content()


@dataclass(frozen=True, slots=True)
class _Network:
    """The world's side of a download, and how much of it we put up with."""

    open_body: OpenBody
    policy: DownloadPolicy
    chance: Callable[[], float]
    clock: Clock
    service: ObjectService


class _Transfer:
    """The steps of one download, and what they have to remember of each other."""

    def __init__(
        self,
        source: StoredObject,
        network: _Network,
        part: UnfinishedFile | UnfinishedBytes,
        on_bytes: Callable[[int], None],
        stop: Stop,
    ) -> None:
        self._source, self._network, self._part = source, network, part
        self._into: Growing = part
        self._on_bytes, self._stop = on_bytes, stop
        self._resumed_at = part.size
        self._bytes_read = self._failures = self._restarts = 0

    def run(self) -> None:
        """Bring every byte, verified."""
        try:
            self._complete()
        except (GenerationError, NotFoundError, DamagedObjectError):
            self._part.discard()  # these bytes belong to something that no longer exists
            raise

    def receipt(self) -> Receipt:
        return Receipt(self._bytes_read, self._resumed_at, self._failures, self._restarts)

    def _complete(self) -> None:
        """Fill the part; where it turns out wrong, once more from nothing."""
        self._fill()
        if self._part.is_whole() or self._part.reread():
            return
        first = self._part.digest()
        self._restarts += 1
        self._part.restart()
        self._network.service.renew()
        self._fill()
        if not self._part.is_whole() and not self._part.reread():
            try:
                self._judge(first)
            finally:
                self._part.discard()

    def _judge(self, first: str) -> None:
        """
        Find out who spoils the bytes, when two whole downloads were wrong, the first with the digest `first`.

        The way is suspected until the object is proved bad: nothing is gained by making a good object again.

        Raises:
            WayError, DamagedObjectError: Always one of them, unless the object is gone or was replaced.
        """
        source, found = self._source, self._part.found()
        listed = source.stated
        what = f"{source.name} at generation {source.generation}: {source.size} bytes came twice with a wrong checksum"
        if self._part.digest() != first:
            raise WayError(f"{what}, and differ from each other; look at the network between here and the cloud")
        stated = self._network.service.look(source)
        if (stated.size, stated.stated) != (source.size, listed):
            raise WayError(f"{what}, and the service now states {stated.stated}, listed was {listed}")
        if self._tail() != self._part.digest(1):
            raise WayError(f"{what}, and differ when they are cut otherwise; look at the network in between")
        raise DamagedObjectError(
            f"{what}, the same over three connections, found {found}, while its own checksum is {listed}: "
            "the object is damaged in the cloud"
        )

    def _tail(self) -> str:
        """Bring everything but the first byte once more over a new connection; return its digest."""
        tail = Tail(self._source)
        self._network.service.renew()
        self._into = tail
        self._fill()
        return tail.digest()

    def _fill(self) -> None:
        """Read until every byte is there, over as many connections as the policy allows."""
        in_a_row, furthest = 0, self._into.size
        while self._into.missing:
            try:
                self._stream()
            except TransientError as error:
                self._failures += 1
                # Progress is measured from the furthest byte, so a service that sends us back cannot keep us for ever.
                in_a_row = 1 if self._into.size >= furthest + READ_BYTES else in_a_row + 1
                furthest = max(furthest, self._into.size)
                wait = self._network.policy.wait_seconds(in_a_row, error, self._network.chance())
                # A pause longer than any of ours is the run's to wait for, which says so and does other things.
                if (
                    in_a_row >= self._network.policy.retry.attempts
                    or wait > self._network.policy.retry.max_wait_seconds
                ):
                    raise
                self._pause(wait)

    def _stream(self) -> None:
        """Read one connection to the end of the object, or to its failure."""
        self._heed_stop()
        with self._network.open_body(self._into.size) as body:
            self._align(body)
            pace = LeastPace(
                self._network.policy.min_bytes_per_second,
                self._network.policy.window_seconds,
                self._source.name,
                self._network.clock,
            )
            while self._into.missing:
                chunk = body.read(min(READ_BYTES, self._into.missing))
                if not chunk:
                    raise TransientError(
                        f"{self._source.name}: the body ended {self._into.missing} bytes early of {self._source.size}"
                    )
                self._into.append(chunk)
                crash.point("download.after_chunk")
                self._bytes_read += len(chunk)
                self._on_bytes(len(chunk))
                self._heed_stop()
                pace.count(len(chunk))

    def _align(self, body: Body) -> None:
        if body.start == self._into.size:
            return
        if body.start != 0:
            raise TransientError(
                f"{self._source.name}: asked for bytes from {self._into.size}, offered from {body.start}"
            )
        self._into.restart()

    def _heed_stop(self) -> None:
        if self._stop.is_set():
            raise self._stopped()

    def _pause(self, seconds: float) -> None:
        if self._stop.wait(seconds):
            raise self._stopped()

    def _stopped(self) -> Stopped:
        return Stopped(f"{self._source.name}: stopped at {self._into.size} of {self._source.size} bytes, to be resumed")

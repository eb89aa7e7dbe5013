"""What a project may ask of the interactive pixels at once, and how much it asked for: refused in time, and counted."""

from __future__ import annotations

import re
import threading
import time
from collections import Counter, defaultdict, deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, fields, replace
from typing import Any

from orchestrator.sandbox.sentences import SENTENCES
from orchestrator.sandbox.web import ApiError, ProtocolViolation, Request

METERED = frozenset({"image.computePixels", "assets.getPixels"})
ORDERS_KEPT = 20_000
SECOND = 1.0
_PROJECT = re.compile(r"/v1/projects/([^/:]+)/")


@dataclass(frozen=True, slots=True)
class Quotas:
    """
    What the service allows, as documented; the sizes are of one request, the rates of one project.

    Attributes:
        at_once: Requests under way.
        per_second: Requests begun within any second.
        bytes: Pixels × the sum over the bands of the bytes of their type and one for their mask.
        side: Pixels in a row or column.
        download_bytes: As `bytes`, of files by link; as `side`, `download_side` (the client's `getDownloadURL`).
    """

    at_once: int = 40
    per_second: int = 100
    bytes: int = 50_331_648
    side: int = 32_768
    bands: int = 1_024
    download_bytes: int = 33_554_432
    download_side: int = 10_000

    def changed(self, order: Mapping[str, Any]) -> Quotas:
        """
        Read an order that names what shall be different.

        Raises:
            ProtocolViolation: If a name is unknown, or a value no positive number.
        """
        known = [each.name for each in fields(self)]
        for name, value in order.items():
            if name not in known:
                raise ProtocolViolation(f"unknown quota {name!r}; known are {known}")
            if isinstance(value, bool) or not isinstance(value, int) or value < 1:
                raise ProtocolViolation(f"the quota {name} is a positive whole number, got {value!r}")
        return replace(self, **order)

    def check(self, height: int, width: int, band_bytes: list[int]) -> int:
        """
        Count the bytes of a request for bands whose pixels have so many bytes each.

        Raises:
            ApiError: With the service's sentence if a side, the bands or the bytes are too many.
        """
        return self.check_all([(height, width, band_bytes)])

    def check_all(self, images: Sequence[tuple[int, int, list[int]]], *, download: bool = False) -> int:
        """
        Count the bytes of a request for several images: height, width and the bytes of each band's pixels.

        Raises:
            ApiError: With the service's sentence if a side, the bands or the bytes are too many.
        """
        side, most = (self.download_side, self.download_bytes) if download else (self.side, self.bytes)
        for height, width, _ in images:
            if max(height, width) > side:
                raise ApiError(400, f"Pixel grid dimensions ({width}x{height}) must be less than or equal to {side}.")
        bands = sum(len(band_bytes) for _, _, band_bytes in images)
        if bands > self.bands:
            raise ApiError(400, f"Number of bands ({bands}) must be less than or equal to {self.bands}.")
        size = sum(height * width * sum(each + 1 for each in band_bytes) for height, width, band_bytes in images)
        if size > most:
            raise ApiError(400, f"Total request size ({size} bytes) must be less than or equal to {most} bytes.")
        return size


@dataclass(frozen=True, slots=True)
class Asked:
    """
    One request whose grid is known: it was answered, or refused with `refusal`.

    Attributes:
        transform: In the order of `affine.Affine`.
        bytes: As the quota counts them, 0 if it was refused.
    """

    api: str
    format: str
    crs: str
    transform: tuple[float, ...]
    height: int
    width: int
    bands: tuple[str, ...]
    bytes: int = 0
    refusal: str | None = None


class PixelMeter:
    """Admit requests for pixels within the quotas, and remember them; safe from several threads."""

    def __init__(self, quotas: Quotas, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._lock = threading.Condition()
        self._under_way: Counter[str] = Counter()
        self._begun: defaultdict[str, deque[float]] = defaultdict(deque)
        self.quotas = quotas
        self.forget()

    def forget(self) -> None:
        """Begin to count anew."""
        with self._lock:
            self._statuses: Counter[str] = Counter()
            self._asked: deque[Asked] = deque(maxlen=ORDERS_KEPT)
            self._spans: deque[tuple[float, float]] = deque(maxlen=ORDERS_KEPT)
            self._totals: Counter[str] = Counter()
            self._most_at_once = self._most_per_second = 0

    def wait_idle(self, timeout_seconds: float = 30) -> bool:
        """Wait until no request is under way, also none whose caller has left; tell whether that is so."""
        with self._lock:
            return self._lock.wait_for(lambda: self._under_way.total() == 0, timeout_seconds)

    def change(self, order: Mapping[str, Any]) -> None:
        """
        Set quotas.

        Raises:
            ProtocolViolation: If the order is none.
        """
        with self._lock:
            self.quotas = self.quotas.changed(order)

    @contextmanager
    def admitted(self, api: str, request: Request) -> Iterator[None]:
        """
        Hold a place for a request while it is answered; other methods than the metered ones need none.

        Raises:
            ApiError: 429 if the project has too many under way, or began too many within this second.
        """
        if api not in METERED:
            yield
            return
        project = _project(request)
        began = self._enter(project)
        try:
            yield
        finally:
            with self._lock:
                self._spans.append((began, self._now()))
                self._under_way[project] -= 1
                self._lock.notify_all()

    def _enter(self, project: str) -> float:
        with self._lock:
            begun, now = self._begun[project], self._now()
            while begun and begun[0] <= now - SECOND:
                begun.popleft()
            if self._under_way[project] >= self.quotas.at_once:
                raise _throttled("aggregations")
            if len(begun) >= self.quotas.per_second:
                raise _throttled("read_quota")
            begun.append(now)
            self._under_way[project] += 1
            self._most_at_once = max(self._most_at_once, self._under_way[project])
            self._most_per_second = max(self._most_per_second, len(begun))
            return now

    def note(self, asked: Asked) -> None:
        """Remember a request whose grid is known."""
        with self._lock:
            self._asked.append(asked)
            if asked.refusal is None:
                self._totals["pixels"] += asked.height * asked.width
                self._totals["bytes"] += asked.bytes

    def answered(self, api: str, status: int) -> None:
        """Count what a request was answered with; 0 is a broken connection."""
        if api in METERED:
            with self._lock:
                self._statuses[str(status)] += 1

    def asked(self) -> list[dict[str, Any]]:
        """Show the last requests whose grid was known, oldest first."""
        with self._lock:
            return [asdict(each) for each in self._asked]

    def spans(self) -> list[tuple[float, float]]:
        """Show from when to when the last admitted requests were under way, in seconds of one clock, by their end."""
        with self._lock:
            return list(self._spans)

    def report(self) -> dict[str, Any]:
        """Show the quotas and the counts."""
        with self._lock:
            return {
                "requests": self._statuses.total(),
                "statuses": dict(self._statuses),
                "pixels": self._totals["pixels"],
                "bytes": self._totals["bytes"],
                "mostAtOnce": self._most_at_once,
                "mostPerSecond": self._most_per_second,
                "quotas": asdict(self.quotas),
            }


def _throttled(name: str) -> ApiError:
    sentence = SENTENCES[name]
    return ApiError(sentence.status, sentence.text)


def _project(request: Request) -> str:
    """Name the project that is charged: the one in the header that the client sends, else the one in the path."""
    found = _PROJECT.match(request.path)
    return request.headers.get("x-goog-user-project") or (found.group(1) if found else "")

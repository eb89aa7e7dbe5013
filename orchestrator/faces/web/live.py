"""
One stream for each open page, and one thread that looks at the state for all of them.

Whoever reads a page asks nothing: once a second the thread compares the state's revision with the last one, and only
when it is another, or ten seconds have passed, is one message written into every stream.
"""

from __future__ import annotations

import asyncio
import json
import secrets
import threading
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from orchestrator.app.heartbeat import DAEMON, health_of
from orchestrator.app.records import Records
from orchestrator.core import log
from orchestrator.core.errors import OrchestratorError

LOOK_SECONDS = 1.0
# Ages and forecasts change although nothing happens.
LONGEST_SILENCE_SECONDS = 10.0
# Streams are written to less often than a proxy's patience lasts, and end now and then, so that none is kept for a
# reader that went away without a word; EventSource comes back by itself.
LONGEST_STREAM_SECONDS = 1800.0
RECONNECT_MS = 2000


@dataclass(frozen=True, slots=True)
class LiveState:
    """
    How the state was when it was last looked at.

    Attributes:
        revision: Another text after anything changed, and every ten seconds; of this process alone.
        daemon: Whether a daemon was heard of lately.
        ready: Whether it takes work, too.
        says: A sentence about it.
        heard: When it was last heard of, RFC 3339 UTC; empty where there is none.
    """

    revision: str
    daemon: bool = False
    ready: bool = False
    says: str = ""
    heard: str = ""

    def message(self) -> bytes:
        """Return it as one message of a stream (https://html.spec.whatwg.org/#server-sent-events)."""
        told = {
            "revision": self.revision,
            "daemon": {"alive": self.daemon, "ready": self.ready, "says": self.says, "heard": self.heard},
        }
        return f"data: {json.dumps(told)}\n\n".encode()


class Hub:
    """Looks at the state of one application; any number of streams hear of it."""

    def __init__(self, app: Records) -> None:
        self._app = app
        self._boot = secrets.token_hex(4)  # revisions of another process are others
        self._guard = threading.Lock()
        self._wake, self._ended = threading.Event(), threading.Event()
        self._seen, self._told_at, self._turn = -1, float("-inf"), 0
        self._look = LiveState(f"{self._boot}-0")
        self._loop: asyncio.AbstractEventLoop | None = None
        self._news: asyncio.Event | None = None
        self._thread: threading.Thread | None = None
        self.streams = 0

    @property
    def look(self) -> LiveState:
        return self._look

    @property
    def revision(self) -> str:
        return self._look.revision

    def start(self) -> None:
        """Begin to look; called in the loop that writes the streams."""
        self._loop, self._news = asyncio.get_running_loop(), asyncio.Event()
        self.now()
        self._thread = threading.Thread(target=self._watch, name="web-live", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End every stream, and the thread; safe to call twice, from the loop."""
        self._ended.set()
        self._wake.set()
        if self._news is not None:
            self._news.set()

    def now(self) -> None:
        """LiveState at once: something was changed by this process, and who did so wants to see it."""
        with self._guard:
            self._refresh(at_once=True)

    async def stream(self) -> AsyncIterator[bytes]:
        """Yield the present look, and each that follows."""
        seen, ends = "", asyncio.get_running_loop().time() + LONGEST_STREAM_SECONDS
        self.streams += 1
        try:
            yield f"retry: {RECONNECT_MS}\n\n".encode()
            while not self._ended.is_set() and asyncio.get_running_loop().time() < ends:
                look, news = self._look, self._news
                if look.revision != seen:
                    seen = look.revision
                    yield look.message()
                elif news is not None:
                    with suppress(TimeoutError):
                        await asyncio.wait_for(news.wait(), LONGEST_SILENCE_SECONDS)
        finally:
            self.streams -= 1

    def _watch(self) -> None:
        while not self._ended.is_set():
            self._wake.wait(LOOK_SECONDS)
            self._wake.clear()
            with self._guard:
                self._refresh(at_once=False)

    def _refresh(self, *, at_once: bool) -> None:
        now = self._app.clock.monotonic()
        try:
            seen = self._app.store.revision() if self._app.has_state() else 0
            if seen == self._seen and now < self._told_at + LONGEST_SILENCE_SECONDS and not at_once:
                return
            health = health_of(self._app.store, self._app.clock) if self._app.has_state() else None
        except OrchestratorError as error:
            if now < self._told_at + LONGEST_SILENCE_SECONDS:
                return
            log.get("web").warning("web.state", error=str(error))
            self._tell(-1, now, LiveState("", says=f"the state cannot be read: {error}"))
            return
        none = f"nothing was ever run with {self._app.settings.state_dir}; start `orchestrator serve`"
        if health is None:
            self._tell(seen, now, LiveState("", says=none))
        else:
            self._tell(seen, now, LiveState("", health.alive, health.ready, health.because, _heard(self._app)))

    def _tell(self, seen: int, now: float, look: LiveState) -> None:
        self._seen, self._told_at, self._turn = seen, now, self._turn + 1
        self._look = replace(look, revision=f"{self._boot}-{self._turn}")
        if self._loop is not None and not self._loop.is_closed():
            with suppress(RuntimeError):  # the loop ended in between
                self._loop.call_soon_threadsafe(self._announce)

    def _announce(self) -> None:
        if self._news is not None and not self._ended.is_set():
            told, self._news = self._news, asyncio.Event()
            told.set()


def _heard(app: Records) -> str:
    """Return when a daemon was last heard of, whether or not it lives."""
    row = next(iter(app.store.processes.of(DAEMON)), None)
    return datetime.fromtimestamp(row.beat, UTC).isoformat(timespec="seconds") if row else ""


def stream_routes(hub: Hub) -> list[Route]:
    """Return the one stream."""

    async def live(_request: Request) -> Response:
        return StreamingResponse(hub.stream(), media_type="text/event-stream", headers={"X-Accel-Buffering": "no"})

    return [Route("/live", live)]

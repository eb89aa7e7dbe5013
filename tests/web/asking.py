"""Requests to an application without a port: what is sent and what comes back, as the protocol has them (ASGI 3.0)."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

from orchestrator.faces.listening import Listening
from orchestrator.faces.web.gate import Gate, Options

TOKEN = "0123456789abcdef"  # noqa: S105  nobody's


def options(host="127.0.0.1", *names, **where):
    return Options(Listening(host, 8765, token=TOKEN, section="web", **where), frozenset(names))


async def turns(until):
    """Let everybody else go on until something is so."""
    for _ in range(1_000_000):
        if until():
            return
        await asyncio.sleep(0)
    raise AssertionError("it never came")


@dataclass
class Behind:
    """What stands behind a gate in a test: it answers 200, and counts how many it answers at once."""

    hold: asyncio.Event | None = None
    most: int = 0
    now: int = 0
    bodies: list[bytes] = field(default_factory=list)

    async def __call__(self, _scope, receive, send):
        self.now += 1
        self.most = max(self.most, self.now)
        self.bodies.append((await receive()).get("body", b""))
        if self.hold is not None:
            await self.hold.wait()
        self.now -= 1
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"shown"})


def gate(behind, **which):
    return Gate(behind, which.pop("options", None) or options(**which), lambda: None)


async def asked(app, method="GET", path="/", headers=(), body=b"", query=b"", client="127.0.0.1"):
    """Return status and headers of the answer; `headers` stand before those that every request has here."""
    given = {"host": "127.0.0.1:8765", **dict(headers)}
    scope = {
        "type": "http",
        "method": method,
        "path": path,
        "raw_path": path.encode(),
        "root_path": "",
        "scheme": "http",
        "query_string": query,
        "client": (client, 50000),
        "headers": [(name.encode(), value.encode()) for name, value in given.items()],
    }
    pieces = [body[at : at + 65536] for at in range(0, len(body), 65536)] or [b""]
    messages, sent = iter(enumerate(pieces, 1)), []

    async def receive():
        number, piece = next(messages, (0, b""))
        if not number:
            await asyncio.Event().wait()  # the client stays, and says nothing more
        return {"type": "http.request", "body": piece, "more_body": number < len(pieces)}

    async def send(message):
        sent.append(message)

    await app(scope, receive, send)
    found = {name.decode().lower(): value.decode() for name, value in sent[0]["headers"]}
    return sent[0]["status"], found


def ask(app, *words, **more):
    return asyncio.run(asked(app, *words, **more))


BEARER = {"authorization": f"Bearer {TOKEN}"}
COOKIE = {"cookie": f"{options().cookie}={options().pass_}"}

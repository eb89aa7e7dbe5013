"""
Who may ask what: one middleware before everything.

A page on loopback can be reached by whatever a browser of this machine shows. So it is answered only under its own
names (DNS rebinding), only to who has the token, and an action only to who asks from a page of ours.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import re
from collections import Counter
from collections.abc import Callable, Iterator, MutableMapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from html import escape
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import ClientDisconnect
from starlette.responses import HTMLResponse, PlainTextResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from orchestrator.core import log
from orchestrator.faces.listening import Listening
from orchestrator.faces.web.refusals import for_programs, is_for_programs

BODY = "orchestrator.body"  # in a request's scope: what was sent, read already
METHODS = frozenset({"GET", "HEAD", "POST"})
MOST_BODY_BYTES = 1 << 20
# An area that is dropped on the page; every format of areas is smaller, or is named by its path.
MOST_AREA_BYTES = 64 << 20
BODY_SECONDS = 30.0
MOST_PATH_CHARACTERS = 4096
# Requests that are answered at a time; more wait their turn, and whoever waits too long is told to come again.
MOST_AT_ONCE = 24
MOST_WAITING = 512
MOST_OF_CLIENT = 256
TURN_SECONDS = 15.0
MOST_STREAMS = 512
COOKIE_SECONDS = 400 * 86400  # browsers keep none for longer (RFC 6265bis, 5.5)

HEADERS = {
    # Pictures and workers of maps are made in the page (blob:, data:); nothing else comes from elsewhere.
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; "
    "font-src 'self'; connect-src 'self'; worker-src 'self'; manifest-src 'self'; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",  # `no-referrer` would make the Origin of a form of ours `null`
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
}
_OPEN = frozenset({"/static/style.css", "/favicon.ico"})  # small, and what the page that asks for the token needs
_HOST = re.compile(r"\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+")


@dataclass(frozen=True, slots=True)
class Options:
    """
    Where the page is, and who may see it.

    Attributes:
        where: Address, token, certificate; the token is never empty.
        names: What people call it by, besides its address: a proxy's name.
        basemap: A PMTiles file of the owner's; None shows the one of the package.
        words: Options that a command needs before its name, to mean the same state and settings.
    """

    where: Listening
    names: frozenset[str] = field(default_factory=frozenset)
    basemap: Path | None = None
    words: tuple[str, ...] = ()

    @property
    def hosts(self) -> frozenset[str]:
        """The names that a request may have in its `Host`, without a port: a tunnel has another."""
        local = self.where.hosts if self.where.is_local else {self.where.host} - {"0.0.0.0", "::"}  # noqa: S104
        return frozenset(name.lower() for name in local | self.names)

    @property
    def cookie(self) -> str:
        """The cookie's name: pages of one machine have one jar, whatever their ports."""
        return f"orchestrator-{_sealed(self.where.token, 'name')[:8]}"

    @property
    def pass_(self) -> str:
        """The cookie's value: whoever reads it cannot make a start line of it."""
        return _sealed(self.where.token, "page")


def _sealed(token: str, word: str) -> str:
    return hmac.new(token.encode(), word.encode(), hashlib.sha256).hexdigest()


class Gate:
    """Lets through who may ask, in turn, and gives every answer its headers."""

    def __init__(self, app: ASGIApp, options: Options, acted: Callable[[], None]) -> None:
        self._app = app
        self._options = options
        self._acted = acted
        self._turns = asyncio.Semaphore(MOST_AT_ONCE)
        self._clients: Counter[str] = Counter()
        self._streams = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        if scope["type"] != "http":
            await send({"type": "websocket.close", "code": 1008})
            return
        kept = _with_headers(scope, send)
        refused = self._verdict(scope)
        if refused is not None:
            refused = _told(scope, refused)
            if refused.status_code != 303:
                refused.headers["Connection"] = "close"  # whoever is refused keeps no place
            await refused(scope, receive, kept)
        elif scope["path"] == "/live":
            await self._stream(scope, receive, kept)
        else:
            await self._in_turn(scope, receive, kept)

    # ---------------------------------------------------------------- who

    def _verdict(self, scope: Scope) -> Response | None:
        """Return why a request is refused, or where it is to ask instead; None lets it through."""
        headers = Headers(scope=scope)
        wrong = _misasked(scope, headers, self._options)
        if wrong is not None or (scope["path"] in _OPEN and scope["method"] != "POST"):
            return wrong
        if scope["method"] == "GET" and b"token=" in scope["query_string"]:
            return self._enter(scope, headers)
        if _is(self._options.where.token, headers.get("authorization", "").removeprefix("Bearer ")):
            return None
        known = _is(self._options.pass_, _cookie(headers, self._options.cookie))
        return _cross_site(scope, headers) if known else _unknown(headers, programs=is_for_programs(scope["path"]))

    def _enter(self, scope: Scope, headers: Headers) -> Response:
        """Swap the token of the start line for a cookie; it does not stay in the address."""
        query = parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True)
        if not any(_is(self._options.where.token, value) for name, value in query if name == "token"):
            return _unknown(headers)
        rest = urlencode([(name, value) for name, value in query if name != "token"])
        answer = RedirectResponse("/" + scope["path"].lstrip("/") + (f"?{rest}" if rest else ""), 303)
        answer.set_cookie(
            self._options.cookie,
            self._options.pass_,
            max_age=COOKIE_SECONDS,
            httponly=True,
            samesite="strict",
            secure=self._is_secure(headers),
        )
        return answer

    def _is_secure(self, headers: Headers) -> bool:
        where = self._options.where
        by_proxy = where.behind_proxy and headers.get("x-forwarded-proto", "").lower() == "https"
        return bool(where.certificate) or by_proxy

    # ---------------------------------------------------------------- in turn

    async def _stream(self, scope: Scope, receive: Receive, send: Send) -> None:
        if self._streams >= MOST_STREAMS:
            await _plain(503, "too many pages are open", {"Retry-After": "10"})(scope, receive, send)
            return
        self._streams += 1
        try:
            await self._app(scope, receive, send)
        finally:
            self._streams -= 1

    async def _in_turn(self, scope: Scope, receive: Receive, send: Send) -> None:
        client = scope["client"][0] if scope.get("client") else ""
        with self._counted(client):
            if self._clients.total() > MOST_WAITING or self._clients[client] > MOST_OF_CLIENT:
                await _told(scope, _busy())(scope, receive, send)
                return
            body = await _read(receive, Headers(scope=scope), _most_of(scope["path"]))
            if isinstance(body, Response):
                await _told(scope, body)(scope, receive, send)
                return
            try:
                await asyncio.wait_for(self._turns.acquire(), TURN_SECONDS)
            except TimeoutError:
                await _told(scope, _busy())(scope, receive, send)
                return
            try:
                await self._app({**scope, BODY: body}, _again(body, receive), send)
            finally:
                self._turns.release()
                if scope["method"] == "POST":
                    await asyncio.to_thread(self._acted)

    @contextmanager
    def _counted(self, client: str) -> Iterator[None]:
        self._clients[client] += 1
        try:
            yield
        finally:
            self._clients[client] -= 1
            if not self._clients[client]:
                del self._clients[client]


# ---------------------------------------------------------------- words of HTTP


def _misasked(scope: Scope, headers: Headers, options: Options) -> Response | None:
    if scope["method"] not in METHODS:
        return _plain(405, "this is not a method of the page", {"Allow": ", ".join(sorted(METHODS))})
    if len(scope["path"]) + len(scope["query_string"]) > MOST_PATH_CHARACTERS:
        return _plain(414, "the address is too long")
    if _name_of(headers.get("host", "")) not in options.hosts:
        return _plain(421, "the page is not called so: name it under [web] names, or as it is listened at")
    return None


def _name_of(host: str) -> str:
    """Return the name in a `Host`, without its port; empty where it is none."""
    name, colon, port = host.rpartition(":") if not host.endswith("]") else (host, "", "")
    if not colon:
        name, port = host, "0"
    return name.strip("[]").lower() if _HOST.fullmatch(name) and port.isdigit() else ""


def _is(secret: str, given: str) -> bool:
    return hmac.compare_digest(secret.encode(), given.encode("utf-8", "replace"))


def _cookie(headers: Headers, name: str) -> str:
    """Return a cookie of ours; other programs of this host, whatever their port, may have set what no parser takes."""
    pairs = (pair.strip().partition("=") for pair in headers.get("cookie", "").split(";"))
    return next((value for key, _, value in pairs if key == name), "")


def _cross_site(scope: Scope, headers: Headers) -> Response | None:
    """Refuse what another site's page asks with our reader's cookie; browsers say so in two ways, either is enough."""
    site, mode = headers.get("sec-fetch-site", ""), headers.get("sec-fetch-mode", "")
    if scope["method"] != "POST":
        elsewhere = site in ("cross-site", "same-site") and mode != "navigate"
        return _plain(403, "another site may not read this") if elsewhere else None
    origin = urlsplit(headers.get("origin", ""))
    ours = origin.scheme in ("http", "https") and origin.netloc.lower() == headers.get("host", "").lower()
    if not ours or site not in ("", "same-origin"):
        return _plain(403, "an action is taken from a page of ours alone, or with `Authorization: Bearer TOKEN`")
    return None


def _most_of(path: str) -> int:
    return MOST_AREA_BYTES if path.startswith("/new/") else MOST_BODY_BYTES


async def _read(receive: Receive, headers: Headers, most: int) -> bytes | Response:
    """Return what is sent, whole, or why it is not taken."""
    too_much = _plain(413, f"more than {most} bytes are not taken here", {"Connection": "close"})
    if headers.get("content-length", "0").isdigit() and int(headers.get("content-length", "0")) > most:
        return too_much
    parts: list[bytes] = []
    try:
        async with asyncio.timeout(BODY_SECONDS):
            while True:
                message = await receive()
                if message["type"] == "http.disconnect":
                    raise ClientDisconnect
                parts.append(message.get("body", b""))
                if sum(map(len, parts)) > most:
                    return too_much
                if not message.get("more_body"):
                    return b"".join(parts)
    except TimeoutError:
        return _plain(408, "it took too long to send this", {"Connection": "close"})


def _again(body: bytes, receive: Receive) -> Receive:
    """Return what gives a body that was read already, and then waits for the client's end."""
    given = False

    async def give() -> Message:
        nonlocal given
        if given:
            return await receive()
        given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return give


def _with_headers(scope: Scope, send: Send) -> Send:
    async def kept(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            for name, value in HEADERS.items():
                headers.setdefault(name, value)
            if "cache-control" not in headers:
                headers["Cache-Control"] = "no-store"
            _log(scope, message)
        await send(message)

    return kept


def _log(scope: Scope, message: MutableMapping[str, Any]) -> None:
    if message["status"] in (401, 403, 421):
        client = scope["client"][0] if scope.get("client") else ""
        log.get("web").info("web.refused", status=message["status"], path=scope["path"], client=client)


def _plain(status: int, sentence: str, headers: dict[str, str] | None = None) -> Response:
    return PlainTextResponse(f"{sentence}\n", status, headers)


def _told(scope: Scope, refused: Response) -> Response:
    """Return a refusal as who asks there is told it."""
    return for_programs(refused) if refused.status_code >= 400 and is_for_programs(scope["path"]) else refused


def _busy() -> Response:
    return _plain(503, "too much is asked at once; try again in a moment", {"Retry-After": "2"})


def _unknown(headers: Headers, *, programs: bool = False) -> Response:
    """Ask who has no token for it; who followed a link from elsewhere has a cookie that the browser kept back."""
    if "text/html" not in headers.get("accept", "") or programs:
        return _plain(401, "a token is needed: `orchestrator web --link` shows it", {"WWW-Authenticate": "Bearer"})
    return HTMLResponse(_ASK, 401, {"WWW-Authenticate": "Bearer"})


_ASK = f"""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Orchestrator: who are you?</title>
<meta name="viewport" content="width=device-width, initial-scale=1"><link rel="stylesheet" href="/static/style.css">
</head><body class="bare"><main class="card"><h1>This page needs its token</h1>
<p>Open the address that the program printed when it began; <code>{escape("orchestrator web --link")}</code> prints it
again. If you came by a link from another site, <a href="">open it once more</a>.</p>
<form class="form" method="get" action="/"><label for="token">Token</label>
<input id="token" name="token" type="password" autocomplete="off" required><button class="button">Open</button></form>
</main></body></html>
"""

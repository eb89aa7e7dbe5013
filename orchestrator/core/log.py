"""Logging for the whole process: readable on a terminal, JSON lines otherwise, secrets masked."""

from __future__ import annotations

import contextlib
import logging
import re
import sys
from collections.abc import Callable, Iterator, Mapping, MutableMapping
from contextlib import contextmanager
from contextvars import copy_context
from datetime import UTC, datetime
from typing import Any, ParamSpec, TextIO, TypeVar

P = ParamSpec("P")
R = TypeVar("R")

_SECRET_KEYS = re.compile(
    r"authorization|token|secret|private_?key|passw(or)?d|cookie|signature|credential|api_?key|totp", re.IGNORECASE
)
# Keys that are called so and hold none: the next page of a list is no secret.
_OPEN_KEYS = frozenset({"page_token", "pagetoken", "nextpagetoken", "credentials_file", "key_file"})
# What stands before the value in a group stays, so that a reader sees which secret was there.
_SECRET_VALUES = re.compile(
    r"-----BEGIN[^-]*PRIVATE KEY-----[\s\S]*?(?:-----END[^-]*-----|$)"  # PEM, whole or cut
    r"|ya29\.[\w.+/=-]+|ya29\.c\.[\w.+/=-]+"  # access tokens
    r"|\b1//[\w-]{10,}"  # refresh tokens
    r"|eyJ[\w-]{6,}(?:\.[\w-]*)*"  # JSON web tokens and their halves
    r"|AIza[\w-]{20,}|GOCSPX-[\w-]{10,}"  # API keys, client secrets
    r"|(?P<scheme>\b(?:Bearer|Basic|OAuth)\s+)(?=\S*[\d=])[\w.~+/=-]{8,}"
    r"|(?P<field>[\"']?\b(?:access_token|refresh_token|id_token|oauth_token|client_secret|private_key(?:_id)?|assertion"
    r"|X-Goog-(?:Signature|Credential|Security-Token)|X-Amz-(?:Signature|Credential|Security-Token)|GoogleAccessId"
    r"|Signature|(?<!etc/)passw(?:or)?d|api_?key|totp)[\"']?\s*[=:]\s*)(?:\"[^\"]*\"|'[^']*'|[^\s&,;}\"']+)"
    r"|(?P<header>\b(?:Proxy-)?Authorization[\"']?\s*[=:]\s*[\"']?)[^\s\"',}]+(?:\s+[\w.~+/=-]+)?"
    r"|(?P<url>\b[a-z][a-z0-9+.-]*://)[^\s/@:]*:[^\s/@]+(?=@)",  # user and password of an address
    re.IGNORECASE,
)
# One of these is in whatever the above finds in a text of ASCII; to look for them is ten times quicker, and most texts
# have none.
_SECRET_SIGNS = (
    *("-----begin", "ya29.", "1//", "eyj", "aiza", "gocspx-", "bearer", "basic", "oauth", "token", "secret"),
    *("private_key", "assertion", "signature", "credential", "googleaccessid", "passw", "api", "totp", "authorization"),
    "://",
)
# ANSI sequences whole, then every control character of ASCII and C1 but tab and newline, and what turns the direction
# of text, hides it or breaks lines: a service's sentence must not paint the terminal or forge a line of a log.
_ESCAPES = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[@-Z\\-_])|\x9b[0-?]*[ -/]*[@-~]")
_CONTROL = re.compile(
    r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\ud800-\udfff]"
)
MASK = "[masked]"


def mask_text(text: str) -> str:
    """Return `text` without whatever looks like a secret or would act on a terminal; lines stay lines."""
    shown = _ESCAPES.sub("?", text)
    lower = shown.lower()
    if not shown.isascii() or any(sign in lower for sign in _SECRET_SIGNS):
        shown = _SECRET_VALUES.sub(_masked, shown)
    return _CONTROL.sub("?", shown)


def one_line(text: str, limit: int | None = None) -> str:
    """Return somebody else's text as one line of at most `limit` characters: masked, without control characters."""
    line = " ".join(mask_text(text).split())
    return line if limit is None or len(line) <= limit else line[: limit - 1] + "…"


def _masked(match: re.Match[str]) -> str:
    kept = next((group for group in match.groups() if group), "")
    return kept + MASK


def is_secret_name(key: str) -> bool:
    """Tell whether a field or a variable is called like a secret; what names a file is none."""
    name = key.lower()
    return name not in _OPEN_KEYS and not name.endswith("_file") and bool(_SECRET_KEYS.search(name))


def mask(value: Any, key: str = "") -> Any:
    """Return `value` with whatever looks like a secret, by name or by form, replaced."""
    if key and key.lower() not in _OPEN_KEYS and _SECRET_KEYS.search(key):
        return MASK
    if isinstance(value, str | bytes | BaseException):
        return mask_text(value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value))
    if isinstance(value, Mapping):
        return {mask(k): mask(v, str(k)) for k, v in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [mask(v) for v in value]
    return value


_MANY_LINES = frozenset({"exception", "stack"})


def _mask_event(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Mask every field; whatever is not a traceback stays on one line, so that no text can pass for a line of ours."""
    masked = {key: mask(value, key) for key, value in event.items()}
    return {k: v if k in _MANY_LINES or not isinstance(v, str) else " ".join(v.split("\n")) for k, v in masked.items()}


@contextmanager
def correlated(**facts: str) -> Iterator[None]:
    """Have every line that this thread writes in the block say these facts, whoever writes it: `run`, `job`, `unit`."""
    from structlog import contextvars  # noqa: PLC0415  see `configure`

    before = contextvars.get_contextvars()
    contextvars.bind_contextvars(**facts)
    try:
        yield
    finally:
        contextvars.clear_contextvars()
        contextvars.bind_contextvars(**before)


def correlate(**facts: str) -> None:
    """Have every line of this thread say these facts, too, until the block of `correlated` around this ends."""
    from structlog.contextvars import bind_contextvars  # noqa: PLC0415  see `configure`

    bind_contextvars(**facts)


def correlations() -> Mapping[str, Any]:
    """Return what every line of this thread says now: what `correlated` takes in another process."""
    from structlog.contextvars import get_contextvars  # noqa: PLC0415  see `configure`

    return get_contextvars()


def carried(work: Callable[P, R]) -> Callable[P, R]:
    """Return what does the same in another thread, whose lines then say what those of this one do."""
    context = copy_context()

    def carry(*words: P.args, **more: P.kwargs) -> R:
        return context.run(work, *words, **more)

    return carry


def configure(level: str = "info", style: str = "auto", stream: TextIO | None = None) -> None:
    """
    Set up structlog once for the process.

    Args:
        level: `debug`, `info`, `warning` or `error`.
        style: `console`, `json`, or `auto`: console on a terminal, JSON otherwise.
        stream: Where lines go; standard error by default, so that standard output stays for results.
    """
    import structlog  # noqa: PLC0415  who only masks a sentence, as `status` and `why` do, writes no log

    out = stream or sys.stderr
    pretty = style == "console" or (style == "auto" and out.isatty())
    renderer: Any = (
        structlog.dev.ConsoleRenderer(colors=out.isatty()) if pretty else structlog.processors.JSONRenderer()
    )
    _set_up(level, renderer, structlog.PrintLoggerFactory(out))


def configure_child(level: str, send: Callable[[Mapping[str, Any]], None]) -> None:
    """
    Set up structlog for a process whose lines another writes: each goes to `send`, masked, with its facts and its time.

    They can be pickled; whoever has them calls `repeat`.
    """
    import structlog  # noqa: PLC0415  see `configure`

    def hand_over(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> str:
        with contextlib.suppress(OSError, ValueError):  # nobody is there any more to write it
            send({key: value if isinstance(value, int | float | None) else str(value) for key, value in event.items()})
        raise structlog.DropEvent

    _set_up(level, hand_over, structlog.PrintLoggerFactory(sys.stderr))


def repeat(event: Mapping[str, Any]) -> None:
    """Write the line of another process, as `configure_child` handed it over, with the facts that it had there."""
    facts = dict(event)
    name, level, room = (str(facts.pop(key, "")) for key in ("event", "level", "room"))
    write = getattr(get(room), level, None)
    if write is not None:
        write(name, **facts)


def _set_up(level: str, last: Any, factory: Any) -> None:
    import structlog  # noqa: PLC0415  see `configure`

    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            _stamp,
            structlog.processors.format_exc_info,
            _mask_event,
            last,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(getattr(logging, level.upper())),
        logger_factory=factory,
        cache_logger_on_first_use=False,
    )
    _hear_others()
    # The SDKs write tokens and whole requests at DEBUG; nobody may turn that on by accident.
    for noisy in (
        "urllib3",
        "google",
        "googleapiclient",
        "httplib2",
        "rasterio",
        "apscheduler",
        "matplotlib",
        "requests",
        "requests_oauthlib",
        "alembic",
        "fiona",
        "pyogrio",
    ):
        logging.getLogger(noisy).setLevel(logging.WARNING)
    # They warn of each way to credentials that is tried in vain; the error of whoever needed them names them all.
    for seeking in ("google.auth._default", "google.auth.compute_engine._metadata"):
        logging.getLogger(seeking).setLevel(logging.ERROR)


def _stamp(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Say when, unless another process did that."""
    event.setdefault("timestamp", datetime.now(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z"))
    return event


class _Others(logging.Handler):
    """Writes what libraries log as lines of ours: masked, one each, with the facts of the thread that wrote it."""

    def emit(self, record: logging.LogRecord) -> None:
        import structlog  # noqa: PLC0415  see `configure`

        with contextlib.suppress(Exception):  # a library's line is not worth an error, nor a stream that is closed
            write = getattr(structlog.get_logger(room=record.name), record.levelname.lower(), None)
            if write is not None and structlog.is_configured():
                write("library.said", message=record.getMessage(), exc_info=record.exc_info or None)


def _hear_others() -> None:
    root = logging.getLogger()
    logging.getLogger("google").propagate = True  # Google's clients turn it off when they are loaded
    if not any(isinstance(handler, _Others) for handler in root.handlers):
        root.addHandler(_Others(logging.WARNING))


def get(name: str) -> Any:
    """
    Return the logger of a room.

    Inside somebody else's program, where structlog was not set up, it writes to `logging` under its name, as libraries
    do: nothing of ours is printed unasked.
    """
    return _Room(name)


class _Room:
    """A logger that looks at each line where lines go."""

    def __init__(self, name: str, **bound: Any) -> None:
        self._name = name
        self._bound = bound

    def bind(self, **facts: Any) -> _Room:
        return _Room(self._name, **self._bound | facts)

    def debug(self, event: str, **facts: Any) -> None:
        self._write("debug", event, facts)

    def info(self, event: str, **facts: Any) -> None:
        self._write("info", event, facts)

    def warning(self, event: str, **facts: Any) -> None:
        self._write("warning", event, facts)

    def error(self, event: str, **facts: Any) -> None:
        self._write("error", event, facts)

    def _write(self, level: str, event: str, facts: Mapping[str, Any]) -> None:
        import structlog  # noqa: PLC0415  see `configure`

        if structlog.is_configured():
            getattr(structlog.get_logger(room=self._name), level)(event, **self._bound, **facts)
            return
        told = self._bound | {key: value for key, value in facts.items() if key != "exc_info"}
        line = " ".join([event, *(f"{key}={one_line(str(mask(value, key)))}" for key, value in told.items())])
        logger = logging.getLogger(
            self._name if self._name.startswith("orchestrator") else f"orchestrator.{self._name}"
        )
        logger.log(getattr(logging, level.upper()), "%s", line, exc_info=facts.get("exc_info"))

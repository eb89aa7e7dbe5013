"""Logging for the whole process: readable on a terminal, JSON lines otherwise, secrets masked."""

from __future__ import annotations

import logging
import re
import sys
from collections.abc import Mapping, MutableMapping
from typing import Any, TextIO

import structlog

_SECRET_KEYS = re.compile(r"authorization|token|secret|private_key|password|cookie|signature|credential", re.IGNORECASE)
_SECRET_VALUES = re.compile(
    r"ya29\.[\w.-]+|eyJ[\w-]+\.eyJ[\w.-]+|-----BEGIN[^-]*PRIVATE KEY-----[\s\S]*?(?:-----END[^-]*-----|$)"
    r"|AIza[\w-]{35}|X-Goog-Signature=[^&\s]+"
)
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")
MASK = "[masked]"


def mask(value: Any, key: str = "") -> Any:
    """Return `value` with whatever looks like a secret, by name or by form, replaced."""
    if key and _SECRET_KEYS.search(key):
        return MASK
    if isinstance(value, str):
        return _CONTROL.sub("?", _SECRET_VALUES.sub(MASK, value))
    if isinstance(value, Mapping):
        return {k: mask(v, str(k)) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [mask(v) for v in value]
    return value


def _mask_event(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    return {key: mask(value, key) for key, value in event.items()}


def configure(level: str = "info", style: str = "auto", stream: TextIO | None = None) -> None:
    """
    Set up structlog once for the process.

    Args:
        level: `debug`, `info`, `warning` or `error`.
        style: `console`, `json`, or `auto`: console on a terminal, JSON otherwise.
        stream: Where lines go; standard error by default, so that standard output stays for results.
    """
    out = stream or sys.stderr
    pretty = style == "console" or (style == "auto" and out.isatty())
    renderer: Any = (
        structlog.dev.ConsoleRenderer(colors=out.isatty()) if pretty else structlog.processors.JSONRenderer()
    )
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            _mask_event,
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(getattr(logging, level.upper())),
        logger_factory=structlog.PrintLoggerFactory(out),
        cache_logger_on_first_use=False,
    )
    # The SDKs write tokens and whole requests at DEBUG; nobody may turn that on by accident.
    for noisy in (
        "urllib3",
        "google",
        "googleapiclient",
        "httplib2",
        "rasterio",
        "apscheduler",
        "matplotlib",
    ):
        logging.getLogger(noisy).setLevel(logging.WARNING)


def get(name: str) -> Any:
    """Return the logger of a room."""
    return structlog.get_logger(room=name)

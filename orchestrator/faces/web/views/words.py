"""What templates of several views write numbers with."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from orchestrator.app.display import STATE_WORDS, format_eecu
from orchestrator.app.verbs.acting import RunAct
from orchestrator.core.units import format_bytes, format_seconds
from orchestrator.model.eecu import HOUR, format_hours
from orchestrator.model.validity import percent

# What happens when it is done, and what does not: said before it is.
_ASKED: Mapping[RunAct, str] = MappingProxyType(
    {
        RunAct.RETRY: "Take {} up again where it stopped? Exports that failed are asked for again, which costs compute "
        "time; what is here already is not brought twice.",
        RunAct.CANCEL: "End {}? Its tasks in Earth Engine are cancelled. What it brought so far is kept until it is "
        "cleaned up, and a retry goes on from there.",
        RunAct.CLEAN: "Take away what {} left in the cloud and on this disk? Its parts are deleted, so that a retry "
        "brings them anew. A result is never deleted.",
    }
)


def confirm(act: RunAct, what: str) -> str:
    """Return what is asked before something is done about `what`: `run 12ab`, `the chosen runs`."""
    return _ASKED[act].format(what)


def amount(value: float, unit: str) -> str:
    """Write how much of a limit: bytes and hours in their units, other things counted."""
    if unit == "bytes":
        return format_bytes(value)
    return format_hours(value * HOUR) if unit == "EECU-hours" else f"{value:,.0f}"


def duration(seconds: float) -> str:
    """Write a duration for a table, in two units at most: `3 d 04 h`, else as everywhere."""
    days, rest = divmod(round(seconds), 86_400)
    return f"{days} d {rest // 3600:02d} h" if days else format_seconds(seconds)


WORDS: Mapping[str, Any] = MappingProxyType(
    {
        "amount": amount,
        "confirm": confirm,
        "duration": duration,
        "eecu": format_eecu,
        "hours": format_hours,
        "percent": percent,
        "state_words": STATE_WORDS,
    }
)

"""The section [notify]: who is told what."""

from __future__ import annotations

from string import Formatter
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr

from orchestrator.config.jobs import Section
from orchestrator.core.nearest import hint
from orchestrator.core.units import parse_seconds

# Each is explained on docs/howto/monitor.md; `app/notices/kinds.py` says which events mean it.
KIND_NAMES = (
    *("started", "finished", "failed", "held", "waiting", "budget", "overdue", "recovered", "cancelled", "refused"),
    "missed",
)
# What a template may hold.
TEMPLATE_FIELDS = ("kind", "job", "run", "base_name", "product", "date", "says", "then", "host", "at", "id")


def names_in(text: str) -> tuple[str, ...]:
    """Return the names in a text with commas between them."""
    return tuple(filter(None, (name.strip() for name in text.split(","))))


def _kinds(text: str) -> str:
    for name in names_in(text):
        if name not in KIND_NAMES:
            raise ValueError(f"{name!r} is nothing to be told; {hint(name, KIND_NAMES)}")
    return text


def _template(text: str) -> str:
    try:
        fields = [name for _, name, _, _ in Formatter().parse(text) if name is not None]
    except ValueError:
        raise ValueError("its braces do not match; write {{ for a brace of your own") from None
    strange = [name for name in fields if name not in TEMPLATE_FIELDS]
    if strange:
        raise ValueError(f"{strange[0]!r} is no field; known: {', '.join(TEMPLATE_FIELDS)}")
    text.format_map(dict.fromkeys(TEMPLATE_FIELDS, "x"))  # a format that is none of a text's says so itself
    return text


class NotifySettings(Section):
    urls: SecretStr = SecretStr("")
    urls_file: str = ""
    events: Annotated[str, AfterValidator(_kinds)] = "failed, held, budget, overdue, recovered, refused"
    quiet: str = ""
    title: Annotated[str, AfterValidator(_template)] = "{job}: {kind}"
    text: Annotated[str, AfterValidator(_template)] = "{says}\n{then}\nrun {run} on {host}, {at} [{id}]"
    keep: Annotated[float, BeforeValidator(parse_seconds)] = 86400.0
    deadline: Annotated[float, BeforeValidator(parse_seconds), Field(gt=0)] = 30.0

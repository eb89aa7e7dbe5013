"""What a message says."""

from __future__ import annotations

import json
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from orchestrator.app.notices.kinds import KINDS, kind_of
from orchestrator.config.notify import NotifySettings
from orchestrator.core.log import one_line
from orchestrator.engine.stores.contract_watch import Happening
from orchestrator.engine.stores.records import Head

# Sentences of a service, of which there is no end.
LONGEST_FACT = 1000


@dataclass(frozen=True, slots=True)
class Wording:
    """What is told: a kind of `KINDS`, the job that it is about, the words, and why, where the event says a reason."""

    kind: str
    job: str
    title: str
    text: str
    reason: str = ""

    @property
    def content(self) -> str:
        """The words as the outbox keeps them, JSON."""
        words = {"title": self.title, "text": self.text, "level": KINDS[self.kind].level, "reason": self.reason}
        return json.dumps(words)


class _Facts(dict[str, str]):
    """Facts of an event; one that is not there leaves a gap, not an error."""

    def __missing__(self, name: str) -> str:
        return "?"


def tell(event: Happening, run: Head | None, settings: NotifySettings, installation: str) -> Wording:
    """Return what an event means to people; `run` is the one that it happened to."""
    kind = kind_of(event.name, event.facts)
    given: Mapping[str, Any] = json.loads(event.facts)
    facts = _Facts({name: one_line(str(value), LONGEST_FACT) for name, value in given.items()})
    facts["run"] = event.run_id or "-"
    job = run.job_name if run else facts.get("job", "orchestrator")
    fields = {
        "kind": kind,
        "job": job,
        "run": facts["run"],
        "base_name": run.base_name if run else "",
        "product": run.product if run else "",
        "date": run.logical_date if run else "",
        "says": KINDS[kind].says.format_map(facts),
        "then": KINDS[kind].then.format_map(facts),
        "host": socket.gethostname(),
        "at": event.at[:19] + "Z",
        "id": f"{installation}-{event.sequence}",
    }
    title, text = one_line(settings.title.format_map(fields), 200), _lines(settings.text.format_map(fields))
    return Wording(kind, job, title, text, facts.get("reason", ""))


def _lines(text: str) -> str:
    """Return a text without its empty lines: not every kind says what comes next."""
    return "\n".join(line for line in text.splitlines() if line.strip())

"""What a message says."""

from __future__ import annotations

import json
import socket
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from orchestrator.app.notices.kinds import KINDS, kind_of, then_of
from orchestrator.clients.messages import Addressee, Letter
from orchestrator.config.notify import NotifySettings
from orchestrator.core.log import one_line
from orchestrator.engine.stores.contract_watch import Happening, Message
from orchestrator.engine.stores.records import Head

# So many messages to one target come one by one; more that are due at once come as one.
MOST_APART = 5
LEVELS = ("info", "success", "warning", "failure")
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
    id: str = ""

    @property
    def content(self) -> str:
        """The words as the outbox keeps them, JSON."""
        words = {
            "title": self.title,
            "text": self.text,
            "level": KINDS[self.kind].level,
            "reason": self.reason,
            "id": self.id,
        }
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
        "then": then_of(kind, given).format_map(facts),
        "host": socket.gethostname(),
        "at": event.at[:19] + "Z",
        "id": f"{installation}-{event.sequence}-{_seconds(event.at):x}",
    }
    title, text = one_line(settings.title.format_map(fields), 200), _lines(settings.text.format_map(fields))
    return Wording(kind, job, title, text, facts.get("reason", ""), fields["id"])


def _seconds(at: str) -> int:
    """Return when an event was, seconds since 1970: a state that was lost counts its events from one again."""
    return int(datetime.fromisoformat(at).timestamp())


def _lines(text: str) -> str:
    """Return a text without its empty lines: not every kind says what comes next."""
    return "\n".join(line for line in text.splitlines() if line.strip())


def bundled(messages: Sequence[Message]) -> list[list[Message]]:
    """Return what is sent as one: each by itself, or all to a target that has more than a few to read at once."""
    by_target: dict[str, list[Message]] = {}
    for message in messages:
        by_target.setdefault(message.target, []).append(message)
    bundles: list[list[Message]] = []
    for of_one in by_target.values():
        bundles += [of_one] if len(of_one) > MOST_APART else [[message] for message in of_one]
    return bundles


def letter_of(target: Addressee, bundle: Sequence[Message]) -> Letter:
    """Return the letter that says what is in a bundle: a line each where there are several, the worst level of them."""
    words = [json.loads(message.content) for message in bundle]
    if len(words) == 1:
        return Letter(bundle[0].id, target, words[0]["title"], words[0]["text"], words[0]["level"])
    lines = [f"{one['title']}: {one['text'].splitlines()[0]} [{one['id']}]" for one in words if one["text"]]
    level = max((one["level"] for one in words), key=LEVELS.index)
    return Letter(bundle[0].id, target, f"orchestrator: {len(words)} messages", "\n".join(lines), level)

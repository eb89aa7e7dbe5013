"""A message sent at once, to everybody, past the outbox: it needs neither a state nor a daemon."""

from __future__ import annotations

import socket
from dataclasses import dataclass

from orchestrator import __version__
from orchestrator.app.notices.targets import targets
from orchestrator.clients.messages import Letter, deliver
from orchestrator.config.notify import NotifySettings
from orchestrator.core.errors import ConfigError
from orchestrator.core.log import mask_text


@dataclass(frozen=True, slots=True)
class Sent:
    """What became of a message to one target; `why` it was not taken."""

    target: str
    ok: bool
    why: str


def send_now(settings: NotifySettings, title: str, text: str, level: str) -> list[Sent]:
    """
    Send a message to everybody who is told, and wait for what becomes of it.

    Raises:
        ConfigError: Nobody is told, or an address cannot be used.
        ExtraError: Apprise is not installed.
    """
    found = targets(settings)
    if not found:
        raise ConfigError(
            "nobody is told anything: set `urls` or `urls_file` under [notify], or ORCHESTRATOR_NOTIFY__URLS, to "
            "addresses of apprise, as jsons://HOST/PATH; docs/howto/monitor.md shows how"
        )
    letters = [Letter(n, one, mask_text(title), mask_text(text), level) for n, one in enumerate(found)]
    receipts = deliver(letters, settings.deadline)
    return [Sent(found[one.id].name, one.ok, one.why) for one in sorted(receipts, key=lambda one: one.id)]


def test_letter() -> tuple[str, str]:
    """Return the title and the text of a message that tries who is told."""
    host = socket.gethostname()
    return "orchestrator: a test", f"This is a test, from orchestrator {__version__} on {host}. Nothing has happened."

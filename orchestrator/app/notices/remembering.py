"""What the daemon is told of itself and its jobs is kept among the events, where people are told from."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from orchestrator.app.application import Application
from orchestrator.app.connections import Notify
from orchestrator.app.notices.kinds import OF_THE_DAEMON
from orchestrator.core.errors import OrchestratorError


def remembering(app: Application) -> Notify:
    """Return what is told events as `app.notify` is, and keeps those that people may want to be told."""
    tell = app.notify

    def remember(name: str, run_id: str, facts: Mapping[str, Any]) -> None:
        if name in OF_THE_DAEMON:
            with suppress(OrchestratorError):
                app.store.events.record(run_id, name, {key: value for key, value in facts.items() if key != "exc_info"})
        tell(name, run_id, facts)

    return remember

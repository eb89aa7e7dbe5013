"""Who is told: the addresses of apprise that are set, which are secrets."""

from __future__ import annotations

from pathlib import Path

from orchestrator.clients.messages import Addressee, check_address, targets_in
from orchestrator.config.notify import NotifySettings
from orchestrator.core.errors import ConfigError
from orchestrator.core.guard import read_secret


def targets(settings: NotifySettings) -> tuple[Addressee, ...]:
    """
    Return who is told, each once.

    Raises:
        ConfigError: The file cannot be read or may be read by everybody, or an address cannot be used as it is written.
    """
    found = targets_in(settings.urls.get_secret_value()) + targets_in(_in_file(settings.urls_file))
    for number, target in enumerate(found, 1):
        if wrong := check_address(target.url):
            raise ConfigError(f"[notify]: address {number} ({target.name}): {wrong}")
    return tuple({target.name: target for target in found}.values())


def _in_file(path: str) -> str:
    return read_secret(Path(path).expanduser(), "[notify]: urls_file") if path else ""

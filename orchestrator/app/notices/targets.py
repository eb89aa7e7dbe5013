"""Who is told: the addresses of apprise that are set, which are secrets."""

from __future__ import annotations

from pathlib import Path

from orchestrator.clients.messages import Addressee, check_address, targets_in
from orchestrator.config.notify import NotifySettings
from orchestrator.core.errors import ConfigError


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
    if not path:
        return ""
    file = Path(path).expanduser()
    try:
        # Not the group's bits: systemd's credentials and Kubernetes' secrets are 0440.
        open_to_all, text = file.stat().st_mode & 0o007, file.read_text(encoding="utf-8")
    except (OSError, UnicodeError) as error:
        raise ConfigError(f"[notify]: urls_file {file} cannot be read: {error}") from None
    if open_to_all:
        raise ConfigError(f"[notify]: urls_file {file} may be read by everybody; chmod 0400 it")
    return text

"""Which scenes a sandbox serves, as it tells whoever asks."""

from __future__ import annotations

import json

import requests

from orchestrator.clients.connections import make_session
from orchestrator.clients.probe import probe
from orchestrator.clients.watch import CallLimits, Watch, watching
from orchestrator.model.ports import Stop

ASK_SECONDS = 20.0


def scenes_at(url: str, stop: Stop | None) -> str:
    """
    Return what the sandbox at `url` says of its scenes; empty where it says nothing, as those of earlier versions.

    Raises:
        UnreachableError: Nobody answers there.
        Stopped: `stop` was set.
        TransientError: No complete answer came.
    """
    probe(url, "Earth Engine", stop)
    watch = Watch("the sandbox", stop, CallLimits(call_seconds=ASK_SECONDS))
    try:
        with make_session(1) as session, watching(watch):
            answer = session.get(f"{url}/sandbox/about", allow_redirects=False)
        told = json.loads(answer.content) if answer.status_code == requests.codes.ok else {}
    except (requests.RequestException, ValueError):
        return ""
    return str(told.get("scenes", "")) if isinstance(told, dict) else ""

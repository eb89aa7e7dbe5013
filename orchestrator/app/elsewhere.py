"""Whether a run is at the service that this process speaks to."""

from __future__ import annotations

from orchestrator.engine.service import ElsewhereError
from orchestrator.model.job import Job


def check_here(run_id: str, job: Job, service: str) -> None:
    """
    Make sure that a run is at `service`.

    Raises:
        ElsewhereError: It was begun on another.
    """
    if job.service != service:
        hint = "; add --sandbox, or --sandbox-url URL" if job.service == "sandbox" else ""
        raise ElsewhereError(
            f"run {run_id} was begun on {job.service}, but the settings name {service}; a run is never continued "
            f"elsewhere{hint}"
        )

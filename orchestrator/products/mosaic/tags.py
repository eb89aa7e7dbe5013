"""What the raster says of itself."""

from __future__ import annotations

from orchestrator.model.expression import subject_of
from orchestrator.model.product import RunSnapshot

GOOGLE = "google"
# Who computed the pixels, by the service of the job: what a sandbox made must never pass for the Earth.
FACILITIES = {
    GOOGLE: "Google Earth Engine",
    "sandbox": "a sandbox of Earth Engine (synthetic scenes, or the user's own)",
}
Tags = tuple[tuple[str, str], ...]


def tags(run: RunSnapshot, version: str) -> Tags:
    """Return the metadata of the file. Nothing that changes from run to run: equal plans and parts give equal bytes."""
    notice = run.facts.get("attribution", "")
    if notice and run.job.service != GOOGLE:
        notice = f"Not Earth Engine's: made by {FACILITIES.get(run.job.service, run.job.service)}. {notice}"
    told = (
        ("TIFFTAG_SOFTWARE", f"orchestrator {version}"),
        ("ORCHESTRATOR_RECIPE", run.job.recipe),
        ("ORCHESTRATOR_START_DATE", run.job.start_date),
        ("ORCHESTRATOR_END_DATE", run.job.end_date),
        ("ORCHESTRATOR_EXPRESSION_SHA256", subject_of(run.image)),
        ("TIFFTAG_COPYRIGHT", notice),
    )
    return tuple((name, value) for name, value in told if value)

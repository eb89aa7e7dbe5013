"""What the raster says of itself."""

from __future__ import annotations

from orchestrator.model.expression import subject_of
from orchestrator.model.product import RunSnapshot
from orchestrator.products.terms import Tags, notice_of


def tags(run: RunSnapshot, version: str) -> Tags:
    """Return the metadata of the file. Nothing that changes from run to run: equal plans and parts give equal bytes."""
    told = (
        ("TIFFTAG_SOFTWARE", f"orchestrator {version}"),
        ("ORCHESTRATOR_RECIPE", run.job.recipe),
        ("ORCHESTRATOR_START_DATE", run.job.start_date),
        ("ORCHESTRATOR_END_DATE", run.job.end_date),
        ("ORCHESTRATOR_EXPRESSION_SHA256", subject_of(run.image)),
        ("TIFFTAG_COPYRIGHT", notice_of(run)),
    )
    return tuple((name, value) for name, value in told if value)

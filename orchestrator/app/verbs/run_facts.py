"""What a run is for, as its job says: what stands beside its name."""

from __future__ import annotations

from dataclasses import dataclass

from orchestrator.app.finding import find_head
from orchestrator.app.records import Records
from orchestrator.model.job import Job
from orchestrator.model.states import RunState
from orchestrator.products.registry import find_product


@dataclass(frozen=True, slots=True)
class RunFacts:
    """
    What a run is for.

    Attributes:
        run: Its id.
        name: What people call its job.
        state: See `RunState`.
        product: What it delivers, by name.
        summary: What that is, in words.
        start_date: Of the period, ISO 8601, or empty.
        end_date: Likewise; it is not part of the period.
        bands: Which are asked for; none means all that the product has by itself.
        recipe: What the pixels are.
        route: How they come.
    """

    run: str
    name: str
    state: RunState
    product: str
    summary: str
    start_date: str
    end_date: str
    bands: tuple[str, ...]
    recipe: str
    route: str


def facts_of(app: Records, name: str) -> RunFacts:
    """
    Return what a run is for.

    Raises:
        UserError: No run is called so, or several are.
    """
    head = find_head(app.store, name)
    job = Job.from_json(head.job)
    return RunFacts(
        run=head.id,
        name=head.job_name,
        state=head.state,
        product=job.product,
        summary=find_product(job.product).summary,
        start_date=job.start_date,
        end_date=job.end_date,
        bands=tuple(job.bands),
        recipe=job.recipe,
        route=job.route,
    )

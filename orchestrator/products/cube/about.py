"""What a Zarr store says of itself as a whole, by the conventions CF-1.11 and ACDD's names for terms and credit."""

from __future__ import annotations

from orchestrator.model.credit import data_sheets
from orchestrator.model.product import RunSnapshot
from orchestrator.products.cube.document import CubePlan
from orchestrator.products.cube.item import collections_of, lineage_of
from orchestrator.products.terms import GOOGLE, facility_of, notice_of, terms_of


def about_cube(run: RunSnapshot, plan: CubePlan, version: str) -> dict[str, str]:
    """
    Return the attributes of a store, those that are empty left out.

    There is no date among them, not even in `history`: equal plans give equal bytes.
    """
    collections = collections_of(plan)
    told = {
        "title": run.job.base_name,
        "source": f"{facility_of(run.job)}: {', '.join(collections)}",
        "history": f"orchestrator {version}: {lineage_of(run, plan)}",
        # The pages on the collections are about the Earth's: what a sandbox made is not described there.
        "references": " ".join(data_sheets(collections)) if run.job.service == GOOGLE else "",
        "attribution": notice_of(run),
        "license": terms_of(run),
        "orchestrator": version,
    }
    return {name: text for name, text in told.items() if text}

"""What the proofs of all products say first: of which run and job, by which program, from whose data."""

from __future__ import annotations

import json
from typing import Any

from orchestrator.model.product import Brought, RunSnapshot
from orchestrator.products.terms import notice_of, terms_of


def proof_head(run: RunSnapshot, schema: str, version: str) -> dict[str, Any]:
    """Return what every proof begins with."""
    return {
        "schema": schema,
        "program": f"orchestrator {version}",
        "run": run.id,
        "job": json.loads(run.job.to_json()),
        "logical_date": run.logical_date,
        "attribution": notice_of(run),
        "licence": terms_of(run),
    }


def part_json(brought: Brought) -> dict[str, Any]:
    """Return a piece with its window, row, column, height and width, and its origin."""
    window = brought.cell.window
    return {"window": [window.row, window.col, window.height, window.width], **brought.origin}

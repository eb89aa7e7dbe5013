"""What stands behind a mosaic: every part with where it came from, what was asked for, how good it is."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from orchestrator.model.expression import subject_of
from orchestrator.model.plan import Plan
from orchestrator.model.plan_json import grid_json, pixels_json
from orchestrator.model.product import Evidence, RunSnapshot
from orchestrator.products.mosaic.strips import without_strips
from orchestrator.products.proof import part_json, proof_head

SCHEMA = "orchestrator.provenance/1"


def proof(
    run: RunSnapshot,
    plan: Plan,
    evidence: Evidence,
    output: Mapping[str, Any],
    valid: Mapping[str, Any],
    version: str,
    audits: Sequence[Mapping[str, Any]] = (),
) -> bytes:
    """
    Return the proof as JSON.

    Args:
        run: What was asked for, and what the recipe found out.
        plan: The grid and its tasks.
        evidence: Every cell once, with its origin.
        output: The raster: file, bytes, sha256, how it was assembled, shares of valid pixels.
        valid: Shares and counts of valid pixels, by band.
        version: Of the program.
        audits: The outcome of each audit, in order.
    """
    content = proof_head(run, SCHEMA, version) | {
        "recipe": without_strips(dict(run.facts)),
        "expression_sha256": subject_of(run.image),
        "route": run.job.route,
        "grid": grid_json(plan.grid),
        "pixels": pixels_json(plan.pixels),
        "area_pixels": plan.area_pixels,
        "notes": list(plan.notes),
        "output": dict(output),
        "valid": dict(valid),
        "cover": {
            "planned_pixels": sum(window.pixels for window in plan.windows),
            "parts": len(evidence.brought),
            "each_planned_pixel_once": True,  # `prove_cover` raised otherwise
        },
        "parts": parts_of(evidence),
    }
    # Left out where there are none: the proof is then that of earlier versions.
    content |= {"eecu_seconds": round(evidence.eecu_seconds, 3)} if evidence.eecu_seconds else {}
    content |= {"audit": [dict(audit) for audit in audits]} if audits else {}
    return json.dumps(content, indent=1, sort_keys=True).encode()


def parts_of(evidence: Evidence) -> list[dict[str, Any]]:
    """Return every piece with its window and its origin."""
    return [part_json(brought) for brought in evidence.brought]

"""What the outcome of an audit does: to a run before it publishes, and to the files beside a published result."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from orchestrator.core.errors import CredentialError, IntegrityError, PermanentError, TransientError
from orchestrator.model.audit import Asked, AuditReport, seed_of
from orchestrator.model.places import PlacedObject
from orchestrator.model.product import DecisionError, Finishing
from orchestrator.products.stac import checked

if TYPE_CHECKING:
    from orchestrator.products.mosaic.audit import MosaicAudit


def before_publication(
    audit: MosaicAudit, about: Finishing, raster: Path | PlacedObject, parts: Iterable[Mapping[str, Any]]
) -> dict[str, Any]:
    """
    Compare a finished raster with what the service answers, and return what the proof says of it.

    Raises:
        DecisionError: Values differ, or the service refuses to answer, and nobody has accepted that yet.
        TransientError: It cannot be asked now.
    """
    run = about.run.id
    waits = (
        f"the finished file waits as {raster}, and nothing was deleted. `orchestrator retry {run}` and the same "
        f"command look again, `orchestrator retry {run} --accept-audit` lets it be published as it is, and "
        f"`orchestrator cancel {run}` and the same command with --again bring every pixel anew"
    )
    try:
        report = audit.report(Asked(raster, about.audit, seed_of(run)), parts, about.say)
    except (PermanentError, IntegrityError) as error:
        if isinstance(error, (CredentialError, TransientError)):
            raise
        if about.audit_accepted:
            return {"equal": None, "refused": str(error), "accepted": True}
        raise DecisionError(f"the audit cannot be done: {error}; {waits}") from None
    about.record("run.audited", report.told())
    if report.equal:
        return report.to_json()
    if about.audit_accepted:
        return report.to_json() | {"accepted": True}
    raise DecisionError(f"the audit of {report.words()}; {waits}")


def amended(files: Mapping[str, bytes], report: AuditReport) -> Mapping[str, bytes]:
    """Return proof and item with the outcome in them: the proof lists every audit, the item the proof's checksum."""
    content = json.loads(files["proof"])
    content["audit"] = [*content.get("audit", ()), report.to_json()]
    proof = json.dumps(content, indent=1, sort_keys=True).encode()
    if "item" not in files:
        return {"proof": proof}
    item = json.loads(files["item"])
    item["assets"]["proof"] |= checked(len(proof), hashlib.sha256(proof).hexdigest())
    return {"proof": proof, "item": json.dumps(item, indent=1, sort_keys=True, allow_nan=False).encode()}

"""How the end of a run is told: its result with what stands behind it, or why there is none."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from orchestrator.app.verbs.results import ResultReport, missing_words, result_of
from orchestrator.core.errors import NeedsPerson
from orchestrator.core.units import format_bytes, format_count, format_seconds
from orchestrator.engine.stores.records import Run
from orchestrator.faces.cli.exits import DONE, PARTLY
from orchestrator.faces.cli.left_out import left_out_words
from orchestrator.faces.cli.output import Output
from orchestrator.faces.objects import runs as objects
from orchestrator.model.audit import AuditReport
from orchestrator.model.job import Job
from orchestrator.model.states import RunState
from orchestrator.model.validity import empty_bands, valid_words


def conclude(run: Run, output: Output, *, audit: int = 0) -> int:
    """
    Say how a run ended; return the exit code.

    Args:
        run: As it is now.
        output: Where it is said.
        audit: How many windows the command asked to audit: what came of it is said, too.

    Raises:
        RunFailed: It failed.
    """
    if run.state is RunState.CLEANED:
        job = Job.from_json(run.job)
        result = result_of(run)
        show_result(result, output, _ORIGINS.get(job.route, _EXPORTED))
        if audit:
            _show_audit(result, output)
        if empty := empty_bands(result.kept.get("valid", {})):
            output.warn(
                f"the result holds no data: not one pixel of the area is valid in {empty}. Most likely there is no "
                f"usable scene from {job.start_date} to {job.end_date}, or none over this area: look at the dates and "
                "the area"
            )
        if missing := missing_words(result.kept):
            output.warn(f"{missing}. The same command asks for those alone")
            return PARTLY
        return DONE
    output.message("summary", objects.no_result_facts(run))
    if run.needs_person:
        output.warn(f"run {run.id} is held: {run.reason}")
        return NeedsPerson.exit_code
    if run.state is RunState.CANCELLED:
        output.warn(f"run {run.id} was cancelled; `orchestrator clean {run.id}` takes away what it left")
        return 1
    result_of(run)
    return 1


_EXPORTED = "every part with window, object, generation and checksum"
_ORIGINS: Mapping[str, str] = {
    "local": "what it was made of, and how",
    "pixels": "every request with window and the checksums of what was asked and answered",
    "region": "every request with window and the checksums of what was asked and answered",
    "auto": "every piece with window and checksum, and the object or the request that it came by",
}


_UNREAD = "no sha256: it was put together in its bucket; its CRC32C is in the proof"
_ROLES: Mapping[str, str] = {"item": "STAC item", "reduced": "over all dates"}
_COUNTED: Mapping[str, str] = {"stats": "statistics", "histogram": "histogram"}  # what a counting pass is for


def show_result(result: ResultReport, output: Output, origins: str) -> None:
    """Show where the result is and what stands behind it; `origins` is what its proof says of each piece."""
    kept = result.kept
    output.message("summary", objects.result_facts(result))
    if output.quiet:
        output.say(result.address_of(result.path))
        return
    output.say(f"{result.address_of(result.path)}  ({format_bytes(kept['bytes'])})")
    if result.proof != result.path:
        output.say(f"{result.address_of(result.proof)}  proof: {origins}")
    if result.picture in result.addresses if result.place else result.picture.exists():
        output.say(f"{result.address_of(result.picture)}  quicklook")
    for file in kept.get("files", ()):  # results of the first version do not say
        if word := _ROLES.get(file["role"]):
            output.say(f"{file['path']}  {word}")
        if word := _COUNTED.get(file["role"]):
            output.say(f"{file['path']}  {word}, sha256 {file['sha256']}")
    if valid := kept.get("valid"):  # results of the first version do not say
        output.say(f"valid: {valid_words(valid)}")
    for line in _holdings(kept):
        output.say(line)
    for note in kept.get("notes", ()):
        output.say(f"note: {note}")
    output.say(f"sha256 {kept['sha256']}" if kept["sha256"] else _UNREAD)
    output.say(f"{_assembly(kept.get('assembly'))}took {format_seconds(result.took_seconds)}")


def _holdings(kept: Mapping[str, Any]) -> Iterator[str]:
    """Yield a line of what is in a result that is no raster."""
    if "windows" in kept:
        splits = ", ".join(f"{count:,} {split}" for split, count in kept["splits"].items())
        yield f"patches: {kept['samples']:,} samples of {kept['windows']:,} windows: {splits}"
        if said := left_out_words(kept):
            yield f"  {said}"
    if "arrived_bytes" in kept:
        files = format_count(kept["files_wanted"] - kept["missing"], "file")
        size = format_bytes(kept["arrived_bytes"])
        yield f"{format_count(kept['scenes'], 'scene')}: {files}, {size}, each verified as it came"
    if "rows" in kept:
        yield f"rows: {kept['rows']:,}, of {kept['pairs']:,} pairs of a place and an image"


def _show_audit(result: ResultReport, output: Output) -> None:
    """Say what the last audit found, as the proof has it; or that there was none."""
    audits = json.loads(result.proof.read_bytes()).get("audit", []) if result.proof.is_file() else []
    if result.place:
        output.say(f"audited: the outcome is in {result.address_of(result.proof)}")
        return
    if not audits:
        lacking = f"not audited: the result was there already; `orchestrator audit {result.run}` compares it now"
        output.message("audit", {"run": result.run, "equal": None, "reason": lacking})
        output.warn(lacking)
        return
    report = AuditReport.from_json(audits[-1])
    files = {"path": result.address_of(result.path), "proof": result.address_of(result.proof)}
    output.message("audit", {"run": result.run, **files, **report.to_json()})
    if not output.quiet:
        output.say(f"audit of {report.at}: {report.words()}")


def _assembly(told: dict[str, Any] | None) -> str:
    """Say how blocks came into a raster, where the result is one that was joined of parts."""
    if not told:
        return ""
    blocks = f"{told['blocks_copied']} copied, {told['blocks_encoded']} encoded, {told['blocks_sparse']} empty"
    return f"blocks: {blocks} ({told['method']}); overviews: {told['overviews']}; "

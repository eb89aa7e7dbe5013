"""How the end of a run is told: its result with what stands behind it, or why there is none."""

from __future__ import annotations

from orchestrator.app.verbs.runs import ResultReport, result_of
from orchestrator.core.errors import NeedsPerson
from orchestrator.core.units import format_bytes, format_seconds
from orchestrator.engine.stores.records import Run
from orchestrator.faces.cli.output import Output
from orchestrator.model.states import RunState
from orchestrator.model.validity import valid_words


def conclude(run: Run, output: Output) -> int:
    """
    Say how a run ended; return the exit code.

    Raises:
        RunFailed: It failed.
    """
    if run.state is RunState.CLEANED:
        show_result(result_of(run), output)
        return 0
    output.message("summary", {"run": run.id, "state": run.state, "reason": run.reason})
    if run.needs_person:
        output.warn(f"run {run.id} is held: {run.reason}")
        return NeedsPerson.exit_code
    if run.state is RunState.CANCELLED:
        output.warn(f"run {run.id} was cancelled; `orchestrator clean {run.id}` takes away what it left")
        return 1
    result_of(run)
    return 1


def show_result(result: ResultReport, output: Output) -> None:
    """Show where the result is and what stands behind it."""
    kept, assembly = result.kept, result.kept["assembly"]
    ends = {"proof": str(result.proof), "picture": str(result.picture)}
    output.message("summary", {"run": result.run, "state": result.state, **kept, **ends})
    if output.quiet:
        output.say(str(result.path))
        return
    output.say(f"{result.path}  ({format_bytes(kept['bytes'])})")
    output.say(f"{result.proof}  proof: every part with window, object, generation and checksum")
    if result.picture.exists():
        output.say(f"{result.picture}  quicklook")
    if valid := kept.get("valid"):  # results of the first version do not say
        output.say(f"valid: {valid_words(valid)}")
    output.say(f"sha256 {kept['sha256']}")
    output.say(
        f"blocks: {assembly['blocks_copied']} copied, {assembly['blocks_encoded']} encoded, "
        f"{assembly['blocks_sparse']} empty ({assembly['method']}); overviews: {assembly['overviews']}; "
        f"took {format_seconds(result.took_seconds)}"
    )

"""`audit`: a published result compared with what the service answers now."""

from __future__ import annotations

from typing import Any

import rich_click as click

from orchestrator.app.finding import find_head
from orchestrator.core.errors import AuditError
from orchestrator.faces.cli.options import service_options
from orchestrator.faces.cli.session import Context, opened, resting
from orchestrator.model.audit import WINDOWS


@click.command()
@click.argument("run_id", metavar="RUN")
@click.option("--windows", type=int, default=WINDOWS, metavar="N", help=f"How many.  [default: {WINDOWS}]")
@click.option("--seed", type=int, metavar="N", help="Draw other windows.  [default: follows from the run's id]")
@service_options
@click.pass_obj
def audit(context: Context, /, run_id: str, windows: int, seed: int | None, **given: Any) -> int:
    """
    Ask for windows of a mosaic once more, without an export, and compare them with the file, value by value.

    The outcome is written into the proof. Values that differ end with exit code 6.
    """
    from orchestrator.app.verbs.audit import audit as compare  # noqa: PLC0415  --help needs none of it

    output = context.output()
    run = find_head(resting(context).store, run_id)  # a wrong name is said before a service is joined
    with opened(context, given, output) as app, output.telling("looking at the result") as say:
        outcome = compare(app, run.id, windows=windows, seed=seed, say=say)
    report, files = outcome.report, {"path": str(outcome.path), "proof": str(outcome.proof)}
    output.message("audit", {"run": outcome.run, **files, **report.to_json()})
    if not report.equal:
        raise AuditError(
            f"{outcome.path}: {report.words()}. The outcome is in {outcome.proof}; the same command with --again makes "
            "the file anew, where the service is the one that is right"
        )
    if not output.quiet:
        output.say(f"{outcome.path}: {report.words()}")
        output.say(f"{outcome.proof}  proof, with the outcome; windows drawn with seed {report.seed}")
    return 0

"""`recover`: a lost state is rebuilt."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import rich_click as click

from orchestrator.app.verbs import recovery
from orchestrator.core.units import format_count
from orchestrator.engine.recovery import Rebuilt
from orchestrator.faces.cli.options import service_options
from orchestrator.faces.cli.session import Context, opened


@click.command()
@click.option("--owner", default="", metavar="NAME", help="The installation's name in object names, where it is lost.")
@click.option(
    "--results",
    multiple=True,
    type=click.Path(path_type=Path),
    metavar="FOLDER",
    help="Recognise the results in this folder by their proofs, too; may be repeated.",
)
@click.option("--route", type=click.Choice(["gcs", "drive"]), help="Whose files.  [default: the bucket's, if named]")
@click.option("--dry-run", is_flag=True, help="Say what would be rebuilt; change nothing.")
@service_options
@click.pass_obj
def recover(
    context: Context, /, owner: str, results: tuple[Path, ...], route: str | None, *, dry_run: bool, **given: Any
) -> int:
    """
    Rebuild a lost or old state from operations, objects and plans in the cloud; `run` or `serve` then goes on.

    Nothing is exported twice: what is there, or under way, is taken up.
    """
    output = context.output()
    with opened(context, given, output) as app:
        found = recovery.recover(app, route or "", owner, results, dry_run=dry_run, busy=output.busy)
    for run in found.runs:
        output.message("recovered", {**_facts(run), "dry_run": found.dry})
        output.say(_sentence(run, dry=found.dry))
    for run_id, reason in found.refused:
        output.message("not_recovered", {"run": run_id, "reason": reason})
        output.say(f"{run_id} is left as it is: {reason}")
    if found.nobody:
        output.say(
            f"of {format_count(len(found.nobody), 'run')} operations or objects are left, and no plan: "
            f"{', '.join(found.nobody[:5])}; `orchestrator clean --leaks` looks after them"
        )
    output.message("recovery", {"owner": found.owner, "runs": len(found.runs), "nobody": list(found.nobody)})
    output.say(
        f"{format_count(len(found.runs), 'run')} of {found.owner}; the same `run` commands, or `serve`, go on"
        if found.runs
        else f"nothing of {found.owner} was found that the state does not know"
    )
    return 1 if found.refused else 0


def _facts(run: Rebuilt) -> dict[str, Any]:
    return {
        "run": run.run_id,
        "job": run.job_name,
        "logical_date": run.logical_date,
        "new": run.is_new,
        "adopted": run.adopted,
        "state": run.state,
    }


def _sentence(run: Rebuilt, *, dry: bool) -> str:
    date = f" for {run.logical_date}" if run.logical_date else ""
    how = ("would be rebuilt" if dry else "is rebuilt") if run.is_new else "is known"
    return f"{run.run_id} ({run.job_name}{date}) {how}: {format_count(run.adopted, 'task')} taken up, {run.state}"

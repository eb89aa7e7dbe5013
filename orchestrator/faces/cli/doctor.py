"""`doctor`: looks at everything a night needs, and says how to mend what is wrong."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import rich_click as click

from orchestrator.app.verbs.busy import Tell, untold
from orchestrator.app.verbs.findings import Finding, Verdict, findings
from orchestrator.core.errors import CredentialError
from orchestrator.faces.cli.options import service_options
from orchestrator.faces.cli.output import Output
from orchestrator.faces.cli.session import Context, opened


@click.command()
@service_options
@click.option("--offline", is_flag=True, help="Only what needs no network.")
@click.pass_obj
def doctor(context: Context, /, offline: bool, **given: Any) -> int:
    """Check settings, disk, clock, credentials, project, bucket and Drive, and say how to mend each."""
    output = context.output()
    worst: Verdict = "ok"
    with opened(context, given, output) as app:
        tellers: list[Tell] = [untold]
        looks = findings(app, offline=offline, reload=context.load, say=lambda name: tellers[-1](f"looking at {name}"))
        while True:
            with output.telling("looking") as tell:
                tellers[:] = [tell]
                finding = next(looks, None)
            if finding is None:
                break
            show(finding, output)
            worst = max(worst, finding.verdict, key=("ok", "warning", "error").index)
    return CredentialError.exit_code if worst == "error" else 0


def show(finding: Finding, output: Output) -> None:
    """Show one finding."""
    output.message("finding", asdict(finding))
    sign = {"ok": "ok     ", "warning": "warning", "error": "ERROR  "}[finding.verdict]
    output.say(f"{sign} {finding.name:<13} {finding.seen}")
    if finding.mend:
        output.say(f"{'':22}to mend: {finding.mend}")

"""`clean --leaks`: what no run owns."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from orchestrator.app.verbs.sweeping import Swept, sweep
from orchestrator.core.errors import UserError
from orchestrator.core.units import format_count
from orchestrator.engine.sweeper import MOST, Act, Left
from orchestrator.faces.cli.output import Output
from orchestrator.faces.cli.session import Context, opened, resting

_SHOWN = 20
_VERBS = {Act.CANCEL: "cancel", Act.DELETE: "delete", Act.KEEP: "keep"}


def clean_leaks(
    context: Context, run_id: str, given: Mapping[str, Any], *, leaks: bool, act: bool, most: int | None
) -> int:
    """
    Show what no run owns, and with `act` take it away; return the exit code.

    Raises:
        UserError: A run was named as well, or nothing.
    """
    if not leaks:
        raise UserError("name the RUN to clean, or add --leaks for whatever no run owns any more")
    if run_id:
        raise UserError(f"--leaks looks at all runs; leave {run_id} out, or leave --leaks out to clean that run")
    resting(context)  # a state folder without any run is said before a service is joined
    output = context.output()
    with opened(context, given, output) as app:
        swept = sweep(app, act=act, most=MOST if most is None else most, busy=output.busy)
    _show(output, swept)
    return 0


def _show(output: Output, swept: Swept) -> None:
    for one in swept.survey.left:
        output.message("left", _facts(one))
    for act in Act:
        _show_some(output, swept.survey.of(act))
    for name in swept.survey.foreign[:_SHOWN]:
        output.say(f"not this installation's, left alone: {name}")
    counts = {"cancelled": swept.cancelled, "deleted": swept.deleted, "removed": swept.removed}
    told = counts | {"kept": list(swept.kept), "foreign": list(swept.survey.foreign), "dry_run": swept.dry}
    output.message("swept", told)
    output.say(_end(swept))


def _show_some(output: Output, left: list[Left]) -> None:
    for one in left[:_SHOWN]:
        output.say(f"{_VERBS[one.act]} {one.kind} {one.name}: {one.why}")
    if len(left) > _SHOWN:
        output.say(f"... and {len(left) - _SHOWN} more to {_VERBS[left[0].act]}; --json lists them all")


def _facts(one: Left) -> dict[str, Any]:
    return {"kind": one.kind, "name": one.name, "run": one.run_id, "act": one.act, "why": one.why}


def _end(swept: Swept) -> str:
    due = len(swept.survey.of(Act.CANCEL)) + len(swept.survey.of(Act.DELETE))
    if swept.dry:
        return (
            f"{format_count(due, 'thing')} to end or delete; --yes does it" if due else "nothing of ours is left behind"
        )
    return (
        f"{format_count(swept.cancelled, 'operation')} cancelled, {format_count(swept.deleted, 'object')} deleted, "
        f"{format_count(swept.removed, 'path')} removed"
    )

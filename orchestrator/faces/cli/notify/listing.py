"""`notify list`: who was told what, and what is still to be sent."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import rich_click as click

from orchestrator.engine.stores.contract_watch import Message
from orchestrator.faces.cli.session import Context, resting


@click.command(name="list")
@click.option("--limit", type=click.IntRange(1), default=20, metavar="N", help="At most so many.  [default: 20]")
@click.pass_obj
def list_messages(context: Context, /, limit: int) -> int:
    """
    Show who was told what lately, and what is still to be sent.

    Newest first. Targets are called by their scheme and a hash: their addresses are secrets.
    """
    output = context.output()
    for message in resting(context).store.outbox.latest(limit):
        words = json.loads(message.content)
        facts = {"id": message.id, "kind": message.event, "run": message.run_id, "at": message.at}
        facts |= {"target": message.target, "outcome": message.outcome, "tries": message.tries, "error": message.error}
        output.message("notification", facts | {"title": words["title"]})
        output.say(f"{message.at[:19]}  {message.target:<18} {words['title']}: {_fate(message)}")
    return 0


def _fate(message: Message) -> str:
    if message.outcome:
        return message.outcome
    if not message.tries:
        return "to be sent"
    again = datetime.fromtimestamp(message.next_at, UTC)
    return f"again at {again:%H:%M:%S} UTC, after {message.tries} in vain: {message.error}"

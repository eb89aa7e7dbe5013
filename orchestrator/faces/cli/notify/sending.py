"""`notify test` and `notify send`: a message now, past the outbox, which may be what is broken."""

from __future__ import annotations

import rich_click as click

from orchestrator.app.notices.now import send_now, test_letter
from orchestrator.config.notify import NotifySettings
from orchestrator.core.errors import TransientError
from orchestrator.faces.cli.session import Context


@click.command()
@click.pass_obj
def test(context: Context) -> int:
    """
    Send a message to everybody who is told, now, and say what became of it.

    Ends with 0 where all of them took it, else with 5.
    """
    title, text = test_letter()
    return _send(context, title, text, "info")


@click.command()
@click.argument("text")
@click.option("--title", default="orchestrator", metavar="TEXT", help="First line.  [default: orchestrator]")
@click.option(
    "--level",
    type=click.Choice(["info", "success", "warning", "failure"]),
    default="info",
    help="How bad it is.  [default: info]",
)
@click.pass_obj
def send(context: Context, /, text: str, title: str, level: str) -> int:
    """
    Send TEXT to everybody who is told: for scripts, and for a unit that failed (OnFailure).

    It needs no state database, nor a config.toml without mistakes: what can be read of [notify] counts, and the
    environment. Ends with 0 where all of them took it, else with 5.
    """
    return _send(context, title, text, level)


def _send(context: Context, title: str, text: str, level: str) -> int:
    output = context.output()
    with output.busy("sending"):
        loaded, wrong = context.load_part([("notify", key) for key in NotifySettings.model_fields])
        if wrong:
            output.note(f"the settings cannot be read, and the message is sent without them: {wrong}")
        sent = send_now(loaded.settings.notify, title, text, level)
    for one in sent:
        output.message("sent", {"target": one.target, "ok": one.ok, "why": one.why})
        output.say(f"{one.target}: {'taken' if one.ok else one.why}")
    return 0 if all(one.ok for one in sent) else TransientError.exit_code

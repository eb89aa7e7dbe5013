"""`fetch`: a result that lies in a bucket, brought to a folder here."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

import rich_click as click

from orchestrator.app.finding import find_head
from orchestrator.faces.cli.options import service_options
from orchestrator.faces.cli.session import Context, opened, resting


@click.command()
@click.argument("run_id", metavar="RUN")
@click.option(
    "--to", "folder", type=click.Path(file_okay=False, path_type=Path), default=Path(), metavar="FOLDER",
    help="Where they go.  [default: the current folder]",
)  # fmt: skip
@click.option("--overwrite", is_flag=True, help="Replace other files of the same names.")
@service_options
@click.pass_obj
def fetch(context: Context, /, run_id: str, folder: Path, *, overwrite: bool, **given: Any) -> int:
    """
    Bring the files of a result that was delivered to a bucket to a folder here, whole and verified.

    What is broken off is gone on with by the same command.
    """
    from orchestrator.app.verbs.fetching import fetch_result  # noqa: PLC0415  --help needs none of it

    output = context.output()
    run = find_head(resting(context).store, run_id)  # a wrong name is said before a service is joined
    with opened(context, given, output) as app:
        fetched = fetch_result(app, run.id, folder.absolute(), overwrite=overwrite, busy=output.busy)
    output.message("fetched", asdict(fetched) | {"paths": [str(path) for path in fetched.paths]})
    for path in reversed(fetched.paths):
        output.say(str(path))
    return 0

"""`s2pipe download`: scenes of a configuration file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import rich_click as click
from rich_click import option

from orchestrator.app import expand
from orchestrator.faces.cli.copernicus.download import show_plan
from orchestrator.faces.cli.options import again_option, build_table, job_options, sandbox_options
from orchestrator.faces.cli.run import OVERWRITE, run_one
from orchestrator.faces.cli.session import Context, opened

if TYPE_CHECKING:
    from orchestrator.config import JobTable

HELP = """
    orchestrator s2pipe download --config examples/s2pipe/download.yaml --no-dry-run --sandbox

`dry_run` of a file is true where it says nothing: files, bytes and time are told, and the manifest of what would come
is written beside where the download's own will be, `OUT/meta/step1/runs/RUN/dry_run.json`. A key that is of no effect
here is said; one that is none is refused, with its line.
"""


@click.command("download", epilog=HELP)
@option(
    "--config",
    "file",
    required=True,
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Configuration with a group `download:`, .yaml or .toml.",
)
@option("--out", "--out-dir", "out", metavar="DIR", help="The folder of all scenes, instead of `out_dir`.")
@option("--dry-run/--no-dry-run", default=None, help="Only tell what would come, or bring it, whatever the file says.")
@sandbox_options
@again_option
@OVERWRITE
@click.pass_obj
def s2pipe_download(
    context: Context,
    /,
    file: Path,
    out: str | None,
    dry_run: bool | None,
    again: bool,
    overwrite: bool,
    **given: Any,
) -> int:
    """
    Bring the scenes that a configuration names: `copernicus download`.

    Started again after a crash, with more bands, or when files are missing, the same command continues.
    """
    from orchestrator.config.pipeline import read_download  # noqa: PLC0415  help reads no file
    from orchestrator.products.scenes.files import plan_path  # noqa: PLC0415

    output = context.output()
    said = {"out_dir": out, "dry_run": dry_run}
    order = read_download(file, {"download": {name: value for name, value in said.items() if value is not None}})
    for note in order.notes:
        output.note(f"note: {note}")
    table = table_of(order.content)
    with opened(context, given, output) as app:
        app.check_service(table.product)
        (job,) = expand(table.job(Path.cwd(), app.settings.services))
        if order.dry_run:
            return show_plan(app, job, output, plan_path(job))
        return run_one(app, job, output, again=again, overwrite=overwrite or order.overwrite)


def table_of(content: Any) -> JobTable:
    """Return the job of what a file of it would hold."""
    names: list[str] = [str(param.name) for param in getattr(job_options(lambda: None), "__click_params__", ())]
    return build_table(dict.fromkeys(names) | {"job_file": ()}, content)[0]

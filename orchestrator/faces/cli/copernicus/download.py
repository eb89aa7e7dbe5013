"""`copernicus download`: wanted files of scenes, each verified, in one folder with an index."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import rich_click as click
from rich_click import option

from orchestrator.app import expand
from orchestrator.core.errors import UserError
from orchestrator.core.files import make_folder, write_whole
from orchestrator.faces.cli.copernicus.choosing import SCENES, declared
from orchestrator.faces.cli.exits import DONE, PARTLY
from orchestrator.faces.cli.option_sets import all_of
from orchestrator.faces.cli.options import again_option, sandbox_options
from orchestrator.faces.cli.run import OVERWRITE, run_one
from orchestrator.faces.cli.session import Context, opened

if TYPE_CHECKING:
    from orchestrator.app import Application
    from orchestrator.faces.cli.output import Output
    from orchestrator.model.job import Job

HELP = """
All thirteen bands of Level-1C with what angles and reflectance need, and the scene classification of Level-2A:

    orchestrator copernicus download --tile T33UWQ --start 2025-12-01 --end 2025-12-15 --cloud-max 80 --output ./out

Files go to OUT/raw, what they are to OUT/meta/step1/index.json. Only wanted files are fetched, each is verified by size
and checksum of its product's manifest, and one that is there already is not fetched again: the same command continues
after a crash, brings what was missing (exit code 3), and with more bands adds those. `--dry-run` tells files, bytes and
time first. Your account: ORCHESTRATOR_CREDENTIALS__CDSE__USER and _PASSWORD; `--sandbox` needs none.
"""

_FILES = (
    option("--output", "--out", "output", metavar="DIR", help="The folder of all scenes."),
    option("--base-name", "--name", "base_name", metavar="NAME", help="Of the run.  [default: tile and dates]"),
    option("--bands", "l1c_bands", metavar="B02,B03,..", help="Bands of Level-1C.  [default: all 13]"),
    option("--l1c-tile-metadata/--no-l1c-tile-metadata", default=None, help="Angles.  [default: yes]"),
    option("--l1c-product-metadata/--no-l1c-product-metadata", default=None, help="For reflectance.  [default: yes]"),
    option("--scl/--no-scl", "l2a_scl_20m", default=None, help="The scene classification.  [default: yes]"),
    option("--aot/--no-aot", "l2a_aot_20m", default=None, help="Aerosol optical thickness.  [default: no]"),
    option("--wvp/--no-wvp", "l2a_wvp_20m", default=None, help="Water vapour.  [default: no]"),
    option("--l2a-tile-metadata/--no-l2a-tile-metadata", default=None, help="Its percentages.  [default: yes]"),
    option("--l2a-product-metadata/--no-l2a-product-metadata", default=None, help="MTD_MSIL2A.xml.  [default: no]"),
    option("--l2a-bands", metavar="B02,B11_20m,..", help="Images of Level-2A, in their own resolution or a named one."),
    option(
        "--table",
        multiple=True,
        type=click.Choice(["csv", "xlsx", "parquet"]),
        help="Also a table of the files, beside the manifest; repeatable.",
    ),
    option("--attempts", type=click.IntRange(1, 100), metavar="N", help="Tries of a file that fails.  [default: 8]"),
    option("--dry-run", is_flag=True, help="Tell files, bytes and time; download nothing, write nothing."),
    option(
        "--plan",
        "plan_file",
        type=click.Path(path_type=Path),
        metavar="FILE.json",
        help="With --dry-run: write the manifest of what would come.",
    ),
)  # fmt: skip


@click.command("download", epilog=HELP)
@all_of(SCENES)
@all_of(_FILES)
@sandbox_options
@again_option
@OVERWRITE
@click.pass_obj
def download_scenes(
    context: Context, /, again: bool, overwrite: bool, dry_run: bool, plan_file: Path | None, **given: Any
) -> int:
    """
    Bring the wanted files of Sentinel-2 products, each verified, into one folder with an index.

    Started again after a crash, with more bands, or when files are missing, the same command continues.
    """
    output = context.output()
    if plan_file and not dry_run:
        raise UserError("--plan writes what --dry-run finds; add --dry-run")
    table, base = declared(given)
    with opened(context, given, output) as app:
        app.check_service(table.product)
        (job,) = expand(table.job(base, app.settings.services))
        if dry_run:
            return show_plan(app, job, output, plan_file)
        return run_one(app, job, output, again=again, overwrite=overwrite)


def show_plan(app: Application, job: Job, output: Output, plan_file: Path | None) -> int:
    """Tell what a download would bring, and write its manifest where it is asked for."""
    from orchestrator.app.verbs.copernicus import preview  # noqa: PLC0415  help needs none

    with output.telling("asking for files") as say:
        found = preview(app, job, say)
    for number, level, file in found.files:
        scene = found.plan.scenes[number]
        output.message("file", {"scene": scene.name, "level": level, **file.to_json()})
    for note in found.plan.notes:
        output.warn(f"note: {note}")
    output.message("dry_run", found.facts())
    for sentence in found.words():
        output.say(sentence)
    if plan_file:
        make_folder(plan_file.parent)
        write_whole(plan_file, (json.dumps(found.to_json(job.output), indent=2, ensure_ascii=False) + "\n").encode())
        output.say(f"{plan_file}  what would come")
    return PARTLY if found.facts()["missing"] else DONE

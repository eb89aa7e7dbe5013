"""`copernicus search`: which scenes there are."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import rich_click as click
from rich_click import option

from orchestrator.app import expand
from orchestrator.core.units import format_bytes, format_count
from orchestrator.faces.cli.copernicus.choosing import SCENES, declared
from orchestrator.faces.cli.option_sets import all_of
from orchestrator.faces.cli.options import sandbox_options
from orchestrator.faces.cli.session import Context, opened

if TYPE_CHECKING:
    from orchestrator.faces.cli.output import Output
    from orchestrator.products.scenes.selecting import FoundScene, Selected

HELP = """
    orchestrator copernicus search --tile T33UWQ --start 2025-12-01 --end 2025-12-15 --cloud-max 80

The catalogue needs no account. Products of Level-1C and Level-2A of one sensing are one scene; of several baselines
of a sensing the newest is shown, and the others are told of.
"""


@click.command(epilog=HELP)
@all_of(SCENES)
@option(
    "-o",
    "--table",
    "table",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Table as .csv, .xlsx or .parquet (with footprints).  [default: a list on the terminal]",
)
@option("--overwrite", is_flag=True, help="Replace the table where it is there.")
@sandbox_options
@click.pass_obj
def search(context: Context, /, table: Path | None, *, overwrite: bool, **given: Any) -> int:
    """List the scenes of the catalogue, with their time, baseline, orbit, cloud, coverage, levels and size."""
    from orchestrator.app.verbs.copernicus import check_scene_table, find, write_scenes  # noqa: PLC0415  help needs none

    shown = context.output()
    path = table.expanduser() if table else None
    if path:
        check_scene_table(path, overwrite=overwrite)
    job_table, base = declared(given | {"output": given.get("output") or "."})
    with opened(context, given, shown) as app:
        (job,) = expand(job_table.job(base, app.settings.services))
        with shown.telling("asking the catalogue") as say:
            found = find(app, job, say)
    for note in found.notes:
        shown.warn(f"note: {note}")
    if path:
        write_scenes(found, path)
        shown.say(str(path) if shown.quiet else f"{path}  ({format_count(len(found.scenes), 'scene')})")
    else:
        _list(found, shown)
    shown.message("search", {"scenes": len(found.scenes), "path": str(path or ""), "notes": list(found.notes)})
    return 0


def _list(found: Selected, output: Output) -> None:
    from orchestrator.app.verbs.copernicus import scene_facts  # noqa: PLC0415  likewise

    if found.scenes:
        output.say(f"{'time (UTC)':<20}{'tile':<8}{'baseline':<10}{'orbit':<6}{'cloud %':>8}{'seen %':>8}  levels")
    for one in found.scenes:
        output.say(_line(one))
        output.message("scene", scene_facts(one))
    output.say(format_count(len(found.scenes), "scene"))


def _line(one: FoundScene) -> str:
    product = one.scene.l1c or one.scene.l2a
    assert product is not None  # noqa: S101  a scene has one of them
    cloud = "" if product.cloud_cover is None else f"{product.cloud_cover:.1f}"
    seen = "" if product.coverage is None else f"{100 * product.coverage:.1f}"
    levels = "+".join(level for level in ("L1C", "L2A") if one.scene.product(level))
    size = sum(one.sizes.values())
    when = one.scene.key.sensing.rstrip("Z").replace("T", " ")
    told = f"{when:<20}{one.scene.key.tile:<8}{product.baseline:<10}{product.orbit:<6}{cloud:>8}{seen:>8}  {levels}"
    return told + (f"  {format_bytes(size)}" if size else "")

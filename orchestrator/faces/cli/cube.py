"""`cube`: scenes of one area, date by date, on one grid, from options or a job file."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import rich_click as click
from rich_click import option

from orchestrator.app import expand
from orchestrator.app.verbs.cubes import CubeReport, plan_cube
from orchestrator.core.errors import UserError
from orchestrator.core.units import format_bytes, format_count
from orchestrator.faces.cli.boxes import AreaCommand
from orchestrator.faces.cli.option_sets import all_of
from orchestrator.faces.cli.options import again_option, build_table, job_options, real_scenes, sandbox_options
from orchestrator.faces.cli.output import Output
from orchestrator.faces.cli.run import OVERWRITE, run_one
from orchestrator.faces.cli.session import Context, opened

HELP = """
Every clear scene of a summer, three bands, as one Zarr store that xarray opens without reading it:

    orchestrator cube --collection s2-l2a --max-cloud 20 --area field.geojson --start-date 2024-06-01
    --end-date 2024-09-01 --bands B4,B3,B2 --output results --base-name field

The scenes that a query found, and was sorted out by hand: `--scenes scenes.parquet`. What it would take, without asking
for a pixel: `--dry-run`. Each option may come from the environment: ORCHESTRATOR_CLI_CUBE_ + option.
"""

_OPTIONS = (
    click.argument("job_file", metavar="[JOB.toml]", required=False, nargs=-1, type=str.strip),
    option("--collection", metavar="NAME", help="Scenes: s2-l2a, landsat, ..., or Earth Engine's id of a collection."),
    option("--scenes", metavar="FILE", help="Scenes: a table that `orchestrator query -o` wrote."),
    option("--max-cloud", type=float, metavar="PERCENT", help="Leave cloudier scenes out.  [default: 100]"),
    option(
        "--filter", "filters", multiple=True, metavar="CONDITION", help="Scenes with a property, `MGRS_TILE == 33TVM`."
    ),
    option(
        "--shapefile",
        "--area",
        "area",
        metavar="FILE",
        help="Area: a vector file, or a box `left,bottom,right,top`, as for `run`.",
    ),
    option("--area-layer", "--layer", "area_layer", metavar="NAME", help="Layer of an area file that has several."),
    option("--area-crs", metavar="CRS", help="CRS of an area file that does not say, as EPSG:n."),
    option("--where", metavar="SQL", help="Which features of the file."),
    option("--start-date", "--start", "start_date", metavar="DATE", help="First day, e.g. 2024-05-01."),
    option("--end-date", "--end", "end_date", metavar="DATE", help="The day after the last one."),
    option("--bands", metavar="B4,B3,..", help="Bands, in order, as Earth Engine or ESA (B04) calls them."),
    option("--scale", type=float, metavar="UNITS", help="Pixel size in units of the CRS.  [default: the bands']"),
    option("--crs", metavar="EPSG:n", help="CRS of the cube.  [default: UTM zone of the area]"),
    option("--crs-transform", metavar="A,B,C,D,E,F", help="Lattice to stay on, in affine order."),
    option(
        "--format", "kind", type=click.Choice(["zarr", "cog"]), help="One store, or a GeoTIFF a date.  [default: zarr]"
    ),
    option(
        "--order",
        type=click.Choice(["most-overlap", "clearest", "first"]),
        help="Which scene of one date gives a pixel that several have.  [default: most-overlap]",
    ),
    option("--apart", is_flag=True, default=None, help="Every scene is a date of its own."),
    option("--clip/--no-clip", "clip", default=None, help="Cut each date with the area.  [default: clip]"),
    option("--nodata", type=float, metavar="NUMBER", help="Value of pixels without data."),
    option("--smooth-20m", "smooth_20m", is_flag=True, default=None, help="Interpolate Sentinel-2's bands of 20 m."),
    option("--smooth-60m", "smooth_60m", is_flag=True, default=None, help="Interpolate those of 60 m too."),
    option("--reduce", "reduced", metavar="NAMES", help="Beside the cube, over time: median, mean, count, p90, ..."),
    option("--min-valid", type=float, metavar="SHARE", help="Hold the run when a smaller share holds data."),
    option("-o", "--output", "output", metavar="DIR", help="Folder of the result."),
    option("--base-name", "--base_name", metavar="NAME", help="The result is NAME_cube.zarr."),
)  # fmt: skip


@click.command(cls=AreaCommand, epilog=HELP)
@all_of(_OPTIONS)
@sandbox_options
@real_scenes
@again_option
@OVERWRITE
@click.option("--dry-run", is_flag=True, help="Find the scenes and show the plan; no pixel is asked for.")
@click.pass_obj
def cube(context: Context, /, again: bool, overwrite: bool, dry_run: bool, **given: Any) -> int:
    """
    Bring the scenes of one area to one cube of (time, band, y, x), date by date.

    Scenes of one satellite and day are one date. Started again after a crash, the same command continues.
    """
    output = context.output()
    declared, base = build_table(*_laid(given))
    with opened(context, given | {"scenes": given["sandbox_scenes"]}, output) as app:
        app.check_service()
        with output.busy("reading the area"):
            jobs = expand(declared.job(base, app.settings.services))
        if dry_run:
            with output.busy("finding the scenes"):
                report = plan_cube(app, jobs[0])
            _show_plan(report, output)
            return 0
        return run_one(app, jobs[0], output, again=again, overwrite=overwrite)


def _laid(given: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the options as those of `run`, and the keys and tables that only this product has."""
    names: list[str] = [str(param.name) for param in getattr(job_options(lambda: None), "__click_params__", ())]
    if given["scenes"] and Path(given["scenes"]).is_dir():
        raise UserError(
            f"--scenes {given['scenes']} is a folder; give a table that `orchestrator query -o` wrote. A folder of "
            "real scenes, for the sandbox to serve, is --sandbox-scenes"
        )
    own: dict[str, Any] = {"collection": given["collection"], "max_cloud": given["max_cloud"], "format": given["kind"]}
    own |= {"scenes": str(Path(given["scenes"]).resolve()) if given["scenes"] else None}
    own |= {"filter": list(given["filters"]) or None, "same_day": "apart" if given["apart"] else None}
    own |= {name: given[name] for name in ("order", "clip", "nodata", "smooth_20m", "smooth_60m")}
    own |= {"reduce": given["reduced"].replace(",", " ").split() if given["reduced"] else None}
    kept = {name: value for name, value in own.items() if value is not None}
    return {name: given.get(name) for name in names}, {"product": "cube", "cube": kept}


def _show_plan(report: CubeReport, output: Output) -> None:
    output.message("cube", report.facts())
    plan, grid = report.plan, report.plan.grid
    a, _b, c, _d, e, f = grid.transform
    dates = format_count(len(plan.moments), "date")
    output.say(f"{report.base_name}: {dates} of {grid.width} × {grid.height} pixels of {a:g} × {-e:g} in {grid.crs}")
    output.say(f"  origin   {c:.12g}, {f:.12g}")
    bands = f"{format_count(len(plan.labels), 'band')} of {plan.pixels.dtype}, nodata {plan.pixels.nodata:g}"
    output.say(f"  area     {plan.area_pixels:,} pixels; {bands}")
    heaviest = format_bytes(report.heaviest_bytes)
    output.say(f"  requests {report.requests}, the heaviest {heaviest} as Earth Engine counts them")
    output.say(f"  disk     {format_bytes(plan.raw_bytes)} uncompressed")
    for moment in plan.moments:
        output.say(f"  date     {moment.solar_day} {moment.satellite}: {format_count(len(moment.images), 'scene')}")
    for note in plan.notes:
        output.say(f"  note     {note}")

"""`table`: values of images in one table, from options or a job file."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import rich_click as click
from rich_click import option

from orchestrator.app import expand
from orchestrator.core.errors import UserError
from orchestrator.faces.cli.boxes import AreaCommand
from orchestrator.faces.cli.option_sets import all_of
from orchestrator.faces.cli.options import again_option, build_table, job_options, service_options
from orchestrator.faces.cli.run import OVERWRITE, run_one
from orchestrator.faces.cli.session import Context, opened

_FORMATS = {".csv": "csv", ".parquet": "parquet"}

HELP = """
Points that lie anywhere, a year of Sentinel-2, cloudy scenes left out:

    orchestrator table --points wells.csv --id name --collection s2-l2a --max-cloud 40 --bands B4,B8
    --start-date 2024-01-01 --end-date 2025-01-01 -o wells.parquet

Fields, the mean and the number of pixels of each: `--polygons fields.gpkg --reducer mean,count`. Every pixel of a small
area: `--area box.geojson`. Without --collection the values are those of one picture that a recipe makes.

Each option may come from the environment: ORCHESTRATOR_CLI_TABLE_ + option, as in ORCHESTRATOR_CLI_TABLE_POINTS.
"""

_OPTIONS = (
    click.argument("job_file", metavar="[JOB.toml]", required=False, nargs=-1, type=str.strip),
    option(
        "--points",
        metavar="FILE",
        help="Points: a vector file, a CSV with columns lon and lat, or WKT. A row for each point and image.",
    ),
    option("--polygons", metavar="FILE", help="Polygons, whose pixels are reduced: a row for each and each image."),
    option("--area", "--shapefile", "area", metavar="FILE", help="A small area: a row for each pixel and each image."),
    option("--id", "id", metavar="COLUMN", help="What points or polygons are called.  [default: counted from 0]"),
    option("--layer", "--area-layer", "layer", metavar="NAME", help="Layer of a file that has several."),
    option("--area-crs", "area_crs", metavar="CRS", help="CRS of a file that does not say, as EPSG:n."),
    option("--where", metavar="SQL", help="Which features of the file, e.g. \"crop = 'maize'\"."),
    option("--collection", metavar="NAME", help="Images: s2-l2a, landsat, ..., or Earth Engine's id of a collection."),
    option("--max-cloud", type=float, metavar="PERCENT", help="Leave cloudier images out.  [default: 100]"),
    option("--filter", "filters", multiple=True, metavar="CONDITION", help="Images where MGRS_TILE == 33TVM."),
    option("--start-date", "--start", "start_date", metavar="DATE", help="First day, e.g. 2024-05-01."),
    option("--end-date", "--end", "end_date", metavar="DATE", help="The day after the last one."),
    option("--recipe", metavar="NAME", help="What one picture is, where there is no collection; see `run --help`."),
    option("--param", "params", multiple=True, metavar="KEY=VALUE", help="A parameter of the recipe; repeatable."),
    option("--bands", metavar="B4,B8,..", help="Bands, in order.  [default: all]"),
    option("--scale", type=float, metavar="UNITS", help="Pixel size in units of the CRS.  [default: the images' own]"),
    option("--crs", metavar="EPSG:n", help="CRS of the pixels.  [default: the UTM zone of each place]"),
    option("--crs-transform", metavar="A,B,C,D,E,F", help="Lattice of the pixels, in affine order."),
    option(
        "--reducer",
        metavar="NAMES",
        help="Of polygons: mean, median, min, max, count, sum, stdDev, mode, p0 to p100 (the sandbox: p0, p50 and "
        "p100 only); several make a column each.  [default: mean]",
    ),
    option("--keep-empty", is_flag=True, default=None, help="Keep rows that have no value at all."),
    option("--pixel-centres", is_flag=True, default=None, help="Add where the pixel of a point has its centre."),
    option(
        "--format", "kind", type=click.Choice(["csv", "parquet", "geoparquet"]), help="[default: as the file is called]"
    ),
    option("-o", "--output", metavar="PATH", help="File (.csv, .parquet) or folder of the table.  [default: .]"),
    option("--base-name", metavar="NAME", help="What the table is called in the folder.  [default: like the file]"),
)  # fmt: skip


@click.command(cls=AreaCommand, epilog=HELP)
@all_of(_OPTIONS)
@service_options
@again_option
@OVERWRITE
@click.pass_obj
def table(context: Context, /, again: bool, overwrite: bool, **given: Any) -> int:
    """
    Bring values of images to one table: at points, over polygons, or of every pixel of a small area.

    Columns: id, time, image, lon, lat, then the bands. Started again after a crash, the same command continues.
    """
    output = context.output()
    declared, base = build_table(*_laid(given))
    with opened(context, given, output) as app:
        app.check_service()
        with output.busy("reading the places"):
            jobs = expand(declared.job(base, app.settings.services))
        return run_one(app, jobs[0], output, again=again, overwrite=overwrite)


def _laid(given: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the options as those of `run`, and the keys and tables that only this product has."""
    places = {name: given[name] for name in ("points", "polygons") if given[name]}
    if len(places) + bool(given["area"]) > 1:
        raise UserError("a table is of --points, of --polygons or of the pixels of an --area; give one of them")
    if not places and not given["area"] and not given["job_file"]:
        raise UserError("which places? Give --points FILE, --polygons FILE, or --area FILE for every pixel of it")
    names: list[str] = [str(param.name) for param in getattr(job_options(lambda: None), "__click_params__", ())]
    shared = {name: given.get(name) for name in names}
    own: dict[str, Any] = {**places, "id": given["id"], "collection": given["collection"]}
    own |= {"max_cloud": given["max_cloud"], "reducer": given["reducer"], "format": given["kind"]}
    own |= {"filter": list(given["filters"]) or None}
    own |= {"keep_empty": given["keep_empty"], "pixel_centres": given["pixel_centres"]}
    if places:
        own |= {"layer": given["layer"], "crs": given["area_crs"], "where": given["where"]}
        shared |= {"area_crs": None, "where": None}
    else:
        shared["area_layer"] = given["layer"]
    shared |= _placed(given, own)
    return shared, {"product": "table", "table": {name: value for name, value in own.items() if value is not None}}


def _placed(given: Mapping[str, Any], own: dict[str, Any]) -> dict[str, Any]:
    """Return folder and base name of the table; its format is laid into `own` where the file's name says it."""
    text, name = given["output"], given["base_name"]
    source = given["points"] or given["polygons"] or given["area"]
    stem = Path(source).stem if source and "(" not in source and "," not in source else "table"
    if text is None:
        return {} if given["job_file"] else {"output": ".", "base_name": name or stem}
    path = Path(text)
    if path.suffix.lower() not in _FORMATS or path.is_dir():
        if path.suffix.lower() in {".geoparquet", ".tif", ".json", ".geojson", ".gpkg"}:
            raise UserError(f"{path.name} is no name of a table; write {path.stem}.csv, or {path.stem}.parquet")
        return {"output": text, "base_name": name or (None if given["job_file"] else stem)}
    if name is not None:
        raise UserError(
            f"--output names the file {path.name}, and --base-name another; leave --base-name out, and name the file "
            f"with -o {path.with_name(name + path.suffix)}"
        )
    kind = _FORMATS[path.suffix.lower()]
    if own["format"] is None:
        own["format"] = kind
    if own["format"].removeprefix("geo") != kind:
        raise UserError(f"{path.name} is no {own['format']}; leave --format out, or name the file otherwise")
    return {"output": str(path.parent), "base_name": path.stem}

"""`query`: which scenes there are over an area, as a table."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import rich_click as click
from rich_click import option

from orchestrator.app.verbs.query import check_table, find_scenes, scene_query, write_table
from orchestrator.core.units import format_count
from orchestrator.faces.cli.options import service_options
from orchestrator.faces.cli.output import Output
from orchestrator.faces.cli.session import Context, opened

if TYPE_CHECKING:
    from orchestrator.queries.frame import Placed
    from orchestrator.queries.search import FoundScenes

EXAMPLES = """
Collections by short names: s2-l2a, s2-l1c, s1, landsat (8 and 9), landsat-4 to landsat-9, each also with -sr; or an
id of Earth Engine's, such as MODIS/061/MOD09GA.
"""


@click.command(epilog=EXAMPLES)
@click.argument("collection")
@option(
    "--area",
    "--shapefile",
    "area",
    required=True,
    metavar="FILE",
    help="Area: a vector file, a box `left,bottom,right,top`, or a name, as for `run`.",
)
@option("--area-layer", "--layer", "area_layer", metavar="NAME", help="Layer of an area file that has several.")
@option("--area-crs", metavar="CRS", help="CRS of an area file that does not say, as EPSG:n.")
@option("--where", metavar="SQL", help="Which features of the file.")
@option("--start", "--start-date", "start", required=True, metavar="DATE", help="First day, e.g. 2024-05-01.")
@option("--end", "--end-date", "end", required=True, metavar="DATE", help="The day after the last one.")
@option("--max-cloud", type=float, default=100.0, metavar="PERCENT", help="The greatest cloud cover.  [default: 100]")
@option(
    "--filter",
    "filters",
    multiple=True,
    metavar="'KEY < VALUE'",
    help="A condition on a property, e.g. 'MGRS_TILE == 33TWM', 'WRS_PATH in 190,191'; repeatable.",
)
@option("--keep-duplicates", is_flag=True, help="Scenes too that add nothing of the area on their day and satellite.")
@option("--s2cloudless", is_flag=True, help="Tell which scenes of Sentinel-2 have cloud probabilities.")
@option("--column", "columns", multiple=True, metavar="NAME", help="A property that becomes a column; repeatable.")
@option(
    "-o",
    "--output",
    "output",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Table as .parquet, .geojson or .csv.  [default: a list on the terminal]",
)
@option("--overwrite", is_flag=True, help="Replace the file where it is there.")
@service_options
@click.pass_obj
def query(context: Context, /, collection: str, output: Path | None, **given: Any) -> int:
    """
    List the scenes of a collection over an area, with their time, cloud cover and share of the area.

    Of several scenes of one day and satellite only those are listed that add something of the area.
    """
    shown = context.output()
    path = output.expanduser() if output else None
    if path:
        check_table(path, overwrite=given["overwrite"])
    area = {"source": given["area"], "layer": given["area_layer"], "crs": given["area_crs"], "where": given["where"]}
    with opened(context, given, shown) as app:
        app.check_service()
        with shown.telling("reading the area") as say:
            asked = scene_query(
                app,
                collection,
                area,
                given["start"],
                given["end"],
                max_cloud=given["max_cloud"],
                filters=given["filters"],
                unique=not given["keep_duplicates"],
            )
            found = find_scenes(app, asked, say, extra=given["columns"], s2cloudless=given["s2cloudless"])
    _show(found, path, shown)
    return 0


def _show(found: FoundScenes, path: Path | None, output: Output) -> None:
    for note in found.notes:
        output.warn(f"note: {note}")
    if path:
        write_table(found, path)
        output.say(str(path) if output.quiet else f"{path}  ({format_count(len(found.scenes), 'scene')})")
    else:
        _list(found, output)
    facts = {"collection": found.query.collection, "scenes": len(found.scenes), "path": str(path or "")}
    output.message("query", facts | {"notes": list(found.notes)})


def _list(found: FoundScenes, output: Output) -> None:
    if found.scenes:
        output.say(f"{'time (UTC)':<17}{'cloud %':>8}{'area %':>8}  image")
    for one in found.scenes:
        cloud = one.row.properties.get(found.source.cloud)
        told = "" if cloud is None else f"{cloud:.1f}"
        output.say(f"{one.utc:%Y-%m-%d %H:%M} {told:>8}{100 * one.share:>8.1f}  {one.row.collection}/{one.row.index}")
        output.message("scene", _facts(one, cloud))


def _facts(one: Placed, cloud: float | None) -> dict[str, Any]:
    return {
        "title": one.title,
        "image": f"{one.row.collection}/{one.row.index}",
        "utcdatetime": one.utc.isoformat(timespec="milliseconds"),
        "solarday": one.solar.date().isoformat(),
        "cloudcoverpercentage": cloud,
        "overlappercentage": round(100 * one.share, 4),
    }

"""`tiles select`: the features of a vector file as tiles."""

from __future__ import annotations

from typing import Any

import rich_click as click
from rich_click import option

from orchestrator.faces.cli.session import Context
from orchestrator.faces.cli.tiles.area import file_options, keep_and_tell

EXAMPLES = """
`orchestrator tiles select communes.gpkg --aoi luxembourg.wkt --name lux --tiles-name communes -o tiles` makes
tiles/lux_partitions_communes_HASH.parquet, with the attributes that communes.gpkg has.
"""


@click.command(epilog=EXAMPLES)
@click.argument("source", metavar="SOURCE")
@option("--aoi", required=True, metavar="AREA", help="Where: a vector file, WKT, or a box `left,bottom,right,top`.")
@option("--tiles-name", default="", metavar="NAME", help="What the tiles are called; no '_'.  [default: as SOURCE]")
@option("--layer", default="", metavar="NAME", help="Layer of SOURCE where it has several.")
@option("--source-crs", default="", metavar="CRS", help="CRS of SOURCE where it does not say, as EPSG:n.")
@option("--where", default="", metavar="SQL", help="Which features of SOURCE.")
@option(
    "--overlap",
    type=click.Choice(["area", "legacy"]),
    default="area",
    help="area: all that share area with the AOI; legacy: more than 1e-5 square degrees of it.  [default: area]",
)
@option(
    "--min-overlap",
    type=float,
    default=0.0,
    metavar="SHARE",
    help="Leave features out of which less lies in the AOI, 0 to 1.  [default: 0]",
)
@option(
    "--clip",
    type=click.Choice(["none", "aoi"]),
    default="none",
    help="none keeps features whole, aoi cuts them with the AOI.  [default: none]",
)
@option("--attributes/--no-attributes", default=True, help="Keep the columns of SOURCE, or not.")
@option("--area-layer", metavar="NAME", help="Layer of an AOI file that has several.")
@option("--area-crs", metavar="CRS", help="CRS of an AOI file that does not say, as EPSG:n.")
@option("--area-where", metavar="SQL", help="Which features of the AOI file.")
@file_options
@click.pass_obj
def select(context: Context, /, source: str, **given: Any) -> int:
    """
    Take the polygons of a vector file that lie in an area as tiles, with their attributes.

    SOURCE is any vector file, in any CRS. A file of the same tiles that is there already stays, with its columns.
    """
    from orchestrator.app.verbs.splits import select as choose  # noqa: PLC0415  --help needs no geometries

    shown = context.output()
    where_from = {"path": source, "layer": given["layer"], "crs": given["source_crs"], "where": given["where"]}
    area = {"source": given["aoi"], **{name: given[f"area_{name}"] for name in ("layer", "crs", "where")}}
    rule = {name: given[name] for name in ("overlap", "min_overlap", "clip", "attributes")}
    with shown.busy("reading"):
        laid = choose(where_from, area, name=given["name"], tiles_name=given["tiles_name"], **rule)
    keep_and_tell(laid, given, shown)
    return 0

"""`aoi extract`: the area of a name as a file."""

from __future__ import annotations

from pathlib import Path

import rich_click as click

from orchestrator.app.verbs.areas import extract_area
from orchestrator.core.units import format_count
from orchestrator.faces.cli.boxes import AreaCommand
from orchestrator.faces.cli.session import Context


@click.command(cls=AreaCommand)
@click.argument("name", type=str.strip)
@click.option(
    "-o",
    "--output",
    "output",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="File: .geojson, .wkt, .gpkg or .parquet.  [default: ./NAME.geojson]",
)
@click.option("--mainland", is_flag=True, help="The largest part of each country alone: no islands, nothing overseas.")
@click.option("--overwrite", is_flag=True, help="Replace the file where it is there.")
@click.pass_obj
def extract(context: Context, /, name: str, output: Path | None, *, mainland: bool, overwrite: bool) -> int:
    """
    Write the area of a country, a continent or a region to a file, a row for each country.

    A .wkt file holds them all in one geometry.
    """
    shown = context.output()
    path = output.expanduser() if output else Path(f"{name}.geojson")
    features = extract_area(name, path, mainland=mainland, overwrite=overwrite)
    for note in features.notes:
        shown.note(f"note: {note}")
    shown.say(str(path) if shown.quiet else f"{path}  ({features.name}, {format_count(len(features.ids), 'row')})")
    facts = {"name": features.name, "path": str(path), "countries": list(features.ids), "notes": list(features.notes)}
    shown.message("extracted", facts)
    return 0

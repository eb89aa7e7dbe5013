"""`aoi list`: which areas have a name."""

from __future__ import annotations

import rich_click as click

from orchestrator.app.verbs.areas import list_places
from orchestrator.faces.cli.session import Context

_SHOWN = 60  # columns of names


@click.command(name="list")
@click.argument("text", required=False, default="")
@click.option(
    "--kind", type=click.Choice(["country", "continent", "region"]), help="Those of one kind.  [default: all]"
)
@click.pass_obj
def list_areas(context: Context, /, text: str, kind: str | None) -> int:
    """
    List the countries, continents and regions that may be named as an area, all or those that TEXT names.

    Case and accents do not matter; a country answers to its codes too.
    """
    shown = context.output()
    for place in list_places(text, kind or ""):
        codes = [country.code for country in place.countries]
        shown.message("area", {"name": place.name, "kind": place.kind, "also": list(place.also), "countries": codes})
        told = ", ".join(place.also) if place.kind == "country" else f"{len(codes)} countries: {', '.join(codes)}"
        cut = told if shown.width() is None or len(told) <= _SHOWN else f"{told[: _SHOWN - 3]}..."
        shown.say(place.name if shown.quiet else f"{place.name:<36} {place.kind:<10} {cut}".rstrip())
    return 0

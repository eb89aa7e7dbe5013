"""Verbs of geetiles about folders of chips and areas: mosaic, mosaic.fromvals, cleanup, aois."""

from __future__ import annotations

from pathlib import Path

from rich_click import option

from orchestrator.core.errors import UserError
from orchestrator.faces.cli.geet.translated import TILES_FILE, Words, old

_FOLDER = option("--basedir", required=True, metavar="DIR", help="Folder of the chips of a dataset.")
_RASTER = option("--dest_file", required=True, metavar="TIF", help="Raster.")
_METRES = option("--meters_per_pixel", required=True, type=float, metavar="M", help="Side of a pixel.")


@old(
    "mosaic",
    _FOLDER,
    _RASTER,
    _METRES,
    ignored={"--channels": "all bands are kept"},
)
def old_mosaic(basedir: str, dest_file: str, meters_per_pixel: float) -> Words:
    """Join the chips of a folder to one raster: `tiles mosaic`."""
    tiles, dataset = _taken_apart(basedir)
    return ["tiles", "mosaic", tiles, "--dataset", dataset, "--scale", f"{meters_per_pixel:g}", "-o", dest_file]


@old("mosaic.fromvals", TILES_FILE, _RASTER, _METRES)
def old_mosaic_fromvals(tiles_file: str, dest_file: str, meters_per_pixel: float) -> Words:
    """Burn the column `value` of tiles into a raster: `tiles burn`."""
    return ["tiles", "burn", tiles_file, "--column", "value", "--scale", f"{meters_per_pixel:g}", "-o", dest_file]


@old("cleanup", _FOLDER)
def old_cleanup(basedir: str) -> Words:
    """Move chips that cannot be read aside: `tiles verify --fix`, which deletes nothing."""
    tiles, dataset = _taken_apart(basedir)
    return ["tiles", "verify", tiles, "--dataset", dataset, "--fix"]


@old(
    "aois",
    option("--showall", is_flag=True, help="List the names of areas."),
    option("--extract", metavar="NAME", help="Write an area to NAME.wkt."),
)
def old_aois(extract: str | None, *, showall: bool) -> Words:
    """List areas by name, or write one to a file: `aoi list`, `aoi extract`."""
    if showall:
        return ["aoi", "list"]
    if not extract:
        raise UserError("what is wanted? Give --showall, or --extract NAME")
    return ["aoi", "extract", extract, "-o", f"{extract}.wkt"]


def _taken_apart(basedir: str) -> tuple[str, str]:
    """Return the file of tiles and the name of the dataset of a folder of chips."""
    folder = Path(basedir)
    beside = folder.resolve().parent
    found = [file for suffix in (".geojson", ".parquet") if (file := beside.with_name(beside.name + suffix)).is_file()]
    if not found:
        raise UserError(
            f"{basedir} is no folder of chips of a file of tiles: there is no {beside.name}.geojson beside "
            f"{beside.name}; name the folder {{tiles}}/{{dataset}}"
        )
    return str(found[0]), folder.resolve().name

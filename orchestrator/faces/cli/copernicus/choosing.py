"""The options that say which scenes, shared by `copernicus search` and `copernicus download`; and a job of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import rich_click as click
from rich_click import option

from orchestrator.config import JobTable
from orchestrator.faces.cli.options import build_table, job_options, split_list

SCENES = (
    click.argument("job_file", metavar="[JOB.toml]", required=False, nargs=-1, type=str.strip),
    option("--tile", "tiles", multiple=True, metavar="T33UWQ", help="MGRS tile; repeatable."),
    option("--area", "--shapefile", "area", metavar="FILE", help="Instead of tiles, an area, as for `run`."),
    option("--area-layer", "--layer", "area_layer", metavar="NAME", help="Layer of an area file that has several."),
    option("--area-crs", metavar="CRS", help="CRS of an area file that does not say, as EPSG:n."),
    option("--where", metavar="SQL", help="Which features of the area's file."),
    option("--start-date", "--start", "start_date", metavar="DATE", help="First day, e.g. 2025-12-01."),
    option("--end-date", "--end", "end_date", metavar="DATE", help="The day after the last one."),
    option("--levels", metavar="L1C,L2A", help="Which levels.  [default: both]"),
    option("--cloud-min", type=float, metavar="PERCENT", help="Least cloud cover of the Level-1C product."),
    option("--cloud-max", "--max-cloud", "cloud_max", type=float, metavar="PERCENT", help="The greatest."),
    option("--min-coverage", type=float, metavar="SHARE", help="Least share of the tile that is seen, 0 to 1."),
    option("--baseline", metavar="05.11", help="Of this processing baseline only.  [default: the newest of each]"),
    option("--orbit", type=int, metavar="N", help="Relative orbit, 1 to 143."),
    option("--mission", "missions", multiple=True, metavar="S2A", help="Satellite: S2A to S2D; repeatable."),
    option("--max-scenes", type=click.IntRange(min=1), metavar="N", help="The first N scenes only."),
)  # fmt: skip

_LISTS = ("tiles", "missions", "table")
_TEXTS = ("levels", "l1c_bands", "l2a_bands")
_PLAIN = (
    "cloud_min", "cloud_max", "min_coverage", "baseline", "orbit", "max_scenes", "attempts", "l1c_tile_metadata",
    "l1c_product_metadata", "l2a_scl_20m", "l2a_aot_20m", "l2a_wvp_20m", "l2a_tile_metadata", "l2a_product_metadata",
)  # fmt: skip


def declared(given: Mapping[str, Any]) -> tuple[JobTable, Path]:
    """
    Return the job that options and a file describe, and the folder its relative paths count from.

    Raises:
        UserError: Something needed is missing or cannot be read.
    """
    names: list[str] = [str(param.name) for param in getattr(job_options(lambda: None), "__click_params__", ())]
    shared = {name: given.get(name) for name in names} | {"job_file": given["job_file"]}
    return build_table(shared, {"product": "scenes", "scenes": _own(given)})


def _own(given: Mapping[str, Any]) -> dict[str, Any]:
    own: dict[str, Any] = {name: _split(given.get(name) or ()) for name in _LISTS}
    own |= {name: split_list(given[name]) for name in _TEXTS if given.get(name) is not None}
    own |= {name: given.get(name) for name in _PLAIN}
    return {name: value for name, value in own.items() if value is not None and (value != [] or name in _TEXTS)}


def _split(words: Sequence[str]) -> list[str]:
    return [name for word in words for name in split_list(word)]

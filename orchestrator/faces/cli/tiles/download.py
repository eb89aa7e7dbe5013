"""`tiles download`: a chip of each tile, of one dataset or several, from options or a job file."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import rich_click as click
from rich_click import option

from orchestrator.app import expand
from orchestrator.app.verbs.chips import choose_for_tiles
from orchestrator.core.errors import UserError
from orchestrator.faces.cli.option_sets import all_of
from orchestrator.faces.cli.options import (
    again_option,
    build_table,
    job_options,
    key_and_value,
    real_scenes,
    sandbox_options,
    split_list,
)
from orchestrator.faces.cli.run import OVERWRITE, Begin, run_all, run_one
from orchestrator.faces.cli.session import Context, opened

if TYPE_CHECKING:
    from orchestrator.app import Application

HELP = """
Images of 100 × 100 pixels for every tile, then labels onto the same tiles:

    orchestrator tiles download lux_partitions_aschips_14c55eb7d417f.parquet --dataset sentinel2-rgb-median-2020
    --dataset esa-world-cover --pixels 100 100

Any recipe: `--recipe sentinel2-cloudless --start 2024-05-01 --end 2024-09-01 --bands B4,B3,B2 --scale 10`. They go to a
folder beside the file, called like it, each dataset in its own; `chips.parquet` there tells of every tile whether its
chip is DONE, EMPTY (every pixel masked) or FAILED, and why. Exit code 3 while one is missing: the same command then
asks for those alone; `--again` on a whole folder asks for every chip anew. A try of `--first 20` is taken over by the
same command without it. Each option may come from the environment: ORCHESTRATOR_CLI_TILES_DOWNLOAD_ + option.
"""

_OPTIONS = (
    click.argument("file", metavar="FILE|JOB.toml"),
    option(
        "--dataset",
        "datasets",
        multiple=True,
        metavar="NAME|FILE.py",
        help="A dataset by its name (`dataset list`), or Python code of your own; repeatable.",
    ),
    option("--recipe", metavar="NAME", help="What the pixels are, where it is no dataset; see `run --help`."),
    option("--param", "params", multiple=True, metavar="KEY=VALUE", help="A parameter of the recipe; repeatable."),
    option("--name", "base_name", metavar="NAME", help="Folder of the chips.  [default: the dataset's name]"),
    option(
        "--pixels",
        nargs=2,
        type=click.IntRange(min=1),
        metavar="WIDTH HEIGHT",
        help="Of every chip, around the middle of its tile.",
    ),
    option("--scale", type=float, metavar="UNITS", help="Of a pixel's side.  [default: tile over WIDTH; dataset's]"),
    option("--crs", metavar="EPSG:n", help="CRS of all chips.  [default: UTM zone of each tile]"),
    option("--bands", metavar="B4,B3,..", help="Bands, in order.  [default: all of the recipe]"),
    option("--start-date", "--start", "start_date", metavar="DATE", help="First day, e.g. 2024-05-01."),
    option("--end-date", "--end", "end_date", metavar="DATE", help="The day after the last one."),
    option("--split", metavar="NAME", help="Tiles of one split only: train, test, val."),
    option("--where", metavar="CONDITION", help="Tiles for which it holds: `split == train`, `area_km2 > 0.5`."),
    option("--first", type=click.IntRange(min=1), metavar="N", help="The first N tiles only, for a try."),
    option(
        "--outside",
        type=click.Choice(["keep", "nodata"]),
        help="Pixels of a chip whose centres lie outside its tile.  [default: keep]",
    ),
    option("--attempts", type=click.IntRange(1, 100), metavar="N", help="Tries of a chip that fails.  [default: 8]"),
    option("--min-valid", type=float, metavar="SHARE", help="Hold the run when a smaller share holds data."),
    option("--route", type=click.Choice(["pixels", "region"]), help="How pixels come.  [default: pixels]"),
)  # fmt: skip

_OWN = frozenset({"split", "where"})


@click.command(epilog=HELP)
@all_of(_OPTIONS)
@sandbox_options
@real_scenes
@again_option
@OVERWRITE
@click.pass_obj
def download(context: Context, /, again: bool, overwrite: bool, **given: Any) -> int:
    """
    Bring a chip of each tile: a small GeoTIFF, all of one zone on one lattice.

    Started again after a crash, or when chips are missing, the same command continues.
    """
    output = context.output()
    check_words(given)
    with opened(context, given | {"scenes": given["sandbox_scenes"]}, output) as app:
        app.check_service()
        with output.busy("reading the tiles"):
            declared = [build_table(*laid) for laid in laid_out(app, given)]
            jobs = [job for table, base in declared for job in expand(table.job(base, app.settings.services))]
        if len(jobs) == 1:
            return run_one(app, jobs[0], output, again=again, overwrite=overwrite)
        return run_all(app, jobs, output, Begin(again, overwrite))


def check_words(given: Mapping[str, Any]) -> None:
    """
    Look at what can be told from the options alone.

    Raises:
        UserError: They contradict each other, or it is not said what the pixels are.
    """
    datasets = given["datasets"]
    if datasets and given["recipe"]:
        raise UserError("what are the pixels? Give --dataset or --recipe, not both")
    if not datasets and not given["recipe"] and not _is_job(given):
        raise UserError("what are the pixels? Give --dataset NAME (`orchestrator dataset list`) or --recipe NAME")
    if len(datasets) > 1 and (given["base_name"] or given["bands"]):
        raise UserError("--name and --bands are for one dataset; give several in commands of their own")
    if given["split"] and given["where"]:
        raise UserError("give --split or --where, not both; --where takes `split == train`, too")


def _is_job(given: Mapping[str, Any]) -> bool:
    return Path(given["file"]).suffix == ".toml"


def laid_out(app: Application, given: Mapping[str, Any]) -> list[tuple[dict[str, Any], dict[str, Any]]]:
    """Return the options of each dataset as those of `run`, with the keys that only chips have."""
    own: dict[str, Any] = {} if _is_job(given) else {"tiles": given["file"]}
    own |= dict(zip(("width", "height"), given["pixels"] or (), strict=False))
    where = f"split == {given['split']}" if given["split"] else given["where"]
    own |= {"where": where, "first": given["first"], "outside": given["outside"], "attempts": given["attempts"]}
    own = {name: value for name, value in own.items() if value is not None}
    names: list[str] = [str(param.name) for param in getattr(job_options(lambda: None), "__click_params__", ())]
    # `run` has options of these names that mean something else.
    shared = {name: None if name in _OWN else given.get(name) for name in names} | {
        "job_file": (given["file"],) if _is_job(given) else ()
    }
    more = {"product": "chips", "chips": own}
    return [(shared | _of_dataset(app, text, given), more) for text in given["datasets"]] or [(shared, more)]


def _of_dataset(app: Application, text: str, given: Mapping[str, Any]) -> dict[str, Any]:
    """Return the recipe that a dataset is; its pixels are the source's own where nothing else is asked for."""
    tiles = None if _is_job(given) else Path(given["file"])
    bands, params = split_list(given["bands"] or ""), dict(key_and_value(text) for text in given["params"])
    chosen = choose_for_tiles(app, tiles, text, name=given["base_name"] or "", bands=bands, params=params)
    own_scale = None if given["pixels"] or given["crs"] or _is_job(given) else chosen.scale
    return {
        "recipe": chosen.recipe,
        "params": tuple(f"{key}={value}" for key, value in chosen.params.items()),
        "bands": ",".join(chosen.bands),
        "base_name": chosen.name,
        "scale": own_scale if given["scale"] is None else given["scale"],
    }

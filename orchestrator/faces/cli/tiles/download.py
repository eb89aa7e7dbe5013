"""`tiles download`: a chip of each tile, of one dataset or several, from options or a job file."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import rich_click as click
from rich_click import option

from orchestrator.app import expand
from orchestrator.core.errors import UserError
from orchestrator.faces.cli.options import build_table, job_options, sandbox_options
from orchestrator.faces.cli.run import OVERWRITE, run_all, run_one
from orchestrator.faces.cli.session import Context, opened

if TYPE_CHECKING:
    from orchestrator.app import Application
    from orchestrator.faces.cli.output import Output

HELP = """
Images of 100 × 100 pixels for every tile, then labels onto the same tiles:

    orchestrator tiles download lux_partitions_aschips_14c55eb7d417f.parquet --dataset sentinel2-rgb-median-2020
    --dataset esa-world-cover --pixels 100 100

Any recipe: `--recipe sentinel2-cloudless --start 2024-05-01 --end 2024-09-01 --bands B4,B3,B2 --scale 10`. They go to a
folder beside the file, called like it, each dataset in its own; `chips.parquet` there tells of every tile whether its
chip is DONE, EMPTY (every pixel masked) or FAILED, and why. Exit code 3 while one is missing: the same command then
asks for those alone. Each option may come from the environment: ORCHESTRATOR_CLI_TILES_DOWNLOAD_ + option.
"""

_FILE = "file="
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
    option("--pixels", nargs=2, type=int, metavar="WIDTH HEIGHT", help="Of every chip, around the middle of its tile."),
    option("--scale", type=float, metavar="UNITS", help="Side of a pixel.  [default: a tile over WIDTH]"),
    option("--crs", metavar="EPSG:n", help="CRS of all chips.  [default: UTM zone of each tile]"),
    option("--bands", metavar="B4,B3,..", help="Bands, in order.  [default: all of the recipe]"),
    option("--start-date", "--start", "start_date", metavar="DATE", help="First day, e.g. 2024-05-01."),
    option("--end-date", "--end", "end_date", metavar="DATE", help="The day after the last one."),
    option("--split", metavar="NAME", help="Tiles of one split only: train, test, val."),
    option("--where", metavar="CONDITION", help="Tiles for which it holds, such as `area_km2 > 0.5`."),
    option("--max", "first", type=click.IntRange(min=1), metavar="N", help="The first N tiles only, for a try."),
    option(
        "--outside",
        type=click.Choice(["keep", "nodata"]),
        help="Pixels of a chip whose centres lie outside its tile.  [default: keep]",
    ),
    option("--attempts", type=click.IntRange(1, 100), metavar="N", help="Tries of a chip that fails.  [default: 8]"),
    option("--min-valid", type=float, metavar="SHARE", help="Hold the run when a smaller share holds data."),
    option("--route", type=click.Choice(["pixels", "region"]), help="How pixels come.  [default: pixels]"),
)  # fmt: skip


def download_options(function: Any) -> Any:
    """Add the options that describe chips."""
    for add in reversed(_OPTIONS):
        function = add(function)
    return function


@click.command(epilog=HELP)
@download_options
@sandbox_options
@click.option(
    "--sandbox-scenes",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="Real scenes for the private sandbox (STAC items with rasters); synthetic ones otherwise.",
)
@click.option("--again", is_flag=True, help="Do it once more although it is done.")
@OVERWRITE
@click.pass_obj
def download(context: Context, /, again: bool, overwrite: bool, **given: Any) -> int:
    """
    Bring a chip of each tile: a small GeoTIFF, all of one zone on one lattice.

    Started again after a crash, or when chips are missing, the same command continues.
    """
    output = context.output()
    laid = laid_out(given)
    with opened(context, given | {"scenes": given["sandbox_scenes"]}, output) as app:
        app.check_service()
        declared = [build_table(*_looked_up(app, *each, output)) for each in laid]
        with output.busy("reading the tiles"):
            jobs = [job for table, base in declared for job in expand(table.job(base, app.settings.service))]
        if len(jobs) == 1:
            return run_one(app, jobs[0], output, again=again, overwrite=overwrite)
        return run_all(app, jobs, output, again=again, overwrite=overwrite)


def laid_out(given: Mapping[str, Any]) -> list[tuple[dict[str, Any], dict[str, Any]]]:
    """
    Return the options of each dataset as those of `run`, with the keys that only chips have.

    Raises:
        UserError: Options contradict each other, or it is not said what the pixels are.
    """
    file, datasets = Path(given["file"]), given["datasets"]
    is_job = file.suffix == ".toml"
    if datasets and given["recipe"]:
        raise UserError("what are the pixels? Give --dataset or --recipe, not both")
    if not datasets and not given["recipe"] and not is_job:
        raise UserError("what are the pixels? Give --dataset NAME (`orchestrator dataset list`) or --recipe NAME")
    if len(datasets) > 1 and (given["base_name"] or given["bands"]):
        raise UserError("--name and --bands are for one dataset; give several in commands of their own")
    if given["split"] and given["where"]:
        raise UserError("give --split or --where, not both; --where takes `split == train`, too")
    own: dict[str, Any] = {} if is_job else {"tiles": given["file"]}
    own |= dict(zip(("width", "height"), given["pixels"] or (), strict=False))
    where = f"split == {given['split']}" if given["split"] else given["where"]
    own |= {"where": where, "first": given["first"], "outside": given["outside"], "attempts": given["attempts"]}
    own = {name: value for name, value in own.items() if value is not None}
    names: list[str] = [str(param.name) for param in getattr(job_options(lambda: None), "__click_params__", ())]
    shared = {name: given.get(name) for name in names} | {"job_file": (given["file"],) if is_job else ()}
    more = {"product": "chips", "chips": own}
    return [(shared | _of_dataset(name, given), more) for name in datasets] or [(shared, more)]


def _of_dataset(name: str, given: Mapping[str, Any]) -> dict[str, Any]:
    """Return the recipe that a dataset is: by its name, or by the file of its code, which is looked at later."""
    is_file = name.endswith(".py") or "/" in name
    told = f"{_FILE}{Path(name).resolve()}" if is_file else f"name={name}"
    base_name = given["base_name"] or (None if is_file else name.replace(".", "-"))
    return {"recipe": "dataset", "params": (told, *given["params"]), "base_name": base_name}


def _looked_up(
    app: Application, shared: dict[str, Any], more: dict[str, Any], output: Output
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return options in which a user's code has said what its dataset is called, and the service what its bands are."""
    file = next((one for one in shared["params"] or () if one.startswith(_FILE)), "")
    if shared["recipe"] != "dataset" or not file:
        return shared, more
    from orchestrator.app.verbs.datasets import choose  # noqa: PLC0415  names need none of it

    bands = [band for band in (shared["bands"] or "").split(",") if band]
    params = dict(one.split("=", 1) for one in shared["params"] if one != file and "=" in one)
    with output.busy("asking for the bands"):
        found = choose(app, file.removeprefix(_FILE), name=shared["base_name"] or "", bands=bands, params=params)
    for note in found.notes:
        output.note(f"note: {note}")
    told = tuple(f"{key}={value}" for key, value in found.params.items())
    return shared | {"params": told, "bands": ",".join(found.bands), "base_name": found.name}, more

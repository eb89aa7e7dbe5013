"""`copernicus preprocess`: downloaded scenes made ready for training, from a configuration or from options."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import rich_click as click
from pydantic import ValidationError
from rich_click import option

from orchestrator.app import expand
from orchestrator.config import JobTable, explain, read_table
from orchestrator.core.errors import UserError
from orchestrator.faces.cli.option_sets import all_of
from orchestrator.faces.cli.options import again_option, build_table, job_options, split_list
from orchestrator.faces.cli.run import OVERWRITE, run_one
from orchestrator.faces.cli.session import Context, opened

if TYPE_CHECKING:
    from orchestrator.model.job import Job

HELP = """
Six bands on the pixels of the scene classification, with labels and a mask of valid pixels:

    orchestrator copernicus preprocess --index out/meta/step1/index.json --out out --target-grid scl_20m
    --bands B02,B03,B04,B08,B11,B12

Normalised over all scenes in two passes: the same with `--normalize compute_only`, which writes
OUT/normalize/stats.json and no scene, then with `--normalize apply_with_stats`. Every key of the published
configuration stands in a job file, or in `--config preprocess.yaml` (or .toml); options go before it. A scene that
cannot be made is listed, the others are made, exit code 3; the same command then makes what is missing. Without labels:
`--no-labels --target-grid B02`. Statistics of numbers, `--no-toa`, need `normalize.hist_range` in a file.
"""

_OPTIONS = (
    click.argument("job_file", metavar="[JOB.toml]", required=False, nargs=-1, type=str.strip),
    option("--config", metavar="FILE", help="A configuration, YAML or TOML, with the group `preprocess`."),
    option("--index", "index_json", metavar="FILE", help="Index of the downloaded scenes, OUT/meta/step1/index.json."),
    option("--out", "--output", "-o", "out_dir", metavar="DIR", help="Folder of the samples."),
    option("--run-id", metavar="NAME", help="Name of the run, and of its manifest.  [default: preprocess]"),
    option("--max-scenes", type=click.IntRange(min=1), metavar="N", help="The first N scenes only."),
    option("--target-grid", "target_grid_ref", metavar="NAME", help="Whose pixels: scl_20m, or a band such as B02."),
    option("--bands", "l1c_bands", metavar="B02,B03,..", help="Bands of x.tif, in order."),
    option("--toa/--no-toa", "to_toa_reflectance", default=None, help="Reflectance, or numbers.  [default: toa]"),
    option("--upsample-method", metavar="METHOD", help="Of coarser bands.  [default: bilinear]"),
    option("--downsample-method", metavar="METHOD", help="Of finer bands.  [default: average]"),
    option(
        "--valid-pixel-mask",
        type=click.Choice(["single", "per_band"]),
        help="One mask, or one a band.  [default: single]",
    ),
    option("--angles/--no-angles", "angles__enabled", default=None, help="Write angles.tif.  [default: no]"),
    option("--labels/--no-labels", "labels__enabled", default=None, help="Write y.tif.  [default: yes]"),
    option(
        "--normalize",
        "normalize__mode",
        type=click.Choice(["none", "compute_only", "apply_with_stats"]),
        help="Count, apply, or neither.  [default: none]",
    ),
    option("--stats", "normalize__stats_path", metavar="FILE", help="Statistics.  [default: OUT/normalize/stats.json]"),
    option("--num-workers", type=click.IntRange(0, 256), metavar="N", help="Processes.  [default: 0, threads]"),
)  # fmt: skip


@click.command(epilog=HELP)
@all_of(_OPTIONS)
@again_option
@OVERWRITE
@click.pass_obj
def preprocess(
    context: Context, /, again: bool, overwrite: bool, job_file: tuple[str, ...], config: str | None, **given: Any
) -> int:
    """
    Make downloaded scenes ready for training: bands on one grid, masks, labels, angles.

    Started again after a crash, or when scenes are missing, the same command continues.
    """
    output = context.output()
    if job_file and config:
        raise UserError(f"{job_file[0]} and --config {config} both say what is made; give one of them")
    if job_file:
        table, base = job_table(job_file, given)
    else:
        table, base = declared_table(Path(config) if config else None, given), Path.cwd()
    with opened(context, {}, output) as app:
        (job,) = expand(table.job(base, app.settings.services))
        return run_one(app, job, output, again=again, overwrite=overwrite)


def declared_table(config: Path | None, given: Mapping[str, Any]) -> JobTable:
    """
    Return the job of a configuration with options laid over it.

    Raises:
        UserError: The file cannot be read, or a key or value is wrong.
    """
    from orchestrator.config.pipeline import read_preprocess  # noqa: PLC0415  YAML is heavy

    own = _nested(given)
    keys = read_preprocess(config, own) if config else own
    try:
        return JobTable.model_validate({"product": "preprocess", "preprocess": keys})
    except ValidationError as error:
        raise UserError(explain(error, str(config) if config else "options", JobTable)) from None


def job_table(job_file: tuple[str, ...], given: Mapping[str, Any]) -> tuple[JobTable, Path]:
    """
    Return the job of a job file with options laid over it, and the folder that its relative paths count from.

    Raises:
        UserError: The file cannot be read, is of another product, or a key or value is wrong.
    """
    own = _nested({name: _absolute(value) if name in _PATHS and value else value for name, value in given.items()})
    names = [str(param.name) for param in getattr(job_options(lambda: None), "__click_params__", ())]
    shared: dict[str, Any] = dict.fromkeys(names) | {"job_file": job_file}
    shared |= {"output": own.pop("out_dir", None), "base_name": own.pop("run_id", None)}
    product = read_table(Path(job_file[0])).get("product")
    if len(job_file) == 1 and product != "preprocess":
        said = f'says product = "{product}"' if product else "says no product"
        raise UserError(f'{job_file[0]} {said}; expected "preprocess"; `orchestrator run JOB.toml` takes any')
    return build_table(shared, {"preprocess": own})


_PATHS = ("index_json", "normalize__stats_path")  # typed here, not in the folder of the job file


def _absolute(text: str) -> str:
    return str(Path(text).expanduser().absolute())


def _nested(given: Mapping[str, Any]) -> dict[str, Any]:
    """Return what was given as the tables of the configuration: `angles__enabled` is `enabled` of `angles`."""
    own: dict[str, Any] = {}
    for name, value in given.items():
        if value is None:
            continue
        table, _, key = name.rpartition("__")
        into = own.setdefault(table, {}) if table else own
        into[key] = split_list(value) if key == "l1c_bands" else value
    return own


def jobs_of(table: JobTable, services: Mapping[str, str]) -> list[Job]:
    """Return the job, its paths counted from the current folder, with the checksums of the files it names."""
    return expand(table.job(Path.cwd(), services))

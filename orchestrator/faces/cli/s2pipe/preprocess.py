"""`s2pipe preprocess`: scenes made ready for training as a configuration file says."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import rich_click as click
from rich_click import option

from orchestrator.core.errors import UserError
from orchestrator.faces.cli.copernicus.preprocess import declared_table, jobs_of
from orchestrator.faces.cli.option_sets import all_of
from orchestrator.faces.cli.options import again_option
from orchestrator.faces.cli.run import OVERWRITE, run_one
from orchestrator.faces.cli.session import Context, opened
from orchestrator.products.preprocess.keys import METHODS

if TYPE_CHECKING:
    from orchestrator.config import JobTable

HELP = """
Statistics of all scenes first, then scenes that are normalised by them:

    orchestrator s2pipe preprocess --config examples/s2pipe/preprocess_stats.yaml
    orchestrator s2pipe preprocess --config examples/s2pipe/preprocess_apply.yaml

An option goes before what the file says. A key of the file that is none is refused, with its line. Scenes that cannot
be made are listed, exit code 3: the same command takes up those alone.
"""

_METHOD = click.Choice(METHODS)
_OPTIONS = (
    option(
        "--config",
        "file",
        required=True,
        type=click.Path(path_type=Path),
        metavar="FILE",
        help="Configuration with a group `preprocess:`, .yaml or .toml.",
    ),
    option("--out", "--out-dir", "out_dir", metavar="DIR", help="Folder of the samples."),
    option("--max-scenes", type=click.IntRange(min=1), metavar="N", help="The first N scenes only."),
    option("--run-id", metavar="NAME", help="Name of the run."),
    option("--target-grid-ref", metavar="NAME", help="Whose pixels samples have: `scl_20m`, or a band such as B02."),
    option("--num-workers", type=click.IntRange(min=0), metavar="N", help="Processes; 0 computes in this one."),
    option("--toa/--no-toa", "to_toa_reflectance", default=None, help="Reflectance, or numbers as they are stored."),
    option("--labels/--no-labels", "labels__enabled", default=None, help="Whether there is y.tif."),
    option("--label-backend", "labels__backend", metavar="NAME", help="Where labels come from: `scl`, `raster`."),
    option("--upsample-method", type=_METHOD, help="To a finer grid."),
    option("--downsample-method", type=_METHOD, help="To a coarser grid."),
    option("--valid-pixel-mask", type=click.Choice(["single", "per_band"]), help="Masks behind the bands of x.tif."),
    option(
        "--normalize-mode",
        "normalize__mode",
        type=click.Choice(["none", "compute_only", "apply_with_stats"]),
        help="Which pass.",
    ),
    option("--normalize-stats-path", "normalize__stats_path", metavar="FILE", help="Statistics, made or applied."),
    option(
        "--save-histograms/--no-save-histograms",
        "normalize__save_histograms",
        default=None,
        help="Whether histogram.npz is written beside the statistics.",
    ),
    option(
        "--max-pixels-per-scene",
        "normalize__max_pixels_per_scene",
        type=click.IntRange(min=1),
        metavar="N",
        help="Count so many pixels of each scene and band, by chance.",
    ),
    option(
        "--clip-percentiles",
        "normalize__clip_percentiles",
        nargs=2,
        type=float,
        default=None,
        metavar="LOW HIGH",
        help="Such as 1 99.",
    ),
    option("--no-clip", is_flag=True, help="Clip nothing."),
    option(
        "--hist-range",
        "normalize__hist_range",
        nargs=2,
        type=float,
        default=None,
        metavar="LOW HIGH",
        help="Of the histogram, such as -0.2 2.",
    ),
    option("--hist-bin-width", "normalize__hist_bin_width", type=float, metavar="WIDTH", help="Such as 0.0001."),
    option("--norm-seed", "normalize__seed", type=click.IntRange(min=0), metavar="N", help="Of the choice of pixels."),
)  # fmt: skip


@click.command("preprocess", epilog=HELP)
@all_of(_OPTIONS)
@again_option
@OVERWRITE
@click.pass_obj
def s2pipe_preprocess(
    context: Context, /, file: Path, no_clip: bool, again: bool, overwrite: bool, **given: Any
) -> int:
    """
    Make scenes ready for training: `copernicus preprocess`.

    Started again after a crash, or when scenes are missing, the same command continues.
    """
    output = context.output()
    table = asked(file, given, no_clip=no_clip)
    with opened(context, {}, output) as app:
        (job,) = jobs_of(table, app.settings.services)
        return run_one(app, job, output, again=again, overwrite=overwrite)


def asked(file: Path, given: Mapping[str, Any], *, no_clip: bool) -> JobTable:
    """
    Return the job of a configuration with options laid over it.

    Raises:
        UserError: Options contradict each other, or the file has a wrong key or value.
    """
    if no_clip and given["normalize__clip_percentiles"]:
        raise UserError("--clip-percentiles and --no-clip contradict each other; give one of them")
    return declared_table(file, {**given, **({"normalize__clip_percentiles": []} if no_clip else {})})

"""`patches cut`: windows of preprocessed scenes become shards of a training set."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import rich_click as click
from rich_click import option

from orchestrator.app import expand
from orchestrator.core.errors import UserError
from orchestrator.faces.cli.option_sets import all_of
from orchestrator.faces.cli.options import again_option, build_table, job_options, split_list
from orchestrator.faces.cli.run import OVERWRITE, run_one
from orchestrator.faces.cli.session import Context, opened

HELP = """
Patches of 256 × 256 pixels that hold data, split by squares of the ground, in shards of 256 MB:

    orchestrator patches cut out/meta/step2/index.json --out out/patches

Every 128 pixels, with few clouds, three scenes of a place on top of each other:

    orchestrator patches cut out --stride 128 --max-cloud 0.2 --shadow --times 3 --out out/stacks

Beside the shards: patches.parquet with a row for every window, kept or not and why; statistics of each split; a card
(README.md), STAC, a sheet to look at, SHA256SUMS. The same scenes give the same bytes; started again after a crash, the
same command continues. `patches pack` makes other shards of them without reading the scenes.
"""

_OPTIONS = (
    click.argument("source", metavar="INDEX|FOLDER|JOB.toml"),
    option("--out", "out", metavar="DIR", help="Where they go.  [default: `patches` beside the scenes]"),
    option("--size", type=int, metavar="PIXELS", help="Side of a patch.  [default: 256]"),
    option("--stride", type=int, metavar="PIXELS", help="From one patch to the next.  [default: size]"),
    option(
        "--edge",
        type=click.Choice(["drop", "pad", "shift"]),
        help="What lies beyond the last whole patch: left out, filled up, or in one moved back.  [default: drop]",
    ),
    option("--min-valid", type=float, metavar="SHARE", help="Least share of pixels with data.  [default: 0.8]"),
    option(
        "--max-ignore",
        type=float,
        metavar="SHARE",
        help="Greatest share of pixels without a label.  [default: 0.5 where there are labels]",
    ),
    option("--max-cloud", type=float, metavar="SHARE", help="Greatest share of clouds, classes 8, 9, 10 of the SCL."),
    option("--shadow", is_flag=True, default=None, help="Count shadows of clouds, class 3, as clouds."),
    option("--labels/--no-labels", default=None, help="With y.tif, where there is one.  [default: labels]"),
    option("--angles", is_flag=True, default=None, help="With angles.tif."),
    option("--times", metavar="N|all", help="Scenes of a place in one sample, in the order of time.  [default: 1]"),
    option(
        "--split-by",
        type=click.Choice(["area", "tile", "scene"]),
        help="What stays together: squares of the ground, tiles, or scenes.  [default: area]",
    ),
    option("--shares", metavar="A,B,C", help="Of train, val and test.  [default: 0.7,0.15,0.15]"),
    option("--block", type=float, metavar="METRES", help="Side of the squares.  [default: two patches]"),
    option("--gap", type=float, metavar="METRES", help="Least distance of patches of different splits.  [default: 0]"),
    option("--seed", type=click.IntRange(0), metavar="N", help="Of splits and order.  [default: 0]"),
    option("--shuffle", is_flag=True, default=None, help="Shuffle each split.  [default: scene by scene]"),
    option(
        "--format", type=click.Choice(["webdataset", "npz"]), help="Shards, or a file a patch.  [default: webdataset]"
    ),
    option("--shard-size", metavar="N/MB/MiB", help="Samples, or bytes, of a shard.  [default: 256MB]"),
)
_OWN = (
    *("size", "stride", "edge", "min_valid", "max_ignore", "max_cloud", "shadow", "labels", "angles", "times"),
    *("split_by", "block", "gap", "seed", "shuffle", "format", "shard_size"),
)


@click.command(epilog=HELP)
@all_of(_OPTIONS)
@again_option
@OVERWRITE
@click.pass_obj
def cut(context: Context, /, again: bool, overwrite: bool, **given: Any) -> int:
    """
    Cut scenes that are ready for training into patches, filter and split them, and write shards.

    No ground is in two splits: of patches that would overlap across splits one is left out.
    """
    output = context.output()
    with opened(context, given, output) as app:
        table, base = build_table(*patch_table(given))
        app.check_service(table.product)
        with output.busy("reading the scenes"):
            (job,) = expand(table.job(base, app.settings.services))
        return run_one(app, job, output, again=again, overwrite=overwrite)


def patch_table(given: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the options as those of `run`, and the keys that only patches have."""
    is_job = Path(given["source"]).suffix == ".toml"
    own: dict[str, Any] = {name: given[name] for name in _OWN if given[name] is not None}
    own |= {} if is_job else {"index": str(Path(given["source"]).expanduser())}
    own |= {"shares": shares_of(given["shares"])} if given["shares"] else {}
    names = [str(param.name) for param in getattr(job_options(lambda: None), "__click_params__", ())]
    shared: dict[str, Any] = dict.fromkeys(names) | {"job_file": (given["source"],) if is_job else ()}
    if given["out"]:
        out = Path(given["out"]).expanduser()
        shared |= {"output": str(out.parent), "base_name": out.name}
    return shared, {"product": "patches", "patches": own}


def shares_of(text: str) -> tuple[float, ...]:
    """
    Return three shares that are written one after the other.

    Raises:
        UserError: They are not three numbers.
    """
    try:
        shares = tuple(float(word) for word in split_list(text))
    except ValueError:
        shares = ()
    if len(shares) != 3:
        raise UserError(f"--shares {text!r} are not three numbers; write those of train, val and test: 0.7,0.15,0.15")
    return shares

"""`patches pack`: other shards of patches that are cut already."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import rich_click as click
from rich_click import option

from orchestrator.faces.cli.exits import DONE
from orchestrator.faces.cli.options import split_list
from orchestrator.faces.cli.patches.cut import shares_of
from orchestrator.faces.cli.patches.shown import show_set
from orchestrator.faces.cli.session import Context

HELP = """
As many patches of water as of anything else in train, in shards of 1,000:

    orchestrator patches pack out/patches --balance 6 --shard-size 1000 --out out/balanced

Other splits: `--shares 0.8,0.2,0 --split-by tile`. Nothing is read but the table and the shards; samples are copied
as they are, each checked against the checksum that the table tells.
"""


@click.command("pack", epilog=HELP)
@click.argument("folder", metavar="PATCHES", type=click.Path(path_type=Path))
@option("--out", "into", type=click.Path(path_type=Path), required=True, metavar="DIR", help="Where the new set goes.")
@option("--balance", default="", metavar="CLASSES|all", help="Classes of which train has equally many: 6, or 4,5,6.")
@option("--present", type=float, default=0.01, metavar="SHARE", help="From which a patch has a class.  [default: 0.01]")
@option("--shares", default="", metavar="A,B,C", help="Of train, val and test: split anew.  [default: as it is]")
@option("--split-by", type=click.Choice(["area", "tile", "scene"]), default=None, help="Likewise, what stays together.")
@option("--block", type=float, metavar="METRES", help="Likewise, side of the squares of an area.")
@option("--gap", type=float, metavar="METRES", help="Likewise, least distance of patches of different splits.")
@option("--shard-size", default="", metavar="N/MB/MiB", help="Samples, or bytes, of a shard.  [default: as it is]")
@option("--format", type=click.Choice(["webdataset", "npz"]), default=None, help="[default: as it is]")
@option("--seed", type=click.IntRange(0), metavar="N", help="Of splits, balance and order.  [default: as it is]")
@option("--shuffle", is_flag=True, help="Shuffle each split.")
@option("--overwrite", is_flag=True, help="Replace a set that was made here and not changed since.")
@click.pass_obj
def pack_patches(context: Context, /, folder: Path, into: Path, overwrite: bool, **given: Any) -> int:
    """
    Make other shards of patches: other splits, a balance of classes, other sizes or another format.

    The scenes need not be there any more.
    """
    from orchestrator.app.verbs import patches  # noqa: PLC0415  geopandas is heavy

    shown = context.output()
    shares: Any = shares_of(given["shares"]) if given["shares"] else None
    asked = patches.Repacking(
        balance=tuple(split_list(given["balance"])),
        present=given["present"],
        shares=shares,
        split_by=given["split_by"] or "",
        block=given["block"],
        gap=given["gap"],
        shard_size=given["shard_size"],
        format=given["format"] or "",
        seed=given["seed"],
        shuffle=given["shuffle"],
    )
    with shown.telling("reading the table") as say:
        made = patches.pack_patches(folder.expanduser(), into.expanduser(), asked, overwrite=overwrite, say=say)
    show_set(made.folder, made.about, shown)
    shown.message("packed", dict(patches.set_facts(made)))
    return DONE

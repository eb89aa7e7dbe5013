"""`copernicus index`: SAFE folders that somebody has already become an index, which the next steps read."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import rich_click as click
from rich_click import option

from orchestrator.core.units import format_bytes, format_count
from orchestrator.faces.cli.copernicus.faults import show_faults
from orchestrator.faces.cli.exits import DONE, PARTLY
from orchestrator.faces.cli.session import Context, obey_signals

if TYPE_CHECKING:
    from orchestrator.app.verbs.copernicus import AdoptionReport
    from orchestrator.faces.cli.output import Output


@click.command("index")
@click.argument("folder", type=click.Path(path_type=Path))
@option(
    "--out",
    "--output",
    "-o",
    "out",
    metavar="DIR",
    help="Gets meta/step1/index.json, and links to files that lie elsewhere.  [default: FOLDER]",
)
@option("--verify/--no-verify", default=True, help="Compare every file with its manifest.  [default: verify]")
@click.pass_obj
def index_scenes(context: Context, /, folder: Path, out: str | None, verify: bool) -> int:
    """
    Make an index of SAFE folders that you have already, each file compared with its product's manifest.

    The files stay where they are; `orchestrator copernicus preprocess --index` reads the index. Exit code 3 when
    something is missing, or is not what its manifest says: it is in the index all the same.
    """
    from orchestrator.app.verbs.copernicus import adopt, home_of  # noqa: PLC0415  help needs none

    shown, source = context.output(), folder.expanduser()
    obey_signals(context.stop)
    with shown.telling("looking for products") as say:
        root = Path(out).expanduser() if out else home_of(source)
        found = adopt(source, root, context.stop, verify=verify, say=say)
    _show(found, shown)
    return PARTLY if found.faults else DONE


def _show(found: AdoptionReport, output: Output) -> None:
    counts = show_faults(found.faults, output)
    facts = {"scenes": found.scenes, "files": found.files, "bytes": found.bytes, "verified": found.verified}
    output.message("indexed", {"path": str(found.path), **facts, "faults": dict(counts)})
    scenes, files = format_count(found.scenes, "scene"), format_count(found.files, "file")
    said = "".join(f", {count:,} {kind}" for kind, count in counts.items())
    output.say(f"{scenes}, {files}, {format_bytes(found.bytes)}: {found.verified:,} verified by their manifests{said}")
    output.say(f"{found.path}  index, for `orchestrator copernicus preprocess --index`")

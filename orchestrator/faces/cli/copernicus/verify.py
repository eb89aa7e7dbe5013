"""`copernicus verify`: does a folder hold what its manifests say?"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import rich_click as click

from orchestrator.core.units import format_bytes, format_count
from orchestrator.faces.cli.copernicus.faults import show_faults
from orchestrator.faces.cli.exits import DONE, PARTLY
from orchestrator.faces.cli.session import Context, obey_signals

if TYPE_CHECKING:
    from orchestrator.faces.cli.output import Output
    from orchestrator.products.scenes.checking import FolderReport


@click.command("verify")
@click.argument("folder", type=click.Path(path_type=Path))
@click.pass_obj
def verify_scenes(context: Context, /, folder: Path) -> int:
    """
    Compare every file of a folder of scenes with its index and manifests: there, size, checksum, nobody's.

    Only looks; nobody is asked. Exit code 3 when something is wrong or missing.
    """
    from orchestrator.app.verbs.copernicus import check_folder  # noqa: PLC0415  help needs none

    shown = context.output()
    obey_signals(context.stop)
    with shown.telling("reading the index") as say:
        found = check_folder(folder.expanduser(), context.stop, say)
    _show(found, shown)
    return PARTLY if found.faults else DONE


def _show(found: FolderReport, output: Output) -> None:
    counts = show_faults(found.faults, output)
    output.message(
        "verified",
        {
            "scenes": found.scenes,
            "files": found.files,
            "bytes": found.bytes,
            "unproved": found.unproved,
            "faults": dict(counts),
        },
    )
    words = ", ".join(f"{count:,} {kind}" for kind, count in counts.items()) or "all is as it is said"
    scenes, files = format_count(found.scenes, "scene"), format_count(found.files, "file")
    output.say(f"{scenes}, {files}, {format_bytes(found.bytes)}: {words}")
    if found.unproved:
        output.say(f"of {format_count(found.unproved, 'file')} no checksum of the service's is known")
    if counts.keys() & {"missing", "size", "checksum", "damaged", "unfinished"}:
        again = " --again" if counts.keys() & {"checksum", "damaged"} else ""
        output.say(f"the same `orchestrator copernicus download` as before{again} brings what is missing or wrong")

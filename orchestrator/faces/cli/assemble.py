"""`assemble`: parts that are there already become one clipped file, without any account."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import rich_click as click
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from orchestrator import __version__
from orchestrator.core.units import format_bytes, format_count
from orchestrator.faces.cli.output import Output
from orchestrator.faces.cli.session import Context, obey_signals
from orchestrator.model.mosaic import OutputOptions
from orchestrator.model.validity import empty_bands, valid_words

PIPE_SECONDS = 10.0


@click.command()
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--output", required=True, metavar="DIR", help="Folder of the result.")
@click.option("--base-name", "--base_name", required=True, metavar="NAME", help="The result is NAME_clipped.tif.")
@click.option(
    "--area",
    "--shapefile",
    "areas",
    multiple=True,
    metavar="FILE",
    help="What it is cut with, as for `run`; repeatable, all together.  [default: nothing is cut away]",
)
@click.option("--area-layer", "--layer", "area_layer", metavar="NAME", help="Layer of an area file that has several.")
@click.option("--area-crs", metavar="CRS", help="CRS of an area file that does not say, as EPSG:n.")
@click.option("--where", metavar="SQL", help="Which features of the file.")
@click.option("--prefix", metavar="TEXT", help="Which parts, where the folder holds those of several rasters.")
@click.option("--nodata", type=float, metavar="VALUE", help="The value of pixels without data, where parts name none.")
@click.option("--allow-missing", is_flag=True, help="Fill the pixels of missing parts with nodata.")
@click.option("--overwrite", is_flag=True, help="Replace what lies at the result's names.")
@click.option("--all-touched", is_flag=True, help="Keep every pixel the area touches, not only those centred inside.")
@click.option(
    "--compress",
    type=click.Choice(["same", "zstd", "deflate", "lzw", "none"]),
    default="same",
    help="Codec of the result.  [default: same as the parts]",
)
@click.option(
    "--predictor",
    type=click.Choice(["same", "none", "horizontal", "float"]),
    default="same",
    help="Predictor of the result.  [default: same]",
)
@click.option("--block", type=int, default=0, metavar="PIXELS", help="Block side of the result.  [default: same]")
@click.option(
    "--overviews",
    type=click.Choice(["auto", "parts", "average", "nearest", "none"]),
    default="auto",
    help="Overviews of the result.  [default: auto]",
)
@click.pass_obj
def assemble(context: Context, /, folder: Path, output: str, base_name: str, **given: Any) -> int:
    """
    Make one clipped, cloud-optimised GeoTIFF of parts in FOLDER: those of an export, or any on one lattice.

    No account is needed and no network. Killed and started again, the same command continues.
    """
    from orchestrator.products.mosaic.parts.folder import assemble_folder  # noqa: PLC0415  GDAL is heavy
    from orchestrator.products.mosaic.parts.request import Request  # noqa: PLC0415

    shown, settings = context.output(), context.load().settings
    obey_signals(context.stop)
    request = Request(
        folder=folder.expanduser().resolve(),
        output=Path(output).expanduser().resolve(),
        base_name=base_name,
        areas=given["areas"],
        area_options={"layer": given["area_layer"], "crs": given["area_crs"], "where": given["where"]},
        options=OutputOptions(
            **{name: given[name] for name in ("compress", "predictor", "block", "overviews", "all_touched")}
        ),
        threads=settings.assemble.threads or 2,
        version=__version__,
        **{name: given[name] for name in ("prefix", "nodata", "allow_missing", "overwrite")},
    )
    with _shown(shown) as say:
        result = assemble_folder(request, context.stop, say)
    _conclude(result, shown)
    return 0


def _conclude(result: dict[str, Any], shown: Output) -> None:
    shown.message("summary", {"state": "DONE", **result})
    if empty := empty_bands(result["valid"]):
        shown.warn(
            f"the result holds no data: not one pixel of the area is valid in {empty}; look whether the area lies "
            "where the parts do, and at their nodata"
        )
    if shown.quiet:
        shown.say(result["path"])
        return
    shown.say(f"{result['path']}  ({format_bytes(result['bytes'])}, {format_count(result['parts'], 'part')})")
    shown.say(f"{result['proof']}  proof: every part with window, file and checksum")
    if result["picture"]:
        shown.say(f"{result['picture']}  quicklook")
    shown.say(f"valid: {valid_words(result['valid'])}")
    if result["missing"]:
        shown.say(f"missing: {format_count(len(result['missing']), 'part')}, filled with nodata; the proof names them")
    for note in result["notes"]:
        shown.say(f"note: {note}")
    shown.say(f"sha256 {result['sha256']}")


@contextmanager
def _shown(shown: Output) -> Iterator[Any]:
    """Yield what shows how far the work is: a bar on a terminal, else a line now and then, or JSON."""
    if not shown.moving.is_terminal or shown.as_json or shown.quiet:
        yield _Lines(shown).say
        return
    columns = (TextColumn("{task.description}"), BarColumn(bar_width=30), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=shown.moving, transient=True) as bar:
        row = bar.add_task("looking at the parts", total=None)

        def say(what: str, done: int, of: int) -> None:
            bar.update(row, description=what, completed=done, total=of or None)

        yield say


class _Lines:
    """Says how far the work is when something else begins, and every ten seconds."""

    def __init__(self, shown: Output) -> None:
        self._shown, self._lock = shown, threading.Lock()
        self._what, self._told = "", float("-inf")

    def say(self, what: str, done: int, of: int) -> None:
        with self._lock:
            now = time.monotonic()
            if what == self._what and now - self._told < PIPE_SECONDS:
                return
            self._what, self._told = what, now
        self._shown.note(f"{what}: {done}/{of}" if of else what)
        self._shown.message("status", {"detail": what, "done": done, "of": of})

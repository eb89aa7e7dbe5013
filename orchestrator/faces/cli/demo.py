"""`demo`: the whole way, on a private sandbox with synthetic scenes, in a real country's corner."""

from __future__ import annotations

import json
from importlib.resources import as_file, files
from pathlib import Path
from typing import Any

import rich_click as click

from orchestrator.app import Application, expand
from orchestrator.core.errors import IntegrityError
from orchestrator.engine.stores.records import Run
from orchestrator.faces.cli.run import run_one
from orchestrator.faces.cli.session import Context, opened
from orchestrator.model.job import AreaSource, GridRequest, Job
from orchestrator.model.states import RunState

BASE_NAME = "luxembourg_corner"
START, END = "2024-06-01", "2024-06-16"
BANDS = ("B2", "B3", "B4", "B8")
MAX_PART_BYTES = 4 * 2**20  # small, so that there is something to watch


@click.command()
@click.option("--output", default="orchestrator-demo", metavar="DIR", help="Folder.  [default: ./orchestrator-demo]")
@click.option("--scale", default=10.0, metavar="METRES", help="Pixel size.  [default: 10]")
@click.pass_obj
def demo(context: Context, /, output: str, scale: float) -> int:
    """
    Watch the whole way without an account: plan, export, poll, download, merge, clip, publish, clean up.

    A sandbox of Earth Engine and Cloud Storage runs on loopback for the time of the command and serves synthetic
    Sentinel-2 scenes with clouds over the south-east of Luxembourg.
    """
    folder = Path(output).resolve()
    shown = context.output()
    shown.note("demo: a cloud-free mosaic of Luxembourg's south-east, from synthetic scenes in a private sandbox")
    context.state_dir = context.state_dir or str(folder / ".state")
    with (
        as_file(files("orchestrator.faces.cli") / "luxembourg_corner.geojson") as area,
        opened(context, {"sandbox": True}, shown) as app,
    ):
        job = expand(_job(area, folder, scale))[0]
        code = run_one(app, job, shown, again=True)
        run = app.store.runs.find(job.fingerprints())
        with shown.busy("looking at the result once more"):
            sentences = proved(app, run) if run and run.state is RunState.CLEANED else []
        for sentence in sentences:
            shown.say(f"proved: {sentence}")
            shown.message("proved", {"sentence": sentence})
        shown.note(f"`orchestrator status {BASE_NAME}` and `orchestrator logs {BASE_NAME}` tell how it went")
    return code


def _job(area: Path, folder: Path, scale: float) -> Job:
    return Job(
        base_name=BASE_NAME,
        output=str(folder),
        area=AreaSource(str(area)),
        start_date=START,
        end_date=END,
        bands=BANDS,
        grid=GridRequest(scale=scale),
        max_part_bytes=MAX_PART_BYTES,
        service="sandbox",
    )


def proved(app: Application, run: Run) -> list[str]:
    """
    Return what was looked at after the run, in sentences.

    Raises:
        IntegrityError: Something is not as it should be.
    """
    from rio_cogeo.cogeo import cog_validate  # noqa: PLC0415  heavy

    final = Path(json.loads(run.result)["path"])
    proof: dict[str, Any] = json.loads(final.with_suffix(".json").read_text(encoding="utf-8"))
    valid, errors, _warnings = cog_validate(str(final))
    left = app.bucket().find("")
    tasks = app.store.tasks.attempts(run.id)
    operations = [o for o in app.earth_engine().operations() if o.description in {a.description for a in tasks}]
    largest = max(part["object"]["size"] for part in proof["parts"])
    _hold(valid, f"the file is no valid COG: {errors}")
    _hold(not left, f"{len(left)} objects are left in the bucket")
    _hold(len(operations) == len(tasks), f"{len(operations)} operations for {len(tasks)} tasks")
    _hold(largest <= MAX_PART_BYTES, f"a part has {largest} bytes")
    return [
        f"{len(tasks)} tasks planned, {len(operations)} operations in Earth Engine: nothing was exported twice",
        (
            f"{len(proof['parts'])} parts cover each of {proof['cover']['planned_pixels']:,} planned pixels once; "
            f"the largest has {largest:,} of {MAX_PART_BYTES:,} bytes allowed"
        ),
        "the file is a valid cloud-optimised GeoTIFF (rio-cogeo)",
        "the bucket is empty and the work folder is gone",
    ]


def _hold(true: bool, otherwise: str) -> None:
    if not true:
        raise IntegrityError(f"the demo found a fault: {otherwise}")

"""`calibrate`: asks the real service, by the smallest experiments, what the sandbox only assumes of it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from orchestrator.app import Application
from orchestrator.app.calibration.assumptions import Observation, file_of
from orchestrator.core.errors import OrchestratorError, Stopped, UserError
from orchestrator.core.files import write_whole

if TYPE_CHECKING:
    from orchestrator.app.calibration.experiments import Destination

MOST_EECU_HOURS = 10.0


def calibrate(
    app: Application, *, budget_hours: float, wait_seconds: float, target: Path
) -> Iterator[Observation | str]:
    """
    Make the experiments one after the other; yield what each told, and at last what could not be taken away.

    Everything goes under a prefix that nobody else has, and is taken away at the end, with the Drive folder if there
    was none before; whoever stops it is told what has been spent and what is left. The file at `target` is written
    when all is done: `python -m orchestrator.sandbox --behaviour FILE` takes it.

    Raises:
        UserError: `target` exists, or the budget is none.
        Stopped: Somebody asked to stop; no file is written.
    """
    from orchestrator.app.calibration.experiments import every, made  # noqa: PLC0415  the list of commands needs none
    from orchestrator.app.calibration.laboratory import Laboratory, told  # noqa: PLC0415

    if target.exists():
        raise UserError(f"{target} exists; name another file, or remove it")
    if not 0 < budget_hours <= MOST_EECU_HOURS:
        raise UserError(f"the budget is {budget_hours:g} EECU-hours; give more than 0 and at most {MOST_EECU_HOURS:g}")
    folder = None if app.settings.credentials.google.key_file else app.drive()
    bucket, drive = _destinations(app, folder)
    stores = [each.store for each in (bucket, drive) if each.store is not None]
    laboratory = Laboratory(app.earth_engine(), app.clock, app.stop, budget_hours * 3600, wait_seconds)
    found: list[Observation] = []
    stopped, ours = False, False
    try:
        ours = folder is not None and _is_absent(folder)
        for names, experiment in every(laboratory, bucket, drive):
            for each in made(names, experiment):
                found.append(each)
                yield each
    except Stopped:
        stopped = True
    finally:
        left = laboratory.tidy(stores)
        if ours:
            left += _without(folder, f"the Drive folder {app.settings.drive.folder!r}", told)
        for store in stores:
            store.close()
    if stopped:
        spent = f"{laboratory.spent_seconds:.0f} EECU-seconds were spent by exports that have ended"
        raise Stopped(f"stopped; nothing is written to {target}; {spent}; {_listed(left)}")
    yield from (f"could not be taken away: {name}" for name in left)
    document = file_of(
        found,
        project=app.settings.ee.project,
        when=app.clock.now().isoformat(timespec="seconds"),
        spent_seconds=laboratory.spent_seconds,
    )
    try:
        write_whole(target, json.dumps(document, indent=1).encode() + b"\n")
    except OSError as error:
        raise OrchestratorError(f"{target} cannot be written: {error.strerror}") from error


def _is_absent(folder: Any) -> bool:
    """Tell whether Drive surely has no folder of the name yet."""
    try:
        return not folder.exists()
    except Stopped:
        raise
    except OrchestratorError:  # the experiments will say why
        return False


def _without(folder: Any, name: str, told: Callable[[OrchestratorError], str]) -> list[str]:
    """Remove the folder that was made for us; return what is left of it."""
    try:
        return [] if folder.remove_if_empty() else [f"{name} (something else lies in it)"]
    except OrchestratorError as error:
        return [f"{name} ({told(error)})"]


def _listed(left: list[str]) -> str:
    return "left are " + ", ".join(left) if left else "nothing is left"


def _destinations(app: Application, folder: Any) -> tuple[Destination, Destination]:
    """Give the bucket, where one is named, and Drive, where somebody has one: a service account has none."""
    import ee  # noqa: PLC0415  see above

    from orchestrator.app.calibration.experiments import Destination  # noqa: PLC0415
    from orchestrator.transfer.store import CheckedStore  # noqa: PLC0415

    exports, settings = ee.batch.Export.image, app.settings

    def to_bucket(image: Any, prefix: str, **parameters: Any) -> Any:
        return exports.toCloudStorage(image, bucket=settings.gcs.bucket, fileNamePrefix=prefix, **parameters)

    def to_drive(image: Any, prefix: str, **parameters: Any) -> Any:
        return exports.toDrive(image, folder=settings.drive.folder, fileNamePrefix=prefix, **parameters)

    bucket = CheckedStore(app.bucket(), stop=app.stop) if settings.gcs.bucket else None
    drive = None if folder is None else CheckedStore(folder, stop=app.stop)
    return Destination(to_bucket, bucket), Destination(to_drive, drive)

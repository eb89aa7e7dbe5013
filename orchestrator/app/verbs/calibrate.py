"""`calibrate`: asks the real service, by the smallest experiments, what the sandbox only assumes of it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from orchestrator.app import Application
from orchestrator.app.calibration.assumptions import Observation, file_of
from orchestrator.core.errors import OrchestratorError, UserError
from orchestrator.core.files import write_whole

if TYPE_CHECKING:
    from orchestrator.app.calibration.experiments import Destination

MOST_EECU_HOURS = 10.0


def calibrate(
    app: Application, *, budget_hours: float, wait_seconds: float, target: Path
) -> Iterator[Observation | str]:
    """
    Make the experiments one after the other; yield what each told, and at last what could not be taken away.

    Everything goes under a prefix that nobody else has, and is taken away at the end, whatever happens. The file at
    `target` is written when all is done: `python -m orchestrator.sandbox --behaviour FILE` takes it.

    Raises:
        UserError: `target` exists, or the budget is none.
    """
    from orchestrator.app.calibration.experiments import every, made  # noqa: PLC0415  the list of commands needs none
    from orchestrator.app.calibration.laboratory import Laboratory  # noqa: PLC0415

    if target.exists():
        raise UserError(f"{target} exists; name another file, or remove it")
    if not 0 < budget_hours <= MOST_EECU_HOURS:
        raise UserError(f"the budget is {budget_hours:g} EECU-hours; give more than 0 and at most {MOST_EECU_HOURS:g}")
    bucket, drive = _destinations(app)
    stores = [each.store for each in (bucket, drive) if each.store is not None]
    laboratory = Laboratory(app.earth_engine(), app.clock, app.stop, budget_hours * 3600, wait_seconds)
    found: list[Observation] = []
    try:
        for names, experiment in every(laboratory, bucket, drive):
            for each in made(names, experiment):
                found.append(each)
                yield each
    finally:
        left = laboratory.tidy(stores)
        for store in stores:
            store.close()
    yield from (f"could not be taken away: {name}" for name in left)
    told = file_of(
        found,
        project=app.settings.ee.project,
        when=app.clock.now().isoformat(timespec="seconds"),
        spent_seconds=laboratory.spent_seconds,
    )
    try:
        write_whole(target, json.dumps(told, indent=1).encode() + b"\n")
    except OSError as error:
        raise OrchestratorError(f"{target} cannot be written: {error.strerror}") from error


def _destinations(app: Application) -> tuple[Destination, Destination]:
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
    drive = None if settings.credentials.google.key_file else CheckedStore(app.drive(), stop=app.stop)
    return Destination(to_bucket, bucket), Destination(to_drive, drive)

"""The route by batch export to Google Drive, for those who have no bucket."""

from __future__ import annotations

from typing import Any

import ee

from orchestrator.clients.earthengine import EarthEngine
from orchestrator.model.ports import ObjectStore
from orchestrator.routes.export import BatchExport


def drive_export(
    engine: EarthEngine, objects: ObjectStore, folder: str, *, cloud_optimized: bool = True, priority: int | None = None
) -> BatchExport:
    """Return the route that exports into the Drive folder called `folder`; a Drive knows no slashes in names."""

    def destination(image: Any, prefix: str, **options: Any) -> Any:
        return ee.batch.Export.image.toDrive(image, folder=folder, fileNamePrefix=prefix, **options)

    return BatchExport("drive", "_", engine, objects, destination, cloud_optimized=cloud_optimized, priority=priority)

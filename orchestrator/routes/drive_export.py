"""The route by batch export to Google Drive, for those who have no bucket."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import ee

from orchestrator.clients.earthengine import EarthEngine
from orchestrator.model.ports import ObjectStore
from orchestrator.routes.export import BatchExport, ExportOptions
from orchestrator.routes.names import Naming


def drive_export(
    engine: EarthEngine, objects: ObjectStore, folder: str, naming: Naming, options: ExportOptions | None = None
) -> BatchExport:
    """Return the route that exports into the Drive folder called `folder`; a Drive knows no slashes in names."""

    def destination(image: Any, prefix: str, **parameters: Any) -> Any:
        return ee.batch.Export.image.toDrive(image, folder=folder, fileNamePrefix=prefix, **parameters)

    flat = replace(naming, separator="_")
    return BatchExport("drive", engine, objects, destination, flat, options or ExportOptions())

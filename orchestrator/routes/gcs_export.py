"""The route by batch export to Cloud Storage."""

from __future__ import annotations

from typing import Any

import ee

from orchestrator.clients.earthengine import EarthEngine
from orchestrator.model.ports import ObjectStore
from orchestrator.routes.export import BatchExport, ExportOptions
from orchestrator.routes.names import Naming


def gcs_export(
    engine: EarthEngine, objects: ObjectStore, bucket: str, naming: Naming, options: ExportOptions | None = None
) -> BatchExport:
    """Return the route that exports into `bucket`."""

    def destination(image: Any, prefix: str, **parameters: Any) -> Any:
        return ee.batch.Export.image.toCloudStorage(image, bucket=bucket, fileNamePrefix=prefix, **parameters)

    return BatchExport("gcs", engine, objects, destination, naming, options or ExportOptions())

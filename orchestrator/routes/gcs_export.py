"""The route by batch export to Cloud Storage."""

from __future__ import annotations

from typing import Any

import ee

from orchestrator.clients.earthengine import EarthEngine
from orchestrator.model.ports import ObjectStore
from orchestrator.routes.export import BatchExport


def gcs_export(
    engine: EarthEngine, objects: ObjectStore, bucket: str, *, cloud_optimized: bool = True, priority: int | None = None
) -> BatchExport:
    """Return the route that exports into `bucket`."""

    def destination(image: Any, prefix: str, **options: Any) -> Any:
        return ee.batch.Export.image.toCloudStorage(image, bucket=bucket, fileNamePrefix=prefix, **options)

    return BatchExport("gcs", "/", engine, objects, destination, cloud_optimized=cloud_optimized, priority=priority)

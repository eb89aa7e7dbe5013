"""What Earth Engine takes of direct requests."""

from __future__ import annotations

from dataclasses import replace

from orchestrator.model.direct import Counted, DirectLimits

# Earth Engine, "Quotas": 48 MiB and 32,768 pixels a side of a request, 1,024 bands, 40 requests at once and 100 begun
# in a second for a project. Other people and other programs share it, so less is taken unless that is asked for.
GOOGLE = DirectLimits(most=50_331_648, max_side=32_768, max_bands=1_024, at_once=8, per_second=20.0)
# Earth Engine, `ImageCollection.getRegion`: 1,048,576 values, which are points × bands × images. Sides and bands have
# no limit of their own; how many requests go at once is the project's matter as above.
REGION = replace(GOOGLE, most=1_048_576, max_side=1_048_576, max_bands=1_048_576, counted=Counted.VALUES)

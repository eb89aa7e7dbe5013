"""What Earth Engine takes of direct requests."""

from __future__ import annotations

from orchestrator.model.direct import DirectLimits

# Earth Engine, "Quotas": 48 MiB and 32,768 pixels a side of a request, 1,024 bands, 40 requests at once and 100 begun
# in a second for a project. Other people and other programs share it, so less is taken unless that is asked for.
GOOGLE = DirectLimits(max_bytes=50_331_648, max_side=32_768, max_bands=1_024, at_once=8, per_second=20.0)

"""What a mosaic is asked for, and by what unfinished work is known again."""

from __future__ import annotations

import hashlib
import json

from assembly import Scene

from orchestrator.assemble.settings import MosaicSettings


def test_work_begun_before_the_options_were_one_value_is_known_again():
    """The fingerprint is that of the flat specification, in which each option was a field of its own."""
    spec = Scene().spec(compress="zstd", block=256, all_touched=True)
    grid, pixels = spec.grid, spec.pixels
    flat = {
        "grid": {"crs": grid.crs, "transform": grid.transform, "height": grid.height, "width": grid.width},
        "pixels": {"bands": pixels.bands, "dtype": pixels.dtype, "nodata": 0, "scale": 1.0, "offset": 0.0},
        "area_wkb": None,
        "all_touched": True,
        "compress": "zstd",
        "predictor": "same",
        "block": 256,
        "overviews": "auto",
        "tags": [],
    }

    expected = hashlib.sha256(json.dumps(flat, sort_keys=True).encode()).hexdigest()

    assert MosaicSettings.of(spec).fingerprint == expected

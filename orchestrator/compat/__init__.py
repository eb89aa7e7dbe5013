"""
Names of other libraries, each a call of the Python API: a program of theirs runs with other lines of import.

`georeader` are those of `georeader.readers.ee_image`, `s2pipe` those of the package of that name, as its description
prints them; all of them stand here, too.
"""

from __future__ import annotations

from orchestrator.compat import georeader, s2pipe
from orchestrator.compat.georeader import (
    export_cube,
    export_image,
    export_image_fast,
    export_image_getpixels,
    interpolate_20mbands_s2ee,
    query,
    query_collection,
    query_landsat,
    query_landsat_457,
    query_s1,
    query_s2_l1c,
    query_s2_l2a,
    split_bounds,
)
from orchestrator.compat.s2pipe import (
    AngleAssetConfig,
    CDSEAuth,
    DownloadConfig,
    LabelConfig,
    ManifestConfig,
    NodesIndexConfig,
    NormalizeConfig,
    PipelineConfig,
    PreprocessConfig,
    PreprocessResult,
    QueryConfig,
    RunControlConfig,
    RunResult,
    SelectionConfig,
    prompt_auth,
    run_download,
    run_preprocess,
)

__all__ = [
    "AngleAssetConfig",
    "CDSEAuth",
    "DownloadConfig",
    "LabelConfig",
    "ManifestConfig",
    "NodesIndexConfig",
    "NormalizeConfig",
    "PipelineConfig",
    "PreprocessConfig",
    "PreprocessResult",
    "QueryConfig",
    "RunControlConfig",
    "RunResult",
    "SelectionConfig",
    "export_cube",
    "export_image",
    "export_image_fast",
    "export_image_getpixels",
    "georeader",
    "interpolate_20mbands_s2ee",
    "prompt_auth",
    "query",
    "query_collection",
    "query_landsat",
    "query_landsat_457",
    "query_s1",
    "query_s2_l1c",
    "query_s2_l2a",
    "run_download",
    "run_preprocess",
    "s2pipe",
    "split_bounds",
]

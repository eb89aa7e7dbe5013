"""Names that programs know from s2pipe; its modules are called here as they are there."""

from __future__ import annotations

from orchestrator.compat.s2pipe.download.auth import CDSEAuth, prompt_auth
from orchestrator.compat.s2pipe.download.cfg import (
    DownloadConfig,
    ManifestConfig,
    NodesIndexConfig,
    PipelineConfig,
    QueryConfig,
    RunControlConfig,
    SelectionConfig,
)
from orchestrator.compat.s2pipe.download.pipeline import RunResult, run_download
from orchestrator.compat.s2pipe.preprocess.cfg import AngleAssetConfig, LabelConfig, NormalizeConfig, PreprocessConfig
from orchestrator.compat.s2pipe.preprocess.run import PreprocessResult, run_preprocess

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
    "prompt_auth",
    "run_download",
    "run_preprocess",
]

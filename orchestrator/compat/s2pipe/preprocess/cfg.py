"""The configuration of preprocessing, as values of Python; what each key means says `products.preprocess.keys`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True)
class AngleAssetConfig:
    """Which directions `angles.tif` holds, and how."""

    enabled: bool = False
    include_sun: bool = True
    include_view: bool = True
    encode: str = "sin_cos"
    view_mode: str = "per_band"
    view_bands: Sequence[str] = ()
    detector_aggregate: str = "nanmean"
    output_name: str = "angles.tif"


@dataclass(frozen=True)
class LabelConfig:
    """What `y.tif` holds."""

    enabled: bool = True
    backend: str = "scl"
    ignore_index: int = 255
    resample: str = "nearest"
    mapping: Mapping[int, int] | None = None
    src_value_range: int = 256


@dataclass(frozen=True)
class NormalizeConfig:
    """Whether values are counted, or normalised by what was counted."""

    mode: str = "none"
    stats_path: Path | None = None
    clip_percentiles: tuple[float, float] | None = (1.0, 99.0)
    hist_range: tuple[float, float] = (-0.2, 2.0)
    hist_bin_width: float = 1e-4
    max_pixels_per_scene: int | None = None
    seed: int = 0
    save_histograms: bool = False


@dataclass(frozen=True)
class PreprocessConfig:
    """All of it. `target_grid_ref`, whose grid the samples have, must be said: nothing is guessed."""

    index_json: Path
    out_dir: Path
    target_grid_ref: str
    max_scenes: int | None = None
    run_id: str | None = None
    l1c_bands: Sequence[str] = ()
    to_toa_reflectance: bool = True
    upsample_method: str = "bilinear"
    downsample_method: str = "average"
    valid_pixel_mask: str = "single"
    angles: AngleAssetConfig = field(default_factory=AngleAssetConfig)
    labels: LabelConfig = field(default_factory=LabelConfig)
    normalize: NormalizeConfig = field(default_factory=NormalizeConfig)
    num_workers: int = 0

"""The configuration of a download, as values of Python; what each key means here says `config.published`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from orchestrator.config.published import SKIPPED_FOLDERS
from orchestrator.products.scenes.keys import SceneKeys


@dataclass(frozen=True)
class QueryConfig:
    """What is looked for: a tile, from a time until before another, UTC."""

    tile_id: str
    date_from_utc: str
    date_to_utc: str
    product_type_l1c: str = "S2MSI1C"
    product_type_l2a: str = "S2MSI2A"
    cloud_min: float | None = None
    cloud_max: float | None = None
    min_coverage_ratio: float = 0.0
    top: int = 1000
    orderby: str = "ContentDate/Start asc"
    include_attributes_in_hits: bool = True
    tile_area_m2: float = 1.21e10


@dataclass(frozen=True)
class SelectionConfig:
    """Which files of a scene are brought."""

    l1c_bands: Sequence[str] = SceneKeys().l1c_bands
    l1c_tile_metadata: bool = True
    l1c_product_metadata: bool = True
    l2a_scl_20m: bool = True
    l2a_aot_20m: bool = False
    l2a_wvp_20m: bool = False
    l2a_tile_metadata: bool = True


@dataclass(frozen=True)
class NodesIndexConfig:
    """How folders of a product are walked through: of no effect here, where its manifest is read."""

    skip_dir_names: frozenset[str] = SKIPPED_FOLDERS
    skip_prefixes: tuple[tuple[str, ...], ...] = ()
    max_dirs_to_visit: int = 50_000
    enable_cache: bool = True


@dataclass(frozen=True)
class DownloadConfig:
    """Where files go, and whether any are brought: by default they are not."""

    out_dir: Path
    overwrite: bool = False
    dry_run: bool = True
    raw_dirname: str = "raw"
    meta_dirname: str = "meta"
    tmp_dirname: str = "tmp"
    chunk_size_bytes: int = 8 << 20


@dataclass(frozen=True)
class RunControlConfig:
    """How many scenes at most; both names mean the same."""

    max_scenes: int | None = None
    max_pairs: int | None = None


@dataclass(frozen=True)
class ManifestConfig:
    """What is written about the files."""

    write_json: bool = True
    runs_dir: str = "runs"
    json_name: str = "manifest.json"
    index_name: str = "index.json"
    export_table: bool = False
    table_csv_name: str = "manifest_table.csv"
    table_xlsx_name: str = "manifest_table.xlsx"
    store_geofootprint: bool = True


@dataclass(frozen=True)
class PipelineConfig:
    """All of it."""

    query: QueryConfig
    selection: SelectionConfig = field(default_factory=SelectionConfig)
    nodes_index: NodesIndexConfig = field(default_factory=NodesIndexConfig)
    download: DownloadConfig = field(default_factory=lambda: DownloadConfig(out_dir=Path("out")))
    control: RunControlConfig = field(default_factory=RunControlConfig)
    manifest: ManifestConfig = field(default_factory=ManifestConfig)

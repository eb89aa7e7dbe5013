"""Preprocessing, as s2pipe calls it."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path

from orchestrator.api.connection import Connection
from orchestrator.api.preprocess import preprocess
from orchestrator.compat.s2pipe.preprocess.cfg import PreprocessConfig


@dataclass(frozen=True)
class PreprocessResult:
    """
    What a run has made.

    Attributes:
        run_id: Of the run.
        processed_count: Scenes that were made, or counted.
        failed_count: Scenes that could not be; the same call takes up those alone.
        manifest_path: Of the run, a line for each scene.
        index_path: Of the samples of the folder; None of the pass that counts.
        stats_path: Of the statistics that were made.
    """

    run_id: str
    processed_count: int
    failed_count: int = 0
    manifest_path: Path | None = None
    index_path: Path | None = None
    stats_path: Path | None = None


def run_preprocess(
    cfg: PreprocessConfig,
    *,
    overwrite: bool = False,
    progress: bool | None = None,
    connection: Connection | None = None,
) -> PreprocessResult:
    """
    Make scenes ready for training: the job of `orchestrator copernicus preprocess`.

    Args:
        cfg: What is made; paths count from the current folder.
        overwrite: Replace samples and statistics that another run has made.
        progress: False shows nothing; None shows it in a notebook and in a terminal.
        connection: Where runs are remembered; by default the one that this thread opened last.

    Raises:
        UserError: A value of the configuration is wrong; it is named, and nothing has happened.
        RunFailed: Not one scene could be made.
    """
    keys = {key: value for key, value in asdict(cfg).items() if value is not None}
    samples = preprocess(overwrite=overwrite, progress=progress, connection=connection, **keys)
    counts = cfg.normalize.mode == "compute_only"
    return PreprocessResult(
        run_id=samples.result.path.stem.removeprefix("run="),
        processed_count=len(samples) - len(samples.missing),
        failed_count=len(samples.missing),
        manifest_path=samples.result.path,
        index_path=None if counts else samples.index,
        stats_path=samples.stats,
    )

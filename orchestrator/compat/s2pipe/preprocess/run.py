"""Preprocessing, as s2pipe calls it."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from orchestrator.api.connection import Connection, current
from orchestrator.api.work import carry_job
from orchestrator.compat.s2pipe.preprocess.cfg import PreprocessConfig
from orchestrator.config.pipeline import preprocess_of
from orchestrator.core import log as logs

log = logs.get(__name__)


@dataclass(frozen=True)
class PreprocessResult:
    """
    What a run has made.

    Attributes:
        run_id: Of the run.
        processed_count: Scenes that were made, or counted.
        failed_count: Scenes that could not be; the same call takes up those alone.
        manifest_path: Of the run; None of the pass that counts.
        index_path: Of the samples of the folder; likewise.
        stats_path: Of the statistics that were made.
    """

    run_id: str
    processed_count: int
    failed_count: int = 0
    manifest_path: Path | None = None
    index_path: Path | None = None
    stats_path: Path | None = None


def run_preprocess(
    cfg: PreprocessConfig, *, progress: bool | None = None, connection: Connection | None = None
) -> PreprocessResult:
    """
    Make scenes ready for training: the job of `orchestrator copernicus preprocess`.

    Args:
        cfg: What is made; paths count from the current folder.
        progress: False shows nothing; None shows it in a notebook and in a terminal.
        connection: Where runs are remembered; by default the one that this thread opened last.

    Raises:
        UserError: A value of the configuration is wrong; it is named, and nothing has happened.
        RunFailed: Not one scene could be made.
    """
    keys = preprocess_of({key: value for key, value in asdict(cfg).items() if value is not None}, "PreprocessConfig")
    connection = connection or current()
    with connection.lent() as app:
        row = carry_job(
            {"product": "preprocess", "preprocess": keys},
            connection,
            app,
            progress,
            again=False,
            overwrite=False,
            tell=_tell,
        )
    return _result(json.loads(row.result), row.job_name)


def _tell(note: str) -> None:
    log.info("preprocess.note", note=note)


def _result(told: dict[str, Any], run_id: str) -> PreprocessResult:
    raise NotImplementedError

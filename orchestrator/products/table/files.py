"""Which files a table is."""

from __future__ import annotations

from pathlib import Path

from orchestrator.model.job import Job

PROOF = ".proof.json"
SUFFIXES = {"csv": ".csv", "parquet": ".parquet", "geoparquet": ".parquet"}


def table_path(job: Job) -> Path:
    """Return where the table goes."""
    return Path(job.output) / f"{job.base_name}{SUFFIXES[job.keys.get('format', 'csv')]}"


def proof_path(job: Job) -> Path:
    """Return the file that says where every row came from; tables of two formats may have one name."""
    table = table_path(job)
    return table.with_name(f"{table.name}{PROOF}")


def table_files(job: Job) -> tuple[Path, ...]:
    """Return every path that the result of a job may take, the table last."""
    return proof_path(job), table_path(job)

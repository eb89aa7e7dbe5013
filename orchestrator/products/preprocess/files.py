"""Which files a run of `preprocess` publishes by the engine; samples get their names one by one, before them."""

from __future__ import annotations

import json
from pathlib import Path

from orchestrator.model.job import Job
from orchestrator.products.preprocess.keys import PreprocessKeys, preprocess_keys

RUNS = Path("meta/step2/runs")
STATS = Path("normalize/stats.json")
HISTOGRAM = "histogram.npz"
COUNTS, SAMPLES = "counts", "samples"  # folders of a run's own, while it works


def manifest_of(job: Job) -> Path:
    """Return the manifest of a run, from the output folder: a line for each scene."""
    return RUNS / f"run={job.base_name}.jsonl"


def stats_path(job: Job, keys: PreprocessKeys) -> Path:
    """Return where statistics are read or written."""
    return Path(keys.normalize.stats_path) if keys.normalize.stats_path else Path(job.output) / STATS


def preprocess_files(job: Job) -> tuple[Path, ...]:
    """Return every path that the result of a job may take, the manifest last."""
    keys, root = preprocess_keys(job.keys), Path(job.output)
    files = [root / RUNS / f"run={job.base_name}.proof.json"]
    if keys.normalize.mode == "compute_only":
        stats = stats_path(job, keys)
        files.append(stats)
        if keys.normalize.save_histograms:
            files.append(stats.with_name(HISTOGRAM))
    return (*files, root / manifest_of(job))


def all_made(job: Job) -> bool:
    """Tell whether every file that a run made still lies there: samples, statistics, proof; none is read."""
    root = Path(job.output)
    try:
        lines = (root / manifest_of(job)).read_text("utf-8").splitlines()
        samples = [path for line in lines for path in (json.loads(line).get("paths") or {}).values() if path]
    except (OSError, ValueError, AttributeError):
        return False
    return all(path.is_file() for path in (*preprocess_files(job), *(root / sample for sample in samples)))

"""Which files a set of patches is: a folder, and a proof beside it."""

from __future__ import annotations

from pathlib import Path

from orchestrator.core.errors import UserError
from orchestrator.model.job import Job

PROOF = ".proof.json"


def patches_folder(job: Job) -> Path:
    """
    Return the folder of the patches.

    Raises:
        UserError: Its name has a `.`: it tells files and folders apart.
    """
    if "." in job.base_name:
        plain = job.base_name.replace(".", "-")
        raise UserError(f"the patches would lie in a folder {job.base_name!r}; name it without '.', such as {plain!r}")
    return Path(job.output) / job.base_name


def patch_files(job: Job) -> tuple[Path, ...]:
    """Return every path that the result of a job may take, the patches last."""
    folder = patches_folder(job)
    return folder.with_name(f"{folder.name}{PROOF}"), folder

"""A download, as s2pipe calls it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from orchestrator.api.connection import Connection, current
from orchestrator.api.work import carry_job, job_of
from orchestrator.compat.s2pipe.download.auth import CDSEAuth
from orchestrator.compat.s2pipe.download.cfg import PipelineConfig
from orchestrator.config.pipeline import download_of
from orchestrator.core import log as logs
from orchestrator.core.files import make_folder, write_whole

if TYPE_CHECKING:
    from orchestrator.app import Application
    from orchestrator.model.job import Job

log = logs.get(__name__)


@dataclass(frozen=True)
class RunResult:
    """
    What a download has brought, or would bring.

    Attributes:
        scenes: As the manifest has them, its keys as attributes: `scene.key.tile_id`, `scene.files_l1c.items`.
        manifest_path: Of the manifest; of a dry run that of what would come.
        table_csv_path: Of the table, where one was asked for.
        table_xlsx_path: Likewise.
        missing: Files that could not be had, each with `role` and `why`; the same call asks for those alone.
    """

    scenes: tuple[Any, ...]
    manifest_path: Path
    table_csv_path: Path | None = None
    table_xlsx_path: Path | None = None
    missing: tuple[Any, ...] = ()

    @property
    def pairs(self) -> tuple[Any, ...]:
        """The scenes: each is a product of Level-1C with one of Level-2A."""
        return self.scenes


def run_download(
    cfg: PipelineConfig,
    *,
    auth: CDSEAuth | None = None,
    progress: bool | None = None,
    connection: Connection | None = None,
) -> RunResult:
    """
    Bring scenes: the job of `orchestrator copernicus download`; a dry run only finds out which files would come.

    Args:
        cfg: What is brought; paths count from the current folder.
        auth: Who you are; by default whom the settings name.
        progress: False shows nothing; None shows it in a notebook and in a terminal.
        connection: Which service, and where runs are remembered; by default the one that this thread opened last.

    Raises:
        UserError: A value of the configuration is wrong; it is named, and nobody was asked anything.
        CredentialError: Copernicus does not accept who you are.
        RunFailed: Not one file could be had.
    """
    order = download_of(asdict(cfg), "PipelineConfig")
    for note in order.notes:
        log.info("download.note", note=note)
    with _as(auth, connection or current()) as there, there.lent() as app:
        if order.dry_run:
            return _planned(app, job_of(order.content, app))
        row = carry_job(order.content, there, app, progress, again=False, overwrite=order.overwrite, tell=_tell)
    from orchestrator.app.verbs.results import result_of  # noqa: PLC0415  what is not asked for is not loaded

    return _brought(result_of(row).path)


@contextmanager
def _as(auth: CDSEAuth | None, connection: Connection) -> Iterator[Connection]:
    if auth is None or not auth.username:
        yield connection
        return
    with connection.as_copernicus_user(auth.username, auth.password, auth.totp or "") as own:
        yield own


def _tell(note: str) -> None:
    log.info("download.note", note=note)


def _planned(app: Application, job: Job) -> RunResult:
    from orchestrator.app.verbs.copernicus import preview  # noqa: PLC0415  what is not asked for is not loaded
    from orchestrator.products.scenes.files import plan_path  # noqa: PLC0415

    found = preview(app, job)
    for note in found.plan.notes:
        _tell(note)
    path = plan_path(job)
    make_folder(path.parent)
    write_whole(path, (json.dumps(found.to_json(job.output), indent=2, ensure_ascii=False) + "\n").encode())
    return _brought(path)


def _brought(path: Path) -> RunResult:
    told = json.loads(path.read_bytes(), object_hook=lambda keys: SimpleNamespace(**keys))
    tables = {kind: table for kind in ("csv", "xlsx") if (table := path.with_name(f"manifest_table.{kind}")).is_file()}
    missing = tuple(getattr(told, "missing", ()))
    return RunResult(tuple(told.scenes), path, tables.get("csv"), tables.get("xlsx"), missing)

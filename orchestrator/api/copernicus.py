"""Sentinel-2 products of Copernicus, in Python: `orc.copernicus.search`, `.preview`, `.download`, `.preprocess`, ..."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from orchestrator.api.areas import area_table
from orchestrator.api.arguments import first_and_end, path_of, texts
from orchestrator.api.connection import Connection, current
from orchestrator.api.preprocess import preprocess
from orchestrator.api.results import Result
from orchestrator.api.work import carry_job
from orchestrator.config import JobTable, explain
from orchestrator.core import log as logs
from orchestrator.core.errors import UserError

if TYPE_CHECKING:
    import geopandas as gpd

    from orchestrator.app import Application
    from orchestrator.app.verbs.copernicus import AdoptionReport, FolderReport, Preview
    from orchestrator.model.job import Job

__all__ = ["download", "index", "preprocess", "preview", "search", "verify"]

log = logs.get(__name__)


@dataclass(frozen=True)
class Scenes:
    """
    Scenes that were brought.

    Attributes:
        folder: Of all scenes: files in `raw`, what they are in `meta/step1`.
        result: Of the run that brought them; its `path` is the manifest.
    """

    folder: Path
    result: Result

    @property
    def index(self) -> Path:
        """The index of the folder, which the next steps read."""
        return self.folder / "meta" / "step1" / "index.json"

    @cached_property
    def manifest(self) -> Mapping[str, Any]:
        """What was asked for and what came: scenes with their files, sizes, checksums; what is missing, and why."""
        told: dict[str, Any] = json.loads(self.result.path.read_bytes())
        return told

    @property
    def missing(self) -> tuple[Mapping[str, str], ...]:
        """Files that could not be had, each with its scene, role and why; the same call asks for them again."""
        return tuple(self.manifest["missing"])

    def __len__(self) -> int:
        return len(self.manifest["scenes"])


def search(
    tile: str | Sequence[str] = (),
    dates: Sequence[str | date] = (),
    *,
    area: object = None,
    area_crs: str = "",
    connection: Connection | None = None,
    **conditions: Any,
) -> gpd.GeoDataFrame:
    """
    Return the scenes of the catalogue as a GeoDataFrame, a row for each, in the order of time; no account is needed.

    Args:
        tile: MGRS tiles, such as `T33UWQ`.
        dates: First day, and the day after the last.
        area: Instead of tiles: a path, a box in degrees, a geometry, a GeoDataFrame.
        area_crs: CRS of an area that does not say its own.
        connection: Where; by default the one that this thread opened last.
        **conditions: Keys of the table `[scenes]` of a job: `cloud_max`, `min_coverage`, `levels`, `baseline`, ...

    Raises:
        UserError: An argument is wrong; the message names it.
    """
    from orchestrator.app.verbs.copernicus import find, scenes_frame  # noqa: PLC0415  what is not asked for ...

    content = _content(tile, dates, area, area_crs, conditions) | {"output": "."}
    with (connection or current()).lent() as app:
        found = find(app, _job(content, app))
    for note in found.notes:
        log.warning("copernicus.note", note=note)
    return scenes_frame(found)


def preview(
    tile: str | Sequence[str] = (),
    dates: Sequence[str | date] = (),
    output: str | os.PathLike[str] = ".",
    *,
    area: object = None,
    area_crs: str = "",
    connection: Connection | None = None,
    **conditions: Any,
) -> Preview:
    """
    Return what `download` would bring, with `.files`, `.bytes`, `.seconds`, `.words()`; nothing is written.

    Arguments and errors as `download`.
    """
    from orchestrator.app.verbs.copernicus import preview as look  # noqa: PLC0415  what is not asked for is not loaded

    content = _content(tile, dates, area, area_crs, conditions) | {"output": str(path_of(output, "output"))}
    with (connection or current()).lent() as app:
        return look(app, _job(content, app))


def download(
    tile: str | Sequence[str] = (),
    dates: Sequence[str | date] = (),
    output: str | os.PathLike[str] = ".",
    *,
    area: object = None,
    area_crs: str = "",
    name: str = "",
    again: bool = False,
    overwrite: bool = False,
    progress: bool | None = None,
    connection: Connection | None = None,
    **conditions: Any,
) -> Scenes:
    """
    Bring the wanted files of Sentinel-2 products, each verified, into one folder with an index.

    It runs the same job as `orchestrator copernicus download`: after an interrupt, with more bands, or when files are
    missing, the same call continues.

    Args:
        tile: MGRS tiles, such as `T33UWQ`.
        dates: First day, and the day after the last.
        output: The folder of all scenes.
        area: Instead of tiles: a path, a box in degrees, a geometry, a GeoDataFrame.
        area_crs: CRS of an area that does not say its own.
        name: Of the run; by default tile and dates.
        again: Look at every file once more although all are there.
        overwrite: Replace files that no download brought.
        progress: False shows nothing; None shows it in a notebook and in a terminal; True everywhere.
        connection: Where; by default the one that this thread opened last.
        **conditions: Keys of the table `[scenes]` of a job: `l1c_bands`, `l2a_scl_20m`, `l2a_bands`, `cloud_max`, ...

    Returns:
        The scenes, perhaps with some files `missing`: that is said, and no error.

    Raises:
        UserError: An argument is wrong; the message names it, and nothing was fetched.
        LockedError, RunFailed, NeedsPerson, KeyboardInterrupt: As `run`.
    """
    folder = path_of(output, "output").resolve()
    content = _content(tile, dates, area, area_crs, conditions) | {"output": str(folder)}
    content |= {"base_name": name} if name else {}
    connection = connection or current()
    with connection.lent() as app:
        ended = carry_job(content, connection, app, progress, again=again, overwrite=overwrite, tell=_tell)
    from orchestrator.app.verbs.results import missing_words  # noqa: PLC0415  what is not asked for is not loaded

    if missing := missing_words(json.loads(ended.result)):
        log.warning("copernicus.missing", what=missing)
    return Scenes(folder, Result.of(ended))


def verify(folder: str | os.PathLike[str]) -> FolderReport:
    """
    Compare every file of a folder of scenes with its index and manifests; nobody is asked.

    Returns:
        What was found: `scenes`, `files`, `bytes`, and `faults`, each with `kind`, `path` and `what`.

    Raises:
        UserError: There is no index.
    """
    from orchestrator.app.verbs.copernicus import check_folder  # noqa: PLC0415  what is not asked for is not loaded

    return check_folder(path_of(folder, "folder"), threading.Event())


def index(
    folder: str | os.PathLike[str], output: str | os.PathLike[str] | None = None, *, verify: bool = True
) -> AdoptionReport:
    """
    Make an index of SAFE folders that lie on the disk already, which `preprocess` reads; nobody is asked.

    Args:
        folder: In which they lie, at any depth; or one of them.
        output: Gets `meta/step1/index.json`, and links to files that lie elsewhere; by default `folder`, or what one
            SAFE folder lies in.
        verify: Compare every file with its product's manifest.

    Returns:
        What was found: `path` of the index, `scenes`, `files`, `bytes`, `verified`, and `faults`, each with `kind`,
        `path` and `what`. Faults are no error: the files are in the index.

    Raises:
        UserError: There is no such folder, or no product in it.
    """
    from orchestrator.app.verbs.copernicus import adopt, home_of  # noqa: PLC0415  what is not asked for is not loaded

    source = path_of(folder, "folder")
    root = home_of(source) if output is None else path_of(output, "output")
    return adopt(source, root, threading.Event(), verify=verify)


def _tell(note: str) -> None:
    log.info("copernicus.note", note=note)


def _content(
    tile: str | Sequence[str], dates: Sequence[str | date], area: object, area_crs: str, conditions: Mapping[str, Any]
) -> dict[str, Any]:
    if not dates:
        raise UserError("which dates? Give two: the first day, and the day after the last one")
    keys = {"tiles": texts(tile, "tile")} | dict(conditions)
    placed = {} if area is None else {"area": area_table(area, area_crs)}
    return {"product": "scenes", "scenes": keys} | first_and_end(dates) | placed


def _job(content: Mapping[str, Any], app: Application) -> Job:
    from orchestrator.app.planner import expand  # noqa: PLC0415  geopandas is heavy

    try:
        declared = JobTable.model_validate(content)
    except ValidationError as error:
        raise UserError(explain(error, "scenes", JobTable)) from None
    (job,) = expand(declared.job(Path.cwd(), app.settings.services))
    return job

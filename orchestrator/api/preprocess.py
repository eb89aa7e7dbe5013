"""Downloaded scenes made ready for training, in Python: `orc.copernicus.preprocess`."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from orchestrator.api.arguments import path_of, texts
from orchestrator.api.connection import Connection, current
from orchestrator.api.results import Result
from orchestrator.api.work import carry_job
from orchestrator.config.pipeline import preprocess_of, read_preprocess
from orchestrator.core import log as logs
from orchestrator.core.errors import UserError

if TYPE_CHECKING:
    from numpy.typing import NDArray

log = logs.get(__name__)


@dataclass(frozen=True)
class Samples:
    """
    Scenes that were made ready, or counted.

    Attributes:
        folder: The output folder: samples in `processed`, what they are in `meta/step2`.
        result: Of the run; its `path` is the manifest, a line for each scene.
    """

    folder: Path
    result: Result

    @property
    def index(self) -> Path:
        """The index of the folder, which `orc.patches` reads."""
        return self.folder / "meta" / "step2" / "index.json"

    @property
    def stats(self) -> Path | None:
        """The statistics that the counting pass has written; None of another."""
        return self.result.files.get("stats")

    @cached_property
    def records(self) -> tuple[Mapping[str, Any], ...]:
        """What became of each scene: its key, `status`, `paths` and checksums, or `error`."""
        return tuple(json.loads(line) for line in self.result.path.read_text("utf-8").splitlines())

    @property
    def missing(self) -> tuple[Mapping[str, Any], ...]:
        """The scenes that could not be made, and why; the same call makes those alone."""
        return tuple(record for record in self.records if record["status"] != "ok")

    def meta(self, number: int = 0) -> Mapping[str, Any]:
        """Return what is told of a sample, by its place among `records`: grid, bands, labels, statistics, inputs."""
        told: dict[str, Any] = json.loads(self._path(number, "meta").read_bytes())
        return told

    def read(self, number: int = 0, asset: str = "x") -> NDArray[Any]:
        """
        Return the pixels of a sample, (band, row, col).

        Args:
            number: Its place among `records`.
            asset: `x`, `y` or `angles`.

        Raises:
            UserError: There is no such sample, or it has none of these.
        """
        import rasterio  # noqa: PLC0415  heavy

        with rasterio.open(self._path(number, asset)) as raster:
            pixels: NDArray[Any] = raster.read()
            return pixels

    def _path(self, number: int, asset: str) -> Path:
        if not 0 <= number < len(self.records):
            raise UserError(f"there is no scene {number}; there are {len(self.records)}")
        record = self.records[number]
        if not (path := record.get("paths", {}).get(asset)):
            why = record.get("error") or f"it has {', '.join(record.get('paths', ())) or 'no files'}"
            raise UserError(f"scene {number} has no {asset}: {why}")
        return self.folder / str(path)

    def __len__(self) -> int:
        return len(self.records)


def preprocess(
    index: str | os.PathLike[str] | None = None,
    output: str | os.PathLike[str] | None = None,
    *,
    config: str | os.PathLike[str] | None = None,
    target_grid: str = "",
    bands: Sequence[str] = (),
    again: bool = False,
    overwrite: bool = False,
    progress: bool | None = None,
    connection: Connection | None = None,
    **keys: Any,
) -> Samples:
    """
    Make downloaded scenes ready for training: bands on one grid, masks, labels, angles; nobody is asked anything.

    It runs the same job as `orchestrator copernicus preprocess`: after an interrupt, or when scenes are missing, the
    same call continues.

    Args:
        index: Of the downloaded scenes, `OUT/meta/step1/index.json`.
        output: Folder of the samples.
        config: A configuration, YAML or TOML with the group `preprocess`; the other arguments are laid over it.
        target_grid: Whose pixels the samples have: `scl_20m`, or a band.
        bands: Of `x.tif`, in order.
        again: Do it once more although it is done.
        overwrite: Replace samples that another run has made.
        progress: False shows nothing; None shows it in a notebook and in a terminal; True everywhere.
        connection: Where runs are remembered; by default the one that this thread opened last.
        **keys: Others of the table `[preprocess]`: `labels={"enabled": False}`, `normalize={"mode": "compute_only"}`,
            `angles={"enabled": True}`, `valid_pixel_mask="per_band"`, `num_workers=2`, ...

    Returns:
        The samples, perhaps with some `missing`: that is said, and no error.

    Raises:
        UserError: An argument is wrong; the message names it, and nothing has happened.
        LockedError, RunFailed, NeedsPerson, KeyboardInterrupt: As `run`.
    """
    given: dict[str, Any] = dict(keys)
    given |= {"index_json": str(path_of(index, "index"))} if index is not None else {}
    given |= {"out_dir": str(path_of(output, "output"))} if output is not None else {}
    given |= {"target_grid_ref": target_grid} if target_grid else {}
    given |= {"l1c_bands": texts(bands, "bands")} if bands else {}
    table = read_preprocess(path_of(config, "config"), given) if config else preprocess_of(given, "arguments")
    connection = connection or current()
    with connection.lent() as app:
        content = {"product": "preprocess", "preprocess": table}
        ended = carry_job(content, connection, app, progress, again=again, overwrite=overwrite, tell=_tell)
    from orchestrator.app.verbs.results import missing_words  # noqa: PLC0415  what is not asked for is not loaded

    result = Result.of(ended)
    if missing := missing_words(json.loads(ended.result)):
        log.warning("preprocess.missing", what=missing)
    return Samples(Path(json.loads(ended.job)["output"]), result)


def _tell(note: str) -> None:
    log.info("preprocess.note", note=note)

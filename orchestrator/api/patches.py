"""Patches of scenes that are ready for training, in Python: `orc.patches.cut`, `open`, `pack` and `show`."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from orchestrator.api.arguments import path_of
from orchestrator.api.checking import typed
from orchestrator.api.connection import Connection, current
from orchestrator.api.results import Result
from orchestrator.api.work import carry_job
from orchestrator.core import log as logs
from orchestrator.core.errors import UserError

if TYPE_CHECKING:
    from geopandas import GeoDataFrame
    from numpy.typing import NDArray

__all__ = ["cut", "open", "pack", "show"]

log = logs.get(__name__)


@dataclass(frozen=True)
class Patches:
    """
    A set of patches.

    Attributes:
        folder: Where it lies: shards or files, `patches.parquet`, `dataset.json`, `statistics.json`, a card.
    """

    folder: Path

    @cached_property
    def frame(self) -> GeoDataFrame:
        """A row for every window of every scene, kept or not: shares, pixels of each class, split, where it lies."""
        from orchestrator.app.verbs.patches import open_set  # noqa: PLC0415  geopandas is heavy

        return open_set(self.folder).frame

    @cached_property
    def about(self) -> Mapping[str, Any]:
        """What the set is: bands, classes, scenes, splits, how it was cut; as in `dataset.json`."""
        from orchestrator.app.verbs.patches import about_set  # noqa: PLC0415

        return about_set(self.folder)

    @property
    def splits(self) -> Mapping[str, int]:
        """How many samples each split has."""
        return dict(self.about["splits"])

    def read(self, key: str) -> dict[str, NDArray[Any]]:
        """
        Return the arrays of a sample: `x` (band, row, col), `y` (row, col), `angles`; of several times one axis more.

        Raises:
            UserError: There is no such sample.
            IntegrityError: It is not what the table tells.
        """
        from orchestrator.app.verbs.patches import arrays_in  # noqa: PLC0415

        return arrays_in(self.folder, self.about, self.frame, key)

    def __iter__(self) -> Iterator[str]:
        return iter(self.frame.loc[self.frame["kept"], "sample"].drop_duplicates())

    def __len__(self) -> int:
        return int(self.about["samples"])


@dataclass(frozen=True)
class PatchPicture:
    """
    A picture that a notebook shows.

    Attributes:
        png: Its bytes.
    """

    png: bytes

    def _repr_png_(self) -> bytes:
        return self.png

    def __repr__(self) -> str:
        return f"<PatchPicture, a PNG of {len(self.png):,} bytes>"


def cut(
    source: str | os.PathLike[str],
    folder: str | os.PathLike[str] | None = None,
    *,
    again: bool = False,
    overwrite: bool = False,
    progress: bool | None = None,
    connection: Connection | None = None,
    **keys: Any,
) -> Patches:
    """
    Cut preprocessed scenes into patches, filter and split them, and write shards.

    It runs the same job as `orchestrator patches cut`: after an interrupt the same call continues. No ground is in two
    splits.

    Args:
        source: An index.json of preprocessed scenes, or their folder.
        folder: Where the patches go; by default `patches` beside the scenes.
        again: Cut them once more although they are there.
        overwrite: Replace a folder at their place that this job did not make.
        progress: False shows nothing; None shows it in a notebook and in a terminal; True everywhere.
        connection: Whose settings and state; by default the one that this thread opened last. Nobody is asked anything.
        **keys: Keys of the table `[patches]` of a job: `size`, `stride`, `edge`, `min_valid`, `max_ignore`,
            `max_cloud`, `shadow`, `labels`, `angles`, `times`, `split_by`, `shares`, `block`, `gap`, `seed`,
            `shuffle`, `format`, `shard_size`.

    Raises:
        UserError: An argument is wrong, or the scenes do not fit together; the message names it.
        LockedError, RunFailed, NeedsPerson, KeyboardInterrupt: As `run`.
    """
    content: dict[str, Any] = {"product": "patches", "patches": {"index": str(path_of(source, "source")), **keys}}
    if folder is not None:
        place = path_of(folder, "folder")
        content |= {"output": str(place.parent), "base_name": place.name}
    connection = connection or current()
    with connection.lent() as app:
        ended = carry_job(content, connection, app, progress, again=again, overwrite=overwrite, tell=_tell)
    return Patches(Result.of(ended).path)


def _tell(note: str) -> None:
    log.info("patches.note", note=note)


@typed
def open(folder: str | os.PathLike[str]) -> Patches:  # noqa: A001  what it does
    """
    Return a set of patches that is there.

    Raises:
        UserError: There is none in `folder`.
    """
    found = Patches(path_of(folder, "folder"))
    _ = found.about
    return found


@typed
def pack(
    patches: object,
    folder: str | os.PathLike[str],
    *,
    balance: str | Sequence[str] | Sequence[int] = (),
    present: float = 0.01,
    shares: Sequence[float] | None = None,
    split_by: str = "",
    block: float | None = None,
    gap: float | None = None,
    shard_size: str | int = "",
    format: str = "",  # noqa: A002  what it is called everywhere
    seed: int | None = None,
    shuffle: bool = False,
    overwrite: bool = False,
) -> Patches:
    """
    Make other shards of patches: no scene is read, and none needs to be there any more.

    Args:
        patches: What `cut` or `open` returned, or the folder.
        folder: Where the new set goes.
        balance: Classes of which train shall have equally many patches, or `all`.
        present: Share of the labelled pixels from which on a patch has a class.
        shares: Of train, val and test: the places are split anew.
        split_by: `area`, `tile` or `scene`, likewise.
        block: Side of the squares of an area, metres, likewise.
        gap: Metres between patches of different splits, likewise.
        shard_size: Samples as a number, or bytes such as `256MB`.
        format: `webdataset` or `npz`.
        seed: Of splits, balance and order.
        shuffle: Shuffle each split.
        overwrite: Replace a set that was made here and not changed since.

    Raises:
        UserError: An argument is wrong.
        IntegrityError: A sample is not what the table tells.
    """
    from orchestrator.app.verbs.patches import Repacking, pack_patches  # noqa: PLC0415  geopandas is heavy

    three: Any = tuple(shares) if shares is not None else None
    if three is not None and len(three) != 3:
        raise UserError(f"shares is {shares!r}; give three, of train, val and test, such as (0.7, 0.15, 0.15)")
    words = (balance,) if isinstance(balance, str) and balance else tuple(map(str, balance))
    size = str(shard_size)
    asked = Repacking(words, present, three, split_by, block, gap, size, format, seed, shuffle)
    made = pack_patches(_folder_of(patches), path_of(folder, "folder"), asked, overwrite=overwrite)
    return Patches(made.folder)


@typed
def show(
    patches: object, *, count: int = 8, seed: int = 0, bands: Sequence[str] = (), splits: bool = False
) -> PatchPicture:
    """
    Return a contact sheet of random patches with their labels beside them; a notebook shows it.

    Args:
        patches: What `cut` or `open` returned, or the folder.
        count: How many.
        seed: Draws others.
        bands: Red, green and blue, or one in grey; by default true colour where its bands are there.
        splits: Return a map of the splits instead.

    Raises:
        UserError: There is no set, or no such band.
    """
    from orchestrator.app.verbs.patches import draw_map, draw_sheet_of  # noqa: PLC0415

    how: dict[str, Any] = {} if splits else {"count": count, "seed": seed, "bands": tuple(bands)}
    return PatchPicture((draw_map if splits else draw_sheet_of)(_folder_of(patches), **how))


def _folder_of(patches: object) -> Path:
    return patches.folder if isinstance(patches, Patches) else path_of(patches, "patches")

"""What `app` gives a product to work with."""

from __future__ import annotations

import secrets
import threading
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any, Protocol

from orchestrator.core.errors import IntegrityError
from orchestrator.core.files import free_bytes
from orchestrator.core.retry import RetryPolicy
from orchestrator.model.direct import DirectLimits, DirectRoute
from orchestrator.model.files import FileRoute
from orchestrator.model.grid import Transform
from orchestrator.model.places import ObjectPlace
from orchestrator.model.ports import ObjectStore, Stop
from orchestrator.model.scene import Scene, SceneQuery, StoredBand
from orchestrator.model.table import TableRoute
from orchestrator.recipes.contract import Recipe


class Imagery(Protocol):
    """Earth Engine, as a product asks it while it plans: nothing there is changed."""

    def connect(self) -> None:
        """Sign in; expressions can be made from now on."""

    def values(self, numbers: Sequence[Any]) -> list[Any]:
        """Return what several computed numbers are, in one call."""

    def bands(self, image: Any) -> list[str]:
        """
        Return the bands of a computed image.

        Raises:
            PermanentError: It cannot be computed.
        """

    def serialise(self, image: Any) -> str:
        """Return the expression of an image as JSON, the same for the same image."""

    def stored_bands(self, asset: str) -> tuple[StoredBand, ...]:
        """
        Return the bands of a stored image.

        Raises:
            PermanentError: There is none, or it may not be read.
        """

    def stored_grids(self, assets: Sequence[str], band: str) -> list[tuple[str, Transform | None]]:
        """
        Return CRS and affine transform of a band of each of many stored images; None where it has none.

        Raises:
            PermanentError: One of them has not the band.
        """

    def scene_image(self, assets: Sequence[str], bands: Sequence[str], dtype: str) -> Any:
        """Return stored images as one, of which the first with a value gives the pixel."""


def _whole(_pixels: int) -> int:
    return 0


def _nowhere(where: Path | str) -> ObjectPlace:
    raise IntegrityError(f"nothing here makes a place of objects of {where}")


def _token() -> str:
    return secrets.token_hex(8)


@dataclass(frozen=True, slots=True)
class ProductContext:
    """
    What a product is made from.

    Attributes:
        imagery: See there.
        recipe: Finds a recipe by its name.
        undated: Names of the recipes whose pixels do not depend on the dates of a job.
        today: Returns the day from which on no scene can have been taken.
        say: Told what is being done, in a few words.
        cloud_optimized: Whether parts are asked for with overviews.
        downloads: Parts of a run that are downloaded at once.
        threads: Blocks that are encoded at once.
        version: Of the program.
        batch: Whether there is a place that exports may go to.
        direct_limits: What one direct request may ask for; None where there is no direct route.
        direct: Connects to the direct route.
        policy: How long one direct request is tried again where no unit of the run is behind it.
        tables: Connects to the route of tables.
        scenes: Asks which scenes there are, in the order of time; None where nobody can be asked.
        files: Connects to the catalogue and the files of Copernicus; None where nobody can be asked.
        strips: Returns in how many strips an output of so many pixels is made; up to 1 is in one piece.
        parts: Connects to where exported parts lie; None where nothing is exported.
        place: Returns a folder as a place of objects.
        bucket: Returns a place in a bucket by its address.
        token: Gives a word that nobody else has in names of objects.
        stop: A wish to end.
        free_bytes: Returns what can still be written on the disk of a folder.
    """

    imagery: Imagery
    recipe: Callable[[str], Recipe]
    today: Callable[[], date]
    say: Callable[[str], None]
    cloud_optimized: bool = True
    downloads: int = 4
    threads: int = 2
    version: str = ""
    undated: Collection[str] = ()
    batch: bool = True
    direct_limits: DirectLimits | None = None
    direct: Callable[[], DirectRoute] | None = None
    policy: RetryPolicy = field(default_factory=RetryPolicy)
    tables: Callable[[], TableRoute] | None = None
    scenes: Callable[[SceneQuery], Sequence[Scene]] | None = None
    files: Callable[[], FileRoute] | None = None
    strips: Callable[[int], int] = _whole
    parts: Callable[[], ObjectStore] | None = None
    place: Callable[[Path], ObjectPlace] = _nowhere
    bucket: Callable[[str], ObjectPlace] = _nowhere
    token: Callable[[], str] = _token
    stop: Stop = field(default_factory=threading.Event)
    free_bytes: Callable[[str], int] = free_bytes

"""What a user's own code may do to a chip: called at four places, and answered for by its author."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from orchestrator.core.errors import OrchestratorError, PermanentError

T = TypeVar("T")


class Hooks(Protocol):
    """
    Functions of a user's dataset; None where it has none.

    Attributes:
        map_values: Returns other values for an array of (band, row, col).
        must_get: Tells whether a file is to be asked for, by its path.
        post_process: Changes the file that is made, by its path.
        on_error: Told a tile's identifier and what went wrong.
    """

    @property
    def map_values(self) -> Callable[[Any], Any] | None: ...

    @property
    def must_get(self) -> Callable[[str], bool] | None: ...

    @property
    def post_process(self) -> Callable[[str], Any] | None: ...

    @property
    def on_error(self) -> Callable[[Any, Exception], Any] | None: ...


def asked(hooks: Hooks | None, path: Path) -> bool:
    """Tell whether a chip is to be asked for; PermanentError where the user's code fails."""
    if hooks is None or hooks.must_get is None:
        return True
    must_get = hooks.must_get
    return bool(_called("must_get_gee_image", lambda: must_get(str(path))))


def mapped(hooks: Hooks | None, values: NDArray[Any], masked: NDArray[np.bool_], nodata: float) -> NDArray[Any]:
    """
    Return (band, row, col) as the user's code maps them; what is masked stays masked.

    Raises:
        PermanentError: The code fails, or returns something else.
    """
    if hooks is None or hooks.map_values is None:
        return values
    map_values = hooks.map_values
    found = np.asarray(_called("map_values", lambda: map_values(values.copy())))
    if found.shape != values.shape:
        raise PermanentError(f"map_values returned an array of {found.shape}, expected {values.shape}")
    with np.errstate(invalid="ignore"):
        kept = found.astype(values.dtype)
    if not np.array_equal(kept, found, equal_nan=kept.dtype.kind == "f"):
        raise PermanentError(f"map_values returned values that are no {values.dtype}; give the type that it maps to")
    kept[masked] = nodata
    return kept


def processed(hooks: Hooks | None, path: Path) -> None:
    """Let the user's code change a file; PermanentError where it fails, or takes the file away."""
    if hooks is None or hooks.post_process is None:
        return
    post_process = hooks.post_process
    _called("post_process_tilefile", lambda: post_process(str(path)))
    if not path.is_file():
        raise PermanentError("post_process_tilefile took the file away")


def told(hooks: Hooks | None, tile: str, error: Exception) -> None:
    """Tell the user's code what went wrong; that it fails, too, changes nothing."""
    if hooks is not None and hooks.on_error is not None:
        with suppress(Exception):
            hooks.on_error(tile, error)


def _called(name: str, call: Callable[[], T]) -> T:
    try:
        return call()
    except OrchestratorError:
        raise
    except Exception as error:
        raise PermanentError(f"{name} failed: {type(error).__name__}: {error}") from error

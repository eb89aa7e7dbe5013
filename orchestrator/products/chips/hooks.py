"""A user's own functions, called for a chip: what goes wrong in one costs that chip alone."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TypeVar

from orchestrator.core.errors import OrchestratorError, PermanentError
from orchestrator.model.hooks import FailedTile, Hooks

T = TypeVar("T")


def is_wanted(hooks: Hooks, path: Path) -> bool:
    """
    Tell whether the chip of a file is to be asked for.

    Raises:
        PermanentError: The user's code fails.
    """
    must_get = hooks.must_get
    return must_get is None or bool(_called(lambda: must_get(str(path))))


def post_processed(hooks: Hooks, path: Path) -> bool:
    """
    Let the user's code rewrite a file; tell whether it is still there.

    Raises:
        PermanentError: The code fails, or something else than a file is in its place.
    """
    post_process = hooks.post_process
    if post_process is not None:
        _called(lambda: post_process(str(path)))
    if path.is_symlink() or path.parent.is_symlink() or (path.exists() and not path.is_file()):
        raise PermanentError(f"post_process_tilefile left a link or a folder at {path.name}; it must leave a GeoTIFF")
    return path.is_file()


def tell(hooks: Hooks, tile: FailedTile, error: Exception) -> None:
    """Tell the user's code what went wrong; that it fails, too, changes nothing."""
    if hooks.on_error is not None:
        with suppress(OrchestratorError):
            hooks.on_error(tile, error)


def _called(call: Callable[[], T]) -> T:
    try:
        return call()
    except OrchestratorError as error:  # a UserError would end the run
        raise PermanentError(str(error)) from error

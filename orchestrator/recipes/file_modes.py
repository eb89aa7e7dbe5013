"""Who else may write a file that is going to be run."""

from __future__ import annotations

import stat
from pathlib import Path

from orchestrator.core.errors import RecipeError
from orchestrator.core.system import user_id


def check_modes(path: Path) -> tuple[str, ...]:
    """
    Make sure that not just anybody can put code into a file, and return what should be known, a sentence each.

    Raises:
        RecipeError: Everybody may write the file, or replace it in its folder; or there is none that can be read.
    """
    if user_id() is None:
        return ()  # rights are lists there (Windows), and what `stat` says of them is made up
    real = _real(path)
    file, folder = real.stat(), real.parent.stat()
    if file.st_mode & stat.S_IWOTH:
        mode = f"{stat.S_IMODE(file.st_mode):04o}"
        raise RecipeError(f"{path} is run as code, but everybody on this machine may write it (mode {mode}): chmod o-w")
    if folder.st_mode & stat.S_IWOTH and not folder.st_mode & stat.S_ISVTX:
        raise RecipeError(
            f"{path} is run as code, but everybody on this machine may replace it: its folder has mode "
            f"{stat.S_IMODE(folder.st_mode):04o}; take that away (chmod o-w), or move the file"
        )
    if file.st_uid not in _trusted():
        return (f"{path} is run as code and belongs to another user (number {file.st_uid}), who may change it.",)
    return ()


def check_owned(path: Path) -> None:
    """
    Make sure that only we, or root, can put code into a file that is run while nobody looks.

    Raises:
        RecipeError: It, or its folder, belongs to somebody else or may be written by a group; or there is none.
    """
    check_modes(path)
    if user_id() is None:
        return
    real = _real(path)
    for found, what in ((real, f"{path}"), (real.parent, f"the folder of {path}")):
        told = found.stat()
        if told.st_uid not in _trusted():
            raise RecipeError(
                f"{what} belongs to user {told.st_uid}; code that a daemon runs belongs to its own user "
                f"({user_id()}) or to root"
            )
        if told.st_mode & stat.S_IWGRP and not (found != real and told.st_mode & stat.S_ISVTX):
            raise RecipeError(f"{what} may be written by group {told.st_gid}; a daemon runs it as code: chmod g-w")


def _real(path: Path) -> Path:
    try:
        return path.resolve(strict=True)
    except (OSError, ValueError, RuntimeError) as error:  # none, no name for one, links in a circle
        why = getattr(error, "strerror", None) or error
        raise RecipeError(f"{str(path)!r} cannot be run as code: {why}; name a Python file") from None


def _trusted() -> set[int]:
    """Return the users whose files are ours as well as theirs: us, and the one who may do anything."""
    return {user_id() or 0, 0}

"""What a caller gives, looked at before anything is done with it: a wrong argument is named in one line."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from orchestrator.core.errors import UserError

if TYPE_CHECKING:
    from orchestrator.tiling.file import Tiles

    TilesOrFile: TypeAlias = Tiles | str | os.PathLike[str]

_SHOWN = 80  # letters of a value in a message


def path_of(value: object, name: str) -> Path:
    """
    Return a path, with `~` in its place.

    Args:
        value: A text or a path.
        name: Of the argument.

    Raises:
        UserError: It is no path, or none that a system can have.
    """
    text = path_text(value, name)
    if not text:
        raise UserError(f"{name} is empty; give a path")
    try:
        return Path(text).expanduser()
    except RuntimeError:
        raise UserError(f"{name} is {_shown(value)}, and nobody of that name has a home here; write the path") from None


def tiles_path(tiles: TilesOrFile, name: str = "tiles") -> Path:
    """Return the file of tiles that an argument names, or has."""
    found = tiles if isinstance(tiles, str | os.PathLike) else getattr(tiles, "path", None)
    if not isinstance(found, str | os.PathLike):
        raise UserError(f"{name} is {_shown(tiles)}; give the path of a file of tiles, or tiles that are in one")
    return path_of(found, name)


def path_text(value: object, name: str) -> str:
    """Return the text of a path as it was given; errors as `path_of`."""
    text = os.fspath(value) if isinstance(value, (str, os.PathLike)) else None
    if not isinstance(text, str):
        raise UserError(f"{name} is {_shown(value)} ({type(value).__name__}); give a path as text or pathlib.Path")
    if "\0" in text or not _is_encodable(text):
        raise UserError(f"{name} is {_shown(value)}, which no path can be (a NUL, or half a character)")
    return text


def _is_encodable(text: str) -> bool:
    # Names of files that are no UTF-8 are read with surrogates, and are written back as they were.
    try:
        os.fsencode(text)
    except UnicodeEncodeError:
        return False
    return True


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Say in a sentence why a file cannot be written, where the block cannot."""
    if _is_folder(path):
        raise UserError(f"{path} is a folder; name a file in it")
    with saying_why(path):
        yield


def _is_folder(path: Path) -> bool:
    try:
        return path.is_dir()
    except OSError:  # a name that is too long; writing says so
        return False


@contextmanager
def saying_why(path: Path) -> Iterator[None]:
    """Say in a sentence why `path` cannot be written, where the block cannot."""
    try:
        yield
    except OSError as error:
        raise UserError(f"{path} cannot be written: {error.strerror or error}; choose another place") from None


def numbers(values: object, name: str, count: int) -> list[float]:
    """
    Return so many numbers.

    Raises:
        UserError: They are others, or something else.
    """
    given = list(values) if isinstance(values, Sequence) and not isinstance(values, (str, bytes)) else _listed(values)
    try:
        found = [float(one) for one in given if not isinstance(one, (bool, str, bytes))]
    except (TypeError, ValueError, OverflowError):
        found = []
    if len(found) != count or len(given) != count:
        raise UserError(f"{name} is {_shown(values)}; give {count} numbers")
    return found


def _listed(values: object) -> list[Any]:
    """Return the items of an array."""
    return list(values.tolist()) if hasattr(values, "tolist") and hasattr(values, "__len__") else []


def table_of(value: object, name: str) -> dict[str, Any]:
    """Return a mapping as a table; UserError where it is none."""
    if not isinstance(value, Mapping):
        raise UserError(f"{name} is {_shown(value)}; give a dict of names and values")
    return dict(value)


def texts(values: object, name: str) -> list[Any]:
    """Return a list of texts; a single one is a list of one."""
    if isinstance(values, str):
        return [values]
    if isinstance(values, (bytes, Mapping)) or not hasattr(values, "__iter__"):
        raise UserError(f"{name} is {_shown(values)}; give a list of names, for example ['B4', 'B8']")
    return list(values)


def check_count(value: object, name: str, least: int = 1) -> None:
    """Refuse what is no whole number of `least` or more."""
    if isinstance(value, bool) or not isinstance(value, int) or value < least:
        raise UserError(f"{name} is {_shown(value)}; give a whole number of {least} or more")


def number_text(value: object, name: str) -> str:
    """Return a number as text, for a parameter that may be `nan`."""
    try:
        is_number = not isinstance(value, bool) and float(value) is not None  # type: ignore[arg-type]
    except (TypeError, ValueError, OverflowError):
        is_number = False
    if not is_number:
        raise UserError(f"{name} is {_shown(value)}; give a number")
    return str(value)


def first_and_end(dates: object) -> dict[str, str]:
    """Return the two dates of a job, under their keys; errors name `dates`."""
    given = list(dates) if isinstance(dates, Sequence) and not isinstance(dates, (str, bytes)) else []
    if len(given) != 2:
        raise UserError(f"dates is {_shown(dates)}; give two: the first day, and the day after the last one")
    for one in given:
        if not isinstance(one, (str, date)):
            raise UserError(f"dates holds {_shown(one)}; give dates, or texts like 2024-06-01 or today-30d")
    return {"start_date": str(given[0]), "end_date": str(given[1])}


def _shown(value: object) -> str:
    text = ascii(value)
    return text if len(text) <= _SHOWN else f"{text[: _SHOWN - 3]}..."

"""Functions that look at the types of what they are given before they do anything, by their own signatures."""

from __future__ import annotations

import inspect
import os
from collections.abc import Callable, Mapping, Sequence
from functools import wraps
from numbers import Integral, Real
from typing import Any, ParamSpec, TypeVar

from orchestrator.core.errors import UserError

P = ParamSpec("P")
R = TypeVar("R")
_SHOWN = 80  # letters of a value in a message


def _is_tiles(value: object) -> bool:
    return all(hasattr(value, name) for name in ("frame", "name", "about", "path"))


def _is_texts(value: Any) -> bool:
    is_list = hasattr(value, "__iter__") and not isinstance(value, (bytes, Mapping))
    return is_list and all(isinstance(one, str) for one in value)


# What a type, as a signature writes it, is called in a sentence; and what is of it.
_TYPES: Mapping[str, tuple[str, Callable[[object], bool]]] = {
    "Tiles": ("tiles", _is_tiles),
    "TilesOrFile": (
        "tiles, or the path of their file",
        lambda value: _is_tiles(value) or isinstance(value, str | os.PathLike),
    ),
    "str": ("a text", lambda value: isinstance(value, str)),
    "os.PathLike[str]": ("a path", lambda value: isinstance(value, os.PathLike)),
    "Sequence[str]": ("a list of texts", _is_texts),
    "bool": ("True or False", lambda value: isinstance(value, bool)),
    "int": ("a whole number", lambda value: isinstance(value, Integral) and not isinstance(value, bool)),
    "float": ("a number", lambda value: isinstance(value, Real) and not isinstance(value, bool)),
    "None": ("", lambda value: value is None),
}


def typed(function: Callable[P, R]) -> Callable[P, R]:
    """
    Return a function that refuses arguments of other types than its signature says, in one line that names them.

    It gets numbers of NumPy as those of Python. Looked at are texts, paths, numbers and tiles; the function looks at
    others itself.

    Raises:
        UserError: An argument is of another type.
    """
    signature = inspect.signature(function)
    kinds = {name: str(one.annotation).split(" | ") for name, one in signature.parameters.items()}
    known = {name: words for name, words in kinds.items() if _TYPES.keys() >= set(words)}

    @wraps(function)
    def called(*args: P.args, **kwargs: P.kwargs) -> R:
        given = signature.bind(*args, **kwargs)
        for name, value in given.arguments.items():
            if name in known:
                _check(value, name, known[name])
                given.arguments[name] = _plain(value)
        return function(*given.args, **given.kwargs)

    return called


def _plain(value: Any) -> Any:
    """Return a number of NumPy's as one of Python's, which JSON can hold; anything else as it is."""
    return value.item() if isinstance(value, Real) and hasattr(value, "item") else value


def check_callable(value: object, name: str, wanted: str) -> None:
    """Refuse what cannot be called."""
    if not callable(value):
        raise UserError(f"{name} is {_described(value)}; give {wanted}")


def _check(value: object, name: str, words: Sequence[str]) -> None:
    if any(_TYPES[word][1](value) for word in words):
        return
    wanted = " or ".join(_TYPES[word][0] for word in words if word != "None")
    both = isinstance(value, tuple) and any(map(_is_tiles, value))
    hint = "; what gave two is taken apart: tiles, report = orc.tiles.split(...)" if both else ""
    raise UserError(f"{name} is {_described(value)}; give {wanted}{hint}")


def _described(value: object) -> str:
    text = ascii(value)
    return f"{text if len(text) <= _SHOWN else f'{text[: _SHOWN - 3]}...'} ({type(value).__name__})"

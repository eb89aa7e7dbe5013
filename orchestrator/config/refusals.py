"""What is wrong with a file, in one line that names the place, the key, the value and what was expected."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Mapping
from typing import Any, get_args

from pydantic import BaseModel, ValidationError

from orchestrator.config.jobs import JobTable, key_names
from orchestrator.config.sections import Settings
from orchestrator.core.log import MASK

_OPEN_KEYS = frozenset({"key_file", "impersonate", "user", "client_id"})

_MOST_TABLES = 3  # that are named, of those that have a key


def explain(error: ValidationError, origin: str, root: type[BaseModel] = Settings) -> str:
    """One line that names place, key, value and what was expected; `root` is what was read."""
    first = decisive(error)
    loc = tuple(str(word) for word in first["loc"])
    key = ".".join(loc)
    if first["type"] == "extra_forbidden":
        return f"{origin}: {key!r} is no {_kind(root, loc)}; {_nearest(root, loc)}"
    if first["type"] == "missing":
        return f"{origin}: {key!r} is missing"
    told = first["msg"].removeprefix("Value error, ")
    if key and isinstance(first["input"], Mapping):  # of keys that do not go together; the sentence names them
        return f"{origin}: {key}: {told}"
    if not key:
        return f"{origin}: {told}"
    shown = repr(_shown(first["input"], loc))
    if told.startswith(shown):  # the sentence names the value itself
        return f"{origin}: {key!r}: {told}"
    return f"{origin}: {key!r} is {shown}: {told}"


def _shown(value: object, loc: tuple[str, ...]) -> object:
    """Return a value as it may be told: of who the program is, only which file says it."""
    secret = loc[0] == "credentials" or loc[:2] == ("notify", "urls")
    return MASK if secret and loc[-1] not in _OPEN_KEYS else value


def decisive(error: ValidationError) -> Any:
    """
    Return which of several errors is told.

    A misspelt name, or an unknown recipe, is why another key is missing, not the other way round.
    """
    order = {"extra_forbidden": 0, "missing": 2}
    return min(error.errors(), key=lambda one: order.get(one["type"], 1))


def _kind(root: type[BaseModel], loc: tuple[str, ...]) -> str:
    return "key of a job" if root is JobTable or loc[0] == "jobs" else "setting"


def _nearest(root: type[BaseModel], loc: tuple[str, ...]) -> str:
    """Return what was perhaps meant by the last word of `loc`, or every name that could stand there."""
    known = _names_at(root, loc[:-1])
    word = loc[-1].lower()
    deeper = [f"{table}.{word}" for table in known if _has(root, (*loc[:-1], table), word, known)][:_MOST_TABLES]
    near = deeper or difflib.get_close_matches(word, known, 1, 0.6)
    meant = " or ".join(repr(".".join((*loc[:-1], one))) for one in near)
    listed = f"did you mean {meant}?" if near else f"known here: {', '.join(known)}"
    return f"{listed} (docs/reference/config.md explains them)"


def _has(root: type[BaseModel], table: tuple[str, ...], key: str, outside: Collection[str]) -> bool:
    """Tell whether the key at `table` is a table that has `key`; `outside` are the names that it stands among."""
    names = _names_at(root, table)
    return names != outside and key in names and table != ("jobs",)  # of which each has a name first


def _names_at(root: type[BaseModel], loc: tuple[str, ...]) -> list[str]:
    """Return the keys of the table at `loc`."""
    model: type[BaseModel] = root
    for word in loc:
        if word in key_names() and word not in model.model_fields:
            model = key_names()[word]
            continue
        field = model.model_fields.get(word)
        if field is None:  # a name of one's own, as in [jobs.NAME]
            continue
        kinds = [field.annotation, *get_args(field.annotation)]
        model = next((kind for kind in kinds if isinstance(kind, type) and issubclass(kind, BaseModel)), model)
    own = list(key_names()) if model is JobTable else []
    return [*model.model_fields, *own]

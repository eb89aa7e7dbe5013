"""
A job before it is one: fields of a form as they were filled in, what is wrong with each, and the job that they make.

A field is called as a job file calls its key, with dots between tables: `area.source`, `grid.scale`, `params.dtype`,
`mosaic.compress`. Empty fields say nothing. Every product is made of the same mechanism, and so is a stored job, the
other way round.
"""

from __future__ import annotations

import types
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError

from orchestrator.config import JobTable
from orchestrator.config.jobs import GridTable, key_names
from orchestrator.core.errors import OrchestratorError, UserError
from orchestrator.model.job import DEFAULT_MAX_PART_BYTES, Job, check_base_name
from orchestrator.model.mosaic import OutputOptions
from orchestrator.products.registry import DEFAULT, find_product

GENERAL = ""  # the field of what is said of the whole form
_LINES = frozenset({"cube.filter", "table.filter"})  # conditions, of which each may hold a comma
_PLACES: Mapping[str, tuple[str, ...]] = {"table": ("points", "polygons"), "scenes": ("tiles",)}
_AREA = ("source", "layer", "crs", "where", "each")
_ORDER = ("product", "area", "output", "base_name", "start_date", "end_date", "recipe", "bands")


class DraftError(UserError):
    """
    A form that is no job yet.

    Attributes:
        fields: What is wrong, one sentence by field; that of `GENERAL` is about all of it.
    """

    def __init__(self, fields: Mapping[str, str]) -> None:
        super().__init__("; ".join(f"{name}: {said}" if name else said for name, said in fields.items()))
        self.fields = dict(fields)

    def __reduce__(self) -> tuple[type[DraftError], tuple[dict[str, str]]]:
        """It crosses from one process to another."""
        return DraftError, (self.fields,)


class Refusals:
    """What is wrong with a form, gathered while its fields are looked at."""

    def __init__(self) -> None:
        self._said: dict[str, str] = {}

    @contextmanager
    def at(self, field: str) -> Iterator[None]:
        """Take what is refused within the block as said of a field; the first sentence stays."""
        try:
            yield
        except DraftError as error:
            for name, said in error.fields.items():
                self._said.setdefault(name, said)
        except UserError as error:
            self._said.setdefault(field, str(error))

    def check(self) -> None:
        """
        End here where anything was refused.

        Raises:
            DraftError: Something was.
        """
        if self._said:
            raise DraftError(self._said)


def read_form(form: Mapping[str, str]) -> dict[str, Any]:
    """
    Return what a filled-in form says, as the content of a job file.

    Text becomes the number, flag or list that the key takes, where it is one; what it is not, `declared` refuses.
    Parameters of recipes stay text, as `--param` gives them. Tables of other products than the chosen one are left out,
    and so is an area where the product's own keys say where.
    """
    product = form.get("product") or DEFAULT
    others = key_names().keys() - {product}
    content: dict[str, Any] = {}
    for name, text in form.items():
        table, _, key = name.partition(".")
        if not text.strip() or table in others:
            continue
        if key:
            content.setdefault(table, {})[key] = _value(table, key, text.strip())
        else:
            content[name] = _value("", name, text.strip())
    if _says_where(content.get(product, {}), product):
        content.pop("area", None)
    return ordered(content)


def _says_where(own: Mapping[str, Any], product: str) -> bool:
    """Tell whether a product's own keys say where its pixels lie, so that an area on the map is of no use."""
    return product == "chips" or any(own.get(key) for key in _PLACES.get(product, ()))


def ordered(content: Mapping[str, Any]) -> dict[str, Any]:
    """Return the content of a job file with its keys in the order in which they are read."""
    return {name: content[name] for name in (*_ORDER, *content) if name in content}


def _value(table: str, key: str, text: str) -> Any:
    models: Mapping[str, type[BaseModel]] = {"": JobTable, "grid": GridTable, **key_names()}
    field = models[table].model_fields.get(key) if table in models else None
    if field is None:
        return text
    kinds = tuple(_kinds(field.annotation))
    if tuple in kinds:
        return [word for word in _words(text, lines=f"{table}.{key}" in _LINES) if word]
    return next((made for kind in (bool, int, float) if kind in kinds for made in _as(kind, text)), text)


def _kinds(annotation: Any) -> Iterator[type]:
    origin = get_origin(annotation)
    if origin is None or origin is Literal:
        yield str if origin is Literal else annotation
    elif origin in (Union, types.UnionType):
        for one in get_args(annotation):
            yield from _kinds(one)
    elif origin is tuple:
        yield tuple
    else:
        yield from _kinds(get_args(annotation)[0] if hasattr(annotation, "__metadata__") else origin)


def _words(text: str, *, lines: bool) -> list[str]:
    return [word.strip() for word in (text.splitlines() if lines else text.replace(",", " ").split())]


def _as(kind: type, text: str) -> Iterator[Any]:
    """Yield the text as a value of a kind, where it is one."""
    if kind is bool:
        yield from ([text.lower() == "true"] if text.lower() in ("true", "false") else [])
        return
    try:
        yield kind(text)
    except ValueError:
        return


def declared(content: Mapping[str, Any]) -> JobTable:
    """
    Return the declaration that a form makes.

    Raises:
        DraftError: A field is missing or cannot be what it says.
    """
    said, needed = Refusals(), dict(_needed(content))
    table = None
    with said.at(GENERAL):
        try:
            table = JobTable.model_validate(content)
        except ValidationError as error:
            told = dict(_sentences(error))
            # What is said of the whole may be of what is missing.
            raise DraftError({name: told[name] for name in told if name or not needed}) from None
    with said.at("base_name"):
        check_base_name(str(content.get("base_name", "new")).replace("{date}", "2000-01-01"))
    with said.at(GENERAL):
        if needed:
            raise DraftError(needed)
    said.check()
    assert table is not None  # noqa: S101  it was refused otherwise
    return table


def _needed(content: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield what a product needs and its keys may lack, for a job file may say it later."""
    own = content.get(str(content.get("product")), {})
    if content.get("product") == "chips" and not own.get("tiles"):
        yield "chips.tiles", "name a file of tiles, or give an area, and tiles are laid over it"
    if content.get("product") == "cube" and not any(own.get(key) for key in ("collection", "scenes", "images")):
        yield "cube.collection", "name the collection whose scenes are wanted, as s2-l2a"
    if content.get("product") == "cube" and not content.get("bands"):
        yield "bands", "a cube needs its bands, in order, as B4, B3, B2"


def _sentences(error: ValidationError) -> Iterator[tuple[str, str]]:
    for one in reversed(error.errors()):  # of two about one field the first stays
        field = ".".join(str(word) for word in one["loc"] if isinstance(word, str))
        field = {"area": "area.source", "grid.crs_transform": "grid.crs"}.get(field, field)
        told = one["msg"].removeprefix("Value error, ")
        if one["type"] == "missing":
            yield field, _MISSING.get(field, "this is needed")
        elif isinstance(one["input"], (Mapping, type(None))):
            yield field, told
        else:
            yield field, f"{one['input']!r}: {told}"


_MISSING: Mapping[str, str] = {
    "area.source": "draw an area on the map, drop a file on it, or write bounds, a path or the name of a country",
    "output": "name the folder of the result",
    "base_name": "name the result",
    "start_date": "give the first day, as 2024-05-01 or today-30d",
    "end_date": "give the day after the last one, as 2024-06-01 or today",
}


def content_of(job: Job) -> dict[str, Any]:
    """
    Return the content of a job file that declares a stored job once more, without what is the default.

    Of a job that is one of several by a column (`each`) the column is left out: which one it was is no key of a file.
    """
    area = {name: text for name in _AREA[:-1] if (text := getattr(job.area, name))}
    grid = {name: value for name, value in asdict(job.grid).items() if value not in (None, "")}
    content: dict[str, Any] = {
        "product": job.product,
        "area": area,
        "output": job.destination,
        "base_name": job.base_name,
    }
    content |= {name: value for name in ("start_date", "end_date", "recipe") if (value := getattr(job, name))}
    content |= {"bands": list(job.bands), "grid": grid, "params": {key: _text(job.params[key]) for key in job.params}}
    usual = replace(job, max_part_bytes=DEFAULT_MAX_PART_BYTES, split="blocks", min_valid=0.0, audit=0)
    content |= {} if job.max_part_bytes == usual.max_part_bytes else {"max_part_size": job.max_part_bytes}
    content |= {
        name: getattr(job, name)
        for name in ("split", "min_valid", "audit", "max_eecu_hours")
        if getattr(job, name) != (0.0 if name == "max_eecu_hours" else getattr(usual, name))
    }
    entry = find_product(job.product)
    content |= {"route": job.route} if job.route != (entry.routes or ("gcs",))[0] else {}
    content[job.product] = _own_keys(job)
    if not area:
        del content["area"]
    return ordered({name: value for name, value in content.items() if value not in ([], {})})


def _own_keys(job: Job) -> dict[str, Any]:
    if job.product != DEFAULT:
        return dict(job.keys)
    usual = asdict(OutputOptions())
    return {name: value for name, value in asdict(job.options).items() if value != usual[name]}


def _text(value: Any) -> Any:
    return value if isinstance(value, str) else str(value)


def form_of(content: Mapping[str, Any]) -> dict[str, str]:
    """Return how a form is filled in that says what a job file does: `read_form` the other way round."""
    form: dict[str, str] = {}
    for name, value in content.items():
        inner = value.items() if isinstance(value, Mapping) else [("", value)]
        for key, one in inner:
            field = f"{name}.{key}".rstrip(".")
            form[field] = _shown(one, between="\n" if field in _LINES else ", ")
    return form


def _shown(value: Any, between: str) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, (list, tuple)):
        return between.join(_shown(one, ", ") for one in value)
    return f"{value:g}" if isinstance(value, float) and float(f"{value:g}") == value else str(value)


def job_of(content: Mapping[str, Any], services: Mapping[str, str], base: Path) -> Job:
    """
    Return the job that a form makes, before its area is read; relative paths count from `base`.

    Raises:
        DraftError: A field is missing or cannot be what it says.
    """
    table = declared(content)
    try:
        return table.job(base, services)
    except OrchestratorError as error:
        raise DraftError({GENERAL: str(error)}) from None

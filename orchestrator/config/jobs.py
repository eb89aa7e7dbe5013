"""One job, as a file of its own or as `[jobs.NAME]` in config.toml: its keys, and those of its product's table."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Any, Literal, Self, TypeVar

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ModelWrapValidatorHandler,
    PrivateAttr,
    ValidationError,
    ValidationInfo,
    create_model,
    field_validator,
    model_validator,
)
from pydantic_core import InitErrorDetails

from orchestrator.core.errors import UserError
from orchestrator.core.nearest import hint
from orchestrator.core.units import parse_bytes
from orchestrator.model.address import BucketAddress, is_address
from orchestrator.model.eecu import check_hours
from orchestrator.model.job import AreaSource, GridRequest, Job, check_share, check_windows
from orchestrator.products.registry import DEFAULT, PRODUCTS, ProductEntry
from orchestrator.recipes.registry import RECIPES, UNDATED
from orchestrator.routes.registry import PIXEL_ROUTES, ROUTES

NO_DATES: Mapping[str, str] = MappingProxyType({"start_date": "", "end_date": ""})
T = TypeVar("T")
MAY_BE_TEXT = frozenset({"points", "polygons"})  # WKT; every other key of `ProductEntry.paths` is a file or a folder
EARLIER_NAME = "write"  # of `[mosaic]`, when there was no other product


class Section(BaseModel):
    """A table: a key that is not in it is refused, and true and false are no numbers, nor the other way round."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    @field_validator("*", mode="before")
    @classmethod
    def _strict(cls, value: Any, info: ValidationInfo) -> Any:
        kind = cls.model_fields[str(info.field_name)].annotation
        if kind is bool and not isinstance(value, bool):
            raise ValueError("write true or false")
        if kind not in (bool, Any) and _has_flag(value) and not (isinstance(value, Mapping)):
            raise ValueError("true and false are no value of it; see docs/reference/config.md")
        return value


def _has_flag(value: Any) -> bool:
    return any(isinstance(one, bool) for one in (value if isinstance(value, (list, tuple)) else (value,)))


class AreaTable(Section):
    source: str
    layer: str = ""
    crs: str = ""
    where: str = ""
    each: str = ""


def _area(value: Any) -> Any:
    return {"source": value} if isinstance(value, str) else value


def _accepted(check: Callable[[T], None]) -> Callable[[T], T]:
    """Return what refuses the values that `check` refuses."""

    def accepted(value: T) -> T:
        try:
            check(value)
        except UserError as error:
            raise ValueError(str(error)) from None
        return value

    return accepted


def _known(names: Collection[str]) -> Callable[[str], str]:
    """Return what refuses names that are not in a registry."""

    def check(name: str) -> str:
        if name not in names:
            raise ValueError(f"there is none of that name; {hint(name, names)}")
        return name

    return check


def _address(text: str) -> None:
    BucketAddress.parse(text)


def _folder(text: str) -> str:
    if is_address(text):
        return _accepted(_address)(text)
    try:
        Path(text).expanduser().resolve()
    except RuntimeError:
        raise ValueError("nobody of that name has a home here; write the path") from None
    except (OSError, ValueError):  # a NUL, half a character
        raise ValueError("no folder can be called so") from None
    return text


class GridTable(Section):
    scale: float | None = Field(default=None, gt=0, allow_inf_nan=False)
    crs: str = ""
    crs_transform: tuple[float, float, float, float, float, float] | None = None


class JobTable(Section):
    """One job, as a file of its own or as `[jobs.NAME]` in config.toml."""

    product: Annotated[str, AfterValidator(_known(PRODUCTS))] = DEFAULT
    area: Annotated[AreaTable, BeforeValidator(_area)]
    output: Annotated[str, AfterValidator(_folder)]
    base_name: str
    start_date: str
    end_date: str
    recipe: Annotated[str, AfterValidator(_known(RECIPES))] = "sentinel2-cloudless"
    params: dict[str, Any] = Field(default_factory=dict)
    bands: tuple[str, ...] = ()
    grid: GridTable = GridTable()
    route: Annotated[str, AfterValidator(_known(ROUTES))] = "gcs"
    max_part_size: Annotated[int, BeforeValidator(parse_bytes)] = 48 * 2**20
    split: Literal["blocks", "square"] = "blocks"
    min_valid: Annotated[float, AfterValidator(_accepted(check_share))] = 0.0
    audit: Annotated[int, AfterValidator(_accepted(check_windows))] = 0
    max_eecu_hours: Annotated[float, AfterValidator(_accepted(check_hours))] = 0.0
    cron: str = ""
    every: str = ""
    timezone: str = "UTC"
    overlap: Literal["queue", "skip", "replace"] = "queue"
    catch_up: Literal["latest", "all", "none"] = "latest"
    finish_by: str = ""
    priority: int = Field(default=0, ge=-1000, le=1000)
    overwrite: bool = False

    _keys: BaseModel = PrivateAttr()

    @model_validator(mode="wrap")
    @classmethod
    def _with_keys(cls, content: Any, handler: ModelWrapValidatorHandler[Self]) -> Self:
        """Read the table of the product beside the keys that every job has."""
        if not isinstance(content, Mapping):
            return handler(content)
        rest = dict(content)
        entry = PRODUCTS.get(str(rest.get("product", DEFAULT)))
        own = {name: rest.pop(name) for name in _tables(entry) if name in rest}
        keys, wrong = None, None
        try:
            keys = _read_keys(entry, own) if entry else None
        except ValidationError as error:
            wrong = error
        if entry is not None:
            rest = _with_what_may_be_left_out(rest, entry, keys)
        try:
            table = handler(rest)
        except ValidationError as error:
            raise _together(error, wrong) from None
        if wrong is not None:
            raise wrong
        if keys is not None:
            table._keys = keys  # noqa: SLF001  our own, while it is made
        return table

    def job(self, base: Path, service: str | Mapping[str, str]) -> Job:
        """
        Return the declaration; relative paths count from `base`.

        `service` is the one that it is for: `Settings.services`, of which its product asks one, or the name of one.
        """
        entry = PRODUCTS[self.product]
        service = service if isinstance(service, str) else service[entry.service]
        area = self.area.model_dump()
        area["source"] = _resolved(base, area["source"], area=True)
        paths = {
            name: _resolved(base, text) if name in MAY_BE_TEXT else _counted_from(base, text)
            for name in entry.paths
            for text in (str(getattr(self._keys, name)),)
        }
        return Job(
            base_name=self.base_name,
            output=_output(base, self.output),
            area=AreaSource(**area),
            start_date=self.start_date,
            end_date=self.end_date,
            recipe=self.recipe if entry.recipe(self._keys) else "",
            params=MappingProxyType(_with_file_found(base, self.params)),
            bands=self.bands,
            grid=GridRequest(**self.grid.model_dump()),
            route=self.route,
            max_part_bytes=self.max_part_size,
            split=self.split,
            service=service,
            min_valid=self.min_valid,
            audit=self.audit,
            max_eecu_hours=self.max_eecu_hours,
            product=self.product,
            **entry.declared(entry.located(self._keys.model_copy(update=paths), base)),
        )


def _output(base: Path, text: str) -> str:
    """Return a folder absolute; an address as it is always written."""
    return str(BucketAddress.parse(text)) if is_address(text) else str((base / Path(text).expanduser()).resolve())


def _with_what_may_be_left_out(
    content: Mapping[str, Any], entry: ProductEntry, keys: BaseModel | None
) -> dict[str, Any]:
    """
    Return a job's own keys, with those that its recipe or its product does not need.

    Raises:
        ValueError: A key is given that the product has no use for.
    """
    given = [name for name in ("recipe", "params") if name in content]
    if given and keys is not None and not entry.recipe(keys):
        raise ValueError(f"a {entry.name} has no {given[0]}; what its pixels are is said in [{entry.name}]")
    if content.get("audit") and not entry.audited:
        raise ValueError(f"a {entry.name} is not audited; leave `audit` out, or ask for a mosaic")
    if is_address(str(content.get("output", ""))) and not entry.delivered:
        able = ", ".join(name for name, one in PRODUCTS.items() if one.delivered)
        raise ValueError(f"a {entry.name} is not delivered to a bucket; name a folder as its output (a {able} is)")
    route = content.get("route")
    routes = entry.routes or PIXEL_ROUTES
    if route in ROUTES and route not in routes:
        raise ValueError(f"what {entry.name} is made of cannot come by route {route!r}; {hint(str(route), routes)}")
    # Dates may be left out where the pixels do not depend on them, both of them.
    undated = content.get("recipe") in UNDATED or (keys is not None and entry.undated(keys))
    filled: dict[str, Any] = dict(NO_DATES) if undated and not NO_DATES.keys() & content.keys() else {}
    if entry.routes:
        filled["route"] = entry.routes[0]
    if keys is not None and not entry.has_area(keys):
        filled["area"] = {"source": ""}
    if keys is not None:
        filled |= entry.placed(keys, content)
    return filled | dict(content)


def _together(first: ValidationError, second: ValidationError | None) -> ValidationError:
    """Return what is wrong with a job's own keys and with its product's, as one error."""
    errors = [one for error in (first, second) if error is not None for one in error.errors(include_url=False)]
    lines: list[InitErrorDetails] = [
        {"type": one["type"], "loc": one["loc"], "input": one["input"], "ctx": one.get("ctx", {})} for one in errors
    ]
    return ValidationError.from_exception_data("job", lines)


def _tables(entry: ProductEntry | None) -> tuple[str, ...]:
    """Return the names of the tables that hold a product's keys; of any product where that is not known."""
    if entry is None:  # what is wrong is then the product's name, not that of its table
        return tuple(key_names())
    return (entry.name, EARLIER_NAME) if entry.name == DEFAULT else (entry.name,)


def _read_keys(entry: ProductEntry, tables: Mapping[str, Any]) -> BaseModel:
    """
    Return the keys of a product, from its table or that table's earlier name.

    Raises:
        ValueError: A key is unknown or has a wrong value, or two tables say different things of one.
    """
    fields: dict[str, Any] = {name: (entry.keys, entry.keys()) for name in _tables(entry)}
    read = create_model("tables", __config__=ConfigDict(extra="forbid"), **fields).model_validate(tables)
    given: dict[str, tuple[str, Any]] = {}
    for name in fields:
        for key, value in getattr(read, name).model_dump(exclude_unset=True).items():
            first, other = given.setdefault(key, (name, value))
            if other != value:
                raise ValueError(
                    f"{key!r} is {other!r} in [{first}] but {value!r} in [{name}]; say it in [{first}] only"
                )
    return entry.keys.model_validate({key: value for key, (_name, value) in given.items()})


def recipe_names() -> tuple[str, ...]:
    """Return the names that `recipe` may have."""
    return tuple(RECIPES)


def key_names() -> Mapping[str, type[BaseModel]]:
    """Return the keys of every product's table, by the table's name."""
    return {name: entry.keys for entry in PRODUCTS.values() for name in _tables(entry)}


def _resolved(base: Path, source: str, *, area: bool = False) -> str:
    """Make a file's path absolute, so that a run can be continued from any folder; boxes, texts and names stay."""
    # Before `~` is expanded: a file's own name may begin with it. RuntimeError: no user is called so; OSError and
    # ValueError: the text is no path at all, like a long WKT.
    for expand in (Path, lambda text: Path(text).expanduser()):
        with contextlib.suppress(OSError, RuntimeError, ValueError):
            path = base / expand(source)
            # A folder may be called like a country that is meant.
            if source and path.exists() and not (area and path.is_dir()):
                return str(path.resolve())
    return source


def _counted_from(base: Path, text: str) -> str:
    """Return a path absolute, whether something is there or not: no other folder is looked into instead."""
    found = _resolved(base, text)
    with contextlib.suppress(OSError, RuntimeError, ValueError):  # no path at all; who opens it says so
        return str((base / Path(found).expanduser()).resolve()) if text else ""
    return text


def _with_file_found(base: Path, params: Mapping[str, Any]) -> dict[str, Any]:
    """Find a parameter `file` in the folder of the job file, unless the current folder has it."""
    file = params.get("file")
    with contextlib.suppress(OSError, ValueError):  # the text is no path at all; the recipe says so
        if isinstance(file, str) and not Path(file).is_file() and (base / file).is_file():
            return dict(params) | {"file": str((base / file).resolve())}
    return dict(params)

"""What an index of either step may say, checked key by key: others write indexes, too, and they name folders."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from orchestrator.core.errors import UserError

_TILE = re.compile(r"T?\d\d[A-Z]{3}")
_MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z")
_MOST_SHOWN = 60
T = TypeVar("T", bound=BaseModel)


def _tile(text: str) -> str:
    if not _TILE.fullmatch(text):
        raise ValueError("expected a tile such as 'T33UWQ'")
    return text


def _moment(text: str) -> str:
    wrong = ValueError("expected a time in UTC such as '2025-12-10T10:03:19Z'")
    if not _MOMENT.fullmatch(text):
        raise wrong
    try:
        datetime.fromisoformat(text)
    except ValueError:
        raise wrong from None
    return text


def _finite(told: dict[str, Any]) -> dict[str, Any]:
    json.dumps(told, allow_nan=False)
    return told


class Told(BaseModel):
    """A part of an index; keys that nobody here knows are passed over."""

    model_config = ConfigDict(strict=True, frozen=True, extra="ignore", allow_inf_nan=False)


class ToldKey(Told):
    """What tells scenes apart. Both become names of folders."""

    tile_id: Annotated[str, AfterValidator(_tile)]
    sensing_start_utc: Annotated[str, AfterValidator(_moment)]


class ToldProduct(Told):
    """See `scene.ProductInfo`."""

    product_id: str
    product_name: str
    baseline: str | None = None
    rel_orbit: str | None = None
    cloud_cover: int | float | None = None
    geofootprint: Annotated[dict[str, Any], AfterValidator(_finite)] | None = None
    coverage_ratio: int | float | None = None
    scl_percentages: dict[str, int | float] | None = None


class ToldFile(Told):
    """See `scene.SceneFile`."""

    role: str
    path: Annotated[str, Field(min_length=1)]
    present: bool = True
    size: Annotated[int, Field(ge=0)] | None = None
    sha256: Annotated[str, Field(pattern=r"^[0-9a-fA-F]*$")] | None = None
    checksum: Annotated[str, Field(pattern=r"^([A-Za-z0-9-]+:[0-9a-fA-F]+)?$")] | None = None


class ToldFiles(Told):
    """The files of a level."""

    items: tuple[ToldFile, ...] = Field(default=(), strict=False)


class ToldScene(Told):
    """See `scene.IndexedScene`."""

    key: ToldKey
    l1c: ToldProduct | None = None
    l2a: ToldProduct | None = None
    files_l1c: ToldFiles | None = None
    files_l2a: ToldFiles | None = None


class ToldOutput(Told):
    """Where the files lie."""

    out_dir: str | None = None


class ToldIndex(Told):
    """All of an index but its scenes."""

    created_utc: str | None = None
    query: Annotated[dict[str, Any], AfterValidator(_finite)] | None = None
    attribution: str | None = None
    output: ToldOutput | None = None


def checked(kind: type[T], content: object, where: str) -> T:
    """
    Return a part of an index.

    Args:
        kind: What it is.
        content: As JSON has it.
        where: The file and the place in it, "index.json: scenes[3]".

    Raises:
        UserError: A key of it is missing or is something else; a line that names both.
    """
    try:
        return kind.model_validate(content)
    except ValidationError as error:
        first = error.errors()[0]
    key = "".join(f"[{word}]" if isinstance(word, int) else f".{word}" for word in first["loc"])
    at = f"{where}{key}" if where.endswith("]") else f"{where}: {key.removeprefix('.')}".removesuffix(": ")
    if first["type"] == "missing":
        raise UserError(f"{at} is missing; make the index anew")
    told = first["msg"].removeprefix("Value error, ")
    raise UserError(f"{at} is {_shown(first['input'])}: {told[:1].lower()}{told[1:]}")


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= _MOST_SHOWN else f"{text[:_MOST_SHOWN]}…"


def inside(path: str, root: Path, where: str) -> str:
    """
    Return the path of a file from the folder of an index, with slashes.

    Raises:
        UserError: It leads out of that folder.
    """
    whole = Path(path)
    if whole.is_absolute() and whole.is_relative_to(root):
        whole, path = whole.relative_to(root), whole.relative_to(root).as_posix()
    if whole.is_absolute() or whole.drive or path.startswith("/") or ".." in re.split(r"[\\/]", path):
        raise UserError(f"{where} is {_shown(path)}: it leads out of the folder {root}; expected a path inside it")
    return path


def list_of(content: Mapping[str, Any], name: str, where: str) -> list[Any]:
    """Return a list of an index; UserError where it is none."""
    told = content.get(name)
    if not isinstance(told, list):
        raise UserError(f"{where}: {name} is {_shown(told)}: expected a list")
    return told

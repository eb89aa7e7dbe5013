"""Reads TOML files: settings, and jobs."""

from __future__ import annotations

import re
import tomllib
from contextlib import suppress
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from orchestrator.config.jobs import JobTable
from orchestrator.config.refusals import explain
from orchestrator.core.errors import ConfigError, UserError

# What files of areas end in; a job file ends in .toml.
AREA_SUFFIXES = frozenset(
    {".shp", ".gpkg", ".geojson", ".json", ".wkt", ".kml", ".kmz", ".fgb", ".parquet", ".gml", ".zip", ".geojsonl"}
)


def read_toml(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"{path} cannot be read: {error.strerror}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path} is no TOML: {error}") from None


def read_pieces(path: Path) -> dict[str, Any]:
    """Return what can be read of a TOML file that may be wrong: all of it, else each of its tables by itself."""
    try:
        return read_toml(path)
    except ConfigError:
        pass
    found: dict[str, Any] = {}
    with suppress(OSError):
        for piece in re.split(r"(?m)^(?=[ \t]*\[)", path.read_text(encoding="utf-8", errors="replace")):
            with suppress(tomllib.TOMLDecodeError):
                found |= tomllib.loads(piece)
    return found


def read_job(path: Path) -> JobTable:
    """
    Read a job file.

    Raises:
        UserError: The file cannot be read, or a key or value is wrong.
    """
    try:
        return JobTable.model_validate(read_table(path))
    except ValidationError as error:
        raise UserError(explain(error, str(path), JobTable)) from None


def read_table(path: Path) -> dict[str, Any]:
    """
    Read what a job file says, unchecked.

    Raises:
        UserError: It cannot be read, is an area, or holds settings.
    """
    if path.suffix.lower() in AREA_SUFFIXES:
        raise UserError(f"{path} is an area, not a job file; write --shapefile {path}")
    try:
        content = read_toml(path)
    except ConfigError as error:
        raise UserError(f"job file {error}") from None
    if named := content.get("jobs"):
        raise UserError(
            f"{path} holds settings, not one job: its jobs ({', '.join(named)}) are for `serve`; "
            "copy one without its heading into a file of its own, or use --config"
        )
    return content

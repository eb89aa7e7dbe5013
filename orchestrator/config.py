"""
Settings: config.toml, a profile in it, and the environment, in this order, into one frozen value.

Every setting has an environment variable, `ORCHESTRATOR_` + section + `__` + key: `ORCHESTRATOR_EE__PROJECT`.
`config.toml` at the root of the repository lists every setting with its default.
"""

from __future__ import annotations

import contextlib
import difflib
import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Any, Literal, get_args

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, PositiveInt, ValidationError

from orchestrator.core.errors import ConfigError, UserError
from orchestrator.core.units import parse_bytes, parse_seconds
from orchestrator.model.job import AreaSource, GridRequest, Job, check_share
from orchestrator.model.mosaic import OutputOptions

PREFIX = "ORCHESTRATOR_"
# What files of areas end in; a job file ends in .toml.
AREA_SUFFIXES = frozenset(
    {".shp", ".gpkg", ".geojson", ".json", ".wkt", ".kml", ".kmz", ".fgb", ".parquet", ".gml", ".zip", ".geojsonl"}
)
# Variables that are not settings: which file, which profile, and the tests' crash points.
OTHER_VARIABLES = frozenset({"ORCHESTRATOR_CONFIG", "ORCHESTRATOR_PROFILE", "ORCHESTRATOR_CRASH_AT"})
OTHER_PREFIXES = ("ORCHESTRATOR_TEST_", "ORCHESTRATOR_CLI_")

Size = Annotated[int, BeforeValidator(parse_bytes)]
Seconds = Annotated[float, BeforeValidator(parse_seconds)]


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class EarthEngineSettings(_Section):
    project: str = ""
    url: str = ""
    live_tasks: PositiveInt = 6
    poll_min: Seconds = 2.0
    poll_max: Seconds = 30.0
    priority: int = Field(default=-1, ge=-1, le=9999)
    cloud_optimized: bool = True


class GcsSettings(_Section):
    bucket: str = ""
    prefix: str = "orchestrator"
    max_bytes: Size = 20 * 2**30
    url: str = ""


class DriveSettings(_Section):
    folder: str = "orchestrator"
    url: str = ""


class CredentialSettings(_Section):
    key_file: str = ""
    impersonate: str = ""


class LocalSettings(_Section):
    state_dir: str = "~/.local/state/orchestrator"
    work_dir: str = ""
    keep_parts: bool = True


class TransferSettings(_Section):
    downloads: PositiveInt = 4


class AssembleSettings(_Section):
    threads: int = Field(default=0, ge=0)


class RetrySettings(_Section):
    attempts: PositiveInt = 8
    first_wait: Seconds = 1.0
    max_wait: Seconds = 60.0
    task_attempts: PositiveInt = 4
    cool_down: Seconds = 10.0
    repost: Seconds = 5.0
    burnt: Seconds = 900.0
    collect: Seconds = 20.0
    hold: Seconds = 300.0
    lag: Seconds = 600.0


class ServeSettings(_Section):
    slots: PositiveInt = 2
    patience: Seconds = 900.0


class LogSettings(_Section):
    level: Literal["debug", "info", "warning", "error"] = "info"
    style: Literal["auto", "console", "json"] = "auto"


class AreaTable(_Section):
    source: str
    layer: str = ""
    crs: str = ""
    where: str = ""
    each: str = ""


def _area(value: Any) -> Any:
    return {"source": value} if isinstance(value, str) else value


def _share(value: float) -> float:
    try:
        check_share(value)
    except UserError as error:
        raise ValueError(str(error)) from None
    return value


class GridTable(_Section):
    scale: float | None = Field(default=None, gt=0, allow_inf_nan=False)
    crs: str = ""
    crs_transform: tuple[float, float, float, float, float, float] | None = None


class WriteTable(_Section):
    compress: Literal["same", "zstd", "deflate", "lzw", "none"] = "same"
    predictor: Literal["same", "none", "horizontal", "float"] = "same"
    block: int = Field(default=0, ge=0, multiple_of=16)
    overviews: Literal["auto", "parts", "average", "nearest", "none"] = "auto"
    all_touched: bool = False


class JobTable(_Section):
    """One job, as a file of its own or as `[jobs.NAME]` in config.toml."""

    area: Annotated[AreaTable, BeforeValidator(_area)]
    output: str
    base_name: str
    start_date: str
    end_date: str
    recipe: str = "sentinel2-cloudless"
    params: dict[str, Any] = Field(default_factory=dict)
    bands: tuple[str, ...] = ()
    grid: GridTable = GridTable()
    route: Literal["gcs", "drive"] = "gcs"
    max_part_size: Size = 48 * 2**20
    split: Literal["blocks", "square"] = "blocks"
    write: WriteTable = WriteTable()
    min_valid: Annotated[float, AfterValidator(_share)] = 0.0
    cron: str = ""
    every: str = ""
    timezone: str = "UTC"
    overlap: Literal["queue", "skip"] = "queue"
    catch_up: Literal["latest", "all", "none"] = "latest"
    overwrite: bool = False

    def job(self, base: Path, service: str) -> Job:
        """Return the declaration; relative paths count from `base`."""
        area = self.area.model_dump()
        area["source"] = _resolved(base, area["source"])
        return Job(
            base_name=self.base_name,
            output=str((base / Path(self.output).expanduser()).resolve()),
            area=AreaSource(**area),
            start_date=self.start_date,
            end_date=self.end_date,
            recipe=self.recipe,
            params=MappingProxyType(_with_file_found(base, self.params)),
            bands=self.bands,
            grid=GridRequest(**self.grid.model_dump()),
            route=self.route,
            max_part_bytes=self.max_part_size,
            split=self.split,
            options=OutputOptions(**self.write.model_dump()),
            service=service,
            min_valid=self.min_valid,
        )


def _resolved(base: Path, source: str) -> str:
    """Make a file's path absolute, so that a run can be continued from any folder; boxes and texts stay."""
    # Before `~` is expanded: a file's own name may begin with it. RuntimeError: no user is called so; OSError and
    # ValueError: the text is no path at all, like a long WKT.
    for expand in (Path, lambda text: Path(text).expanduser()):
        with contextlib.suppress(OSError, RuntimeError, ValueError):
            path = base / expand(source)
            if source and path.exists():
                return str(path.resolve())
    return source


def _with_file_found(base: Path, params: Mapping[str, Any]) -> dict[str, Any]:
    """Find a parameter `file` in the folder of the job file, unless the current folder has it."""
    file = params.get("file")
    if isinstance(file, str) and not Path(file).is_file() and (base / file).is_file():
        return dict(params) | {"file": str((base / file).resolve())}
    return dict(params)


class Settings(_Section):
    """Everything that can be set, frozen."""

    ee: EarthEngineSettings = EarthEngineSettings()
    gcs: GcsSettings = GcsSettings()
    drive: DriveSettings = DriveSettings()
    credentials: CredentialSettings = CredentialSettings()
    local: LocalSettings = LocalSettings()
    transfer: TransferSettings = TransferSettings()
    assemble: AssembleSettings = AssembleSettings()
    retry: RetrySettings = RetrySettings()
    serve: ServeSettings = ServeSettings()
    log: LogSettings = LogSettings()
    jobs: dict[str, JobTable] = Field(default_factory=dict)

    @property
    def state_dir(self) -> Path:
        return Path(self.local.state_dir).expanduser().resolve()

    @property
    def service(self) -> str:
        """Which Earth Engine is meant, for telling runs apart."""
        return "sandbox" if self.ee.url else "google"


@dataclass(frozen=True, slots=True)
class Loaded:
    """
    Settings and where they came from.

    Attributes:
        settings: The value.
        path: The file that was read, or None.
        origins: For each setting that is not a default, `section.key` and the place that set it.
        refused_jobs: Of each job that cannot be read, what is wrong with it; the settings are without them.
    """

    settings: Settings
    path: Path | None
    origins: Mapping[str, str]
    refused_jobs: Mapping[str, str] = field(default_factory=dict)


def load(
    path: Path | None = None,
    *,
    profile: str = "",
    environment: Mapping[str, str] | None = None,
    overrides: Mapping[str, Mapping[str, Any]] | None = None,
) -> Loaded:
    """
    Read the settings.

    Args:
        path: A TOML file; None is `$ORCHESTRATOR_CONFIG`, else ./config.toml where there is one.
        profile: Name of a table `[profiles.NAME.*]` laid over the file.
        environment: `os.environ` by default.
        overrides: Section to key to value, from the command line: the last word.

    A job that is wrong is left out and named in the result: it must not keep the others from running.

    Raises:
        ConfigError: The file, or a name or value outside [jobs], is wrong; the message names it.
    """
    variables = os.environ if environment is None else environment
    found = _find(path, variables)
    content = _read(found) if found else {}
    profiles = content.pop("profiles", {})
    profile = profile or variables.get("ORCHESTRATOR_PROFILE", "")
    layers: list[tuple[str, Mapping[str, Any]]] = [(str(found), content)]
    if profile:
        if profile not in profiles:
            known = ", ".join(profiles) or "none"
            where = found or "any file: there is no config.toml here"
            raise ConfigError(f"profile {profile!r} is not in {where}; known: {known}")
        layers.append((f"profile {profile} of {found}", profiles[profile]))
    layers += [("environment", _from_environment(variables)), ("command line", overrides or {})]
    return _merge(layers, found)


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
        content = _read(path)
    except ConfigError as error:
        raise UserError(f"job file {error}") from None
    if named := content.get("jobs"):
        raise UserError(
            f"{path} holds settings, not one job: its jobs ({', '.join(named)}) are for `serve`; "
            "copy one without its heading into a file of its own, or use --config"
        )
    return content


def unknown_variables(environment: Mapping[str, str]) -> list[str]:
    """Return names with our prefix that set nothing: misspelt ones are otherwise ignored in silence."""
    known = {f"{PREFIX}{s}__{k}".upper() for s, k in setting_names()} | OTHER_VARIABLES
    ours = (name for name in environment if name.startswith(PREFIX) and not name.startswith(OTHER_PREFIXES))
    return sorted(name for name in ours if name not in known)


def setting_names() -> list[tuple[str, str]]:
    """Return (section, key) of every setting, jobs excepted."""
    names = []
    for section, info in Settings.model_fields.items():
        model = info.annotation
        if isinstance(model, type) and issubclass(model, BaseModel):
            names += [(section, key) for key in model.model_fields]
    return names


def _find(path: Path | None, variables: Mapping[str, str]) -> Path | None:
    if path is None and variables.get("ORCHESTRATOR_CONFIG"):
        path = Path(variables["ORCHESTRATOR_CONFIG"])
    if path is not None:
        if not path.is_file():
            raise ConfigError(f"config file {path} does not exist; name another with --config")
        return path
    here = Path("config.toml")
    return here if here.is_file() else None


def _read(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"{path} cannot be read: {error.strerror}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path} is no TOML: {error}") from None


def _from_environment(variables: Mapping[str, str]) -> dict[str, dict[str, str]]:
    sections: dict[str, dict[str, str]] = {}
    for section, key in setting_names():
        value = variables.get(f"{PREFIX}{section}__{key}".upper())
        if value is not None:
            sections.setdefault(section, {})[key] = value
    return sections


def _merge(layers: list[tuple[str, Mapping[str, Any]]], found: Path | None) -> Loaded:
    merged: dict[str, Any] = {}
    origins: dict[str, str] = {}
    for origin, layer in layers:
        for section, values in layer.items():
            if not isinstance(values, Mapping):
                raise ConfigError(
                    f"{origin}: {section!r} stands outside a section; write it under [{section}] or a name"
                )
            merged.setdefault(section, {}).update(values)
            origins |= {f"{section}.{key}": origin for key in values}
    jobs, refused = _jobs(merged.pop("jobs", {}), origins)
    try:
        settings = Settings.model_validate(merged | {"jobs": jobs})
    except ValidationError as error:
        first = ".".join(str(word) for word in error.errors()[0]["loc"][:2])
        raise ConfigError(explain(error, origins.get(first, str(found or "settings")))) from None
    _check_whole_service(settings, origins)
    return Loaded(settings, found, MappingProxyType(origins), MappingProxyType(refused))


def _jobs(tables: Mapping[str, Any], origins: Mapping[str, str]) -> tuple[dict[str, JobTable], dict[str, str]]:
    """Return the jobs that can be read, and what is wrong with the others."""
    good: dict[str, JobTable] = {}
    refused: dict[str, str] = {}
    for name, table in tables.items():
        origin = f"{origins.get(f'jobs.{name}', 'settings')}: job {name}"
        if not isinstance(table, Mapping):
            refused[name] = f"{origin} is {table!r}; write a table [jobs.{name}]"
            continue
        try:
            good[name] = JobTable.model_validate(table)
        except ValidationError as error:
            refused[name] = explain(error, origin, JobTable)
    return good, refused


def _check_whole_service(settings: Settings, origins: Mapping[str, str]) -> None:
    """
    Refuse half a sandbox: an Earth Engine here and the buckets of Google there, or the other way round.

    Raises:
        ConfigError: Some of the three addresses are set and some are not.
    """
    urls = {name: getattr(settings, name).url for name in ("ee", "gcs", "drive")}
    given = [name for name, url in urls.items() if url]
    lacking = [name for name, url in urls.items() if not url]
    if not given or not lacking:
        return
    names = " and ".join(f"`url` under [{name}] ({PREFIX}{name.upper()}__URL)" for name in lacking)
    raise ConfigError(
        f"{origins.get(f'{given[0]}.url', 'settings')}: `url` under [{given[0]}] is {urls[given[0]]}, but {names} "
        "is not set, so that Google's own would be spoken to; set all three to the sandbox, or none"
    )


def explain(error: ValidationError, origin: str, root: type[BaseModel] = Settings) -> str:
    """One line that names place, key, value and what was expected; `root` is what was read."""
    errors = error.errors()
    # A misspelt name is why another one is missing, not the other way round.
    first = next((one for one in errors if one["type"] == "extra_forbidden"), errors[0])
    loc = tuple(str(word) for word in first["loc"])
    key = ".".join(loc)
    if first["type"] == "extra_forbidden":
        return f"{origin}: {key!r} is no {_kind(root, loc)}; {_nearest(root, loc)}"
    if first["type"] == "missing":
        return f"{origin}: {key!r} is missing"
    return f"{origin}: {key!r} is {first['input']!r}: {first['msg'].removeprefix('Value error, ')}"


def _kind(root: type[BaseModel], loc: tuple[str, ...]) -> str:
    return "key of a job" if root is JobTable or loc[0] == "jobs" else "setting"


def _nearest(root: type[BaseModel], loc: tuple[str, ...]) -> str:
    """Return what was perhaps meant by the last word of `loc`, or every name that could stand there."""
    known = _names_at(root, loc[:-1])
    near = difflib.get_close_matches(loc[-1].lower(), known, 1, 0.6)
    listed = f"did you mean {'.'.join((*loc[:-1], near[0]))!r}?" if near else f"known here: {', '.join(known)}"
    return f"{listed} (docs/reference/config.md explains them)"


def _names_at(root: type[BaseModel], loc: tuple[str, ...]) -> list[str]:
    """Return the keys of the table at `loc`."""
    model: type[BaseModel] = root
    for word in loc:
        field = model.model_fields.get(word)
        if field is None:  # a name of one's own, as in [jobs.NAME]
            continue
        kinds = [field.annotation, *get_args(field.annotation)]
        model = next((kind for kind in kinds if isinstance(kind, type) and issubclass(kind, BaseModel)), model)
    return list(model.model_fields)

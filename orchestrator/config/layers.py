"""
Settings: config.toml, a profile in it, and the environment, in this order, into one frozen value.

Every setting has an environment variable, `ORCHESTRATOR_` + section + `__` + key: `ORCHESTRATOR_EE__PROJECT`.
`config.toml` at the root of the repository lists every setting with its default.
"""

from __future__ import annotations

import os
import re
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any

from pydantic import SecretStr, ValidationError

from orchestrator.config.files import read_pieces, read_toml
from orchestrator.config.jobs import JobTable
from orchestrator.config.refusals import decisive, explain
from orchestrator.config.sections import Settings, flag_names, setting_names
from orchestrator.core.errors import ConfigError

PREFIX = "ORCHESTRATOR_"
_FLAGS = dict.fromkeys(("true", "1", "yes", "on", "y", "t"), True) | dict.fromkeys(
    ("false", "0", "no", "off", "n", "f"), False
)
# Variables that are not settings: which file, which profile, and the tests' crash points.
OTHER_VARIABLES = frozenset({"ORCHESTRATOR_CONFIG", "ORCHESTRATOR_PROFILE", "ORCHESTRATOR_CRASH_AT"})
# Settings that once stood elsewhere, and where they stand now.
EARLIER: Mapping[tuple[str, str], tuple[str, str]] = MappingProxyType(
    {("credentials", key): ("credentials.google", "google") for key in ("key_file", "impersonate")}
)
OTHER_PREFIXES = ("ORCHESTRATOR_TEST_", "ORCHESTRATOR_CLI_")


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
    content = read_toml(found) if found else {}
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


def load_part(
    names: Collection[tuple[str, str]],
    path: Path | None = None,
    *,
    profile: str = "",
    environment: Mapping[str, str] | None = None,
    overrides: Mapping[str, Mapping[str, Any]] | None = None,
) -> tuple[Loaded, str]:
    """
    Read the settings for what must work when they are wrong; return them, and what is wrong with them, else nothing.

    Where they cannot be read, those of `names`, (section, key), are taken of what the file says as far as that can be
    read, else of the environment and the command line alone; all others are as if nobody had set them.

    Raises:
        ConfigError: What the environment or the command line say of these is wrong.
    """
    variables = os.environ if environment is None else environment
    try:
        return load(path, profile=profile, environment=variables, overrides=overrides), ""
    except ConfigError as error:
        why = str(error)
    said = [
        ("environment", _only(names, _from_environment(variables))),
        ("command line", _only(names, overrides or {})),
    ]
    with suppress(ConfigError):
        found = _find(path, variables)
        content = read_pieces(found) if found else {}
        profiles = content.get("profiles", {})
        name = profile or variables.get("ORCHESTRATOR_PROFILE", "")
        laid = profiles.get(name, {}) if isinstance(profiles, Mapping) else {}
        return _merge([(str(found), _only(names, one)) for one in (content, laid)] + said, found), why
    return _merge(said, None), why


def _only(names: Collection[tuple[str, str]], layer: Any) -> dict[str, Any]:
    """Return the settings of `names` that a layer sets."""
    kept: dict[str, Any] = {}
    for section, key in names:
        table = layer.get(section) if isinstance(layer, Mapping) else None
        if isinstance(table, Mapping) and key in table:
            kept.setdefault(section, {})[key] = table[key]
    return kept


def unknown_variables(environment: Mapping[str, str]) -> list[str]:
    """Return names with our prefix that set nothing: misspelt ones are otherwise ignored in silence."""
    known = {variable(*name) for name in (*setting_names(), *EARLIER)} | OTHER_VARIABLES
    ours = (name for name in environment if name.startswith(PREFIX) and not name.startswith(OTHER_PREFIXES))
    return sorted(name for name in ours if name not in known)


def as_environment(settings: Settings) -> dict[str, str]:
    """Return the variables with which a process of ours reads the same settings, jobs apart, secrets too."""
    found: dict[str, str] = {}
    for section, key in setting_names():
        table: Any = settings
        for name in section.split("."):
            table = getattr(table, name)
        value = getattr(table, key)
        value = value.get_secret_value() if isinstance(value, SecretStr) else value
        found[variable(section, key)] = str(value).lower() if isinstance(value, bool) else str(value)
    return found


def variable(section: str, key: str) -> str:
    """Return the environment variable of a setting."""
    return f"{PREFIX}{section.replace('.', '__')}__{key}".upper()


def _find(path: Path | None, variables: Mapping[str, str]) -> Path | None:
    if path is None and variables.get("ORCHESTRATOR_CONFIG"):
        path = Path(variables["ORCHESTRATOR_CONFIG"])
    if path is not None:
        if not path.is_file():
            raise ConfigError(f"config file {path} does not exist; name another with --config")
        return path
    here = Path("config.toml")
    return here if here.is_file() else None


def _from_environment(variables: Mapping[str, str]) -> dict[str, Any]:
    sections: dict[str, Any] = {}
    flags = flag_names()
    for section, key in (*setting_names(), *EARLIER):
        value = variables.get(variable(section, key))
        if value is not None:
            table = sections
            for name in section.split("."):
                table = table.setdefault(name, {})
            # A variable is text; a file has a word of its own for true and false.
            table[key] = _FLAGS.get(value.strip().lower(), value) if (section, key) in flags else value
    return sections


def _renamed(origin: str, layer: Mapping[str, Any]) -> Mapping[str, Any]:
    """
    Return a layer in which settings stand under their present names.

    Raises:
        ConfigError: One stands under both names, with different values.
    """
    now: dict[str, Any] = {name: dict(table) if isinstance(table, Mapping) else table for name, table in layer.items()}
    for (section, key), (outer, inner) in EARLIER.items():
        table = now.get(section)
        if not isinstance(table, dict) or key not in table:
            continue
        value, own = table.pop(key), table.get(inner, {})
        if not isinstance(own, Mapping):
            continue
        if own.get(key, value) != value:
            names = " and ".join(f"`{key}` under [{name}]" for name in (section, outer))
            variables = f"{variable(section, key)}, {variable(outer, key)}"
            raise ConfigError(
                f"{origin}: {names} ({variables}) are {value!r} and {own[key]!r}; they are two names of one setting: "
                f"keep that under [{outer}]"
            )
        table[inner] = {**own, key: value}
    return now


def _lay(over: Mapping[str, Any], under: dict[str, Any], name: str, origin: str, origins: dict[str, str]) -> None:
    """Lay a table over another, tables in it too; note where each key came from."""
    for key, value in over.items():
        path = f"{name}.{key}"
        if isinstance(value, Mapping) and isinstance(under.get(key, {}), dict) and name != "jobs":
            _lay(value, under.setdefault(key, {}), path, origin, origins)
        else:
            under[key] = value
            origins[path] = origin


def _merge(layers: Sequence[tuple[str, Mapping[str, Any]]], found: Path | None) -> Loaded:
    merged: dict[str, Any] = {}
    origins: dict[str, str] = {}
    for origin, layer in layers:
        for section, values in _renamed(origin, layer).items():
            if not isinstance(values, Mapping):
                raise ConfigError(
                    f"{origin}: {section!r} stands outside a section; write it under [{section}] or a name"
                )
            _lay(values, merged.setdefault(section, {}), section, origin, origins)
    jobs, refused = _jobs(merged.pop("jobs", {}), origins)
    try:
        settings = Settings.model_validate(merged | {"jobs": jobs})
    except ValidationError as error:
        raise ConfigError(explain(error, _origin_of(error, origins) or str(found or "settings"))) from None
    _check_whole_service(settings, origins)
    return Loaded(settings, found, MappingProxyType(origins), MappingProxyType(refused))


def _origin_of(error: ValidationError, origins: Mapping[str, str]) -> str:
    """Return where that was set of which `explain` tells; empty where nobody set it."""
    first = decisive(error)
    words = [str(word) for word in first["loc"]]
    for count in range(len(words), 0, -1):
        if origin := origins.get(".".join(words[:count])):
            return origin
    # Of keys that do not go together the sentence names each.
    named = (".".join((*words, key)) for key in re.findall(r"`(\w+)`", first["msg"]))
    return " and ".join(sorted({origins[path] for path in named if path in origins}))


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

"""Files of a pipeline's configuration, YAML as s2pipe has them or TOML: `download:` and `preprocess:`."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError, create_model

from orchestrator.config.files import read_toml
from orchestrator.config.published import DownloadKeys, DownloadOrder, ordered
from orchestrator.config.refusals import decisive, explain
from orchestrator.core.errors import ConfigError, UserError
from orchestrator.core.nearest import hint
from orchestrator.core.optional import required
from orchestrator.products.preprocess.keys import PreprocessKeys

M = TypeVar("M", bound=BaseModel)

GROUPS = ("download", "preprocess")
SUFFIXES = (".yaml", ".yml", ".toml")
NOTHING: Mapping[str, Any] = MappingProxyType({})


def read_download(path: Path, overrides: Mapping[str, Any] = NOTHING) -> DownloadOrder:
    """
    Return the job that the group `download` of a file asks for.

    Args:
        path: Of the file, `.yaml`, `.yml` or `.toml`.
        overrides: What takes the place of its values, by group and key: `{"download": {"dry_run": False}}`.

    Raises:
        UserError: The file cannot be read, or a key or value is wrong; both are named, with the line.
    """
    return ordered(_read(path, "download", DownloadKeys, overrides))


def read_preprocess(path: Path, overrides: Mapping[str, Any] = NOTHING) -> dict[str, Any]:
    """Return the keys of the group `preprocess` of a file, as the table `[preprocess]` of a job; as `read_download`."""
    return _as_table(_read(path, "preprocess", PreprocessKeys, overrides))


def download_of(content: Mapping[str, Any], origin: str) -> DownloadOrder:
    """Return the job that a configuration of Python asks for; `origin` is what it is called in an error."""
    return ordered(_checked(content, "download", DownloadKeys, lambda _: origin))


def preprocess_of(content: Mapping[str, Any], origin: str) -> dict[str, Any]:
    """Return the table `[preprocess]` of a job that a configuration of Python asks for; as `download_of`."""
    return _as_table(_checked(content, "preprocess", PreprocessKeys, lambda _: origin))


def _as_table(keys: BaseModel) -> dict[str, Any]:
    return keys.model_dump(mode="json", exclude_unset=True)


def _read(path: Path, group: str, root: type[M], overrides: Mapping[str, Any]) -> M:
    file = _File(path)
    content = _laid_over(file.group(group), overrides)
    return _checked(content, group, root, lambda words: f"{path}{file.line(words)}")


def _checked(content: Mapping[str, Any], group: str, root: type[M], origin: Callable[[Sequence[str]], str]) -> M:
    model: type[BaseModel] = create_model("configuration", **{group: (root, ...)})  # type: ignore[call-overload]
    try:
        found: M = getattr(model.model_validate({group: content}), group)
    except ValidationError as error:
        words = [str(word) for word in decisive(error)["loc"]]
        raise UserError(explain(error, origin(words), model)) from None
    return found


class _File:
    """A file that was read, and where its keys stand in it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        if path.suffix.lower() not in SUFFIXES:
            raise UserError(f"{path} ends in {path.suffix!r}; a configuration is {', '.join(SUFFIXES)}")
        if path.suffix.lower() == ".toml":
            self.content: Any = _toml(path)
            self._lines = _toml_lines(path.read_text("utf-8"))
        else:
            self.content, self._lines = _yaml(path)

    def group(self, name: str) -> Mapping[str, Any]:
        """Return what stands under a name at the top; what else stands there is another command's, or wrong."""
        content = self.content or {}
        if not isinstance(content, Mapping):
            raise UserError(f"{self.path} holds no keys; begin it with `{name}:`")
        if "product" in content:
            raise UserError(
                f"{self.path} is a job file (it says `product`), and a configuration is expected here; give it without "
                f"an option: `orchestrator copernicus {name} {self.path}`"
            )
        for key in content:
            if key not in GROUPS:
                raise UserError(f"{self.path}{self.line((str(key),))}: {key!r} is no group; {hint(str(key), GROUPS)}")
        if not isinstance(found := content.get(name), Mapping):
            there = ", ".join(content) or "nothing"
            raise UserError(f"{self.path} has no group `{name}:` with keys in it; there is {there}")
        return found

    def line(self, words: Sequence[str]) -> str:
        """Return where a key stands, as it is said; that of the group that should hold it where it does not."""
        for end in range(len(words), 0, -1):
            if line := self._lines.get(tuple(words[:end])):
                return f", line {line}"
        return ""


def _laid_over(content: Mapping[str, Any], overrides: Mapping[str, Any]) -> dict[str, Any]:
    merged = dict(content)
    for key, value in overrides.items():
        below = merged.get(key)
        inner = isinstance(value, Mapping) and (isinstance(below, Mapping) or below is None)
        merged[key] = _laid_over(below or {}, value) if inner else value
    # A group without keys, `angles:`, is one with its defaults.
    return {key: value for key, value in merged.items() if value is not None or key not in _TABLES}


_TABLES = frozenset({"angles", "labels", "normalize"})


def _toml(path: Path) -> dict[str, Any]:
    try:
        return read_toml(path)
    except ConfigError as error:
        raise UserError(f"configuration {error}") from None


def _toml_lines(text: str) -> dict[tuple[str, ...], int]:
    """Return the line of each key that is written plainly; others are named without."""
    lines: dict[tuple[str, ...], int] = {}
    table: tuple[str, ...] = ()
    for number, line in enumerate(text.splitlines(), 1):
        if heading := re.match(r"\s*\[([\w.-]+)\]", line):
            table = tuple(heading[1].split("."))
            lines.setdefault(table, number)
        elif key := re.match(r"\s*([\w-]+)\s*=", line):
            lines.setdefault((*table, key[1]), number)
    return lines


def _yaml(path: Path) -> tuple[Any, dict[tuple[str, ...], int]]:
    """Return what a file holds, without objects of any kind, and the line of each key."""
    yaml = required("yaml", "copernicus", "a configuration in YAML")
    try:
        loader = yaml.SafeLoader(path.read_text(encoding="utf-8"))
        try:
            root = loader.get_single_node()
            lines = dict(_yaml_lines(root, path)) if root else {}
            return (loader.construct_document(root) if root else None), lines
        finally:
            loader.dispose()
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror}") from None
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = f", line {mark.line + 1}" if mark else ""
        raise UserError(f"{path}{line} is no YAML: {error.problem}") from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise UserError(f"{path} is no YAML: {' '.join(str(error).split())}") from None


def _yaml_lines(node: Any, path: Path, above: tuple[str, ...] = ()) -> list[tuple[tuple[str, ...], int]]:
    found: list[tuple[tuple[str, ...], int]] = []
    if node.id != "mapping":
        return found
    for key, value in node.value:
        name, line = (*above, str(key.value)), key.start_mark.line + 1
        if first := dict(found).get(name):
            raise UserError(f"{path}, line {line}: {key.value!r} stands on line {first} already; say it once")
        found += [(name, line), *_yaml_lines(value, path, name)]
    return found

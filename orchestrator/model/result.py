"""What a run delivered: a manifest of files with size, SHA-256 and role."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any

from orchestrator.core.errors import IntegrityError
from orchestrator.core.stored import read_stored

# Of the JSON: grows when a key changes its meaning, never because one was added. The first one had no manifest.
VERSION = 2
_OWN = frozenset({"files", "earlier"})


@dataclass(frozen=True, slots=True)
class ResultFile:
    """
    One file of a result.

    Attributes:
        path: Its final name.
        bytes: Its size.
        sha256: Of its content, in hexadecimal.
        role: `data`, `proof`, `picture`, `item`, ...
    """

    path: Path
    bytes: int
    sha256: str
    role: str = "data"


@dataclass(frozen=True, slots=True)
class Result:
    """
    The files of a result, and what the run keeps of it beside them.

    Attributes:
        files: In the order in which they got their names; the last is the one that makes the result.
        facts: How it was made and how good it is; of a mosaic `assembly` and `valid`.
        whole: Whether every file is listed; results of the first version list the last alone.
        earlier: Files as they were until they were written anew, while it is not certain that they are.
    """

    files: tuple[ResultFile, ...]
    facts: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))
    whole: bool = True
    earlier: tuple[ResultFile, ...] = ()

    def __post_init__(self) -> None:
        if not self.files:
            raise IntegrityError("a result without a file is none")

    @property
    def main(self) -> ResultFile:
        """The file that makes the result."""
        return self.files[-1]

    def file(self, role: str) -> ResultFile | None:
        """Return the file of a role, where there is one."""
        return next((one for one in self.files if one.role == role), None)

    def to_json(self) -> str:
        """Return what a run keeps; the keys of the first version stay what they were."""
        main = self.main
        told = {"path": str(main.path), "bytes": main.bytes, "sha256": main.sha256, **self.facts}
        told |= {"version": VERSION, "files": _listed(self.files)}
        return json.dumps(told | ({"earlier": _listed(self.earlier)} if self.earlier else {}))

    @classmethod
    def from_json(cls, text: str) -> Result:
        """
        Read what `to_json` of this or an earlier version wrote.

        Raises:
            IntegrityError: A newer version wrote it.
        """
        told = read_stored(text, "result", VERSION)
        main = {"path": told.pop("path"), "bytes": told.pop("bytes"), "sha256": told.pop("sha256")}
        listed = told.get("files") or [main]
        facts = {name: value for name, value in told.items() if name not in _OWN}
        earlier = _read(told.get("earlier", ()))
        return cls(_read(listed), MappingProxyType(facts), whole="files" in told, earlier=earlier)


def _listed(files: Iterable[ResultFile]) -> list[dict[str, Any]]:
    return [{"path": str(f.path), "bytes": f.bytes, "sha256": f.sha256, "role": f.role} for f in files]


def _read(listed: Iterable[Mapping[str, Any]]) -> tuple[ResultFile, ...]:
    return tuple(ResultFile(**{**file, "path": Path(file["path"])}) for file in listed)

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
_OWN = frozenset({"files", "earlier", "place", "made_in"})


@dataclass(frozen=True, slots=True)
class ResultFile:
    """
    One file of a result.

    Attributes:
        path: Its final name.
        bytes: Its size.
        sha256: Of its content, in hexadecimal.
        role: `data`, `proof`, `picture`, `item`, ...
        crc32c: As Cloud Storage writes it, of a file that is delivered to a place; else empty.
        generation: Of the object that it became there; empty before it has arrived.
    """

    path: Path
    bytes: int
    sha256: str
    role: str = "data"
    crc32c: str = ""
    generation: str = ""


@dataclass(frozen=True, slots=True)
class Result:
    """
    The files of a result, and what the run keeps of it beside them.

    Attributes:
        files: In the order in which they got their names; the last is the one that makes the result.
        facts: How it was made and how good it is; of a mosaic `assembly` and `valid`.
        whole: Whether every file is listed; results of the first version list the last alone.
        earlier: Files as they were until they were written anew, while it is not certain that they are.
        place: Where they are delivered to: `gs://bucket/prefix`; empty is nowhere. They lie there by their names below
            `made_in`, and no longer at their paths.
        made_in: The folder in which they were made.
    """

    files: tuple[ResultFile, ...]
    facts: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))
    whole: bool = True
    earlier: tuple[ResultFile, ...] = ()
    place: str = ""
    made_in: str = ""

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

    @property
    def is_delivered(self) -> bool:
        """Whether every file has arrived at the place."""
        return bool(self.place) and all(file.generation for file in self.files)

    def name_of(self, file: ResultFile) -> str:
        """Return the name of a file at the place."""
        return file.path.relative_to(self.made_in).as_posix()

    def address_of(self, file: ResultFile) -> str:
        """Return where a person finds a file: its address at the place, or its path."""
        return f"{self.place}/{self.name_of(file)}" if self.is_delivered else str(file.path)

    def to_json(self) -> str:
        """Return what a run keeps; the keys of the first version stay what they were."""
        main = self.main
        told = {"path": str(main.path), "bytes": main.bytes, "sha256": main.sha256, **self.facts}
        told |= {"version": VERSION, "files": _listed(self.files)}
        told |= {"place": self.place, "made_in": self.made_in} if self.place else {}
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
        place, made_in = told.get("place", ""), told.get("made_in", "")
        return cls(_read(listed), MappingProxyType(facts), "files" in told, earlier, place, made_in)


def _listed(files: Iterable[ResultFile]) -> list[dict[str, Any]]:
    return [_file_json(file) for file in files]


def _file_json(file: ResultFile) -> dict[str, Any]:
    told: dict[str, Any] = {"path": str(file.path), "bytes": file.bytes, "sha256": file.sha256, "role": file.role}
    # Left out where they say nothing: the result of a folder is then that of earlier versions.
    told |= {"crc32c": file.crc32c} if file.crc32c else {}
    return told | ({"generation": file.generation} if file.generation else {})


def _read(listed: Iterable[Mapping[str, Any]]) -> tuple[ResultFile, ...]:
    return tuple(ResultFile(**{**file, "path": Path(file["path"])}) for file in listed)

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
from orchestrator.model.objects import StoredObject

# Of the JSON: grows when a key changes its meaning, never because one was added. The first one had no manifest.
VERSION = 2
_OWN = frozenset({"files", "earlier", "place", "made_in", "objects", "before"})


@dataclass(frozen=True, slots=True)
class ResultFile:
    """
    One file of a result.

    Attributes:
        path: Its final name.
        bytes: Its size.
        sha256: Of its content, in hexadecimal; empty where it was put together at its place, and nobody has read it.
        role: `data`, `proof`, `picture`, `item`, ...
        placed: What it lies as at the place before it has its name there, where it was never a file here.
    """

    path: Path
    bytes: int
    sha256: str
    role: str = "data"
    placed: StoredObject | None = None


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
        objects: What they are there, in the order in which it is sent: one for a file, one for each file of a folder.
            Before one has arrived, its generation is empty.
        before: What was on its way there when the scratch was lost, and may lie there.
    """

    files: tuple[ResultFile, ...]
    facts: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))
    whole: bool = True
    earlier: tuple[ResultFile, ...] = ()
    place: str = ""
    made_in: str = ""
    objects: tuple[StoredObject, ...] = ()
    before: tuple[StoredObject, ...] = ()

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
        return bool(self.objects) and all(sent.generation for sent in self.objects)

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
        if self.place:
            told |= {"place": self.place, "made_in": self.made_in, "objects": _rows(self.objects)}
            told |= {"before": _rows(self.before)} if self.before else {}
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
        sent, before = (_objects(told.get(name, ())) for name in ("objects", "before"))
        return cls(_read(listed), MappingProxyType(facts), "files" in told, earlier, place, made_in, sent, before)


def _listed(files: Iterable[ResultFile]) -> list[dict[str, Any]]:
    listed: list[dict[str, Any]] = []
    for file in files:
        told = {"path": str(file.path), "bytes": file.bytes, "sha256": file.sha256, "role": file.role}
        listed.append(told | ({"placed": _rows([file.placed])[0]} if file.placed else {}))
    return listed


def _rows(objects: Iterable[StoredObject]) -> list[list[Any]]:
    """Return objects as rows: a cube has thousands of them."""
    return [[each.name, each.size, each.crc32c, each.generation] for each in objects]


def _objects(rows: Iterable[Any]) -> tuple[StoredObject, ...]:
    return tuple(StoredObject(name, size, generation, crc32c=crc32c) for name, size, crc32c, generation in rows)


def _read(listed: Iterable[Mapping[str, Any]]) -> tuple[ResultFile, ...]:
    return tuple(_file(file) for file in listed)


def _file(told: Mapping[str, Any]) -> ResultFile:
    placed = _objects([told["placed"]])[0] if "placed" in told else None
    return ResultFile(**{**told, "path": Path(told["path"]), "placed": placed})

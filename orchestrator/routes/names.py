"""Names: what an attempt's own are made from, and which attempt and part a file's name belongs to."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from orchestrator.model.batch import AttemptNames, Described, Matched, OrderShape
from orchestrator.model.grid import Window
from orchestrator.model.objects import StoredObject
from orchestrator.model.plan import TaskPlan

# Earth Engine writes `prefix.tif`, or for each of several files the rows and columns it begins at in the export:
# `prefix-yyyyyyyyyy-xxxxxxxxxx.tif` in Drive and in Google's guide "Exporting images", and without the first dash in
# Cloud Storage, as reported by those who ran it. What stands between prefix and offsets decides nothing here.
_FILE_NAME = re.compile(r"(?P<prefix>.+?)(?:-?(?P<row>[0-9]{10})-(?P<col>[0-9]{10}))?\.tiff?")
# `orchestrator.RUN.TASK.aNUMBER.DIGEST`, and since recovery is known `.HEIGHTxWIDTH.rRUNG` of the parts.
_DESCRIPTION = re.compile(
    r"orchestrator\.(?P<run>[A-Za-z0-9-]+)\.(?P<task>[0-9][0-9.]*)\.a(?P<number>[0-9]+)\.(?P<digest>[0-9a-f]{12})"
    r"(?:\.(?P<height>[0-9]+)x(?P<width>[0-9]+)\.r(?P<rung>[0-9]+))?"
)
_ATTEMPT = re.compile(r"(?P<task>[0-9][0-9.]*)-a(?P<number>[0-9]+)-(?P<digest>[0-9a-f]{8})x")
OWNER = ".owner"
MANIFEST = "plan.json"
# A clock of ours that is this much ahead of the service's does not make its files look older than their export.
_SKEW = timedelta(minutes=10)


@dataclass(frozen=True, slots=True)
class Naming:
    """
    What names are made from.

    Attributes:
        owner: Names this installation, so that two never touch each other's objects.
        prefix: What the names of all our objects start with, without separator at the end.
        separator: Joins the words of an object's name.
    """

    owner: str
    prefix: str = ""
    separator: str = "/"

    def attempt(self, run_id: str, task: str, number: int, asked: OrderShape | None = None) -> AttemptNames:
        """
        Return what attempt `number` of `task` is called; with what it asks for, its operation says so, too.

        The prefix is fresh for each attempt, so that a late write of an earlier one cannot mix into this one; it ends
        in a letter, so that no digit of it can be taken for one of an offset. Earth Engine takes request ids of at
        most 60 of [A-Za-z0-9-] and descriptions of at most 100 of [A-Za-z0-9.,:;_-] (REST reference,
        projects.image.export; Export.image.toCloudStorage).
        """
        digest = self._digest(run_id, task, number)
        shape = f".{asked.part_height}x{asked.part_width}.r{asked.rung}" if asked else ""
        return AttemptNames(
            request_id=f"x{digest[:48]}",
            description=f"orchestrator.{run_id}.{task}.a{number}.{digest[:12]}{shape}",
            prefix=self._joined(run_id, f"{task}-a{number}-{digest[:8]}x"),
        )

    def described(self, description: str) -> Described | None:
        """Return what a description that this installation wrote says; its digest tells, which nobody else can make."""
        said = _DESCRIPTION.fullmatch(description)
        if said is None:
            return None
        run_id, task, number = said["run"], said["task"], int(said["number"])
        if said["digest"] != self._digest(run_id, task, number)[:12]:
            return None
        asked = OrderShape(int(said["height"]), int(said["width"]), int(said["rung"])) if said["rung"] else None
        return Described(run_id, task, number, asked)

    def attempt_of(self, name: str) -> Described | None:
        """Return which attempt of this installation wrote a file of this name; its digest tells, as of descriptions."""
        prefix, run_id = prefix_of(name), self.run_of(name)
        said = _ATTEMPT.fullmatch(prefix.removeprefix(self.run_prefix(run_id))) if run_id else None
        if said is None:
            return None
        task, number = said["task"], int(said["number"])
        is_ours = said["digest"] == self._digest(run_id, task, number)[:8]
        return Described(run_id, task, number) if is_ours else None

    def run_prefix(self, run_id: str) -> str:
        """Return what the names of all objects of a run start with; without a run, those of this installation."""
        return self._joined(run_id) + self.separator

    def run_of(self, name: str) -> str:
        """Return the run that an object of this name lies under; empty where it lies under none of ours."""
        above = self.run_prefix("")
        run_id, found, _rest = name.removeprefix(above).partition(self.separator)
        return run_id if found and name.startswith(above) else ""

    @property
    def owner_object(self) -> str:
        """The name of the object that tells who works under this installation's prefix."""
        return self._joined(OWNER)

    def manifest(self, run_id: str) -> str:
        """Return the name of the object that tells what a run is."""
        return self._joined(run_id, MANIFEST)

    def _digest(self, run_id: str, task: str, number: int) -> str:
        return hashlib.sha256(f"{self.owner}|{run_id}|{task}|{number}".encode()).hexdigest()

    def _joined(self, *words: str) -> str:
        return self.separator.join(word for word in (self.prefix, self.owner, *words) if word)


def prefix_of(name: str) -> str:
    """Return the object prefix of the attempt that a file of this name belongs to; empty when it is no such name."""
    match = _FILE_NAME.fullmatch(name)
    return match["prefix"] if match else ""


def match(task: TaskPlan, prefix: str, begun: float, listed: Iterable[StoredObject]) -> Matched:
    """Tell which of the `listed` objects is which part of `task`, by the attempt's prefix and the pixel offsets."""
    parts = {(part.row, part.col): part for part in task.parts()}
    candidates: dict[Window, list[StoredObject]] = {}
    strange = []
    for source in listed:
        part = parts.get(_corner(task, prefix, source) or (-1, -1))
        if part is None or _older(source, begun):
            strange.append(source)
        else:
            candidates.setdefault(part, []).append(source)
    found = {part: sources[0] for part, sources in candidates.items() if len(sources) == 1}
    doubled = [source for sources in candidates.values() if len(sources) > 1 for source in sources]
    return Matched(found, (*strange, *doubled))


def wrote(task: TaskPlan, prefix: str, begun: float, source: StoredObject) -> bool:
    """
    Tell whether an attempt of `task` may have written an object, whatever part sizes it was asked for.

    Only names that Earth Engine makes from the attempt's own prefix, which nobody else can know, at a place inside
    the task and not before the attempt.
    """
    name = _FILE_NAME.fullmatch(source.name)
    if name is None or name["prefix"] != prefix or _older(source, begun):
        return False
    return int(name["row"] or 0) < task.window.height and int(name["col"] or 0) < task.window.width


def _corner(task: TaskPlan, prefix: str, source: StoredObject) -> tuple[int, int] | None:
    """Return row and column, on the plan's grid, where a file of the attempt begins; None for any other file."""
    name = _FILE_NAME.fullmatch(source.name)
    if name is None or name["prefix"] != prefix:
        return None
    if name["row"] is None:
        # One file keeps the bare prefix; where several were planned it would hold another's pixels too.
        return (task.window.row, task.window.col) if len(task.parts()) == 1 else None
    return task.window.row + int(name["row"]), task.window.col + int(name["col"])


def _older(source: StoredObject, begun: float) -> bool:
    """Tell whether an object was there before the attempt was: then no operation of ours wrote it."""
    if not source.created:
        return False
    return datetime.fromisoformat(source.created) + _SKEW < datetime.fromtimestamp(begun).astimezone()

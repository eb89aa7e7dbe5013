"""config.toml read anew while the daemon works: what changes at once, what waits for a restart, what is refused."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from pydantic import BaseModel

from orchestrator.app.application import Application
from orchestrator.app.scheduled import scheduled
from orchestrator.config import JobTable, Loaded
from orchestrator.core.errors import OrchestratorError
from orchestrator.engine.timetable import Timetable


@dataclass(frozen=True, slots=True)
class Reload:
    """How settings are read as at the start, and whether that was asked for since it was last looked."""

    read: Callable[[], Loaded]
    asked: Callable[[], bool]


@dataclass(slots=True)
class Reloading:
    """
    Takes over the jobs of another config.toml when it is told so; all else of it waits for a restart.

    Runs keep the snapshot of their job, whatever becomes of it.

    Attributes:
        app: Whose settings they are.
        timetable: Which jobs are due.
        how: How it is read, and whether it shall be; None is never.
        refused: Jobs that are left out, and why.
        wake: Makes the timetable look soon.
    """

    app: Application
    timetable: Timetable
    how: Reload | None
    refused: Mapping[str, str]
    wake: Callable[[], None] = lambda: None
    _first: Loaded | None = field(default=None, init=False)

    def __post_init__(self) -> None:
        # What the start read, with the same options: what a private sandbox adds is no change of the file.
        with suppress(OrchestratorError, OSError):  # it was changed since, for the worse: nothing is compared with it
            self._first = self.how.read() if self.how else None

    def look(self) -> None:
        """Read the settings anew if that was asked for. What is wrong changes nothing, and is said."""
        if self.how is None or not self.how.asked():
            return
        try:
            loaded = self.how.read()
        except (OrchestratorError, OSError) as error:
            self.app.notify("config.refused", "", {"error": str(error), "kept": "the settings that were read before"})
            return
        self._take(loaded)

    def _take(self, loaded: Loaded) -> None:
        before = self.app.settings.jobs
        self.app.settings = self.app.settings.model_copy(update={"jobs": loaded.settings.jobs})
        self.app.refused_jobs = loaded.refused_jobs
        known = self.refused
        entries, self.refused = scheduled(self.app)
        self.timetable.replace(entries)
        for name, sentence in self.refused.items():
            if known.get(name) != sentence:  # said once for each reason
                self.app.notify("job.refused", "", {"job": name, "error": sentence})
        facts = {**_changes(before, loaded.settings.jobs), "at_next_start": [*self._later(loaded)]}
        self.app.notify("config.reloaded", "", {name: words for name, words in facts.items() if words})
        self.wake()

    def _later(self, loaded: Loaded) -> Iterator[str]:
        """Yield the settings outside [jobs] that differ from those that the daemon began with."""
        if self._first is not None:
            before, after = self._first.settings, loaded.settings
            yield from _differences("", before, after)


def _changes(before: Mapping[str, JobTable], after: Mapping[str, JobTable]) -> dict[str, list[str]]:
    return {
        "added": sorted(after.keys() - before.keys()),
        "removed": sorted(before.keys() - after.keys()),
        "changed": sorted(name for name in before.keys() & after.keys() if before[name] != after[name]),
    }


def _differences(path: str, before: Any, after: Any) -> Iterator[str]:
    """Yield the names of what differs, as `section.key`; never values, some of which are secret."""
    if not isinstance(before, BaseModel):
        if before != after:
            yield path
        return
    for name in type(before).model_fields:
        if name != "jobs":
            yield from _differences(f"{path}.{name}".lstrip("."), getattr(before, name), getattr(after, name))

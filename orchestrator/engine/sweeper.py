"""
What of ours is left where no run owns it: operations, objects, folders and files, and what is to be done about each.

Services are asked first and the state is read afterwards: whatever they show has its row by then, unless its run is
unknown here. What is not provably of this installation is told and left alone.
"""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from pathlib import Path

from orchestrator.engine.recovery import Seen
from orchestrator.engine.stores.contract import Store
from orchestrator.engine.stores.records import Head
from orchestrator.model.batch import BatchRoute, Operation
from orchestrator.model.objects import StoredObject
from orchestrator.model.states import RUN_FINAL, RunState, TaskState

# How long an ended run keeps what `retry` would need, and how young nothing is taken for left behind.
KEPT_SECONDS = 14 * 86_400.0
GRACE_SECONDS = 3_600.0
# Of a run that the state does not know: it may be another copy of the state that knows it.
UNKNOWN_SECONDS = 86_400.0
# More than so many objects are a person's decision.
MOST = 1_000
_RUN_ID = re.compile(r"[0-9a-f]{16}")
_UNFINISHED = re.compile(r"\.(?P<name>.+)\.(?:[0-9a-f]{12}\.tmp|[A-Za-z0-9_-]{1,64}\.part)")


class Act(StrEnum):
    """What is done about something that is left."""

    CANCEL = "cancel"
    DELETE = "delete"
    KEEP = "keep"  # told, and left alone


@dataclass(frozen=True, slots=True)
class Left:
    """
    Something of ours that is left.

    Attributes:
        kind: `operation`, `object`, `folder`, `file`, or `place` of one that could not be looked at.
        name: An operation's or object's name, that of one at a place with its address before it, or a path.
        run_id: Whose it was.
        act: What is to be done about it.
        why: In a few words.
        source: The object.
    """

    kind: str
    name: str
    run_id: str
    act: Act
    why: str
    source: StoredObject | None = None


@dataclass(frozen=True, slots=True)
class Ages:
    """
    How old something must be, in seconds.

    Attributes:
        grace: Of a run that is done.
        unknown: Of a run that the state does not know.
        kept: Since a run failed or was cancelled: until then `retry` may need it.
    """

    grace: float = GRACE_SECONDS
    unknown: float = UNKNOWN_SECONDS
    kept: float = KEPT_SECONDS


@dataclass(frozen=True, slots=True)
class Leavings:
    """
    What there is.

    Attributes:
        left: Of ours, by kind and name.
        foreign: Names of what is not provably ours, or another installation's: nothing of it is touched.
    """

    left: tuple[Left, ...] = ()
    foreign: tuple[str, ...] = ()

    def of(self, act: Act, kind: str = "") -> list[Left]:
        return [one for one in self.left if one.act is act and kind in ("", one.kind)]


@dataclass(slots=True)
class _Verdicts:
    """Judges runs, each once."""

    store: Store
    now: float
    ages: Ages
    with_manifest: frozenset[str] = frozenset()
    heads: dict[str, Head | None] = field(default_factory=dict)

    def head(self, run_id: str) -> Head | None:
        if run_id not in self.heads:
            found = self.store.runs.heads(1, run_id=run_id)
            self.heads[run_id] = found[0] if found else None
        return self.heads[run_id]

    def of(self, run_id: str, at: float, *, live: bool = False) -> tuple[Act, str] | None:
        """Return what is to be done about something of a run that began at a time; None where the run owns it."""
        head, age = self.head(run_id), self.now - at
        if head is None:
            return self._of_nobody(run_id, age)
        if head.state not in RUN_FINAL:
            return None
        why = f"its run is {head.state}"
        if age < self.ages.grace:
            return Act.KEEP, f"{why}, and it is younger than {_told(self.ages.grace)}"
        since = self.now - datetime.fromisoformat(head.updated).timestamp()
        if not live and head.state is not RunState.CLEANED and since < self.ages.kept:
            return Act.KEEP, f"{why}; `orchestrator retry` may need it until that is {_told(self.ages.kept)} ago"
        return Act.DELETE, why

    def _of_nobody(self, run_id: str, age: float) -> tuple[Act, str]:
        if run_id in self.with_manifest:
            return Act.KEEP, "the state does not know its run; `orchestrator recover` takes it up"
        if age < self.ages.unknown:
            return Act.KEEP, f"the state does not know its run, and it is younger than {_told(self.ages.unknown)}"
        return Act.DELETE, "the state does not know its run, and its plan is gone"


# ------------------------------------------------------------------- clouds


def survey_cloud(
    route: BatchRoute, seen: Seen, strangers: Sequence[str], store: Store, now: float, ages: Ages | None = None
) -> Leavings:
    """
    Judge what the services show of this installation.

    Args:
        route: Tells what is ours by its names.
        seen: What was listed, before the state is read here.
        strangers: Names of what was listed beside, and is another installation's.
        store: The state.
        now: Seconds since 1970.
        ages: How old what must be.
    """
    manifests = frozenset(
        run_id for run_id, objects in seen.objects.items() if route.manifest_name(run_id) in {o.name for o in objects}
    )
    verdicts = _Verdicts(store, now, ages or Ages(), manifests)
    left = [*_operations(seen, verdicts), *_objects(route, seen, verdicts)]
    foreign = [
        source.name
        for run_id, objects in seen.objects.items()
        for source in objects
        if source.name != route.manifest_name(run_id) and route.attempt_of(source.name) is None
    ]
    return Leavings(tuple(left), (*foreign, *strangers))


def _operations(seen: Seen, verdicts: _Verdicts) -> Iterator[Left]:
    """Return the operations that live and that nobody waits for."""
    current: dict[str, dict[str, int]] = {}
    for (run_id, task, number), operations in sorted(seen.operations.items()):
        for operation in operations:
            if not operation.is_live:
                continue
            if (told := verdicts.of(run_id, _began(operation, verdicts.now), live=True)) is not None:
                act, why = told
                yield Left("operation", operation.name, run_id, Act.CANCEL if act is Act.DELETE else act, why)
            elif number < _current(current, run_id, verdicts.store).get(task, 0):
                yield Left("operation", operation.name, run_id, Act.CANCEL, f"attempt {number} at {task} is overtaken")


def _current(known: dict[str, dict[str, int]], run_id: str, store: Store) -> Mapping[str, int]:
    """Return the attempt of each task of a run that counts; whatever was cut, none does."""
    if run_id not in known:
        tasks = store.tasks.of(run_id)
        known[run_id] = {t.key: t.attempt + (t.state is TaskState.SPLIT) for t in tasks}
    return known[run_id]


def _objects(route: BatchRoute, seen: Seen, verdicts: _Verdicts) -> Iterator[Left]:
    for run_id, objects in sorted(seen.objects.items()):
        ours = [o for o in objects if o.name == route.manifest_name(run_id) or route.attempt_of(o.name)]
        # The youngest counts for all: as long as something is still being written, nothing is taken away.
        youngest = max((_written(source, verdicts.now) for source in ours), default=0.0)
        if ours and (told := verdicts.of(run_id, youngest)) is not None:
            for source in ours:
                yield Left("object", source.name, run_id, *told, source)


def _began(operation: Operation, now: float) -> float:
    return _moment(operation.created, now)


def _written(source: StoredObject, now: float) -> float:
    return _moment(source.created, now)


def _moment(text: str, otherwise: float) -> float:
    """Return a time of a service's as seconds since 1970; what cannot be read is as young as can be."""
    with suppress(ValueError):
        return datetime.fromisoformat(text).timestamp()
    return otherwise


def _told(seconds: float) -> str:
    return f"{seconds / 86_400:g} days" if seconds >= 86_400 else f"{seconds / 60:g} minutes"


# ------------------------------------------------------------------- places


def survey_place(
    url: str,
    found: Sequence[StoredObject],
    kept: Mapping[str, str],
    store: Store,
    now: float,
    ages: Ages | None = None,
) -> Leavings:
    """
    Judge what lies where runs keep what is not finished, at the place of their results.

    Args:
        url: The place's.
        found: What lies there below `.orchestrator/`.
        kept: Runs, by what the names begin with of what each keeps there: `.orchestrator/` and a word of its own.
        store: The state.
        now: Seconds since 1970.
        ages: How old what must be.
    """
    verdicts = _Verdicts(store, now, ages or Ages())
    by_word: defaultdict[str, list[StoredObject]] = defaultdict(list)
    for source in found:
        by_word["/".join(source.name.split("/")[:2])].append(source)
    left: list[Left] = []
    foreign: list[str] = []
    for word, objects in sorted(by_word.items()):
        if word not in kept:
            foreign.append(f"{url}/{word}")
            continue
        youngest = max(_written(source, now) for source in objects)
        if (told := verdicts.of(kept[word], youngest)) is not None:
            addressed = (replace(source, name=f"{url}/{source.name}") for source in objects)
            left += [Left("object", source.name, kept[word], *told, source) for source in addressed]
    return Leavings(tuple(left), tuple(foreign))


# -------------------------------------------------------------------- disks


def survey_disk(
    folders: Sequence[Path], names: frozenset[str], owner: str, store: Store, now: float, ages: Ages | None = None
) -> Leavings:
    """
    Judge working folders, owner files and unfinished files of results.

    Args:
        folders: Where results go, and where parts lie meanwhile.
        names: What the files of known runs are called.
        owner: The name of this installation.
        store: The state.
        now: Seconds since 1970.
        ages: How old what must be.
    """
    verdicts = _Verdicts(store, now, ages or Ages())
    left: list[Left] = []
    foreign: list[str] = []
    for folder in sorted(set(folders)):
        for path in _listed(folder / ".orchestrator"):
            _judge_working(path, owner, verdicts, left, foreign)
        for path in (*_listed(folder), *_listed(folder / ".orchestrator")):
            if (said := _UNFINISHED.fullmatch(path.name)) and path.is_file() and not path.is_symlink():
                _judge_unfinished(path, said["name"] in names, verdicts, left, foreign)
    return Leavings(tuple(left), tuple(foreign))


def _judge_working(path: Path, owner: str, verdicts: _Verdicts, left: list[Left], foreign: list[str]) -> None:
    if path.suffix == ".owner":
        told = _owner_of(path)
        if told.get("installation") != owner:
            foreign.append(str(path))
        elif (verdict := verdicts.of(str(told.get("run", "")), _changed(path))) is not None:
            left.append(Left("file", str(path), str(told.get("run", "")), *verdict))
    elif _RUN_ID.fullmatch(path.name) and path.is_dir() and not path.is_symlink():
        # A folder says nothing of its installation: that its run is known here tells whose it is.
        if verdicts.head(path.name) is None:
            foreign.append(str(path))
        elif (verdict := verdicts.of(path.name, _changed(path))) is not None:
            left.append(Left("folder", str(path), path.name, *verdict))


def _judge_unfinished(path: Path, ours: bool, verdicts: _Verdicts, left: list[Left], foreign: list[str]) -> None:
    if not ours:
        foreign.append(str(path))
    elif verdicts.now - _changed(path) >= verdicts.ages.unknown:
        left.append(Left("file", str(path), "", Act.DELETE, "it was never finished"))


def _owner_of(path: Path) -> Mapping[str, object]:
    with suppress(OSError, ValueError):
        told = json.loads(path.read_bytes() or b"{}")
        return told if isinstance(told, dict) else {}
    return {}


def _listed(folder: Path) -> list[Path]:
    with suppress(OSError):
        return sorted(folder.iterdir())
    return []


def _changed(path: Path) -> float:
    """Return when something was changed last; what is gone meanwhile is as young as can be."""
    with suppress(OSError):
        inside = [child.lstat().st_mtime for child in path.iterdir()] if path.is_dir() else []
        return float(max(path.lstat().st_mtime, *inside, 0.0))
    return float("inf")


def by_run(left: Sequence[Left]) -> Mapping[str, list[Left]]:
    """Return what is left of each run."""
    found: defaultdict[str, list[Left]] = defaultdict(list)
    for one in left:
        found[one.run_id].append(one)
    return found

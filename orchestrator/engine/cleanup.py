"""Takes away what is ours, from the ledger and by generation; what is not in it stays and is reported."""

from __future__ import annotations

from collections.abc import Callable, Container, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Protocol

from orchestrator.core import crash
from orchestrator.core.files import remove_if_empty, remove_tree
from orchestrator.core.flow import in_order
from orchestrator.engine.context import Clients, RunContext, unleased
from orchestrator.engine.output import snapshot_of
from orchestrator.engine.stores.contract import Store
from orchestrator.engine.stores.records import Head, Run
from orchestrator.engine.stores.work_records import Owned
from orchestrator.model.batch import BatchRoute, known_above
from orchestrator.model.objects import Deletion, StoredObject
from orchestrator.model.places import ObjectPlace
from orchestrator.model.product import Stripping

# So many deletions are written down in one transaction.
_SETTLED_TOGETHER = 200


@dataclass(frozen=True, slots=True)
class Cleaned:
    """
    What a clean-up did.

    Attributes:
        deleted: Objects deleted now.
        absent: Objects of ours that were gone already.
        changed: Names of ours whose content somebody replaced: kept.
        foreign: Objects under our prefix that are not ours: kept.
    """

    deleted: int
    absent: int
    changed: tuple[str, ...]
    foreign: tuple[str, ...]


def clean_cloud(run: Run, context: RunContext) -> Cleaned:
    """
    Delete every object of a run that the ledger holds, at the generation it was listed with.

    Raises:
        FencedError: Another process has the run by now.
    """
    store, clients = context.store, context.clients
    own_late_objects(run, store=store, route=clients.route)
    _own_kept(run, context)
    owned = store.ledger.of(run.id)
    earlier = [entry.source.name for entry in owned if entry.outcome == Deletion.CHANGED]
    waiting = [entry for entry in owned if not entry.outcome]
    if waiting:
        context.check_prefix()
    # What the run is goes last: as long as anything else of it lies there, a lost state can be rebuilt.
    last = clients.route.manifest_name(run.id)
    outcomes: list[tuple[str, Deletion]] = []
    for entries in ([e for e in waiting if e.source.name != last], [e for e in waiting if e.source.name == last]):
        threads = context.process.downloads
        outcomes += delete_owned(entries, store, _Keepers(clients), threads, context.check_lease)
    foreign = _foreign(run, clients.route)
    cleaned = Cleaned(
        deleted=sum(outcome is Deletion.DELETED for _, outcome in outcomes),
        absent=sum(outcome is Deletion.ABSENT for _, outcome in outcomes),
        changed=(*earlier, *(name for name, outcome in outcomes if outcome is Deletion.CHANGED)),
        foreign=foreign,
    )
    facts = {"deleted": cleaned.deleted, "absent": cleaned.absent, "foreign": list(foreign)[:20]}
    context.record("cloud.cleaned", facts | {"changed": list(cleaned.changed)[:20]})
    return cleaned


class Deleting(Protocol):
    """Whatever deletes objects of the ledger."""

    def delete(self, source: StoredObject) -> Deletion:
        """Delete exactly the listed generation."""


class PlaceKeeper:
    """Deletes objects of the ledger that lie at a place: they are entered by their addresses."""

    def __init__(self, place: ObjectPlace) -> None:
        """Take the place."""
        self._place, self._above = place, f"{place.url}/"

    def has(self, source: StoredObject) -> bool:
        """Tell whether an object lies there."""
        return source.name.startswith(self._above)

    def delete(self, source: StoredObject) -> Deletion:
        return self._place.delete(replace(source, name=source.name.removeprefix(self._above)))


class _Keepers:
    """Deletes objects of the ledger, wherever they lie: the names of those at a place may be those of exports."""

    def __init__(self, clients: Clients) -> None:
        self._exports = clients.route.objects
        self._place = None if clients.place is None else PlaceKeeper(clients.place)

    def delete(self, source: StoredObject) -> Deletion:
        if self._place is not None and self._place.has(source):
            return self._place.delete(source)
        return self._exports.delete(source)


def _own_kept(run: Run, context: RunContext) -> None:
    """Enter into the ledger what a run keeps at its place, by whomever it was written; all of it is the run's."""
    product, place = context.clients.product, context.clients.place
    if place is None or not run.plan or not isinstance(product, Stripping):
        return
    if kept := product.kept_at(snapshot_of(run)):
        found = place.find(f"{kept}/")
        context.store.ledger.own(run.id, [replace(each, name=f"{place.url}/{each.name}") for each in found])
        crash.point("place.owned")


def delete_owned(
    entries: Sequence[Owned], store: Store, keeper: Deleting, threads: int, check: Callable[[], None] = unleased
) -> list[tuple[str, Deletion]]:
    """
    Delete entries of the ledger, each at the generation it was listed with; return what became of each name.

    `check` is asked before each: it raises where another process has the run.
    """

    def delete(source: StoredObject) -> Deletion:
        check()
        return keeper.delete(source)

    outcomes: list[tuple[str, Deletion]] = []
    together: dict[int, Deletion] = {}  # deleted and not settled: after a crash they are found to be absent
    # As many at once as are downloaded at once: of tens of thousands one after the other would take an hour.
    with ThreadPoolExecutor(threads, "delete") as pool:
        answers = in_order(pool, delete, (entry.source for entry in entries), ahead=2 * threads)
        try:
            for entry, outcome in zip(entries, answers, strict=True):
                crash.point("object.deleted")
                together[entry.id] = outcome
                outcomes.append((entry.source.name, outcome))
                if len(together) >= _SETTLED_TOGETHER:
                    store.ledger.settle(together)
                    together = {}
        finally:
            store.ledger.settle(together)
    return outcomes


def own_late_objects(run: Head, *, store: Store, route: BatchRoute, spared: Container[str] = ()) -> None:
    """
    Enter into the ledger what attempts wrote after they were given up, and what says what the run is.

    Attempts that a lost state made and this one does not know are told by the digest in the names of their files.
    Those with the prefixes `spared` still write: the service may replace a file before it is matched with its part.
    """
    manifest = route.manifest_name(run.id)
    attempts = {attempt.prefix: attempt for attempt in store.tasks.attempts(run.id)}
    plans = {task.key: task.plan for task in store.tasks.of(run.id)}
    known = store.ledger.names(run.id)
    began = datetime.fromisoformat(run.created).timestamp()

    def is_ours(source: StoredObject) -> bool:
        prefix = route.prefix_of(source.name)
        if prefix in spared:
            return False
        if attempt := attempts.get(prefix):
            return route.wrote(plans[attempt.task], prefix, attempt.first_posted, source)
        said = route.attempt_of(source.name)
        key = known_above(said.task, plans) if said else ""
        return bool(key) and route.wrote(plans[key], prefix, began, source)

    found = [source for source in route.objects.find(route.run_prefix(run.id)) if source.name not in known]
    store.ledger.own(run.id, [source for source in found if source.name == manifest or is_ours(source)])


def _foreign(run: Run, route: BatchRoute) -> tuple[str, ...]:
    """Whatever is left under the run's prefix after ours is gone."""
    return tuple(source.name for source in route.objects.find(route.run_prefix(run.id)))


def clean_local(folders: list[Path]) -> None:
    """Remove a run's own working folders, and the folders above them when they are left empty."""
    for folder in folders:
        remove_tree(folder)
        crash.point("folder.removed")
        if folder.parent.name == ".orchestrator":
            remove_if_empty(folder.parent)

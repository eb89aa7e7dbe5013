"""Takes away what is ours, from the ledger and by generation; what is not in it stays and is reported."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from orchestrator.core import crash
from orchestrator.core.files import remove_if_empty, remove_tree
from orchestrator.core.flow import in_order
from orchestrator.engine.context import Clients, RunContext
from orchestrator.engine.stores.contract import Store
from orchestrator.engine.stores.records import Run
from orchestrator.model.batch import BatchRoute
from orchestrator.model.objects import Deletion, StoredObject


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

    def delete(source: StoredObject) -> Deletion:
        context.check_lease()
        return clients.route.objects.delete(source)

    own_late_objects(run, store=store, clients=clients)
    owned = store.ledger.of(run.id)
    earlier = [entry.source.name for entry in owned if entry.outcome == Deletion.CHANGED]
    outcomes: list[tuple[str, Deletion]] = []
    waiting = [entry for entry in owned if not entry.outcome]
    # As many at once as are downloaded at once: of tens of thousands one after the other would take an hour.
    threads = context.process.downloads
    with ThreadPoolExecutor(threads, "delete") as pool:
        answers = in_order(pool, delete, (entry.source for entry in waiting), ahead=2 * threads)
        for entry, outcome in zip(waiting, answers, strict=True):
            crash.point("object.deleted")
            store.ledger.settle(entry.id, outcome)
            outcomes.append((entry.source.name, outcome))
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


def own_late_objects(run: Run, *, store: Store, clients: Clients) -> None:
    """Enter into the ledger what earlier attempts wrote after they were given up."""
    route = clients.route
    attempts = {attempt.prefix: attempt for attempt in store.tasks.attempts(run.id)}
    plans = {task.key: task.plan for task in store.tasks.of(run.id)}
    known = {owned.source.name for owned in store.ledger.of(run.id)}
    late = []
    for source in route.objects.find(route.run_prefix(run.id)):
        attempt = attempts.get(route.prefix_of(source.name))
        if source.name in known or attempt is None:
            continue
        if route.wrote(plans[attempt.task], attempt.prefix, attempt.first_posted, source):
            late.append(source)
    store.ledger.own(run.id, late)


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

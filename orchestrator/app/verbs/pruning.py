"""`prune`, and the daemon each day: what ended long ago is forgotten, and its room is given back to the disk."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from orchestrator.app.daily import Daily
from orchestrator.app.records import Records
from orchestrator.app.verbs.busy import Busy, unwatched
from orchestrator.config.sections import RetentionSettings
from orchestrator.core.locks import LockedError
from orchestrator.engine.stores.retention import Doomed, Retention
from orchestrator.model.ports import Stop

if TYPE_CHECKING:
    from orchestrator.app.application import Application


@dataclass(frozen=True, slots=True)
class PruneReport:
    """
    What was forgotten, or would be.

    Attributes:
        doomed: Which runs go, whole or in part, and how many events.
        done: Whether it was done.
        bytes_before: Of the database and its log.
        bytes_after: The same afterwards.
    """

    doomed: Doomed
    done: bool
    bytes_before: int
    bytes_after: int


def retention_of(settings: RetentionSettings) -> Retention:
    """Return what `[retention]` says."""
    return Retention(settings.runs, settings.details, settings.events, settings.keep)


def prune(
    app: Records, retention: Retention, *, really: bool, busy: Busy = unwatched, stop: Stop | None = None
) -> PruneReport:
    """
    Forget what is older than `retention` allows; `really` does it, otherwise it is only counted.

    A run that a process has at that moment is left for the next time, and one that was taken up again stays.
    Stopped, it has done what it has done.

    Raises:
        SpaceError, TransientError: The database cannot be written now.
    """
    pruning = app.store.pruning
    now, before = app.clock.now().timestamp(), pruning.size()
    doomed = pruning.doomed(retention, now)
    if not really:
        return PruneReport(doomed, done=False, bytes_before=before, bytes_after=before)
    with busy("forgetting what ended long ago"):
        # Each is judged again when it goes: somebody may have taken it up meanwhile.
        gone = tuple(run_id for run_id in _held(app, doomed.runs, stop) if pruning.remove(run_id, retention, now))
        for run_id in gone:
            app.forget_lock(run_id)
        thin = tuple(run_id for run_id in _held(app, doomed.thin, stop) if pruning.thin(run_id, retention, now))
        pruning.remove_events(retention, now)
    with busy("giving the room back"):
        pruning.reclaim()
    return PruneReport(Doomed(gone, thin, doomed.events), done=True, bytes_before=before, bytes_after=pruning.size())


def _held(app: Records, run_ids: tuple[str, ...], stop: Stop | None) -> Iterator[str]:
    """Yield the runs that nobody works on now, each while it is this process's."""
    for run_id in run_ids:
        if stop is not None and stop.is_set():
            return
        with suppress(LockedError), app.lock(run_id):
            yield run_id


class NightlyPrune(Daily):
    """Forgets once a day what `[retention]` says, and cuts the log beside the database in any case."""

    def __init__(self, app: Application) -> None:
        """Take whose daemon it is."""
        super().__init__(app, "pruner", "prune", lambda: _prune(app))


def _prune(app: Application) -> Mapping[str, Any]:
    retention = retention_of(app.settings.retention)
    if not retention.asks:
        app.store.pruning.checkpoint()
        return {"bytes": app.store.pruning.size()}
    report = prune(app, retention, really=True, stop=app.stop)
    counts = {"runs": len(report.doomed.runs), "details": len(report.doomed.thin), "events": report.doomed.events}
    return counts | {"bytes_before": report.bytes_before, "bytes": report.bytes_after}

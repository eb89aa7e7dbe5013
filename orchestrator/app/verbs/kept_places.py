"""What ended runs have left where their results lie: a worker that stood still may write there after all is over."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from orchestrator.core.errors import PermanentError, TransientError, UserError
from orchestrator.engine.cleanup import PlaceKeeper, delete_owned
from orchestrator.engine.output import snapshot_of
from orchestrator.engine.sweeper import Act, Ages, Leavings, Left, survey_place
from orchestrator.model.address import BucketAddress
from orchestrator.model.job import Job
from orchestrator.model.objects import Deletion
from orchestrator.model.product import Stripping

if TYPE_CHECKING:
    from orchestrator.app.application import Application
    from orchestrator.engine.stores.records import Head

# So many places are looked at, those of the newest runs first: each is one request, or a few.
MOST_PLACES = 200
# Where runs keep what is not finished, at the place of their results.
_KEPT = ".orchestrator/"


@dataclass(frozen=True, slots=True)
class PlaceSurvey:
    """What was found at one place, which is told by its address."""

    address: str
    leavings: Leavings


def survey_places(app: Application, heads: Sequence[Head], ages: Ages | None) -> list[PlaceSurvey]:
    """
    Look at the places to which runs of this state deliver and where they keep what is not finished.

    One that does not answer, or not us, is told and left alone.
    """
    by_place: dict[str, list[Head]] = defaultdict(list)
    for head in heads:
        job = Job.from_json(head.job)
        if job.deliver and job.service == app.settings.service and BucketAddress.parse(job.deliver).scheme == "gs":
            by_place[job.deliver].append(head)
    found = []
    for address, runs in list(by_place.items())[:MOST_PLACES]:
        try:
            leavings = _surveyed(app, address, runs, ages)
        except (UserError, PermanentError, TransientError) as error:
            leavings = Leavings((Left("place", address, "", Act.KEEP, str(error)),))
        found.append(PlaceSurvey(address, leavings))
    return found


def _surveyed(app: Application, address: str, heads: Sequence[Head], ages: Ages | None) -> Leavings:
    with app.lent_place(address) as place:
        there = place.find(_KEPT)
        if not there:
            return Leavings()
        return survey_place(place.url, there, _kept(app, heads), app.store, app.clock.now().timestamp(), ages)


def _kept(app: Application, heads: Sequence[Head]) -> Mapping[str, str]:
    """Return which run keeps what is below a name at the place of its job."""
    found = {}
    for head in heads:
        run = app.store.runs.get(head.id)
        product = app.product(Job.from_json(run.job))
        try:
            if isinstance(product, Stripping) and run.plan and (kept := product.kept_at(snapshot_of(run))):
                found[kept] = run.id
        finally:
            product.close()
    return found


def delete_kept(app: Application, address: str, run_id: str, left: Sequence[Left]) -> list[tuple[str, Deletion]]:
    """
    Delete what an ended run has left at a place, each object at its generation; return what became of each.

    Raises:
        LockedError: Another process works on the run.
    """
    sources = [one.source for one in left if one.source is not None]
    wanted = {(source.name, source.generation) for source in sources}
    with app.lock(run_id), app.lent_place(address) as place:
        app.check_leader()
        app.store.ledger.own(run_id, sources)
        entries = [e for e in app.store.ledger.of(run_id) if (e.source.name, e.source.generation) in wanted]
        threads = app.settings.transfer.downloads
        outcomes = delete_owned(entries, app.store, PlaceKeeper(place), threads, app.check_leader)
        app.store.events.record(run_id, "run.swept", {"objects": len(entries)})
    return outcomes

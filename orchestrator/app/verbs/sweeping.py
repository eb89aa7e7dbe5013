"""`clean --leaks`, and the daemon each day: what of ours nobody owns is found, told, and taken away by rule."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from orchestrator.app.daily import Daily
from orchestrator.app.verbs.busy import Busy, unwatched
from orchestrator.app.verbs.kept_places import PlaceSurvey, delete_kept, survey_places
from orchestrator.core import crash
from orchestrator.core.errors import NeedsPerson, UserError
from orchestrator.core.files import end_unfinished, remove_if_empty, remove_tree
from orchestrator.core.locks import LockedError, LockFile
from orchestrator.core.units import format_count
from orchestrator.engine.cleanup import delete_owned
from orchestrator.engine.recovery import look
from orchestrator.engine.stores.records import Head
from orchestrator.engine.sweeper import MOST, Act, Ages, Leavings, Left, by_run, survey_cloud, survey_disk
from orchestrator.model.batch import BatchRoute, Operation
from orchestrator.model.job import AreaSource, Job
from orchestrator.model.objects import Deletion, StoredObject
from orchestrator.products.registry import find_product

if TYPE_CHECKING:
    from orchestrator.app.application import Application

_MOST_RUNS = 1_000_000


@dataclass(frozen=True, slots=True)
class Swept:
    """
    What a sweep found, and did.

    Attributes:
        survey: What is left, and what is not ours.
        cancelled: Operations that were asked to end.
        deleted: Objects that are gone now.
        removed: Folders and files that are gone now.
        kept: Objects whose content somebody replaced, and what another process works on.
        dry: Whether nothing was changed.
    """

    survey: Leavings
    cancelled: int = 0
    deleted: int = 0
    removed: int = 0
    kept: tuple[str, ...] = ()
    dry: bool = True


@dataclass(slots=True)
class _Tally:
    cancelled: int = 0
    deleted: int = 0
    removed: int = 0
    kept: list[str] = field(default_factory=list)

    def count(self, outcomes: Sequence[tuple[str, Deletion]]) -> None:
        """Add what became of objects."""
        self.deleted += sum(outcome is Deletion.DELETED for _, outcome in outcomes)
        self.kept += [name for name, outcome in outcomes if outcome is Deletion.CHANGED]


def sweep(
    app: Application,
    routes: Sequence[str] = (),
    *,
    act: bool = False,
    most: int = MOST,
    ages: Ages | None = None,
    busy: Busy = unwatched,
) -> Swept:
    """
    Find operations, objects, folders and files of this installation that no run owns, and end or delete them by rule.

    Args:
        app: Whose they are.
        routes: Batch routes whose files are looked at; those that are set up and were used, where none is named.
        act: Do it; otherwise it is only told.
        most: No more objects are deleted than this.
        ages: How old what must be.
        busy: Told what takes a while.

    Raises:
        NeedsPerson: More objects would be deleted; none is.
        HoldError: Another copy of this state works on the same objects: what this one takes for left may be its own.
    """
    names = tuple(routes) or _routes(app)
    surveys: list[tuple[str, Leavings]] = []
    for name in names:
        with busy(f"looking at operations and objects ({name})"), app.lent_route(name, app.owner) as (route, listing):
            surveys.append((name, _survey(app, route, listing(), _neighbours(app, name), ages)))
    claim = app.prefix_owner.left() if "gcs" in names else None
    if app.works_in_bucket():  # asked last: who began to work before has renewed its claim
        claim = None
    with busy("looking at folders"):
        disk = _survey_disk(app, ages)
    with busy("looking at places of results"):
        places = survey_places(app, _heads(app), ages)
    clouds = [*(survey for _, survey in surveys), *(place.leavings for place in places)]
    whole = Leavings(
        tuple(one for survey in clouds for one in survey.left) + _claims(claim) + disk.left,
        tuple(dict.fromkeys(one for survey in clouds for one in survey.foreign)) + disk.foreign,
    )
    if not act:
        return Swept(whole)
    if (count := len(whole.of(Act.DELETE, "object"))) > most:
        raise NeedsPerson(
            f"{count} objects would be deleted, more than {most}, so none is: look at them with "
            f"`orchestrator clean --leaks`, then allow it with --max-delete {count}"
        )
    tally = _Tally()
    if claim is not None:
        tally.deleted += app.prefix_owner.take_away(claim) is Deletion.DELETED
    for name, survey in surveys:
        with app.kept_prefix(), busy("taking away what nobody owns"), app.lent_route(name, app.owner) as (route, _):
            for run_id, left in by_run([*survey.of(Act.CANCEL), *survey.of(Act.DELETE)]).items():
                _end(app, route, run_id, left, tally)
    _end_kept(app, places, tally)
    for one in disk.of(Act.DELETE):
        _remove(app, one, tally)
    return Swept(whole, tally.cancelled, tally.deleted, tally.removed, tuple(tally.kept), dry=False)


# ------------------------------------------------------------------- looking


def _routes(app: Application) -> tuple[str, ...]:
    """Return the routes that are set up; Drive only where a run has used it, since asking it makes its folder."""
    if not app.settings.ee.project:
        return ()
    used = {Job.from_json(head.job).route for head in _heads(app)}
    return (*(["gcs"] if app.settings.gcs.bucket else []), *(["drive"] if "drive" in used else []))


def _heads(app: Application) -> list[Head]:
    return app.store.runs.heads(_MOST_RUNS)


def _neighbours(app: Application, name: str) -> list[str]:
    """Return what lies beside ours under the same prefix: other installations, each with how much it has there."""
    with app.lent_route(name, "") as (route, _):
        above = route.run_prefix("")
        # Without a prefix the whole bucket would be listed, and most of it is nobody's installation.
        listed = route.objects.find(above) if len(above) > 1 else []
        count = Counter(route.run_of(source.name) for source in listed)
    return [
        f"{above}{who} ({format_count(n, 'object')})" for who, n in sorted(count.items()) if who not in ("", app.owner)
    ]


def _survey(
    app: Application, route: BatchRoute, operations: Sequence[Operation], neighbours: Sequence[str], ages: Ages | None
) -> Leavings:
    seen = look(route, operations)
    strangers = [*neighbours] + [
        operation.name
        for operation in operations
        if operation.is_live
        and operation.description.startswith("orchestrator.")
        and route.described(operation.description) is None
    ]
    return survey_cloud(route, seen, strangers, app.store, app.clock.now().timestamp(), ages)


def _survey_disk(app: Application, ages: Ages | None) -> Leavings:
    folders: set[Path] = set()
    names: set[str] = set()
    for head in _heads(app):
        job = Job.from_json(head.job)
        folders.add(Path(job.output))
        with suppress(UserError):
            names |= {path.name for path in find_product(job.product).files(job)}
    if work := app.settings.local.work_dir:
        folders.add(Path(work).expanduser().resolve())
    return survey_disk(sorted(folders), frozenset(names), app.owner, app.store, app.clock.now().timestamp(), ages)


def _claims(claim: StoredObject | None) -> tuple[Left, ...]:
    return () if claim is None else (Left("object", claim.name, "", Act.DELETE, "nobody works by it", claim),)


# -------------------------------------------------------------------- acting


def _end(app: Application, route: BatchRoute, run_id: str, left: Sequence[Left], tally: _Tally) -> None:
    """End and delete what is left of one run, unless another process works on it, or on all by the same names."""
    check = _check_of(app, route)
    try:
        with app.lock(run_id):
            check()
            for one in left:
                if one.act is Act.CANCEL:
                    check()
                    route.cancel(one.name)
                    crash.point("sweep.cancelled")
                    tally.cancelled += 1
            sources = [one.source for one in left if one.source is not None]
            if sources:
                _delete(app, route, run_id, sources, tally)
    except LockedError:
        tally.kept += [one.name for one in left]


def _check_of(app: Application, route: BatchRoute) -> Callable[[], None]:
    """Return what is asked before each effect: whether a daemon still leads, and nobody works by the same names."""
    check_prefix = app.prefix_check(route)

    def check() -> None:
        app.check_leader()
        check_prefix()

    return check


def _delete(app: Application, route: BatchRoute, run_id: str, sources: Sequence[Any], tally: _Tally) -> None:
    """Enter objects into the ledger at their generations, then delete what is in it, what tells the run's plan last."""
    if not app.store.runs.heads(1, run_id=run_id):
        app.store.runs.restore_lost(run_id, _lost_job(app, run_id).to_json())
    app.store.ledger.own(run_id, sources)
    crash.point("sweep.owned")
    wanted = {(source.name, source.generation) for source in sources}
    entries = [e for e in app.store.ledger.of(run_id) if (e.source.name, e.source.generation) in wanted]
    last = route.manifest_name(run_id)
    for some in ([e for e in entries if e.source.name != last], [e for e in entries if e.source.name == last]):
        threads, check = app.settings.transfer.downloads, _check_of(app, route)
        tally.count(delete_owned(some, app.store, route.objects, threads, check))
    app.store.events.record(run_id, "run.swept", {"objects": len(entries)})


def _end_kept(app: Application, places: Sequence[PlaceSurvey], tally: _Tally) -> None:
    """Delete what ended runs have left at places, unless another process works on one."""
    for place in places:
        for run_id, left in by_run(place.leavings.of(Act.DELETE)).items():
            try:
                tally.count(delete_kept(app, place.address, run_id, left))
            except LockedError:
                tally.kept += [one.name for one in left]


def _lost_job(app: Application, run_id: str) -> Job:
    """Return what stands in the place of the job of a run that nobody remembers."""
    where = AreaSource("0,0,0.01,0.01")
    return Job(f"lost-{run_id[:8]}", str(app.settings.state_dir), where, "", "", service=app.settings.service)


def _remove(app: Application, left: Left, tally: _Tally) -> None:
    path = Path(left.name)
    try:
        if left.kind == "folder":
            with app.lock(left.run_id):
                remove_tree(path)
        elif path.suffix == ".owner":
            lock = LockFile(path)
            lock.acquire(lambda _said: f"{path} is held")
            lock.remove()
        else:
            end_unfinished(path)
    except LockedError:
        tally.kept.append(left.name)
    else:
        crash.point("sweep.removed")
        tally.removed += not path.exists()
        if path.parent.name == ".orchestrator":
            remove_if_empty(path.parent)


# ---------------------------------------------------------------- each day


class Nightly(Daily):
    """Sweeps once a day."""

    def __init__(self, app: Application) -> None:
        """Take whose daemon it is."""
        super().__init__(
            app, "sweeper", "sweep", lambda: _facts(sweep(app, act=True)), lambda: app.settings.serve.sweep
        )


def _facts(swept: Swept) -> Mapping[str, Any]:
    counts = {"cancelled": swept.cancelled, "deleted": swept.deleted, "removed": swept.removed}
    return counts | {"kept": len(swept.kept), "foreign": len(swept.survey.foreign)}

"""`recover`: a lost or old state is rebuilt from manifests, operations, objects and published results."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from orchestrator.app.elsewhere import check_here
from orchestrator.app.planner import cut_task
from orchestrator.app.verbs.busy import Busy, unwatched
from orchestrator.core.errors import OrchestratorError, UserError
from orchestrator.core.files import write_once
from orchestrator.core.locks import LockedError
from orchestrator.engine.manifests import read_manifest
from orchestrator.engine.proofs import find_published, read_proof
from orchestrator.engine.recovery import REBUILT, Rebuilt, Recovery, Seen, look
from orchestrator.engine.stores.records import Admission
from orchestrator.model.batch import BatchRoute
from orchestrator.model.job import Job
from orchestrator.model.manifest import RunManifest
from orchestrator.model.states import RunState
from orchestrator.products.registry import find_product

if TYPE_CHECKING:
    from orchestrator.app.application import Application

_OWNER = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]{0,39}")
_MOST = 1_000_000
_UNFINISHED = [state for state in RunState if state not in (RunState.PUBLISHED, RunState.CLEANED)]
_TURNS = 100  # of one job for one date, that are tried to recognise a run by its id


@dataclass(frozen=True, slots=True)
class Recovered:
    """
    What a recovery found and did.

    Attributes:
        owner: The name of this installation in object names.
        runs: What became of each run that has a manifest, or whose result was recognised.
        refused: Runs that could not be rebuilt, each with the reason.
        nobody: Runs of which operations or objects are left, and no manifest: `clean --leaks` looks after them.
        dry: Whether nothing was changed.
    """

    owner: str
    runs: tuple[Rebuilt, ...]
    refused: tuple[tuple[str, str], ...]
    nobody: tuple[str, ...]
    dry: bool


def recover(
    app: Application,
    route: str = "",
    owner: str = "",
    results: Sequence[Path] = (),
    *,
    dry_run: bool = False,
    busy: Busy = unwatched,
) -> Recovered:
    """
    Rebuild the state of an installation; `run` or `serve` carries on what is rebuilt, and exports nothing twice.

    Args:
        app: What is recovered into.
        route: The batch route whose files are looked at; the bucket's where one is named, else the Drive folder's.
        owner: The installation's name in object names, where the state folder has lost it.
        results: Folders whose results are recognised by their proofs.
        dry_run: Look, and change nothing.
        busy: Told what takes a while.

    Raises:
        UserError: Nobody knows whose objects are meant, or the state folder is another installation's.
    """
    name = route or ("gcs" if app.settings.gcs.bucket else "drive")
    ours = _name_of(app, name, owner)
    with app.lent_route(name, ours) as (lent, list_operations):
        with busy("looking at operations and objects"):
            seen = look(lent, list_operations())
        refused: list[tuple[str, str]] = []
        manifests = _manifests(app, lent, seen, refused)
        done = {manifest.run_id for manifest in manifests}
        if dry_run:
            known = _known(app)
            runs = [_foretold(manifest, seen, known) for manifest in manifests]
            return Recovered(ours, tuple(runs), tuple(refused), tuple(sorted(seen.runs() - done - known)), dry=True)
        write_once(app.folder() / "owner", ours.encode())
        if not app.is_file:
            app.store.installation.call(ours)
        recovery = Recovery(app.store, lent, cut_task, seen, app.stop, app.prefix_check(lent))
        runs = []
        for manifest in manifests:
            with _noting(refused, manifest.run_id), app.lock(manifest.run_id), busy(f"rebuilding {manifest.job_name}"):
                job = Job.from_json(manifest.job)
                check_here(manifest.run_id, job, app.settings, app.stop)
                runs.append(recovery.rebuild(manifest, app.product(job)))
        runs += _recognised(app, recovery, done, refused)
        for folder in results:
            runs += _from_proofs(app, folder, refused)
        nobody = seen.runs() - done - _known(app)
    return Recovered(ours, tuple(runs), tuple(refused), tuple(sorted(nobody)), dry=False)


# ------------------------------------------------------------------- whose


def _name_of(app: Application, route: str, owner: str) -> str:
    """
    Return the name of the installation that is recovered.

    Raises:
        UserError: It is not known, or another one than this state folder has.
    """
    path = app.settings.state_dir / "owner"
    here = app.store.installation.name() if app.has_state() else ""
    here = here or (path.read_text(encoding="ascii", errors="replace").strip() if path.is_file() else "")
    if owner and not _OWNER.fullmatch(owner):
        raise UserError(f"--owner {owner!r} is no name of an installation: letters, digits and dashes, at most 40")
    if here and owner and here != owner:
        raise UserError(f"the state in {path.parent} is that of {here}, not of {owner}; name another --state-dir")
    if here or owner:
        return here or owner
    with app.lent_route(route, "") as (lent, _):
        names = {lent.run_of(source.name) for source in lent.objects.find(lent.run_prefix(""))} - {""}
    told = f"one of those in the cloud is it: {', '.join(sorted(names)[:20])}" if names else "the cloud has none either"
    raise UserError(f"{path} is gone, and with it the name of this installation; give it with --owner, {told}")


def _known(app: Application) -> set[str]:
    return {head.id for head in app.store.runs.heads(_MOST)} if app.has_state() else set()


# ---------------------------------------------------------------- manifests


def _manifests(app: Application, route: BatchRoute, seen: Seen, refused: list[tuple[str, str]]) -> list[RunManifest]:
    found = []
    for run_id, objects in sorted(seen.objects.items()):
        for source in objects:
            if source.name == route.manifest_name(run_id):
                with _noting(refused, run_id):
                    found.append(read_manifest(route, source, app.stop))
    return found


def _foretold(manifest: RunManifest, seen: Seen, known: set[str]) -> Rebuilt:
    tasks = {task for run_id, task, _number in seen.operations if run_id == manifest.run_id}
    is_new = manifest.run_id not in known
    return Rebuilt(manifest.run_id, manifest.job_name, manifest.logical_date, is_new, len(tasks), RunState.PLANNED)


@contextmanager
def _noting(refused: list[tuple[str, str]], run_id: str) -> Iterator[None]:
    """One run that cannot be rebuilt does not keep the others."""
    try:
        yield
    except LockedError as error:
        refused.append((run_id, f"{error}: it is not lost"))
    except OrchestratorError as error:
        refused.append((run_id, str(error)))


# ------------------------------------------------------------------ results


def _recognised(app: Application, recovery: Recovery, done: set[str], refused: list[tuple[str, str]]) -> list[Rebuilt]:
    """Look at the results of runs without a manifest that an old state takes as unfinished, or as ended otherwise."""
    found = []
    for head in app.store.runs.latest(_UNFINISHED, _MOST):
        if head.id in done:
            continue
        with _noting(refused, head.id), app.lock(head.id):
            run = app.store.runs.get(head.id)
            if told := recovery.look_at_result(run, app.product(Job.from_json(run.job))):
                found.append(told)
    return found


def _from_proofs(app: Application, folder: Path, refused: list[tuple[str, str]]) -> list[Rebuilt]:
    """
    Remember the results of a folder as what they are: done, by a run of this installation.

    Raises:
        UserError: It is no folder.
    """
    if not folder.is_dir():
        raise UserError(f"--results {folder} is no folder; name one that results were published in")
    found = []
    for path in sorted(folder.rglob("*.json")):
        proof = read_proof(path)
        if proof is None or ".orchestrator" in path.parts:
            continue
        with _noting(refused, proof["run"]):
            if told := _remember(app, proof):
                found.append(told)
    return found


def _remember(app: Application, proof: Mapping[str, Any]) -> Rebuilt | None:
    """Make the rows of a run that is done, from its proof; None where it is another installation's, or known."""
    run_id, date = proof["run"], str(proof.get("logical_date", ""))
    job = Job.from_json(json.dumps(proof["job"]))
    order = _order(app, job, date)
    turn = next((turn for turn in range(1, _TURNS + 1) if order.run_id(turn) == run_id), 0)
    if not turn or run_id in _known(app):
        return None
    result = find_published(find_product(job.product).files(job), run_id, app.stop)
    if result is None:
        return None
    head = app.store.runs.restore_done(order, turn, result.to_json(), scheduled=order.declaration.startswith("job "))
    app.store.events.record(run_id, REBUILT, {"tasks": 0, "state": head.state})
    main = result.main
    app.store.outputs.claim(str(main.path), run_id, order.declaration)
    app.store.outputs.publish(str(main.path), run_id, main.sha256, main.bytes)
    return Rebuilt(run_id, head.job_name, date, is_new=True, adopted=0, state=head.state)


def _order(app: Application, job: Job, date: str) -> Admission:
    """Return a job as it was admitted: by the schedule of config.toml that makes its file for the date, or by hand."""
    name, declaration = job.base_name, job.declaration()
    day = datetime.fromisoformat(date).date() if date else None
    for scheduled, table in app.settings.jobs.items() if day else ():
        with suppress(UserError, ValueError):
            declared = table.job(app.config_dir, app.settings.services)
            made = declared.base_name.replace("{date}", str(day))
            if (table.cron or table.every) and (declared.destination, declared.product) == (
                job.destination,
                job.product,
            ):
                if job.base_name == made:
                    name, declaration = scheduled, f"job {scheduled}"
                elif declared.area.each and job.base_name.startswith(f"{made}_"):
                    declaration = f"job {name}"
    return Admission(
        name,
        date,
        job.fingerprints(),
        job.to_json(),
        declaration,
        app.owner,
        base_name=job.base_name,
        product=job.product,
    )

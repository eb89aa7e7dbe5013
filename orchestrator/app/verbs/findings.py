"""`doctor`: a look at everything a night needs, and how to mend what is wrong."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import partial
from typing import Literal
from urllib.error import HTTPError
from urllib.request import Request, urlopen

from orchestrator.app import Application, expand
from orchestrator.app.executors import dask_workers
from orchestrator.app.heartbeat import find_daemon
from orchestrator.app.notices.targets import targets
from orchestrator.app.scheduled import scheduled
from orchestrator.app.verbs.busy import Tell, untold
from orchestrator.app.workers import lacking_workers, worker_sentences, workers_of
from orchestrator.clients.messages import can_send
from orchestrator.config import JobTable, Loaded, unknown_variables
from orchestrator.core.errors import OrchestratorError, PermanentError, Stopped
from orchestrator.core.files import free_bytes
from orchestrator.core.optional import install
from orchestrator.core.units import format_bytes, format_count
from orchestrator.products.registry import COPERNICUS, find_product

Verdict = Literal["ok", "warning", "error"]
LOW_DISK = 5 * 2**30
# Earth Engine's tasks live at most ten days; a rule that deletes sooner can take parts we still need.
LONGEST_RUN_DAYS = 10
LARGEST_SKEW_SECONDS = 60.0
_MEND_WORKER = "look at that worker's log: it must reach the run's folder under the same path, and the same services"
_MEND_DASK = "see [dask] in config.toml, and docs/howto/dask.md"
_MEND_JOB = "correct the job; the daemon leaves it out and runs the others"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at. `mend` says what to do; empty where nothing is."""

    name: str
    verdict: Verdict
    seen: str
    mend: str = ""


def findings(app: Application, *, offline: bool, reload: Callable[[], Loaded], say: Tell = untold) -> Iterator[Finding]:
    """
    Yield what is found, one after the other; a failed look is a finding, never an exception.

    Raises:
        Stopped: The process was asked to end; what was being looked at is not judged.

    `reload` reads the settings once more, to say where they come from. `offline` looks at what needs no network. `say`
    is told the name of each before it is looked at, which may take as long as a service keeps silent.
    """

    def looked(name: str, look: Callable[[], Finding], mend: str = "") -> Finding:
        say(name)
        if app.stop.is_set():
            raise Stopped(f"stopped before {name}: what follows was not looked at")
        return _looked(name, look, mend)

    yield looked("config", lambda: _config(reload()))
    yield looked("environment", _environment)
    say("jobs")
    yield from _jobs(app)
    yield looked("state", lambda: _state(app))
    yield looked("daemon", lambda: _daemon(app))
    yield from _workers(app)
    yield looked("disk", lambda: _disk(app))
    yield looked("notify", lambda: _notify(app), "docs/howto/monitor.md shows how; `orchestrator notify test` tries it")
    if offline:
        return
    if app.settings.engine.executor == "dask":
        yield looked("dask", lambda: _dask(app), _MEND_DASK)
    yield from _copernicus(app, looked)
    yield looked("clock", lambda: _clock(app), "check the network and the address")
    yield looked(
        "credentials",
        lambda: _credentials(app),
        "run `gcloud auth application-default login`, or set `key_file` under [credentials.google]",
    )
    yield looked(
        "earth engine",
        lambda: _earth_engine(app),
        "register the project for Earth Engine, enable its API, and grant the roles in deploy/permissions.md",
    )
    if app.settings.gcs.bucket:
        yield looked("bucket", lambda: _bucket(app), "make the bucket, and grant the roles in deploy/permissions.md")
        yield looked("lifecycle", lambda: _lifecycle(app), "grant storage.buckets.get to see the rules")
    else:
        yield Finding("bucket", "warning", "none is named", "set `bucket` under [gcs], or use --route drive")
    if app.settings.ee.url or any(table.route == "drive" for table in app.settings.jobs.values()):
        yield looked("drive", lambda: _drive(app), "a service account has no Drive of its own; use a bucket instead")


def _looked(name: str, look: Callable[[], Finding], mend: str = "") -> Finding:
    try:
        return look()
    except Stopped:  # not what was looked at is to be mended
        raise
    except (OrchestratorError, OSError) as error:
        return Finding(name, "error", str(error), mend)


def _config(loaded: Loaded) -> Finding:
    return Finding("config", "ok", f"{loaded.path or 'no config.toml here; defaults'}, {len(loaded.origins)} settings")


def _environment() -> Finding:
    if unknown := unknown_variables(os.environ):
        return Finding("environment", "warning", f"{', '.join(unknown)} set nothing", "correct or remove these names")
    return Finding("environment", "ok", "every ORCHESTRATOR_ variable is known")


def _jobs(app: Application) -> Iterator[Finding]:
    """Every job of config.toml, planned as far as that goes without asking anybody; each bad one is a finding."""
    _, refused = scheduled(app)
    for name, sentence in refused.items():
        yield Finding(f"job {name}", "error", sentence, _MEND_JOB)
    good = {name: table for name, table in app.settings.jobs.items() if name not in refused}
    wrong = 0
    for name, table in good.items():
        finding = _looked(f"job {name}", partial(_job, app, name, table), _MEND_JOB)
        if finding.verdict != "ok":
            wrong += 1
            yield finding
    planned = len(good) - wrong
    yield Finding("jobs", "ok", f"{planned} of {len(good) + len(refused)} in config.toml can be planned")


def _job(app: Application, name: str, table: JobTable) -> Finding:
    job = table.job(app.config_dir, app.settings.services)
    for one in expand(job):
        app.product(one).check(one.dated(datetime.now(UTC).date()))
    return Finding(f"job {name}", "ok", "can be planned")


def _state(app: Application) -> Finding:
    runs, folder = app.store.runs.count(), app.settings.state_dir
    seen = f"{folder}, {format_count(runs, 'run')}; {app.store.database()}"
    if os.name == "posix" and folder.stat().st_mode & 0o007:
        return Finding("state", "warning", f"{seen}; everybody may look into the folder", f"`chmod 700 {folder}`")
    return Finding("state", "ok", seen)


def _daemon(app: Application) -> Finding:
    row, sentence = find_daemon(app.store, app.clock)
    if row is None:
        return Finding("daemon", "ok" if "no daemon" in sentence else "warning", sentence)
    troubles = "; ".join(row.facts.get("troubles", {}).values())
    if troubles:
        return Finding("daemon", "warning", f"{sentence}; jobs in trouble: {troubles}", _MEND_JOB)
    return Finding("daemon", "ok", sentence)


def _workers(app: Application) -> Iterator[Finding]:
    """Yield how workers are, where there are any, or should be."""
    if not app.has_state():
        return
    try:
        sentences, seen = list(worker_sentences(app)), workers_of(app)
    except (OrchestratorError, OSError):  # the state's own finding says so
        return
    is_well = all(worker.is_fresh and not worker.left for worker in seen) and not list(lacking_workers(app, seen))
    if sentences:
        yield Finding("workers", "ok" if is_well else "warning", "; ".join(sentences), "" if is_well else _MEND_WORKER)


def _dask(app: Application) -> Finding:
    """A cluster of ours is begun with the first run that needs it, and not for a look."""
    if app.settings.dask.local:
        return Finding(
            "dask", "ok", f"{format_count(app.settings.dask.local, 'worker')} on this machine, begun when needed"
        )
    cluster = dask_workers(app.settings)
    try:
        room, trouble = cluster.room(), cluster.trouble()
    finally:
        cluster.close()
    if trouble:
        return Finding("dask", "warning", trouble, _MEND_DASK)
    return Finding("dask", "ok", f"{cluster.place}: {format_count(room, 'unit')} at once")


def _disk(app: Application) -> Finding:
    folder = app.settings.local.work_dir or str(app.settings.state_dir)
    free = free_bytes(os.path.expanduser(folder))  # noqa: PTH111  a setting may begin with ~
    seen = f"{format_bytes(free)} free at {folder}"
    if free < LOW_DISK:
        return Finding("disk", "warning", seen, "free some space, or set `work_dir` under [local] to a larger disk")
    return Finding("disk", "ok", seen)


def _notify(app: Application) -> Finding:
    told = targets(app.settings.notify)
    if told and not can_send():
        return Finding("notify", "error", "addresses are set, and apprise is not installed", install("notify"))
    return Finding("notify", "ok", ", ".join(one.name for one in told) or "nobody is told anything")


def _clock(app: Application) -> Finding:
    # What every client asks first, and nobody needs a token for.
    url = f"{app.settings.ee.url or 'https://earthengine.googleapis.com'}/$discovery/rest?version=v1"
    try:
        with urlopen(Request(url), timeout=20) as answer:  # noqa: S310  http(s) of the settings
            told = answer.headers.get("Date")
    except HTTPError as error:  # any answer carries the date
        told = error.headers.get("Date")
    if not told:
        return Finding("clock", "warning", "the service sends no date to compare with")
    skew = abs((parsedate_to_datetime(told) - datetime.now(UTC)).total_seconds())
    if skew > LARGEST_SKEW_SECONDS:
        return Finding("clock", "error", f"off by {skew:.0f} s", "set the clock (NTP); tokens are refused otherwise")
    return Finding("clock", "ok", f"within {max(1, round(skew))} s of the service's")


def _credentials(app: Application) -> Finding:
    if app.settings.ee.url:
        return Finding("credentials", "ok", f"none needed for the sandbox at {app.settings.ee.url}")
    found = app.credentials()
    who = getattr(found, "service_account_email", "") or type(found).__module__
    return Finding("credentials", "ok", f"{who}")


def _earth_engine(app: Application) -> Finding:
    import ee  # noqa: PLC0415  heavy

    engine = app.earth_engine()
    engine.value(ee.Number(1))
    config = engine.call(ee.data.getProjectConfig)
    slots = config.get("maxConcurrentExports", "unknown")
    state = config.get("registrationState", "unknown registration")
    queued = sum(operation.is_live for operation in engine.operations())
    seen = f"project {engine.project}: {state}, {slots} exports at a time, {queued} tasks now"
    if "NOT_REGISTERED" in state:
        return Finding("earth engine", "error", seen, "register the project for Earth Engine")
    return Finding("earth engine", "ok", seen)


def _copernicus(app: Application, looked: Callable[[str, Callable[[], Finding], str], Finding]) -> Iterator[Finding]:
    """Catalogue and login, where anything here asks Copernicus; nobody else is troubled with it."""
    given, where = app.settings.credentials.cdse, app.settings.copernicus
    asks = any(find_product(table.product).service == COPERNICUS for table in app.settings.jobs.values())
    if not (asks or where.url or given != type(given)()):
        yield Finding("copernicus", "ok", "no account is named; its files need `user` under [credentials.cdse]")
        return
    yield looked("copernicus catalogue", lambda: _catalogue(app), "check the network and the address")
    yield looked("copernicus login", lambda: _login(app), "correct `user` and `password` under [credentials.cdse]")


def _catalogue(app: Application) -> Finding:
    catalogue = app.copernicus.catalogue()
    try:
        newest = catalogue.newest(app.stop)
    except PermanentError:
        if not app.settings.copernicus.url:
            raise
        # A sandbox without scenes of the user's makes up what it is asked for: it has no list of everything.
        newest = catalogue.newest(app.stop, "_T33TVM_")
    return Finding("copernicus catalogue", "ok", f"it answers; the newest product is {newest or 'none'}")


def _login(app: Application) -> Finding:
    who = app.copernicus.way.sign_in(app.stop)
    return Finding("copernicus login", "ok", f"{who}; at most {app.settings.copernicus.sessions} transfers at once")


def _bucket(app: Application) -> Finding:
    bucket = app.bucket()
    name = f"{app.settings.gcs.prefix.strip('/')}/{app.owner}/doctor-{os.getpid()}-{datetime.now(UTC):%H%M%S%f}"
    content = b"orchestrator doctor"
    probe = bucket.create(name, content)
    try:
        intact = bucket.read_probe(probe) == content
    finally:
        bucket.delete(probe)
    if not intact:
        return Finding("bucket", "error", "what was read is not what was written", "look for a proxy in between")
    return Finding("bucket", "ok", f"gs://{app.settings.gcs.bucket}: written, read and deleted {name}")


def _lifecycle(app: Application) -> Finding:
    info = app.bucket().bucket_info()
    ages = [
        int(value)
        for rule in info.lifecycle
        if rule.action == "Delete"
        for key, value in rule.conditions
        if key == "age"
    ]
    if not ages:
        return Finding(
            "lifecycle",
            "warning",
            "no rule deletes what a lost machine leaves behind",
            "add a rule: Delete at age 14 days, prefix orchestrator/ (deploy/permissions.md)",
        )
    if min(ages) <= LONGEST_RUN_DAYS:
        return Finding(
            "lifecycle",
            "error",
            f"objects are deleted at an age of {min(ages)} days",
            f"a run may take {LONGEST_RUN_DAYS} days; set the age to 14",
        )
    return Finding("lifecycle", "ok", f"objects are deleted at an age of {min(ages)} days")


def _drive(app: Application) -> Finding:
    quota = app.drive().quota()
    if quota.limit is None:
        return Finding("drive", "ok", f"{format_bytes(quota.used)} used, no limit")
    left = quota.limit - quota.used
    verdict: Verdict = "ok" if left > LOW_DISK else "warning"
    return Finding(
        "drive", verdict, f"{format_bytes(left)} left", "" if verdict == "ok" else "free some space in Drive"
    )

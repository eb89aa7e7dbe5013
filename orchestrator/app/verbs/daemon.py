"""`serve`: scheduled jobs, submitted jobs, and what an earlier process left unfinished, until the process is to end."""

from __future__ import annotations

import os
import threading
from dataclasses import dataclass, replace
from typing import Any

from orchestrator.app.application import Application
from orchestrator.app.daemons import lock_state, working
from orchestrator.app.heartbeat import Heartbeat, addresses, tell_systemd
from orchestrator.app.notices.post import telling
from orchestrator.app.notices.remembering import remembering
from orchestrator.app.reloading import Reload, Reloading
from orchestrator.app.scheduled import scheduled
from orchestrator.app.verbs.pruning import NightlyPrune
from orchestrator.app.verbs.sweeping import Nightly
from orchestrator.core.errors import (
    ConfigError,
    FencedError,
    MovedError,
    OrchestratorError,
    Stopped,
)
from orchestrator.core.locks import LockedError
from orchestrator.engine.scheduler import Clockwork
from orchestrator.engine.service import Service, Summary
from orchestrator.engine.timetable import Timetable
from orchestrator.engine.trouble import WAITED_FOR, StoreTrouble
from orchestrator.products.registry import EARTH_ENGINE, find_product


@dataclass(frozen=True, slots=True)
class Served:
    """
    What one process of the daemon leaves.

    Attributes:
        summary: How the runs are.
        wrong_jobs: How many jobs of config.toml are left out.
        stopped: Whether it was asked to end.
        deposed: Whether another daemon leads by now, since this one was not heard of for too long.
    """

    summary: Summary
    wrong_jobs: int
    stopped: bool
    deposed: bool = False


def serve(app: Application, *, until_idle: bool = False, reload: Reload | None = None, standby: bool = False) -> Served:
    """
    Work on whatever is unfinished and wake scheduled jobs, until `app.stop` is set.

    With `until_idle`, end too when nothing is left to do. Events go to `app.notify`. With `reload`, jobs of
    config.toml are taken over anew when that is asked for. With `standby`, wait while another daemon leads.

    Raises:
        LockedError: Another process is the daemon of this state, and this one is not to stand by.
        ConfigError: No service is named, or what is asked excludes each other.
        Stopped: The state database could not be used until the end.
    """
    _check_standby(app, standby=standby, until_idle=until_idle)
    if all(find_product(table.product).service == EARTH_ENGINE for table in app.settings.jobs.values()):
        app.check_service()
    try:
        with lock_state(app, standby=standby) as locked:
            app.notify("serve.started", "", {"pid": os.getpid(), "state_dir": str(app.settings.state_dir)})
            wait_for_state(app, until_idle=until_idle)
            with working(app, locked=locked, standby=standby, patient=not until_idle) as name:
                app.notify = remembering(app)
                return _lead(app, reload, name, until_idle=until_idle)
    except Stopped:
        if not standby:
            raise
        return Served(Summary(), 0, stopped=True)  # that it never led is no fault


def _lead(app: Application, reload: Reload | None, name: str, *, until_idle: bool) -> Served:
    """Work until the end, or until another daemon leads."""
    try:
        with telling(app, lambda: app.owner):
            served = _work(app, reload, name, until_idle=until_idle)
    except (FencedError, LockedError):
        if not app.is_deposed:
            raise
        served = Served(Summary(), 0, stopped=True)
    if deposed := app.is_deposed:
        _check_not_moved(app)
    return replace(served, deposed=deposed)


def _check_not_moved(app: Application) -> None:
    """Make sure that a daemon leads no more since another does; raises `MovedError` where the state is elsewhere."""
    try:
        app.check_leader()
    except MovedError:
        raise
    except OrchestratorError:
        pass  # another leads, or nobody can say so now


def _check_standby(app: Application, *, standby: bool, until_idle: bool) -> None:
    if standby and until_idle:
        raise ConfigError("who stands by waits without end, and --until-idle ends: give one of them")
    if standby and app.settings.serve.share:
        raise ConfigError(
            "[serve] share = true lets every daemon work, and who stands by works only when no other does: set one of "
            "share and standby"
        )


def wait_for_state(app: Application, *, until_idle: bool) -> None:
    """
    Open the database, waiting as long as it is locked, full, or may only be read; said once.

    Raises:
        Stopped: The daemon is to end.
        TransientError, SpaceError, ClosedStateError: With `until_idle`: for longer than `[serve] patience`.
    """
    give_up_at = app.clock.monotonic() + app.settings.serve.patience
    trouble = StoreTrouble(app.clock, app.notify)
    while True:
        try:
            app.store.queue.waiting()
        except WAITED_FOR as error:
            if until_idle and app.clock.monotonic() > give_up_at:
                raise
            trouble.begin(error)
            tell_systemd("WATCHDOG=1", f"STATUS={error}")
            if app.stop.wait(trouble.left()):
                raise Stopped("stopped while the state database could not be used") from None
        else:
            trouble.end()
            return


def _work(app: Application, reload: Reload | None, name: str, *, until_idle: bool) -> Served:
    entries, refused = scheduled(app)
    at_work = threading.Event()
    for job, sentence in refused.items():
        app.notify("job.refused", "", {"job": job, "error": sentence})
    timetable = Timetable(
        entries,
        store=app.store,
        clock=app.clock,
        stop=app.stop,
        installation=app.owner,
        notify=app.notify,
        alive=lambda: None if at_work.is_set() else heart.beat(),
        interrupts=app.interrupts,
    )
    reloading = Reloading(app, timetable, reload, refused)
    slots = app.settings.serve.slots
    told = {"share": app.settings.serve.share, "kernel": app.leases.worker.kernel}
    told |= {"slots": slots, "service": app.settings.service, "services": [*app.settings.services.values()]}
    told["addresses"] = addresses(app.settings)
    if app.term is not None:
        told["term"] = app.term.number

    def facts() -> dict[str, Any]:
        return {**told, "ready": at_work.is_set(), "troubles": {**reloading.refused, **timetable.troubles}}

    heart = Heartbeat(app.store, app.clock, facts, name)

    def looked(busy: int, waiting: int) -> None:
        reloading.look()
        try:
            heart.beat(busy, waiting)
        except (LockedError, MovedError):
            app.stop.set()  # the runs in slots are left as they are
            raise

    service = Service(
        store=app.store,
        execute=app.execution,
        lock=app.lock,
        slots=slots,
        stop=app.stop,
        clock=app.clock,
        notify=app.notify,
        hold_seconds=app.settings.retry.hold,
        idle_limit_seconds=app.settings.serve.patience,
        looked=looked,
        interrupts=app.interrupts,
    )
    heart.beat()
    try:
        # Before the first look, which reads areas and may take longer than systemd waits for a start.
        tell_systemd("READY=1")
        nightly = Clockwork(Nightly(app).look), Clockwork(NightlyPrune(app).look)
        with Clockwork(timetable.look) as clockwork, nightly[0], nightly[1]:
            reloading.wake = clockwork.wake
            at_work.set()
            heart.soon()
            summary = service.work(until_idle=until_idle)
            tell_systemd("STOPPING=1")
    finally:
        heart.end()
    return Served(summary, len(reloading.refused) + len(timetable.troubles), app.stop.is_set())

"""What a person may do about a run as it is now, and doing it: the outcome is a sentence, whatever it is."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import nullcontext
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import TYPE_CHECKING

from orchestrator.app.heartbeat import find_daemon
from orchestrator.app.verbs import endings
from orchestrator.app.verbs.reasons import passed_over
from orchestrator.core.errors import OrchestratorError
from orchestrator.core.units import format_count
from orchestrator.engine.stores.records import Head
from orchestrator.model.job import Job
from orchestrator.model.states import RunState

if TYPE_CHECKING:
    from orchestrator.app.application import Application


class RunAct(StrEnum):
    """What is done about a run."""

    RETRY = "retry"
    CANCEL = "cancel"
    CLEAN = "clean"


@dataclass(frozen=True, slots=True)
class Acted:
    """
    What came of it.

    Attributes:
        run: Its id.
        act: What was to be done.
        done: Whether it was.
        sentence: What became of the run, or why nothing did and what to do.
    """

    run: str
    act: RunAct
    done: bool
    sentence: str


_STOPPED = (RunAct.RETRY, RunAct.CLEAN)
_ACTS: Mapping[RunState, tuple[RunAct, ...]] = MappingProxyType(
    {
        RunState.HELD: (RunAct.RETRY, RunAct.CANCEL),
        RunState.FAILED: _STOPPED,
        RunState.CANCELLED: _STOPPED,
        RunState.PUBLISHED: (RunAct.CLEAN,),
        RunState.CLEANED: (),
    }
)


def acts_for(state: RunState) -> tuple[RunAct, ...]:
    """Return what a person may do about a run in a state, the most likely first."""
    return _ACTS.get(state, (RunAct.CANCEL,))


def act(app: Application, what: RunAct, run_id: str) -> Acted:
    """
    Retry, cancel or clean a run; a refusal is a sentence, too.

    Raises:
        UserError: There is no run of exactly this id: neither its beginning nor a name is meant here.
    """
    head = app.store.runs.head(run_id)
    try:
        return Acted(run_id, what, done=True, sentence=_DO[what](app, head))
    except OrchestratorError as error:
        return Acted(run_id, what, done=False, sentence=str(error))


def _retry(app: Application, head: Head) -> str:
    run = endings.retry(app, head.id)
    return f"run {run.id} is {run.state} again; the daemon goes on with it, or the same `orchestrator run` command"


def _cancel(app: Application, head: Head) -> str:
    """Ask the daemon, which has the services and takes what is to be cancelled first; where none does, end it here."""
    endings.check_cancellable(head)
    daemon, _ = find_daemon(app.store, app.clock)
    is_idle = daemon is not None and head.state is not RunState.ADMITTED and not app.worker(head.id)
    if is_idle and not passed_over(app, {head.id: Job.from_json(head.job).service}):
        app.store.runs.request(head.id, "cancel")
        return f"run {head.id} will be cancelled by the daemon, before it does anything else"
    ended = endings.cancel(app, head.id, lambda: nullcontext(app))
    if ended.elsewhere:
        return f"run {ended.run} will be cancelled by the process that works on it"
    if ended.state is RunState.CANCELLED:
        return f"run {ended.run} is cancelled; `clean` takes away what it left"
    return f"too late: files of its result had their names already; run {ended.run} is {ended.state}, not cancelled"


def _clean(app: Application, head: Head) -> str:
    cleaned = endings.clean(app, head.id)
    said = f"run {cleaned.run}: {format_count(cleaned.deleted, 'object')} deleted, {cleaned.absent} were gone already"
    if kept := [*cleaned.changed, *cleaned.foreign]:
        said += f"; kept, because they are not ours or were replaced: {', '.join(kept)}"
    return said


_DO = MappingProxyType({RunAct.RETRY: _retry, RunAct.CANCEL: _cancel, RunAct.CLEAN: _clean})

"""What a person does about runs: retry, cancel, clean; one run, or those that were chosen in the list."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from orchestrator.app.verbs.acting import Acted, RunAct, act
from orchestrator.core.errors import OrchestratorError, UserError
from orchestrator.core.nearest import hint
from orchestrator.core.units import format_count
from orchestrator.faces.web.pages import acted, form, said, site_of
from orchestrator.faces.web.site import Site

MOST_AT_ONCE = 100
_SHOWN = 3
_REFUSED = 409


def routes(site: Site) -> list[Route]:  # noqa: ARG001
    """Return what this view answers."""
    single = [Route(f"/runs/{{run}}/{one}", _on_one(one), methods=["POST"]) for one in RunAct]
    return [Route("/runs/act", _on_many, methods=["POST"]), *single]


def _on_one(what: RunAct) -> Callable[[Request], Response]:
    def handle(request: Request) -> Response:
        came = _do(request, what, request.path_params["run"])
        return said(request, _whole(came.sentence), *_kind(done=came.done), status=200 if came.done else _REFUSED)

    return handle


def _on_many(request: Request) -> Response:
    """Do one thing to each of the runs that were chosen; what came of them is one note."""
    given = form(request)
    what, runs = _act_of(given.get("act", "")), list(dict.fromkeys(given.getlist("run")))
    if not runs:
        raise UserError(f"no run is chosen to {what}; tick those that are meant")
    if len(runs) > MOST_AT_ONCE:
        raise UserError(f"{len(runs)} runs are too many to {what} at once; choose up to {MOST_AT_ONCE}")
    came = [_tried(request, what, run) for run in runs]
    done = all(one.done for one in came)
    return said(request, _summary(what, came), *_kind(done=done), status=200 if done else _REFUSED)


def _do(request: Request, what: RunAct, run: str) -> Acted:
    came = act(site_of(request).app, what, run)
    acted(request, what, run, done=came.done, sentence=came.sentence)
    return came


def _tried(request: Request, what: RunAct, run: str) -> Acted:
    try:
        return _do(request, what, run)
    except OrchestratorError as error:
        return Acted(run, what, done=False, sentence=str(error))


def _act_of(text: str) -> RunAct:
    known = [str(one) for one in RunAct]
    if text not in known:
        raise UserError(f"{text!r} is nothing that is done to runs: {hint(text, known)}")
    return RunAct(text)


_DONE = {RunAct.RETRY: "taken up again", RunAct.CANCEL: "cancelled, or asked to end", RunAct.CLEAN: "cleaned up"}


def _summary(what: RunAct, came: Sequence[Acted]) -> str:
    """Say how many were done, and of the others why not, the most frequent reasons first."""
    done = sum(one.done for one in came)
    told = [f"{format_count(done, 'run')} {_DONE[what]}"] if done else []
    refused = Counter(one.sentence for one in came if not one.done)
    told += [f"{format_count(len(came) - done, 'run')} refused"] if refused else []
    told += [sentence for sentence, _ in refused.most_common(_SHOWN)]
    more = len(refused) - _SHOWN
    return _whole("; ".join([*told, *([f"and {more} more reasons"] if more > 0 else [])]))


def _kind(*, done: bool) -> tuple[str]:
    return ("done" if done else "refused",)


def _whole(sentence: str) -> str:
    return f"{sentence[:1].upper()}{sentence[1:].rstrip('. ')}."

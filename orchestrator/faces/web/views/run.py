"""One run: its map of pieces, its times, what failed, its events."""

from __future__ import annotations

import json
from collections import ChainMap
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from datetime import UTC, datetime
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from orchestrator.app.display import STATE_WORDS
from orchestrator.app.records import Records
from orchestrator.app.verbs.acting import acts_for
from orchestrator.app.verbs.events import events_after, latest_events
from orchestrator.app.verbs.failures import failures_of, hurried_words, split_task, try_now
from orchestrator.app.verbs.reasons import why
from orchestrator.app.verbs.reports import report_detail
from orchestrator.app.verbs.run_facts import facts_of
from orchestrator.app.verbs.run_list import list_pieces
from orchestrator.app.verbs.run_map import WORDS, Stage, Stages, places_of, stages_of
from orchestrator.app.verbs.run_pieces import RunPiece, piece_called, pieces_at
from orchestrator.app.verbs.run_times import Course, course_of
from orchestrator.core.errors import UserError
from orchestrator.engine.stores.records import EventRow
from orchestrator.faces.web.pages import acted, data, form, fragment, page, said, site_of
from orchestrator.faces.web.site import Site
from orchestrator.faces.web.views.words import confirm

LISTED = 20  # rows of the list of pieces at once
EVENTS = 100  # shown at first
MOST_EVENTS = 500  # sent at once
# Letters that pages were sent, by run and version; a page that has others is sent all of them.
MOST_SENT = 64
# What each stage is called in the legend's attributes, which the colours of states go by.
STATES = {stage: stage.name for stage in Stage} | {Stage.PLACED: "MERGED", Stage.AGAIN: "LOST"}
LEGEND = tuple((stage, STATES[stage], words) for stage, words in WORDS.items())


def routes(site: Site) -> list[Route]:  # noqa: ARG001
    """Return what this view answers."""
    return [
        Route("/runs/{run}", _show),
        Route("/runs/{run}/map.json", _map),
        Route("/runs/{run}/events.json", _events),
        Route("/runs/{run}/part/head", _head),
        Route("/runs/{run}/part/piece", _piece),
        Route("/runs/{run}/part/pieces", _pieces),
        Route("/runs/{run}/part/times", _times),
        Route("/runs/{run}/part/failures", _failures),
        Route("/runs/{run}/pieces/now", _try_now, methods=["POST"]),
        Route("/runs/{run}/pieces/split", _split, methods=["POST"]),
    ]


def _show(request: Request) -> Response:
    app, name = site_of(request).app, request.path_params["run"]
    facts = facts_of(app, name)
    seen, last = latest_events(app, facts.run, EVENTS)
    events = {"events": [_told(event) for event in reversed(seen)], "last": last}
    # What its fragments show, as they do when they are asked for alone.
    parts = (_head_facts, _times_facts, _failures_facts, _pieces_facts)
    shown = ChainMap(events, *(dict(part(request, facts.run)) for part in parts))
    return page(request, "run.html", **shown)


# ---------------------------------------------------------------- head


def _head(request: Request) -> Response:
    return fragment(request, "parts/run_head.html", lambda: _head_facts(request, request.path_params["run"]))


def _head_facts(request: Request, run: str) -> Mapping[str, Any]:
    app = site_of(request).app
    detail = report_detail(app, run)
    return {
        "run": detail.report,
        "facts": facts_of(app, run),
        "because": why(app, run).because,
        "acts": acts_for(detail.report.state),
        "confirm": confirm,
        "state_words": STATE_WORDS,
    }


# ---------------------------------------------------------------- map


def _map(request: Request) -> Response:
    """Return where the pieces are and how far; who has that says so, and is sent what differs."""
    app, run, query = site_of(request).app, request.path_params["run"], request.query_params

    def told() -> Mapping[str, Any]:
        return _map_json(app, stages_of(app, run), query.get("shape", ""), query.get("version", ""))

    return data(request, told)


def _map_json(app: Records, stages: Stages, shape: str, version: str) -> Mapping[str, Any]:
    _SENT.keep(stages)
    counts = {letter: stages.counts.get(letter, 0) for letter in Stage}
    told = {"run": stages.run, "shape": stages.shape, "version": stages.version, "counts": counts}
    if shape != stages.shape:
        where = places_of(app, stages.run)
        if where.shape == stages.shape:  # else they were cut meanwhile, and the next answer has all of it
            return told | asdict(where) | {"letters": stages.letters}
        return {"run": stages.run, "shape": "", "version": "", "counts": counts}
    before = _SENT.letters(stages.run, version)
    return told | ({"changes": stages.since(before)} if before else {"letters": stages.letters})


class _Sent:
    """The letters that pages have, the latest of each run."""

    def __init__(self) -> None:
        self._kept: dict[tuple[str, str], str] = {}

    def keep(self, stages: Stages) -> None:
        key = (stages.run, stages.version)
        kept = {other: letters for other, letters in self._kept.items() if other != key}
        self._kept = dict(
            [*kept.items(), (key, stages.letters)][-MOST_SENT:]
        )  # replaced, never changed: threads read it

    def letters(self, run: str, version: str) -> str:
        return self._kept.get((run, version), "")


_SENT = _Sent()


# ---------------------------------------------------------------- pieces


def _piece(request: Request) -> Response:
    return fragment(request, "parts/run_piece.html", lambda: _piece_facts(request))


def _piece_facts(request: Request) -> Mapping[str, Any]:
    app, run, query = site_of(request).app, request.path_params["run"], request.query_params
    try:
        if "key" in query:
            found = [piece_called(app, run, query.get("kind", "task"), query["key"])]
        else:
            found = pieces_at(app, run, *(_number(query.get(name, "")) for name in ("grid", "row", "col")))
    except UserError as error:  # it was cut into others while somebody looked at it
        return {"pieces": [], "gone": str(error), "address": _address(request), "states": STATES}
    return {"pieces": [_one_line(piece) for piece in found], "gone": "", "address": _address(request), "states": STATES}


def _one_line(piece: RunPiece) -> RunPiece:
    return replace(piece, tried=piece.tried[-5:])


def _number(text: str) -> int:
    if not text.isascii() or not text.isdigit() or len(text) > 12:
        raise UserError(f"{text[:20]!r} is no pixel; give grid, row and col as numbers from 0")
    return int(text)


def _address(request: Request) -> str:
    return f"{request.url.path}?{request.url.query}"


def _pieces(request: Request) -> Response:
    return fragment(request, "parts/run_pieces.html", lambda: _pieces_facts(request, request.path_params["run"]))


def _pieces_facts(request: Request, run: str) -> Mapping[str, Any]:
    query = request.query_params
    stage = query.get("stage", "")
    if stage and stage not in list(Stage):
        raise UserError(f"{stage[:20]!r} is no stage; it is one of {', '.join(Stage)}")
    skip = _number(query.get("skip", "0"))
    found = list_pieces(site_of(request).app, run, stage, skip, LISTED)
    return {
        "list": found,
        "stage": stage,
        "skip": skip,
        "limit": LISTED,
        "legend": LEGEND,
        "states": STATES,
        "words": WORDS,
    }


# ---------------------------------------------------------------- times


def _times(request: Request) -> Response:
    return fragment(request, "parts/run_times.html", lambda: _times_facts(request, request.path_params["run"]))


def _times_facts(request: Request, run: str) -> Mapping[str, Any]:
    course = course_of(site_of(request).app, run)
    series = (
        ("queued", "handed over", course.queued),
        ("computed", "computed", course.computed),
        ("downloaded", "downloaded", course.downloaded),
    )
    return {
        "course": course,
        "run_id": course.run,
        "lines": [(name, words, _points(values, course.pieces), values[-1]) for name, words, values in series],
        "bars": _bars(course),
        "rows": _rows(course),
    }


WIDTH, HEIGHT = 1000, 200


def _points(values: Sequence[int], most: int) -> str:
    step = WIDTH / max(1, len(values) - 1)
    return " ".join(f"{at * step:.1f},{HEIGHT - HEIGHT * value / max(1, most):.1f}" for at, value in enumerate(values))


def _bars(course: Course) -> list[tuple[str, str, int]]:
    """Return where failures are drawn: x, height, and how many they are."""
    step, most = WIDTH / len(course.troubles), max(1, *course.troubles)
    return [
        (f"{at * step:.1f}", f"{10 + 30 * count / most:.1f}", count)
        for at, count in enumerate(course.troubles)
        if count
    ]


def _rows(course: Course, most: int = 12) -> list[tuple[float, int, int, int, int]]:
    """Return the same in numbers, at few times: seconds since the beginning, and how many were how far then."""
    count = len(course.queued)
    picked = sorted({round(at * (count - 1) / (most - 1)) for at in range(most)})
    return [
        (
            (at + 1) * course.seconds,
            course.queued[at],
            course.computed[at],
            course.downloaded[at],
            sum(course.troubles[: at + 1]),
        )
        for at in picked
    ]


# ---------------------------------------------------------------- events


def _events(request: Request) -> Response:
    app, run = site_of(request).app, request.path_params["run"]
    after = _number(request.query_params.get("after", "0"))
    return data(request, lambda: [_told(event) for event in events_after(app, run, after, MOST_EVENTS)])


def _told(event: EventRow) -> Mapping[str, Any]:
    facts = {name: _word(name, value) for name, value in json.loads(event.facts).items()}
    told = {name: word for name, word in facts.items() if word}
    return {"sequence": event.sequence, "at": event.at, "name": event.name, "facts": told}


def _word(name: str, value: Any) -> str:
    """Write a fact of an event; a time that is none is nothing."""
    if name.endswith("_at") and isinstance(value, float):
        return f"{datetime.fromtimestamp(value, UTC):%Y-%m-%d %H:%M:%S} UTC" if value else ""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


# ---------------------------------------------------------------- failures, and what is done about them


def _failures(request: Request) -> Response:
    return fragment(request, "parts/run_failures.html", lambda: _failures_facts(request, request.path_params["run"]))


def _failures_facts(request: Request, run: str) -> Mapping[str, Any]:
    app = site_of(request).app
    facts = facts_of(app, run)
    return {"groups": failures_of(app, run), "run_id": facts.run, "acts": acts_for(facts.state), "confirm": confirm}


def _try_now(request: Request) -> Response:
    app, run, sent = site_of(request).app, request.path_params["run"], form(request)
    kind, sentence, key = (sent.get(name, "") for name in ("kind", "sentence", "key"))
    count = try_now(app, run, kind, sentence=sentence, key=key)
    acted(request, "try now", run, kind=kind, pieces=count)
    return said(request, f"{hurried_words(count, kind)}.")


def _split(request: Request) -> Response:
    app, run, task = site_of(request).app, request.path_params["run"], form(request).get("task", "")
    sentence = split_task(app, run, task)
    acted(request, "split", run, task=task)
    return said(request, f"{sentence[0].upper()}{sentence[1:]}.")

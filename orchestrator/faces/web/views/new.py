"""A new job: an area, what is wanted of it, what that would take, and its run."""

from __future__ import annotations

import atexit
import secrets
import threading
from collections import OrderedDict
from pathlib import Path
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from orchestrator.app.planning_pool import CancelledError, PlanningPool, PoolSettings, Question
from orchestrator.app.verbs.draft_defaults import first_form, form_of_run, free_name, products_with
from orchestrator.app.verbs.drafts import GENERAL, DraftError, read_form
from orchestrator.app.verbs.recipes import RecipeTold, recipe_names
from orchestrator.core.errors import OrchestratorError, TransientError, UserError
from orchestrator.faces.web.new_fields import FURTHER, OWN, in_words, is_shown
from orchestrator.faces.web.pages import HTML, acted, body, form, page, render
from orchestrator.faces.web.site import Site

# Answers that are kept until somebody fetches them; those of abandoned pages make room.
_MOST_KEPT = 16
# Who asks is answered at once where that is soon.
_SOON_SECONDS = 1.0
_GIVE_UP_SECONDS = 60.0
TILE_METRES = 2560.0  # 256 pixels of 10 m
_NOT_THE_JOBS = frozenset({"planned", "overwrite", "tile_size"})


def routes(site: Site) -> list[Route]:
    """Return what this view answers."""
    new = _New(site)
    return [
        Route("/new", new.show),
        Route("/new/part/recipe", new.recipe),
        Route("/new/area", new.look, methods=["GET"]),
        Route("/new/area", new.drop, methods=["POST"]),
        Route("/new/tiles", new.tiles, methods=["POST"]),
        Route("/new/plan", new.plan, methods=["POST"]),
        Route("/new/plan/{plan}", new.planned),
        Route("/new/plan/{plan}/shown", new.shown),
        Route("/new/plan/{plan}/cancel", new.cancel, methods=["POST"]),
        Route("/new/submit", new.submit, methods=["POST"]),
    ]


class _New:
    """The view: a pool at which drafts are planned, and what was asked of it."""

    def __init__(self, site: Site) -> None:
        self._app = site.app
        self._base = Path.cwd()
        self._pool = PlanningPool(PoolSettings(site.app.settings, site.app.config_dir, self._base, site.options.words))
        atexit.register(self._pool.close)  # with the folders that its processes work in
        self._guard = threading.Lock()
        self._asked: OrderedDict[str, Question] = OrderedDict()
        self._recipes: dict[str, RecipeTold] = {}  # the code does not change while it runs

    # ------------------------------------------------------------ the form

    def show(self, request: Request) -> Response:
        """Show the form: as it begins, or with what a run was made of (`?from=RUN`)."""
        run = request.query_params.get("from", "")
        values, notes = form_of_run(self._app, run) if run else (first_form(self._app, self._base), ())
        values |= {name: text for name, text in request.query_params.items() if name != "from"}
        products = products_with(self._app.settings, values.get("product", ""))
        facts: dict[str, Any] = {"values": values, "notes": notes, "products": products, "recipes": recipe_names()}
        facts |= {"own": OWN, "further": FURTHER, "rest": {name: values[name] for name in values if not is_shown(name)}}
        return page(request, "new.html", **facts, folder=self._app.settings.state_dir / "areas")

    def recipe(self, request: Request) -> Response:
        """Show the parameters of a recipe, filled in as the address says."""
        name = request.query_params.get("recipe", "")
        if name not in self._recipes:
            self._recipes[name] = self._answer(self._pool.ask("recipe", name))
        facts = {"told": self._recipes[name], "values": dict(request.query_params)}
        return Response(render(request, "parts/new_recipe.html", facts), media_type=HTML)

    # ------------------------------------------------------------ the area

    def look(self, request: Request) -> Response:
        """Return the outline of what a text means as an area."""
        given = request.query_params
        how = {"layer": given.get("layer", ""), "crs": given.get("crs", ""), "where": given.get("where", "")}
        return self._seen(request, self._pool.ask("look", given.get("source", ""), **how))

    def drop(self, request: Request) -> Response:
        """Keep a drawn or dropped area as a file, and return its outline."""
        return self._seen(request, self._pool.ask("drop", request.query_params.get("name", ""), body(request)))

    def tiles(self, request: Request) -> Response:
        """Lay tiles over the area of the form, and return the path of their file."""
        given = form(request)
        area = {key: given.get(f"area.{key}", "") for key in ("source", "layer", "crs", "where")}
        try:
            size = float(given.get("tile_size") or TILE_METRES)
        except ValueError:
            raise UserError(f"{given['tile_size']!r} is no side of a tile in metres") from None
        path = self._answer(self._pool.ask("tiles", area, size, given.get("base_name", "")))
        return JSONResponse({"path": path})

    def _seen(self, request: Request, question: Question) -> Response:
        seen = self._answer(question)
        output = request.query_params.get("output", "") or str(self._base)
        return JSONResponse(seen.facts() | {"name": free_name(self._app, seen.name[:60], output)})

    # ------------------------------------------------------------ the plan

    def plan(self, request: Request) -> Response:
        """Begin to plan what the form says; answer with the plan where that is soon, else with how far it is."""
        question = self._pool.ask("plan", read_form(_fields(request)))
        name = secrets.token_hex(8)
        with self._guard:
            self._asked[name] = question
            while len(self._asked) > _MOST_KEPT:
                self._asked.popitem(last=False)[1].cancel()
        question.wait(_SOON_SECONDS)
        return self._told(name, question)

    def planned(self, request: Request) -> Response:
        """Return the plan, or how far it is."""
        return self._told(request.path_params["plan"], self._find(request))

    def cancel(self, request: Request) -> Response:
        """End planning where it stands."""
        question = self._find(request)
        question.cancel()
        return self._told(request.path_params["plan"], question)

    def _find(self, request: Request) -> Question:
        with self._guard:
            question = self._asked.get(request.path_params["plan"])
        if question is None:
            raise HTTPException(404, "this plan is not known any more; press Plan again")
        return question

    def _told(self, name: str, question: Question) -> Response:
        if not question.is_done:
            return JSONResponse({"state": "working", "plan": name, "said": question.said})
        try:
            plan = question.answer()
        except CancelledError as error:
            return JSONResponse({"state": "cancelled", "said": str(error)})
        except OrchestratorError as error:
            return _refused(error)
        told = {"planned": plan.fingerprint, "parts": plan.parts, "area": plan.outline}
        return JSONResponse({"state": "planned", "plan": name, **told})

    def shown(self, request: Request) -> Response:
        """Show a plan that is made: what it needs, and the same as a command and as a job file."""
        plan = self._answer(self._find(request))
        return Response(render(request, "parts/new_plan.html", {"plan": plan}), media_type=HTML)

    # ------------------------------------------------------------ the run

    def submit(self, request: Request) -> Response:
        """Hand what was planned to the daemon, and say where its run is."""
        planned = form(request).get("planned", "")
        try:
            run = self._answer(self._pool.ask("submit", read_form(_fields(request)), planned))
        except UserError as error:
            return _refused(error)
        acted(request, "submit", run)
        return JSONResponse({"state": "submitted", "run": run, "to": f"/runs/{run}"})

    def _answer(self, question: Question) -> Any:
        if not question.wait(_GIVE_UP_SECONDS):
            question.cancel()
            raise TransientError("this took more than a minute, and was given up; try again, or use the command line")
        return question.answer()


def _fields(request: Request) -> dict[str, str]:
    return {name: text for name, text in form(request).items() if name not in _NOT_THE_JOBS}


def _refused(error: OrchestratorError) -> Response:
    """Return what is wrong with a form, by field."""
    fields = error.fields if isinstance(error, DraftError) else {GENERAL: str(error)}
    return JSONResponse({"state": "refused", "fields": {name: in_words(said) for name, said in fields.items()}})

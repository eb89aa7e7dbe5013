"""What every view has: the state, its revision, where the page is, templates."""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from orchestrator import __version__
from orchestrator.app.application import Application
from orchestrator.config import Loaded, load
from orchestrator.core.units import format_bytes, format_count, format_seconds
from orchestrator.faces.web.cache import Cache
from orchestrator.faces.web.gate import Options
from orchestrator.faces.web.live import Hub

HERE = Path(__file__).parent
NAVIGATION = (
    ("/", "Now"),
    ("/runs", "Runs"),
    ("/new", "New"),
    ("/schedule", "Schedule"),
    ("/doctor", "Doctor"),
)


@dataclass(frozen=True, slots=True)
class Site:
    """
    What every view has.

    Attributes:
        app: The state and the services that it is shown with; views give it to verbs and ask it nothing else.
        live: The revision of the state, and how the daemon is.
        options: Where the page is, who may see it, and the files of its owner's that it shows.
        templates: Those of this room; what they are given is always escaped.
        cache: What was made for the present revision.
        reload: Reads config.toml once more, with the options of the start.
    """

    app: Application
    live: Hub
    options: Options
    templates: Environment
    cache: Cache = field(default_factory=Cache)
    reload: Callable[[], Loaded] = load


def make_site(app: Application, options: Options, reload: Callable[[], Loaded] = load) -> Site:
    """Return the site over an application; `reload` reads the settings once more, as they were read for it."""
    return Site(app, Hub(app), options, _templates(options), reload=reload)


# ---------------------------------------------------------------- templates


def _templates(options: Options) -> Environment:
    made = Environment(
        loader=FileSystemLoader(HERE / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    basemap = "/basemap.pmtiles" if options.basemap else ""
    made.globals |= {"static": static, "navigation": NAVIGATION, "version": __version__, "basemap": basemap}
    made.filters |= {"bytes": format_bytes, "seconds": format_seconds, "count": format_count}
    return made


def static(path: str) -> str:
    """Return the address of a file of ours, which names its content: it may be kept for ever."""
    return f"/static/{path}?v={digest(path)}"


@functools.cache
def digest(path: str) -> str:
    """Return what tells the content of a file of ours from every other."""
    return hashlib.sha256((HERE / "static" / path).read_bytes()).hexdigest()[:16]

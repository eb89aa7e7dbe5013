"""Every view of the page, for whoever walks them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType


@dataclass(frozen=True, slots=True)
class View:
    """
    A view as it is walked.

    Attributes:
        path: Where it is; `{name}` stands for the id of that run of the stage.
        heading: Its one heading of the first level, or words of it.
        shows: Words that are on it, whatever else is.
        nav: The link of the navigation that is marked as the present one; empty for none.
        has_map: Whether it shows a map.
    """

    path: str
    heading: str
    shows: tuple[str, ...] = ()
    nav: str = ""
    has_map: bool = False


VIEWS: Mapping[str, View] = MappingProxyType(
    {
        "now": View("/", "Now", ("held", "going"), "Now"),
        "runs": View("/runs", "Runs", ("done", "cube", "chips", "failed", "waiting"), "Runs"),
        "run": View("/runs/{going}", "going", ("exporting", "Failures", "Events"), "Runs", has_map=True),
        "run-held": View("/runs/{held}", "held", ("held",), "Runs", has_map=True),
        "run-chips": View("/runs/{chips}", "chips", ("cleaned",), "Runs", has_map=True),
        "result": View("/runs/{done}/result", "done", ("What proves it",), "Runs", has_map=True),
        "compare": View("/runs/{done}/compare?with={later}", "done", (), "Runs", has_map=True),
        "chips": View("/runs/{chips}/result", "chips", (), "Runs", has_map=True),
        "cube": View("/runs/{cube}/result", "cube", ("2024-05-04",), "Runs", has_map=True),
        "table": View("/runs/{table}/result", "table", (), "Runs"),
        "new": View("/new", "New", (), "New", has_map=True),
        "schedule": View("/schedule", "Schedule", ("nightly", "weekly"), "Schedule"),
        "doctor": View("/doctor", "Doctor", (), "Doctor"),
    }
)

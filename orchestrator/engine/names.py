"""Deterministic names: an attempt's request id, description and object prefix follow from run, task and number."""

from __future__ import annotations

import hashlib
import re

from orchestrator.engine.stores.records import Attempt
from orchestrator.model.ports import Route

_FILE_NAME = re.compile(r"(.+?)(?:-[0-9]{10}-[0-9]{10})?\.tif")


def new_attempt(run_id: str, task: str, number: int, *, prefix: str, owner: str, route: Route, now: float) -> Attempt:
    """
    Return attempt `number` of `task`.

    The prefix is fresh for each attempt, so that a late write of an earlier one cannot mix into this one. Earth
    Engine takes request ids of at most 60 of [A-Za-z0-9-] and descriptions of at most 100 of [A-Za-z0-9.,:;_-]
    (REST reference, projects.image.export; Export.image.toCloudStorage).
    """
    digest = hashlib.sha256(f"{owner}|{run_id}|{task}|{number}".encode()).hexdigest()
    words = [prefix, owner, run_id, f"{task}-a{number}-{digest[:8]}"]
    return Attempt(
        task=task,
        number=number,
        request_id=f"x{digest[:48]}",
        description=f"orchestrator.{run_id}.{task}.a{number}.{digest[:12]}",
        prefix=route.separator.join(word for word in words if word),
        operation="",
        first_posted=now,
    )


def prefix_of(name: str) -> str:
    """
    Return the object prefix of the attempt that a file of this name belongs to; empty when it is no such name.

    Earth Engine writes `prefix.tif`, or `prefix-yyyyyyyyyy-xxxxxxxxxx.tif` for each of several files.
    """
    match = _FILE_NAME.fullmatch(name)
    return match[1] if match else ""


def run_prefix(run_id: str, *, prefix: str, owner: str, route: Route) -> str:
    """Return what the names of all objects of a run start with."""
    return route.separator.join([*(word for word in (prefix, owner, run_id) if word), ""])

"""Which run is meant: by the name of its job, by its base name, by `latest`, or by its id."""

from __future__ import annotations

from orchestrator.core.errors import UnknownNameError, UserError
from orchestrator.engine.stores.contract import Store
from orchestrator.engine.stores.records import Head, Run

LATEST = "latest"
_SHOWN = 8
_MOST = 10_000


def find_run(store: Store, name: str) -> Run:
    """
    Return the one run that is called `name`.

    A name of a job or a base name means the newest turn of its declaration; where several declarations share it
    (other dates, another folder), none is chosen. An id may be cut short.

    Raises:
        UserError: No run is called so, or several are; then each is listed with what tells it apart.
    """
    return store.runs.get(find_head(store, name).id)


def find_head(store: Store, name: str) -> Head:
    """Return the head of the run that is called `name`; see `find_run`."""
    found = store.runs.heads(1) if name == LATEST else store.runs.named(name, _MOST) if name else []
    newest = list({head.fingerprint + head.logical_date: head for head in reversed(found)}.values())[::-1]
    exact = [head for head in newest if head.id == name]
    if len(exact or newest) == 1:
        return (exact or newest)[0]
    if not newest:
        what = "there is no run yet" if name == LATEST else f"{name!r} is no run: neither a name nor the start of an id"
        raise UnknownNameError(f"{what}; `orchestrator status` lists them")
    told = "; ".join(f"{head.id} ({_told(head)})" for head in newest[:_SHOWN])
    more = f"; and {len(newest) - _SHOWN} older" if len(newest) > _SHOWN else ""
    raise UserError(f"{name!r} means {len(newest)} runs; say which by its id: {told}{more}")


def _told(head: Head) -> str:
    date = f" for {head.logical_date}" if head.logical_date else ""
    return f"{head.job_name}{date}, {head.state}, begun {head.created[:16].replace('T', ' ')} UTC"

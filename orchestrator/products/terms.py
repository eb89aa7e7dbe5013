"""Whose the pixels of a result are, and who computed them: what a sandbox made must never pass for the Earth."""

from __future__ import annotations

from typing import Any

from orchestrator.model.job import Job
from orchestrator.model.product import RunSnapshot

GOOGLE, SANDBOX = "google", "sandbox"
# Who computed the pixels, by the service of the job.
_FACILITIES = {
    GOOGLE: "Google Earth Engine",
    SANDBOX: "a sandbox of Earth Engine (synthetic scenes, or the user's own)",
    "copernicus": "Copernicus Data Space Ecosystem",
    "here": "orchestrator",  # of files that lie there
}
_ADDRESSES = {GOOGLE: "https://earthengine.google.com", "copernicus": "https://dataspace.copernicus.eu"}
# Words that the makers of data ask for, and who they are.
_MAKERS = {
    "Copernicus Sentinel data": "European Union, Copernicus Programme",
    "U.S. Geological Survey": "U.S. Geological Survey",
}

Tags = tuple[tuple[str, str], ...]  # of a TIFF: name, value


def facility_of(job: Job) -> str:
    """Return who computed the pixels of a job."""
    return _FACILITIES.get(job.service, job.service)


def notice_of(run: RunSnapshot) -> str:
    """Return the sentence that the sources of a run ask to be shown; empty where nothing is known of them."""
    notice = str(run.facts.get("attribution", ""))
    if notice and run.job.service == SANDBOX:
        return f"Not Earth Engine's: made by {facility_of(run.job)}. {notice}"
    return notice


def tags_of(run: RunSnapshot, version: str) -> Tags:
    """Return the tags that every TIFF of a run has. Nothing that changes from run to run: equal plans, equal bytes."""
    told = (("TIFFTAG_SOFTWARE", f"orchestrator {version}"), ("TIFFTAG_COPYRIGHT", notice_of(run)))
    return tuple((name, value) for name, value in told if value)


def terms_of(run: RunSnapshot) -> str:
    """Return the names or addresses of the sources' terms, joined by `; `."""
    return str(run.facts.get("licence", ""))


def addresses_of(run: RunSnapshot) -> tuple[str, ...]:
    """Return the addresses among the terms of the sources."""
    return tuple(one for one in terms_of(run).split("; ") if one.startswith(("https://", "http://")))


def providers_of(run: RunSnapshot) -> list[dict[str, Any]]:
    """Return who made the pixels, as STAC has it; those of a sandbox are nobody's but its own."""
    processor = {"name": facility_of(run.job), "roles": ["processor"]}
    if run.job.service == SANDBOX:
        return [processor]
    notice, addresses = notice_of(run), addresses_of(run)
    url = {"url": addresses[0]} if len(addresses) == 1 and addresses[0].startswith("https://") else {}
    makers = [
        {"name": name, "roles": ["producer", "licensor"], "description": notice} | url
        for words, name in _MAKERS.items()
        if words in notice
    ]
    own = {"url": _ADDRESSES[run.job.service]} if run.job.service in _ADDRESSES else {}
    return [*makers, processor | own]

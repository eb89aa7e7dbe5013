"""What a person should know of the scheduled jobs, beside the runs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import timedelta
from pathlib import Path

from orchestrator.app.heartbeat import find_daemon
from orchestrator.app.records import Records
from orchestrator.config import AREA_SUFFIXES
from orchestrator.core.errors import NO_AREA_FILE

_SKIPPED_DAYS = 7
_MOST_SHOWN = 10_000


def wrong_jobs(app: Records) -> Mapping[str, str]:
    """Return what is wrong with jobs of config.toml, by name: as it reads now, and as the daemon met them."""
    row = find_daemon(app.store, app.clock)[0] if app.has_state() else None
    met = row.facts.get("troubles", {}) if row is not None else {}
    if not app.settings.jobs:
        return {**met, **app.refused_jobs}
    from orchestrator.app.scheduled import scheduled  # noqa: PLC0415  without jobs nobody needs a timetable

    return {**_without_area(app), **met, **scheduled(app)[1]}


def _without_area(app: Records) -> dict[str, str]:
    """Return the scheduled jobs whose area is a file that is not there, also where no daemon has met them yet."""
    found = {}
    for name, table in app.settings.jobs.items():
        path = app.config_dir / Path(table.area.source).expanduser()
        if (table.cron or table.every) and path.suffix.lower() in AREA_SUFFIXES and not path.exists():
            found[name] = f"{table.area.source}: {NO_AREA_FILE}"
    return found


def standing(app: Records) -> Iterator[str]:
    """Yield a sentence for each job in trouble, for each that is paused, and for each with dates skipped lately."""
    for name, sentence in wrong_jobs(app).items():
        yield f"job {name} is left out: {sentence.removeprefix(f'job {name}: ')}"
    if not app.has_state():
        return
    yield from _paused(app)
    since = (app.clock.now() - timedelta(days=_SKIPPED_DAYS)).isoformat(timespec="milliseconds")
    skipped = app.store.dates.latest(_MOST_SHOWN, skipped_since=since)
    for name, count in sorted(Counter(row.job_name for row in skipped).items()):
        latest = next(row for row in skipped if row.job_name == name)
        dates = "one date was" if count == 1 else f"{count} dates were"
        last = f"the last one {latest.logical_date}: {latest.skipped}"
        yield f"job {name}: {dates} skipped in {_SKIPPED_DAYS} days, {last}"


def _paused(app: Records) -> Iterator[str]:
    for name, state in sorted(app.store.job_states.all().items()):
        if state.paused and name in app.settings.jobs:
            why = f": {state.why}" if state.why else ""
            yield f"job {name} is paused since {state.at[:16].replace('T', ' ')} UTC{why}"

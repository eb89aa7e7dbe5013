"""What tests of units share: a clock that stands still, a store, and short words for what is done to units."""

from __future__ import annotations

from datetime import UTC, datetime

from sqlalchemy import update

from orchestrator.engine.stores.schema import units as table
from orchestrator.engine.stores.sql import SqlStore
from orchestrator.model.states import UnitState
from orchestrator.model.unit import UnitPlan

MET = (UnitState.DONE, UnitState.EMPTY)


# A lease of so many seconds is over when it begins: the database's own clock, which no test sets, judges them.
OVER = 0.0


class StillClock:
    def now(self) -> datetime:
        return datetime(2024, 6, 1, tzinfo=UTC)

    def monotonic(self) -> float:
        return 0.0


def opened(url: str) -> SqlStore:
    return SqlStore(url, StillClock())


def plans(*keys: str, kind: str = "fetch", needs: tuple[tuple[str, str], ...] = ()) -> list[UnitPlan]:
    return [UnitPlan(kind, key, needs=needs) for key in keys]


def claim(store: SqlStore, run: str, limit: int = 1, *, kind: str = "fetch", now: float = 0.0, lease: float = 3600.0):
    return store.units.claim(run, kind, limit, now=now, seconds=lease)


def lapse(store: SqlStore, seconds: float = 1e9) -> None:
    """Let time go by for every lease on a unit: each is over so much sooner by whatever clock judges it."""
    with store._db.write() as db:
        here = (table.c.state == UnitState.CLAIMED,)
        db.execute(update(table).where(*here).values(claimed_until=table.c.claimed_until - seconds))


def keys(units) -> list[str]:
    return [unit.key for unit in units]


def states(store: SqlStore, run: str) -> dict[str, UnitState]:
    return {unit.key: unit.state for unit in store.units.of(run)}

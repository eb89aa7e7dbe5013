"""The runs: what each is, where it stands, what was planned and what came of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, bindparam, func, insert, or_, select, update

from orchestrator.core.errors import UserError
from orchestrator.engine.stores.database import Database
from orchestrator.engine.stores.dialect import insert_or_update, insert_where_absent
from orchestrator.engine.stores.listing_records import RunPage, RunQuery
from orchestrator.engine.stores.records import RESULT, Admission, Head, Run
from orchestrator.engine.stores.rows import HEADS, head_of, run_of
from orchestrator.engine.stores.run_pages import page_of
from orchestrator.engine.stores.schema import documents, fires, runs
from orchestrator.engine.stores.tasks import insert_task
from orchestrator.engine.stores.unit_rows import add_units
from orchestrator.model.manifest import RunManifest
from orchestrator.model.plan import TaskPlan
from orchestrator.model.states import RUN_FINAL, RUN_TRANSITIONS, RunState, Who, check_transition
from orchestrator.model.unit import UnitPlan

_INTERRUPTIONS = frozenset({RunState.HELD, RunState.FAILED, RunState.CANCELLED})
# What is asked at every look; building a statement costs more than running it.
_HEAD = HEADS.where(runs.c.id == bindparam("of_run"))
_OTHERS = select(documents.c.name, documents.c.content).where(
    documents.c.run_id == bindparam("of_run"), documents.c.name != RESULT
)
_JOB_NAMES = select(runs.c.job_name).distinct().order_by(runs.c.job_name)
_REQUESTED = select(runs.c.request).where(runs.c.id == bindparam("of_run"))
_NEWEST_FIRST = (runs.c.created.desc(), runs.c.id)
_WRITE = insert_or_update(documents, ["run_id", "name"], ["content"])
# What tells one run from another.
_NAMES = ("job_name", "base_name", "product", "logical_date", "turn", "fingerprint", "declaration")
_LOST = "lost"
# Greater than whatever an id is made of.
_AFTER_ALL = "\U0010ffff"


class SqlRuns:
    """See `contract.Runs`."""

    def __init__(self, database: Database) -> None:
        self._db = database

    # ------------------------------------------------------------- beginning

    def admit(self, order: Admission, *, again: bool = False) -> Run:
        with self._db.write() as db:
            latest = _newest(db, _same(order), runs.c.turn.desc())
            if latest is not None and not (again and latest.state in RUN_FINAL):
                if order.overwrite:
                    db.execute(update(runs).where(runs.c.id == latest.id).values(overwrite=True))
                return latest
            return self._begin(db, order, latest.turn + 1 if latest is not None else 1)

    def fire(self, order: Admission, *, triggered: bool = False) -> Run | None:
        with self._db.write() as db:
            this_date = (fires.c.job_name == order.job_name, fires.c.logical_date == order.logical_date)
            row = db.execute(select(fires.c.run_id).where(*this_date)).first()
            if row is not None and (row.run_id or not triggered):
                return None
            turn = 1 + db.execute(select(func.coalesce(func.max(runs.c.turn), 0)).where(_same(order))).scalar_one()
            run = self._begin(db, order, turn)
            facts = {"run_id": run.id, "at": self._db.now()}
            if row is not None:
                db.execute(update(fires).where(*this_date).values(**facts))
            else:
                names = {"job_name": order.job_name, "logical_date": order.logical_date}
                db.execute(insert(fires).values(**names, **facts, triggered=triggered))
            return run

    def _begin(self, db: Connection, order: Admission, turn: int) -> Run:
        now = self._db.now()
        db.execute(
            insert(runs).values(
                id=order.run_id(turn),
                job_name=order.job_name,
                base_name=order.base_name,
                product=order.product,
                logical_date=order.logical_date,
                turn=turn,
                fingerprint=order.fingerprints[0],
                declaration=order.declaration,
                overwrite=order.overwrite,
                job=order.job,
                priority=order.priority,
                finish_by=order.finish_by,
                state=RunState.ADMITTED,
                created=now,
                updated=now,
            )
        )
        return _run(db, order.run_id(turn))

    def restore(self, manifest: RunManifest) -> Run:
        with self._db.write() as db:
            row = db.execute(select(runs.c.state).where(runs.c.id == manifest.run_id)).first()
            if row is None:
                db.execute(insert(runs).values(**_restored(manifest), updated=self._db.now()))
            if row is None or RunState(row.state) is RunState.ADMITTED:
                for key, plan in manifest.tasks.items():
                    insert_task(db, manifest.run_id, key, plan, 0)
                add_units(db, manifest.run_id, manifest.units)
                contents = {"plan": manifest.plan, "image": manifest.image, "facts": manifest.facts}
                _write(db, manifest.run_id, contents)
                planned = update(runs).where(runs.c.id == manifest.run_id).values(state=RunState.PLANNED)
                db.execute(planned)
            if manifest.scheduled:
                _fired(db, manifest.job_name, manifest.logical_date, manifest.run_id, manifest.created)
            return _run(db, manifest.run_id)

    def restore_lost(self, run_id: str, job: str) -> None:
        now = self._db.now()
        row = {"id": run_id, "job_name": _LOST, "base_name": _LOST, "logical_date": "", "turn": 1, "job": job}
        told = {"state": RunState.CANCELLED, "reason": "it is not remembered here; what it left was swept"}
        with self._db.write() as db:
            whole = {**row, **told, "fingerprint": run_id, "created": now, "updated": now}
            db.execute(insert_where_absent(runs, ["id"]), whole)

    def restore_done(self, order: Admission, turn: int, result: str, *, scheduled: bool) -> Head:
        run_id, now = order.run_id(turn), self._db.now()
        with self._db.write() as db:
            if db.execute(select(runs.c.id).where(runs.c.id == run_id)).first() is None:
                self._begin(db, order, turn)
                _write(db, run_id, {RESULT: result})
                db.execute(update(runs).where(runs.c.id == run_id).values(state=RunState.CLEANED))
            if scheduled:
                _fired(db, order.job_name, order.logical_date, run_id, now)
            return _run(db, run_id)

    # --------------------------------------------------------------- looking

    def get(self, run_id: str) -> Run:
        with self._db.read() as db:
            return _run(db, run_id)

    def head(self, run_id: str) -> Head:
        with self._db.read() as db:
            row = db.execute(_HEAD, {"of_run": run_id}).first()
        if row is None:
            raise _unknown(run_id)
        return head_of(row)

    def find(self, fingerprints: Sequence[str]) -> Run | None:
        with self._db.read() as db:
            return _newest(db, runs.c.fingerprint.in_(fingerprints), runs.c.created.desc(), runs.c.turn.desc())

    def latest(self, states: Sequence[RunState] | None = None, limit: int = 100) -> list[Head]:
        here = [] if states is None else [runs.c.state.in_(states)]
        return self._heads(limit, *here)

    def heads(self, limit: int = 100, *, run_id: str = "") -> list[Head]:
        here = [runs.c.id == run_id] if run_id else []
        return self._heads(limit, *here)

    def named(self, name: str, limit: int = 100) -> list[Head]:
        begins = and_(runs.c.id >= name, runs.c.id < name + _AFTER_ALL)
        return self._heads(limit, or_(runs.c.job_name == name, runs.c.base_name == name, begins))

    def page(self, wanted: RunQuery) -> RunPage:
        with self._db.read() as db:
            return page_of(db, wanted, self._db.now())

    def job_names(self) -> list[str]:
        with self._db.read() as db:
            return list(db.scalars(_JOB_NAMES))

    def count(self) -> int:
        with self._db.read() as db:
            return db.execute(select(func.count()).select_from(runs)).scalar_one()

    def _heads(self, limit: int, *here: ColumnElement[bool]) -> list[Head]:
        with self._db.read() as db:
            return [head_of(row) for row in db.execute(HEADS.where(*here).order_by(*_NEWEST_FIRST).limit(limit))]

    # -------------------------------------------------------------- changing

    def set_state(
        self, run_id: str, state: RunState, reason: str = "", *, who: Who = Who.NOBODY, next_at: float = 0.0
    ) -> Run:
        with self._db.write() as db:
            row = db.execute(select(runs.c.state, runs.c.resume).where(runs.c.id == run_id)).one()
            old = RunState(row.state)
            check_transition(RUN_TRANSITIONS, old, state)
            resume = row.resume if old in _INTERRUPTIONS else old
            db.execute(
                update(runs)
                .where(runs.c.id == run_id)
                .values(
                    state=state,
                    reason=reason,
                    resume=resume if state in _INTERRUPTIONS else "",
                    who=who,
                    next_at=next_at,
                    updated=self._db.now(),
                )
            )
            return _run(db, run_id)

    def request(self, run_id: str, what: str) -> None:
        with self._db.write() as db:
            db.execute(update(runs).where(runs.c.id == run_id).values(request=what))

    def requested(self, run_id: str) -> str:
        with self._db.read() as db:
            found: str = db.execute(_REQUESTED, {"of_run": run_id}).scalar_one()
        return found

    def prioritise(self, run_id: str, priority: int) -> None:
        with self._db.write() as db:
            db.execute(update(runs).where(runs.c.id == run_id).values(priority=priority))

    def set_deadline(self, run_id: str, finish_by: float) -> None:
        with self._db.write() as db:
            db.execute(update(runs).where(runs.c.id == run_id).values(finish_by=finish_by))

    def save_plan(
        self,
        run_id: str,
        plan: str,
        image: str,
        facts: str,
        tasks: Sequence[TaskPlan],
        units: Sequence[UnitPlan] = (),
    ) -> None:
        with self._db.write() as db:
            state = RunState(db.execute(select(runs.c.state).where(runs.c.id == run_id)).scalar_one())
            check_transition(RUN_TRANSITIONS, state, RunState.PLANNED)
            for task in tasks:
                insert_task(db, run_id, f"{task.index:04d}", task, 0)
            add_units(db, run_id, units)
            _write(db, run_id, {"plan": plan, "image": image, "facts": facts})
            db.execute(update(runs).where(runs.c.id == run_id).values(state=RunState.PLANNED, updated=self._db.now()))

    def save_job(self, run_id: str, job: str) -> None:
        with self._db.write() as db:
            db.execute(update(runs).where(runs.c.id == run_id).values(job=job))

    def save_result(self, run_id: str, result: str) -> None:
        with self._db.write() as db:
            _write(db, run_id, {RESULT: result})
            db.execute(update(runs).where(runs.c.id == run_id).values(updated=self._db.now()))

    def amend_result(self, run_id: str, result: str) -> None:
        with self._db.write() as db:
            _write(db, run_id, {RESULT: result})


def _fired(db: Connection, job_name: str, logical_date: str, run_id: str, at: str) -> None:
    """Remember the run of a date; a date that has a row keeps it."""
    row = {"job_name": job_name, "logical_date": logical_date, "run_id": run_id, "at": at, "skipped": ""}
    db.execute(insert_where_absent(fires), row)


def _restored(manifest: RunManifest) -> dict[str, Any]:
    """Return the row of a run that is planned."""
    kept = (*_NAMES, "overwrite", "priority", "finish_by", "created", "job")
    return {"id": manifest.run_id, "state": RunState.PLANNED} | {name: getattr(manifest, name) for name in kept}


def _same(order: Admission) -> ColumnElement[bool]:
    """Tell which runs are turns of what is ordered."""
    return and_(runs.c.fingerprint.in_(order.fingerprints), runs.c.logical_date == order.logical_date)


def _newest(db: Connection, here: ColumnElement[bool], *order: ColumnElement[Any]) -> Run | None:
    found = db.execute(select(runs.c.id).where(here).order_by(*order).limit(1)).scalar()
    return None if found is None else _run(db, found)


def _run(db: Connection, run_id: str) -> Run:
    row = db.execute(_HEAD, {"of_run": run_id}).first()
    if row is None:
        raise _unknown(run_id)
    return run_of(row, dict(db.execute(_OTHERS, {"of_run": run_id}).all()))


def _write(db: Connection, run_id: str, contents: Mapping[str, str]) -> None:
    db.execute(_WRITE, [{"run_id": run_id, "name": name, "content": content} for name, content in contents.items()])


def _unknown(run_id: str) -> UserError:
    return UserError(f"{run_id!r} is no run; `orchestrator status` lists them")

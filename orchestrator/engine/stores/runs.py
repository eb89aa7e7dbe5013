"""The runs: what each is, where it stands, what was planned and what came of it."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection, func, insert, or_, select, update

from orchestrator.core.errors import UserError
from orchestrator.engine.stores.database import Database
from orchestrator.engine.stores.dialect import json_field
from orchestrator.engine.stores.records import Admission, Head, Run
from orchestrator.engine.stores.rows import HEAD_COLUMNS, RUN_COLUMNS, head_of, run_of
from orchestrator.engine.stores.schema import fires, runs
from orchestrator.engine.stores.tasks import insert_task
from orchestrator.model.plan import TaskPlan
from orchestrator.model.states import RUN_FINAL, RUN_TRANSITIONS, RunState, Who, check_transition

_INTERRUPTIONS = frozenset({RunState.HELD, RunState.FAILED, RunState.CANCELLED})
_RUNS = select(*RUN_COLUMNS)
_HEADS = select(*HEAD_COLUMNS).order_by(runs.c.created.desc(), runs.c.id)


class SqlRuns:
    """See `contract.Runs`."""

    def __init__(self, database: Database) -> None:
        self._db = database

    # ------------------------------------------------------------- beginning

    def admit(self, order: Admission, *, again: bool = False) -> Run:
        with self._db.write() as db:
            latest = db.execute(
                _RUNS.where(runs.c.fingerprint.in_(order.fingerprints), runs.c.logical_date == order.logical_date)
                .order_by(runs.c.turn.desc())
                .limit(1)
            ).first()
            if latest is not None and not (again and latest.state in RUN_FINAL):
                if order.overwrite:
                    db.execute(update(runs).where(runs.c.id == latest.id).values(overwrite=True))
                return run_of(latest)
            return self._begin(db, order, latest.turn + 1 if latest is not None else 1)

    def fire(self, order: Admission) -> Run | None:
        with self._db.write() as db:
            this_date = (fires.c.job_name == order.job_name, fires.c.logical_date == order.logical_date)
            if db.execute(select(fires.c.run_id).where(*this_date)).first() is not None:
                return None
            same = (runs.c.fingerprint.in_(order.fingerprints), runs.c.logical_date == order.logical_date)
            turn = 1 + db.execute(select(func.coalesce(func.max(runs.c.turn), 0)).where(*same)).scalar_one()
            run = self._begin(db, order, turn)
            facts = {"job_name": order.job_name, "logical_date": order.logical_date}
            db.execute(insert(fires).values(**facts, run_id=run.id, at=self._db.now()))
            return run

    def _begin(self, db: Connection, order: Admission, turn: int) -> Run:
        now = self._db.now()
        db.execute(
            insert(runs).values(
                id=order.run_id(turn),
                job_name=order.job_name,
                logical_date=order.logical_date,
                turn=turn,
                fingerprint=order.fingerprints[0],
                declaration=order.declaration,
                overwrite=order.overwrite,
                job=order.job,
                state=RunState.ADMITTED,
                created=now,
                updated=now,
            )
        )
        return run_of(db.execute(_RUNS.where(runs.c.id == order.run_id(turn))).one())

    # --------------------------------------------------------------- looking

    def get(self, run_id: str) -> Run:
        with self._db.read() as db:
            row = db.execute(_RUNS.where(runs.c.id == run_id)).first()
        if row is None:
            raise UserError(f"{run_id!r} is no run; `orchestrator status` lists them")
        return run_of(row)

    def find(self, fingerprints: Sequence[str]) -> Run | None:
        query = _RUNS.where(runs.c.fingerprint.in_(fingerprints))
        with self._db.read() as db:
            row = db.execute(query.order_by(runs.c.created.desc(), runs.c.turn.desc()).limit(1)).first()
        return run_of(row) if row else None

    def latest(self, states: Sequence[RunState] | None = None, limit: int = 100) -> list[Run]:
        query = _RUNS.order_by(runs.c.created.desc(), runs.c.id).limit(limit)
        if states is not None:
            query = query.where(runs.c.state.in_(states))
        with self._db.read() as db:
            return [run_of(row) for row in db.execute(query)]

    def heads(self, limit: int = 100, *, run_id: str = "") -> list[Head]:
        query = _HEADS.limit(limit)
        if run_id:
            query = query.where(runs.c.id == run_id)
        with self._db.read() as db:
            return [head_of(row) for row in db.execute(query)]

    def named(self, name: str, limit: int = 100) -> list[Head]:
        here = or_(
            runs.c.job_name == name,
            json_field(runs.c.job, "base_name") == name,
            runs.c.id.startswith(name, autoescape=True),
        )
        with self._db.read() as db:
            return [head_of(row) for row in db.execute(_HEADS.where(here).limit(limit))]

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
            return run_of(db.execute(_RUNS.where(runs.c.id == run_id)).one())

    def request(self, run_id: str, what: str) -> None:
        with self._db.write() as db:
            db.execute(update(runs).where(runs.c.id == run_id).values(request=what))

    def requested(self, run_id: str) -> str:
        with self._db.read() as db:
            found: str = db.execute(select(runs.c.request).where(runs.c.id == run_id)).scalar_one()
        return found

    def save_plan(self, run_id: str, plan: str, image: str, facts: str, tasks: Sequence[TaskPlan]) -> None:
        with self._db.write() as db:
            state = RunState(db.execute(select(runs.c.state).where(runs.c.id == run_id)).scalar_one())
            check_transition(RUN_TRANSITIONS, state, RunState.PLANNED)
            for task in tasks:
                insert_task(db, run_id, f"{task.index:04d}", task, 0)
            db.execute(
                update(runs)
                .where(runs.c.id == run_id)
                .values(plan=plan, image=image, facts=facts, state=RunState.PLANNED, updated=self._db.now())
            )

    def save_result(self, run_id: str, result: str) -> None:
        with self._db.write() as db:
            db.execute(update(runs).where(runs.c.id == run_id).values(result=result, updated=self._db.now()))

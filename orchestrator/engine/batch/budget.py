"""What a run may spend: forecast before each task is handed over, from what its own tasks have cost so far."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from orchestrator.core.clock import month_returns, quota_month
from orchestrator.engine.batch.exports import Exports
from orchestrator.engine.context import RunContext
from orchestrator.engine.stores.contract import Store
from orchestrator.engine.stores.work_records import Task
from orchestrator.engine.work import HoldError
from orchestrator.model.eecu import HOUR, CostRate, EecuLimits, Forecast, Spent, forecast, format_hours
from orchestrator.model.states import TASK_LIVE, TaskState

EECU_HOURS = "eecu_hours"  # of the lessons: what a person allowed a run, whatever its job said
# Handed over before anything is known of what they cost, where nothing is published.
PILOTS = 2
# So many tasks, from all over the area, are handed over before the others: what they cost is the forecast of the rest.
_SPREAD = 5
_TO_COME = frozenset({TaskState.PLANNED, TaskState.FAILED, TaskState.CANCELLED})


def set_eecu_hours(store: Store, run_id: str, hours: float) -> None:
    """Let a run spend so much in all, whatever its job said; 0 is without a limit."""
    store.lessons.learn(run_id, EECU_HOURS, hours)


def budget_seconds(store: Store, run_id: str, job_hours: float, limits: EecuLimits) -> float:
    """Return what a run may spend, EECU-seconds; 0 is no limit. First counts a person's word, then its job's."""
    said = store.lessons.get(run_id, EECU_HOURS)
    return (job_hours * HOUR or limits.run) if said is None else said * HOUR


def pilots(tasks: Sequence[Task]) -> list[Spent]:
    """Return what the ended tasks of a run have cost, as far as the service has said."""
    return [
        Spent(task.plan.window.pixels, task.eecu_seconds)
        for task in tasks
        if task.state is TaskState.SUCCEEDED and task.eecu_seconds > 0
    ]


def pilots_first(ripe: Sequence[Task], tasks: Sequence[Task]) -> list[Task]:
    """Return `ripe` with those first that tell most of what a run costs: a north may be cloudier than its south."""
    whole = [task.key for task in tasks if task.state is not TaskState.SPLIT]
    spread = {whole[n * (len(whole) - 1) // (_SPREAD - 1)] for n in range(_SPREAD)} if whole else set()
    return sorted(ripe, key=lambda task: task.key not in spread)


def remaining(tasks: Sequence[Task], rate: CostRate | None) -> Forecast | None:
    """Return what the tasks of a run will still cost, with what those under way have cost already taken off."""
    left = [task for task in tasks if task.state in TASK_LIVE | _TO_COME]
    return _to_cost(left, pilots(tasks), rate)


def _to_cost(left: Sequence[Task], told: Sequence[Spent], rate: CostRate | None) -> Forecast | None:
    whole = forecast(sum(task.plan.window.pixels for task in left), len(left), told, rate)
    if whole is None:
        return None
    spent = sum(task.eecu_seconds for task in left if task.state in TASK_LIVE)
    low, expected, high = (max(0.0, end - spent) for end in (whole.low, whole.expected, whole.high))
    return Forecast(low, expected, high, whole.tasks)


@dataclass(frozen=True, slots=True)
class Refusal:
    """
    Why nothing more is handed over.

    Attributes:
        sentence: With the numbers, and what can be done.
        short: The same without numbers, for whoever watches.
        until: When time alone changes it, seconds since 1970; 0: only a person does.
        shortly: Whether that is so only until the first tasks have told what they cost.
    """

    sentence: str
    short: str
    until: float = 0.0
    shortly: bool = False


class Budget:
    """
    The budget of one run, and its share of the month's. Used by the run's own thread.

    What counts before a task is handed over: what is spent, what tasks under way may still cost and what the task may
    cost, each at the high end of its forecast.
    """

    def __init__(self, context: RunContext, exports: Exports) -> None:
        self._context = context
        self._limits = context.process.eecu
        self._rate = exports.rate
        self._hours = exports.max_eecu_hours
        self._usage = context.store.usage
        self._reserved = -1.0

    def refuses(self, task: Task, tasks: Sequence[Task]) -> Refusal | None:
        """Reserve what `task` may cost beside those under way; return why not where that is too much."""
        allowed = budget_seconds(self._context.store, self._context.run_id, self._hours, self._limits)
        if not allowed and not self._limits.month:
            return None
        live = [other for other in tasks if other.state in TASK_LIVE and other.key != task.key]
        more = _to_cost([*live, task], pilots(tasks), self._rate)
        if more is None:
            return None if len(live) < PILOTS else Refusal(_UNKNOWN, _UNKNOWN, shortly=True)
        run_id = self._context.run_id
        used = self._usage.of([run_id]).get(run_id, 0.0)
        if allowed and used + more.high > allowed:
            return Refusal(self._over_run(used, more, allowed, tasks), _FULL.format("run"))
        return self._over_month(more)

    def _over_run(self, used: float, more: Forecast, allowed: float, tasks: Sequence[Task]) -> str:
        whole = remaining(tasks, self._rate)
        total = whole + used if whole else None
        said = f" The whole run is forecast at {words(total)}." if total else ""
        enough = format_hours(1.01 * (total or more + used).high).replace(",", "")
        return (
            f"the run's budget is {format_hours(allowed)} EECU-hours: {format_hours(used)} are used, and tasks under "
            f"way with the next one may cost {words(more)} more, so nothing more is handed over.{said} "
            f"`orchestrator retry {self._context.run_id} --eecu-hours {enough}` goes on with so many in all"
        )

    def _over_month(self, more: Forecast) -> Refusal | None:
        now = self._context.process.clock.now()
        month, limit = quota_month(now), self._limits.month
        found = self._usage.reserve(self._context.run_id, more.high, month=month, limit=limit)
        if found is None:
            self._reserved = more.high
            return None
        again = month_returns(now)
        return Refusal(
            f"the budget of {month} is {format_hours(limit)} EECU-hours: {format_hours(found.used)} are used, tasks "
            f"under way of other runs may cost {format_hours(found.reserved)} and this run's with the next one "
            f"{words(more)} more, so nothing more is handed over before {again:%Y-%m-%d %H:%M} UTC, or until "
            "month_eecu_hours under [budget] is raised and the program started again",
            _FULL.format("month"),
            until=again.timestamp(),
        )

    def renew(self, tasks: Sequence[Task]) -> None:
        """Reserve of the month no more than what is under way may still cost; nothing where nothing is."""
        if not self._limits.month:
            return
        left = _to_cost([task for task in tasks if task.state in TASK_LIVE], pilots(tasks), self._rate)
        seconds = left.high if left else 0.0
        if seconds != self._reserved:
            self._reserved = seconds
            if seconds:
                self._usage.reserve(self._context.run_id, seconds, month="", limit=0.0)
            else:
                self._usage.release(self._context.run_id)

    def check_task(self, task: Task, tasks: Sequence[Task]) -> None:
        """
        End a task that costs so many times its forecast; a person who asks for another try has consented to it.

        Raises:
            HoldError: It did.
        """
        factor = self._limits.task_factor
        if not factor or task.forgiven or task.state not in TASK_LIVE or not task.operation or not task.eecu_seconds:
            return
        usual = forecast(task.plan.window.pixels, 1, pilots(tasks), self._rate)
        if usual is None or task.eecu_seconds <= factor * usual.expected:
            return
        raise OverspentTaskError(task, usual, factor, self._context.run_id)


class OverspentTaskError(HoldError):
    """A task under way has cost much more than its forecast; it must be ended."""

    def __init__(self, task: Task, usual: Forecast, factor: float, run_id: str) -> None:
        super().__init__(
            f"task {task.key} has cost {format_hours(task.eecu_seconds)} EECU-hours, more than {factor:g} times its "
            f"forecast of {format_hours(usual.expected)}, and was ended ({task.operation}). "
            f"`orchestrator retry {run_id}` exports it again, whatever it costs",
            alone=False,
        )
        self.task = task


_FULL = "the {}'s budget of compute time has no room for another task beside those under way"
_UNKNOWN = "what its tasks cost is not known yet: the others wait for the first ones to tell"


def words(told: Forecast) -> str:
    """Write a forecast: one figure with its interval, EECU-hours."""
    return f"{format_hours(told.expected)} ({format_hours(told.low)} to {format_hours(told.high)})"


def facts(told: Forecast | None) -> Mapping[str, float]:
    """Return a forecast as JSON can hold it, EECU-hours; nothing where there is none."""
    if told is None:
        return {}
    ends = {"low": told.low, "expected": told.expected, "high": told.high}
    return {name: round(seconds / HOUR, 6) for name, seconds in ends.items()} | {"tasks": told.tasks}

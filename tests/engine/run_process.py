"""One process over the model of the world: dropped at a crash, begun again from its store."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from concurrent.futures import Executor, Future
from dataclasses import replace
from typing import Any

from model_product import WorldProduct
from model_world import BLOCK, MAX_PART_BYTES, FakeClock, NoStop, World, WorldRoute

from orchestrator.engine.batch.watch import OperationsWatch
from orchestrator.engine.context import Backoff, Clients, ProcessContext, thread_pool
from orchestrator.engine.execution import Execution
from orchestrator.engine.holds import Holds
from orchestrator.engine.limits import Limits
from orchestrator.engine.placing import Placing
from orchestrator.engine.stores.sql import SqlStore
from orchestrator.engine.work import one_round
from orchestrator.model.plan import Plan, TaskPlan
from orchestrator.model.states import RunState
from orchestrator.plan.split import cut

# Histories commit thousands of times; what a crash of the machine would leave on a disk is no matter of theirs.
MEMORY = "/dev/shm"  # noqa: S108 - a folder with a name of its own is made in it
LIVE_TASKS = 2
BUCKET_BYTES = 600_000
BACKOFF = Backoff(
    poll_min_seconds=1,
    poll_max_seconds=4,
    repost_seconds=2,
    burnt_seconds=60,
    lag_seconds=60,
    collect_seconds=5,
    collect_tries=3,
    max_attempts=3,
    cool_down_seconds=3,
    hold_seconds=30,
)


class Killed(BaseException):
    """The process dies here."""


class AtOnce(Executor):
    """Does work where it is submitted."""

    def __init__(self, *_: object) -> None:
        """Take what a pool of threads is given."""

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        done: Future[Any] = Future()
        done.set_result(fn(*args, **kwargs))
        return done


def pool(places: int, name: str) -> Executor:
    """Return threads, but for what commits moves of parts: where they are told."""
    return AtOnce() if name == "moves" else thread_pool(places, name)


class WhenTold(Executor):
    """Keeps work until it is asked to do the next piece, in an order of the caller's choice."""

    def __init__(self) -> None:
        self.waiting: deque[Callable[[], Any]] = deque()

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        self.waiting.append(lambda: fn(*args, **kwargs))
        return Future()

    def run(self, count: int) -> None:
        for _ in range(min(count, len(self.waiting))):
            self.waiting.popleft()()


def refit(task: TaskPlan, _plan: Plan, heaviest: float | None) -> TaskPlan:
    """Parts of 2 × 2 blocks where what was learned says that they fit, else of one block, which always do."""
    side = 2 * BLOCK if heaviest is not None and heaviest * (2 * BLOCK) ** 2 <= MAX_PART_BYTES else BLOCK
    return replace(task, part_height=side, part_width=side)


class Process:
    """What lives in memory: dropped at a crash, made anew from the store."""

    def __init__(self, run_id: str, url: str, world: World, clock: FakeClock, *, keep_parts: bool) -> None:
        self.store = SqlStore(url, clock)
        route = WorldRoute(world)
        limits = Limits(LIVE_TASKS, BUCKET_BYTES, self.store.limits, clock)
        process = ProcessContext(
            "me", None, keep_parts, 2, BACKOFF, limits, clock, NoStop(clock), pool=pool, together_seconds=0
        )
        self.execution = Execution(
            run_id,
            store=self.store,
            clients=Clients(WorldProduct(), route, route.operations),
            process=process,
            watch=OperationsWatch(route.operations, clock, BACKOFF.poll_min_seconds, BACKOFF.poll_max_seconds),
            cut=lambda task: cut(task) if task.window.pixels > BLOCK * BLOCK else None,
            refit=refit,
        )
        self.execution._steps = {**self.execution._steps, RunState.EXPORTING: self._one_round}
        self.downloads = WhenTold()
        self._keep_parts = keep_parts
        self._work: Any = None

    def change(self, **parts: Any) -> None:
        """Put other parts into the context of the process, for all that the execution has."""
        execution = self.execution
        execution._process = replace(execution._process, **parts)
        execution._context = replace(execution._context, process=execution._process)
        execution._exporting = replace(execution._exporting, context=execution._context)
        execution._holds = Holds(execution._context, execution._output.folders)

    def _one_round(self, run: Any) -> None:
        """Do as `Execution._export` does, one round at a time."""
        context = self.execution._context
        if self._work is None:
            sink = self.execution._output.open(run)
            [work] = self.execution._exporting.works(run, Placing(sink, context.process.stop, AtOnce()))
            self.downloads = WhenTold()
            # Bytes in memory wait for their placing, which a queue that is worked on by hand cannot do.
            work._transfers._pool = self.downloads if self._keep_parts else AtOnce()
            self._work = work.__enter__()
        try:
            left = one_round([self._work], context.obey)
        except BaseException:
            self._work, self.downloads = None, WhenTold()
            raise
        if not left:
            self._work = None
            self.store.runs.set_state(run.id, RunState.ASSEMBLING)

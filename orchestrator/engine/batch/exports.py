"""What the batch exports of a run shall bring."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from orchestrator.model.eecu import CostRate
from orchestrator.model.expression import subject_of
from orchestrator.model.grid import Window
from orchestrator.model.job import Job
from orchestrator.model.plan import Plan, TaskPlan
from orchestrator.model.unit import UnitPlan

# Returns the task in two halves; None where it cannot be cut.
Cut = Callable[[TaskPlan], tuple[TaskPlan, TaskPlan] | None]
# Returns the task with the largest parts that fit, by the heaviest bytes per pixel known, or by the bound for any
# data where None is known.
Refit = Callable[[TaskPlan, Plan, float | None], TaskPlan]
# Returns what a pixel of a job is published to cost; None where nothing is.
Cost = Callable[[Job, Plan], CostRate | None]


@dataclass(frozen=True, slots=True)
class Exports:
    """
    What the batch exports of a run shall bring, and how it may be divided anew.

    Attributes:
        plan: The grid, what a pixel is, and the tasks as they were planned.
        image: The expression they compute, JSON.
        kind: What jobs share whose pixels weigh alike.
        cut: Halves a rectangle that is too much at once.
        refit: Makes parts as large as may be; None where part sizes were fixed by the user.
        instead: Returns the units that bring a rectangle which no export brings; none where there is no other way.
        rate: What a pixel is published to cost; None where nothing is known.
        max_eecu_hours: What the job says it may cost; 0 where it does not.
    """

    plan: Plan
    image: str
    kind: str
    cut: Cut
    refit: Refit | None = None
    instead: Callable[[Window], Sequence[UnitPlan]] = field(default=lambda _window: ())
    rate: CostRate | None = None
    max_eecu_hours: float = 0.0

    @property
    def subject(self) -> str:
        """What lessons about the expression are filed under."""
        return subject_of(self.image)

    @property
    def bytes_per_pixel(self) -> float:
        """What a pixel weighs in the bucket at most, on the average."""
        return self.plan.bucket_bytes / max(1, sum(task.window.pixels for task in self.plan.tasks))

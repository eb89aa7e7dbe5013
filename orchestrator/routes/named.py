"""What a batch route says of names: that of `Naming`, whatever its service is."""

from __future__ import annotations

from orchestrator.model.batch import AttemptNames, Described, Matched, OrderShape
from orchestrator.model.objects import StoredObject
from orchestrator.model.plan import TaskPlan
from orchestrator.model.ports import ObjectStore
from orchestrator.routes.names import Naming, match, prefix_of, wrote


class NamedRoute:
    """The half of `model.batch.BatchRoute` that is about names; who has `objects` and `naming` has it all."""

    objects: ObjectStore
    naming: Naming

    def name_attempt(self, run_id: str, task: str, number: int, asked: OrderShape | None = None) -> AttemptNames:
        return self.naming.attempt(run_id, task, number, asked)

    def described(self, description: str) -> Described | None:
        return self.naming.described(description)

    def attempt_of(self, name: str) -> Described | None:
        return self.naming.attempt_of(name)

    def run_prefix(self, run_id: str) -> str:
        return self.naming.run_prefix(run_id)

    def run_of(self, name: str) -> str:
        return self.naming.run_of(name)

    def manifest_name(self, run_id: str) -> str:
        return self.naming.manifest(run_id)

    def prefix_of(self, name: str) -> str:
        return prefix_of(name)

    def files(self, task: TaskPlan, prefix: str, begun: float) -> Matched:
        return match(task, prefix, begun, self.objects.find(prefix))

    def wrote(self, task: TaskPlan, prefix: str, begun: float, source: StoredObject) -> bool:
        return wrote(task, prefix, begun, source)

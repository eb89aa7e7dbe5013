"""What a run has in the place of a batch route where nothing is exported: no files, no tasks."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any

from orchestrator.core.errors import PermanentError
from orchestrator.model.batch import AttemptNames, Described, ExportOrder, Matched, Operation, OrderShape
from orchestrator.model.objects import Deletion, StoredObject
from orchestrator.model.plan import Plan, TaskPlan
from orchestrator.model.ports import Stop


class NoObjects:
    """A cloud with nothing in it; see `model.ports.ObjectStore`."""

    def find(self, prefix: str) -> list[StoredObject]:  # noqa: ARG002  the port's signature
        return []

    def fetch(self, source: StoredObject, target: Path, on_bytes: Callable[[int], None], stop: Stop) -> None:  # noqa: ARG002
        raise _nothing()

    def read(self, source: StoredObject, on_bytes: Callable[[int], None], stop: Stop) -> bytes:  # noqa: ARG002
        raise _nothing()

    def create(self, name: str, content: bytes) -> StoredObject:  # noqa: ARG002  the port's signature
        raise _nothing()

    def delete(self, source: StoredObject) -> Deletion:  # noqa: ARG002  the port's signature
        return Deletion.ABSENT

    def close(self) -> None:
        """Nothing is open."""


class NoExports:
    """See `model.batch.BatchRoute`; whatever would export is refused."""

    name = "none"
    rungs: Sequence[Mapping[str, Any]] = (MappingProxyType({}),)

    def __init__(self) -> None:
        self.objects = NoObjects()

    def name_attempt(self, run_id: str, task: str, number: int, asked: OrderShape | None = None) -> AttemptNames:  # noqa: ARG002
        raise _nothing()

    def described(self, description: str) -> Described | None:  # noqa: ARG002  the port's signature
        return None

    def start(self, image: str, plan: Plan, order: ExportOrder) -> Operation:  # noqa: ARG002
        raise _nothing()

    def find(self, name: str) -> Operation | None:  # noqa: ARG002  the port's signature
        return None

    def cancel(self, name: str) -> None:
        """There is nothing to cancel."""

    def files(self, task: TaskPlan, prefix: str, begun: float) -> Matched:  # noqa: ARG002  the port's signature
        return Matched({}, ())

    def wrote(self, task: TaskPlan, prefix: str, begun: float, source: StoredObject) -> bool:  # noqa: ARG002
        return False

    def prefix_of(self, name: str) -> str:  # noqa: ARG002  the port's signature
        return ""

    def attempt_of(self, name: str) -> Described | None:  # noqa: ARG002  the port's signature
        return None

    def run_prefix(self, run_id: str) -> str:
        return run_id

    def run_of(self, name: str) -> str:  # noqa: ARG002  the port's signature
        return ""

    def manifest_name(self, run_id: str) -> str:  # noqa: ARG002  the port's signature
        return ""

    def close(self) -> None:
        """Nothing is open."""


def _nothing() -> PermanentError:
    return PermanentError("this run exports nothing: its pixels come in the answers to requests")

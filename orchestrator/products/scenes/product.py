"""Scenes as the engine knows them: wanted files of Sentinel-2 products, each verified, in one folder with an index."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from types import MappingProxyType

from orchestrator.core.errors import ConfigError
from orchestrator.model.files import FileRoute
from orchestrator.model.grid import Window
from orchestrator.model.job import Job
from orchestrator.model.product import Evidence, Finishing, Made, RunSnapshot, Settled, Sink, Step
from orchestrator.model.unit import UnitPlan
from orchestrator.products.context import ProductContext
from orchestrator.products.enduring import Enduring
from orchestrator.products.scenes.document import DownloadPlan
from orchestrator.products.scenes.files import index_path, scene_files, whose_scenes
from orchestrator.products.scenes.index import read_scenes
from orchestrator.products.scenes.settle import check_scenes, scene_keys, settle_scenes
from orchestrator.products.scenes.steps import FILE, LIST, ROOM, Steps
from orchestrator.products.scenes.tables import check_tables


def make_scenes(context: ProductContext) -> SceneProduct:
    """Return the product for one run."""
    return SceneProduct(context)


class SceneProduct:
    """See `model.product.Product`."""

    name = "scenes"
    shared = frozenset({LIST, FILE})

    def __init__(self, context: ProductContext) -> None:
        self._context = context

    @cached_property
    def _route(self) -> FileRoute:
        if self._context.files is None:
            raise ConfigError("no Copernicus service is named: set `url` under [copernicus], or add --sandbox")
        return self._context.files()

    def files(self, job: Job) -> tuple[Path, ...]:
        return scene_files(job)

    def whose(self, job: Job, file: Path) -> str | None:
        """See `model.product.Recognising`."""
        return whose_scenes(job, file)

    def check(self, job: Job) -> tuple[str, ...]:
        keys = check_scenes(job)
        check_tables(keys.table)
        if index_path(job).exists():
            read_scenes(index_path(job))
        return ()

    def prepare(self, job: Job) -> Settled:
        self.check(job)
        self._context.say("signing in to Copernicus")
        self._route.sign_in(threading.Event())  # a wrong password is told of now, not when the work has begun
        self._context.say("asking the catalogue")
        return settle_scenes(job, self._route, self._context.today())

    def exports(self, run: RunSnapshot) -> None:  # noqa: ARG002  the port's signature
        return None

    def instead(self, run: RunSnapshot, window: Window) -> Sequence[UnitPlan]:  # noqa: ARG002  the port's signature
        return ()

    def steps(self, run: RunSnapshot) -> Mapping[str, Step]:
        plan, attempts = DownloadPlan.from_json(run.document), scene_keys(run.job).attempts
        # Who asks for fewer tries than the service is given in any case means just so many, whatever the others do.
        most = attempts if attempts < self._context.policy.attempts else 0
        attempts = min(attempts, self._context.policy.attempts)
        steps = Steps(plan, Path(run.job.output), self._route, self._context.free_bytes, run.overwrite)
        lists = len(plan.scenes) * len(plan.roles)
        return MappingProxyType(
            {
                LIST: Enduring(
                    steps.list,
                    "product",
                    has_answers=steps.has_listed,
                    attempts=attempts,
                    most_attempts=most,
                    count=max(1, lists),
                ),
                ROOM: steps.room,
                # Whoever told of files answers, and files come the same way.
                FILE: Enduring(steps.file, "file", has_answers=lambda: True, attempts=attempts, most_attempts=most),
            }
        )

    def open(self, run: RunSnapshot, folder: Path) -> None:  # noqa: ARG002  the port's signature
        return None

    def finish(self, about: Finishing, sink: Sink | None, evidence: Evidence) -> Made:  # noqa: ARG002  likewise
        from orchestrator.products.scenes.publication import make_scenes_result  # noqa: PLC0415  numpy is heavy

        return make_scenes_result(about, DownloadPlan.from_json(about.run.document), evidence, self._context.version)

    def close(self) -> None:
        if "_route" in self.__dict__:
            self._route.close()

"""A product whose units do nothing, for `executors.py`: registered in each process that does some of them."""

from __future__ import annotations

import sys
import time
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

from orchestrator.app.unit_doer import begin_in_process, do_for_dask
from orchestrator.core.files import write_whole
from orchestrator.model.product import Made, MadeFile, Settled
from orchestrator.model.unit import Done, UnitPlan
from orchestrator.products import registry

MARKS: dict[str, float] = {}  # when the units of the last run were begun, and when they had ended


def register() -> None:
    """Let this process know the product."""
    if "empty" not in registry.PRODUCTS:
        entry = replace(
            registry.PRODUCTS["preprocess"],
            name="empty",
            make=f"{__name__}:make",
            files=_files,
            declared=registry.keys_apart,
        )
        registry.PRODUCTS = MappingProxyType({**registry.PRODUCTS, "empty": entry})  # type: ignore[misc]


def _files(job: Any) -> tuple[Path, ...]:
    return (Path(job.output) / f"{job.base_name}.txt",)


def nothing(_context: Any, _unit: Any) -> Done:
    return Done()


def make(_context: Any) -> Any:
    return Empty()


class Empty:
    name = "empty"
    shared = frozenset({"empty"})

    def files(self, job: Any) -> Any:
        return _files(job)

    def check(self, _job: Any) -> Any:
        return ()

    def prepare(self, job: Any) -> Any:
        return Settled('{"version": 1}', units=tuple(UnitPlan("empty", f"{n:06d}") for n in range(job.keys["units"])))

    def exports(self, _run: Any) -> Any:
        return None

    def instead(self, _run: Any, _window: Any) -> Any:
        return ()

    def steps(self, _run: Any) -> Any:
        MARKS.setdefault("began", time.perf_counter())
        return {"empty": nothing}

    def open(self, _run: Any, _folder: Any) -> Any:
        return None

    def finish(self, about: Any, _sink: Any, _evidence: Any) -> Any:
        MARKS["ended"] = time.perf_counter()
        made = about.folder / "made.txt"
        write_whole(made, b"nothing\n")
        return Made((MadeFile("data", made, _files(about.run.job)[0]),))

    def close(self) -> None:
        pass


def begin(settings: Any, config_dir: Any, stop: Any) -> Any:
    """What `app.unit_processes` calls in each process."""
    register()
    return begin_in_process(settings, config_dir, stop)


def do_in_dask(*words: Any) -> None:
    """What a worker of Dask's calls."""
    register()
    do_for_dask(*words)


def noop(_number: int) -> None:
    """A unit of others."""


if __name__ == "__main__":
    sys.modules["executors_product"] = sys.modules["__main__"]
    from orchestrator.faces.cli.main import main

    register()
    main(sys.argv[1:])

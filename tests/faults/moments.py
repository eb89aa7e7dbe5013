"""The steps of a run as crash points of the engine's story, and how a story meets a fault in each of them."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, suppress
from pathlib import Path

from orchestrator.core import crash
from orchestrator.core.errors import OrchestratorError

# Passed in the middle of the step.
MOMENTS = {
    "plan": "run.claimed",
    "submit": "task.intended",
    "poll": "tasks.polled",
    "download": "part.downloading",
    "verify": "part.downloaded",
    "merge_clip": "part.verified",
    "publish": "output.finished",
    "del_cloud": "object.deleted",
    "del_local": "run.cloud_cleaned",
}
MOST_ROUNDS = 400


def fill(ballast: Path) -> None:
    """Write a file that takes all room of its disk."""
    with suppress(OSError), ballast.open("wb", buffering=0) as file:
        while file.write(bytes(4096)):
            pass


class Met:
    """What a story said while a fault was there."""

    def __init__(self) -> None:
        self.begun = False
        self.errors: list[OrchestratorError] = []


def meet(
    story,
    step: str,
    fault: Callable[[], AbstractContextManager[None]],
    over: Callable[[Met], bool],
    at: tuple[str, int] | None = None,
) -> Met:
    """
    Let a story come to a step, and let a fault be there from its middle on until `over`.

    With `at` it is there from that pass of that crash point on.

    The process that ends of it is begun again, as a service does, or a person.
    """
    met, there, passed = Met(), [], []
    moment, number = at or (MOMENTS[step], 1)

    def point(name: str) -> None:
        if name == moment:
            passed.append(name)
        if len(passed) == number and not met.begun:
            met.begun = True
            there.append(fault())
            there[0].__enter__()

    crash.point = point
    try:
        for _ in range(MOST_ROUNDS):
            try:
                if not met.begun:
                    story.work_off(0)
                    story.transfer(1)
                story._step()
                story.transfer(1)
            except OrchestratorError as error:
                met.errors.append(error)
            story.clock.seconds += 3
            if met.begun and over(met):
                break
    finally:
        for each in there:
            each.__exit__(None, None, None)
        crash.point = story._point
    assert met.begun, f"the story never came to {step}"
    return met

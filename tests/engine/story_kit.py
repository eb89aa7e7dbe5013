"""A run's story, told by hand: what its tests do to a machine, step by step."""

from __future__ import annotations

from model_world import TASKS
from run_process import Killed

from orchestrator.core import crash
from orchestrator.model.states import RunState


def go_on(story, rounds=1, *, working=False):
    for _ in range(rounds):
        story._step()
        if working:
            story.work_off(0)
            story.transfer(9)
        story.clock.seconds += 2


def finish(story):
    story._the_run_ends_when_all_is_well()
    assert story._state() is RunState.CLEANED


def exports(story):
    return len(story.world.prefixes)


def die_at(story, name, *, working=False):
    """Go on until the process dies at the named point; `working`, with a service that ends what it has."""
    begun = story.process

    def point(here):
        if here == name:
            raise Killed

    crash.point = point
    for _ in range(60):
        if story.process is not begun:
            break
        go_on(story, working=working)
    crash.point = story._point
    assert story.process is not begun, f"{name} was never passed"


FIRST = TASKS[0].window


def fail_first(story, failure):
    """Let the first task fail, once it is live, and the run answer; the others get on meanwhile."""
    while FIRST not in [story.world.started[name].order.window for name in story.world.live()]:
        others_get_on(story)
        go_on(story)
    story.world.fail(next(name for name in story.world.live() if is_first(story, name)), failure, leaving=0)
    for _ in range(4):
        go_on(story)


def is_first(story, name):
    return story.world.started[name].order.window == FIRST


def others_get_on(story):
    for name in story.world.live():
        if not is_first(story, name):
            story.world.advance(name)


def first_task(story):
    return next(t for t in story.store.tasks.of(story.run_id) if t.key == "0000")


def until_begun_again(story):
    before = first_task(story).attempt
    for _ in range(200):
        if first_task(story).attempt > before and first_task(story).operation:
            return
        others_get_on(story)
        go_on(story)
    raise AssertionError(story._why())

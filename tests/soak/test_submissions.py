"""The short form of `submissions.py`: answers are lost, processes die, ids are burnt, lists lag; one operation each."""

from __future__ import annotations

from submissions import block


def test_each_task_has_exactly_one_operation():
    """Whatever was lost on the way; each kind of fault has acted."""
    done = block(60, seed=2)

    assert (done.operations, done.served) == (done.tasks, done.tasks)
    assert min(done.lost, done.died, done.burnt) > 0
    assert done.posts > done.tasks

"""Runs are called by the name of their job, their base name, `latest` or their id."""

from __future__ import annotations

import pytest

from orchestrator.app.finding import find_head
from orchestrator.core.errors import UserError
from orchestrator.engine.stores.records import Admission


def test_a_run_is_found_by_each_of_its_names(kept):
    """Base name, job name where that is another, the id, its beginning, and `latest`."""
    run = kept.admit("east")
    order = Admission("nightly", "", ("f",), run.job, base_name="north_2024-06-01")
    nightly = kept.store.runs.admit(order)

    found = {name: find_head(kept.store, name).id for name in ("east", run.id, run.id[:7])}
    others = {name: find_head(kept.store, name).id for name in ("nightly", "north_2024-06-01", "latest")}

    assert set(found.values()) == {run.id}
    assert set(others.values()) == {nightly.id}


def test_a_name_means_the_newest_turn_of_its_declaration(kept):
    """What was made again with `--again` is one thing to people."""
    first = kept.admit("east")
    kept.store.runs.set_state(first.id, "FAILED", "no")
    second = kept.admit("east")

    assert second.id != first.id
    assert find_head(kept.store, "east").id == second.id
    assert find_head(kept.store, first.id).id == first.id


def test_a_name_of_several_declarations_lists_them(kept):
    """None is chosen; each stands there with id, date and state, so that the next command can name it."""
    runs = [kept.admit("east", date) for date in ("2024-06-01", "2024-06-02")]

    with pytest.raises(UserError, match="2 runs") as caught:
        find_head(kept.store, "east")

    assert all(run.id in str(caught.value) and run.logical_date in str(caught.value) for run in runs)


@pytest.mark.parametrize("name", ["west", "", "%", "_", "latest"])
def test_a_name_that_is_none_is_refused(kept, name):
    """Also one that a database would read as a pattern."""
    if name != "latest":
        kept.admit("east")

    with pytest.raises(UserError, match="no run"):
        find_head(kept.store, name)


@pytest.mark.parametrize("verb", ["status", "why", "logs", "retry", "cancel", "watch"])
def test_every_verb_takes_a_name(kept, call, verb):
    """One function finds the run for all of them."""
    run = kept.admit("east")
    kept.store.runs.set_state(run.id, "FAILED", "no")

    named = call(verb, "east", "--json")
    unknown = call(verb, "west", "--json")

    assert "is no run" not in named.out + named.err
    assert unknown.code == 2
    assert "'west' is no run" in unknown.err

"""An area from elsewhere is an area or is refused in one line, with exit code 2, before anybody is called."""

from __future__ import annotations

import corpus_areas as corpus
import hostile_kit as kit

COUNT = 500 if kit.WHOLE else 150


def planned(world, source):
    """Plan a mosaic of an area; the service is the listener, which nobody may call."""
    return world.give("command", [*kit.PLAN, "--sandbox-url", world.listener.address, f"--area={source}"])


def test_an_area_that_lies_swells_or_leads_elsewhere_ends_in_one_line(world):
    """No traceback, no signal, no call, and nothing but plans of what is still an area in the output folder."""
    scratch = world.folder / "made"
    scratch.mkdir()
    assert planned(world, "14.00,46.00,14.02,46.02").code == 0  # the measure of the others
    given = dict(corpus.corpus(13, COUNT, world.work, scratch, world.listener.address))
    tricks = len(given) - sum(name.startswith("mutation") for name in given)
    world.begin()

    ends = {name: planned(world, source) for name, source in given.items()}

    assert {name: end.fault for name, end in ends.items() if end.fault} == {}
    assert {name: end for name, end in ends.items() if end.code not in (0, 2)} == {}
    refused = {name: end.said for name, end in ends.items() if end.code == 2}
    assert {name: said for name, said in refused.items() if kit.sentences(said) != 1} == {}
    assert len([name for name in refused if not name.startswith("mutation")]) == tricks
    assert world.listener.heard == []
    assert [path for path in world.traces() if not path.startswith("work/out/x_plan.")] == []
    assert len(ends) == COUNT

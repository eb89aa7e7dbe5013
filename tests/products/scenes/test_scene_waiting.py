"""Whoever asks why a download does not go on is told what it waits for."""

from __future__ import annotations

import threading

from scenes_kit import product_name

from orchestrator.app.records import Records
from orchestrator.app.sandbox_process import service_at
from orchestrator.app.verbs.reasons import why
from orchestrator.config import load


def reasons(world) -> str:
    """What another process is told of the run; nothing before there is one."""
    settings = load(world.folder / "config.toml", environment={}, overrides=service_at(world.sandbox.url)).settings
    records = Records(settings)
    runs = records.store.runs.latest() if records.has_state() else []
    return "\n".join(why(records, runs[0].id).because) if runs else ""


def told(world, sentence):
    """Whether it is among the reasons within half a minute."""
    return any(sentence in reasons(world) or threading.Event().wait(0.05) for _ in range(600))


def test_a_file_that_waits_for_others_of_its_run_is_told(world):
    """Six files, of which four are on their way and stand still."""
    world.add(product_name("L1C"), product_name("L2A"))

    with world.open():
        world.order("stall", bytes=100, path="GRANULE|MTD", count=None)
        download = threading.Thread(target=world.download)
        download.start()
        said = told(world, "All 4 sessions of Copernicus are taken, by its own process: other files wait for one.")
        world.sandbox.faults.clear()
        download.join()

    assert said

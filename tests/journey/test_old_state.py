"""A state that an earlier version of the program left is continued by this one."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import journey_kit as kit
import pytest

STATES = sorted((Path(__file__).parents[1] / "engine" / "states").glob("*.sql"))
# In these a result is to come. What was exported before is not in this sandbox: it is exported again, once.
UNFINISHED = ("admitted", "planned", "exporting", "submitting", "assembling")


@pytest.mark.parametrize("dump", STATES, ids=lambda path: path.stem)
def test_unfinished_runs_of_an_earlier_version_are_continued(home, dump):
    """Each in the state it stopped in, under the name it had; those that wait for a person go on waiting."""
    state = home.folder / "state"
    state.mkdir()
    with sqlite3.connect(state / "state.db") as database:
        database.executescript(dump.read_text(encoding="utf-8").replace("@ROOT@", str(home.folder)))
        ids = dict(database.execute("SELECT job_name, id FROM runs").fetchall())
    database.close()
    (state / "owner").write_text("05f54657")

    outcome = home.command("serve", "--until-idle", "--sandbox-url", home.service.url, "--bucket", kit.BUCKET)

    states = {run["run"]: run["state"] for run in home.runs()}
    assert {name: states[ids[name]] for name in UNFINISHED} == dict.fromkeys(UNFINISHED, "CLEANED"), outcome.err
    assert states[ids["held-person"]] == "HELD"
    assert sorted(path.name for path in home.out.glob("*.tif")) == sorted(
        f"{n}_clipped.tif" for n in (*UNFINISHED, "held")
    )

"""config.toml read anew: what is told about it."""

from __future__ import annotations

import threading

from orchestrator.app.application import Application
from orchestrator.app.reloading import Reload, Reloading
from orchestrator.config import load
from orchestrator.engine.timetable import Timetable

WRONG = """
[jobs.wrong]
area = "6.10,49.60,6.12,49.61"
output = "out"
base_name = "wrong"
start_date = "today-30d"
end_date = "today"
bands = ["B4"]
cron = "0 25 * * *"
"""


def test_a_job_that_is_refused_for_the_same_reason_is_told_once(tmp_path):
    """However often the settings are read; another reason is news."""
    config, told = tmp_path / "config.toml", []

    def read():
        return load(config, environment={}, overrides={"local": {"state_dir": str(tmp_path / "state")}})

    config.write_text(WRONG)
    loaded = read()
    app = Application(
        loaded.settings,
        stop=threading.Event(),
        notify=lambda name, _run, facts: told.append(facts["error"]) if name == "job.refused" else None,
        config_dir=tmp_path,
        refused_jobs=loaded.refused_jobs,
    )
    timetable = Timetable([], store=app.store, clock=app.clock, stop=app.stop, installation="here", notify=app.notify)
    reloading = Reloading(app, timetable, Reload(read, lambda: True), {})
    for hour in ("25", "25", "26", "26"):
        config.write_text(WRONG.replace("25", hour))
        reloading.look()
    app.store.close()

    assert [sentence.split("'")[1] for sentence in told] == ["0 25 * * *", "0 26 * * *"]

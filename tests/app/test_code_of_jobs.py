"""What runs a user's code while nobody looks: only where a setting says so, and only code that others cannot change."""

from __future__ import annotations

import os

import pytest

from orchestrator.app.records import Records
from orchestrator.app.scheduled import scheduled
from orchestrator.config import Settings
from orchestrator.core.errors import UserError

CODE = "def get_ee_image():\n    raise SystemExit\n"


@pytest.fixture
def file(tmp_path):
    """A user's file in a folder that is the user's."""
    tmp_path.chmod(0o755)
    path = tmp_path / "image.py"
    path.write_text(CODE)
    path.chmod(0o644)
    return path


def records(file, *, allowed, recipe="image-code", params=None):
    """Return the records of a daemon with one nightly job."""
    job = {
        "recipe": recipe,
        "params": {"file": str(file)} if params is None else params,
        "area": "14.0,46.0,14.1,46.1",
        "bands": ["B1"],
        "output": "out",
        "base_name": "nightly",
        "start_date": "2024-01-01",
        "end_date": "2024-02-01",
        "cron": "0 2 * * *",
    }
    settings = {"local": {"state_dir": str(file.parent / "state")}, "serve": {"allow_code": allowed}}
    return Records(Settings.model_validate(settings | {"jobs": {"nightly": job}}), config_dir=file.parent)


def test_a_scheduled_job_runs_no_code_unless_a_setting_says_so(file):
    """It is left out like a job that is wrong, and the message names the file and the setting."""
    entries, refused = scheduled(records(file, allowed=False))

    assert entries == []
    assert str(file) in refused["nightly"]
    assert "allow_code = true under [serve]" in refused["nightly"]


def test_where_it_is_said_the_job_is_taken(file):
    """The file is the daemon's own, and nobody else may write it."""
    entries, refused = scheduled(records(file, allowed=True))

    assert [entry.name for entry in entries] == ["nightly"]
    assert refused == {}


def test_a_job_without_code_needs_no_word(file):
    """A preset dataset, or a recipe of ours, runs nobody's file."""
    entries, refused = scheduled(records(file, allowed=False, recipe="sentinel2-cloudless", params={}))

    assert (len(entries), refused) == (1, {})


SPOILT = {
    "a group may write it": (lambda file: file.chmod(0o664), "written by group"),
    "everybody may write it": (lambda file: file.chmod(0o646), "everybody on this machine may write it"),
    "a group may write its folder": (lambda file: file.parent.chmod(0o775), "written by group"),
    "everybody may write its folder": (lambda file: file.parent.chmod(0o777), "everybody on this machine may replace"),
}


@pytest.mark.parametrize(("spoil", "said"), SPOILT.values(), ids=SPOILT)
def test_code_that_others_can_change_is_not_run_by_the_daemon(file, spoil, said):
    """Whoever can write the file has the daemon's rights and credentials."""
    spoil(file)

    entries, refused = scheduled(records(file, allowed=True))

    assert entries == []
    assert said in refused["nightly"]


@pytest.mark.skipif(os.geteuid() != 0, reason="gives a file away, which root alone may")
def test_code_of_another_user_is_not_run_by_the_daemon(file):
    """It is the daemon's or root's."""
    os.chown(file, 4711, -1)

    assert "belongs to user 4711" in scheduled(records(file, allowed=True))[1]["nightly"]


def test_rights_are_looked_at_again_whenever_a_date_is_due(file):
    """The daemon runs for months, and a file may be opened to others meanwhile."""
    (entry,), _ = scheduled(records(file, allowed=True))
    file.chmod(0o664)

    with pytest.raises(UserError, match="written by group"):
        entry.jobs()

"""What nobody is there to hear: a run that a schedule began, and a disk that rots while nobody works."""

from __future__ import annotations

import journey_kit as kit
import pytest
from test_serve import configure, serve

PLANNING = {"HTTP 401": {"status": 401}, "HTTP 403 permission": {"status": 403, "reason": "forbidden"}}
SAID = {"HTTP 401": "does not accept the credentials", "HTTP 403 permission": "HTTP 403"}


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory, program, service):
    return kit.Home(tmp_path_factory.mktemp("undisturbed"), program, service).run().expect(0)


@pytest.fixture(scope="module")
def night(tmp_path_factory, program, service):
    """A scheduled job whose planning is refused for each of these reasons, one after the other."""
    home = kit.Home(tmp_path_factory.mktemp("night"), program, service, {"ORCHESTRATOR_RETRY__HOLD": "0.05"})
    configure(home)
    service.order(*({"action": "http", "api": "value.compute", **fault} for fault in PLANNING.values()))
    ended = serve(home, "--until-idle", **home.environment).wait()
    acted = [fault["consumed"] for fault in service.state()["faults"]]
    service.delete("/sandbox/faults")
    (run,) = home.runs()
    events = home.command("logs", run["run"]).out
    return ended, dict(zip(PLANNING, acted, strict=True)), run, events


@pytest.mark.parametrize("fault", PLANNING)
def test_a_nights_run_that_may_not_be_planned_is_held_and_planned_later(night, undisturbed, fault):
    """Failed, its date would be lost: nobody reads an exit code at night."""
    ended, acted, run, events = night

    assert acted[fault] == 1
    assert SAID[fault] in events
    assert (ended.code, run["state"], run["sha256"]) == (0, "CLEANED", undisturbed.sha256)


def test_a_part_that_rotted_on_the_disk_is_brought_again(tmp_path, program):
    """Verified by a process that died; a bit of it has turned since, which nothing but its checksum tells."""
    with kit.Service(program, tmp_path / "sandbox", "--compression", "none") as plain:
        for name in ("good", "rotten"):
            (tmp_path / name).mkdir()
        good = kit.Home(tmp_path / "good", program, plain).run().expect(0)
        home, before = kit.Home(tmp_path / "rotten", program, plain), len(plain.requests("objects.media"))
        assert home.run(**{kit.CRASH_AT: "part.verified"}).code == kit.KILLED
        parts = list(home.out.rglob(".orchestrator/*/parts/*.tif"))
        for part in parts:
            content = bytearray(part.read_bytes())
            content[len(content) // 2] ^= 1
            part.write_bytes(content)

        outcome = home.run().expect(0)

        assert outcome.sha256 == good.sha256
        wanted = len(home.tasks(outcome.summary["run"])) + len(parts)
        assert len(plain.requests("objects.media")) - before >= wanted

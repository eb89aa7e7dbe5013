"""Planted secrets are looked for wherever a run leaves anything: files, the database, screens, JSON."""

from __future__ import annotations

import base64
import re

import pytest

CANARY = "c4n4ry-in-the-mine-7f3a"
PLANTED = {
    "ORCHESTRATOR_CREDENTIALS__CDSE__USER": "user",
    "ORCHESTRATOR_CREDENTIALS__CDSE__PASSWORD": CANARY,
    "ORCHESTRATOR_CREDENTIALS__CDSE__TOTP": base64.b32encode(CANARY.encode()).decode().rstrip("="),
    "ORCHESTRATOR_CREDENTIALS__CDSE__CLIENT_SECRET": CANARY,
    "ORCHESTRATOR_CREDENTIALS__CDSE__SECRET_KEY": CANARY,
}
# What a service may say of an export, of which each task has one more attempt: each holds a secret in a usual form.
SAID = (
    f"refused, Authorization: Bearer {CANARY}",
    f'https://storage.googleapis.com/b/o?X-Goog-Signature={CANARY}&X-Goog-Date=1 is over, {{"id_token": "{CANARY}"}}',
)


@pytest.fixture
def looked_through(home):
    """Return what looks for a canary in everything below a user's folder and in what commands say."""

    def look(*outcomes):
        forms = (CANARY.encode(), base64.b64encode(CANARY.encode()).rstrip(b"="), PLANTED[TOTP].encode())
        files = {path: path.read_bytes() for path in home.folder.rglob("*") if path.is_file()}
        said = {number: (each.out + each.err).encode() for number, each in enumerate(outcomes)}
        return [place for place, content in (files | said).items() if any(form in content for form in forms)]

    return look


TOTP = "ORCHESTRATOR_CREDENTIALS__CDSE__TOTP"


def test_no_secret_of_settings_or_of_a_service_is_left_anywhere(home, looked_through):
    """Not in the database, proofs, plans, events, screens or JSON, though each attempt is refused with one in words."""
    home.environment = PLANTED
    home.service.order(*({"action": "task_fail", "message": said, "code": 13} for said in SAID))

    ran = home.run().expect(0)

    run = ran.summary["run"]
    asked = [home.command(*words) for words in (("status", run), ("why", run), ("logs", run), ("status",), ("doctor",))]
    assert [fault["pending"] for fault in home.service.state()["faults"]] == [0] * len(SAID)
    assert "[masked]" in asked[2].out + ran.out
    assert looked_through(ran, *asked) == []


def test_the_state_is_its_owners_alone_whatever_the_mask(home):
    """Areas, expressions and addresses stand in it; results are what the user's own mask says."""
    home.start("submit").wait().expect(0)

    state = home.folder / "state"
    assert state.stat().st_mode & 0o077 == 0
    assert {path.name for path in state.glob("state.db*") if path.stat().st_mode & 0o077} == set()


def test_no_command_line_of_a_process_holds_a_secret(home):
    """Settings come by file or environment; no option takes a secret, so that `ps` shows none."""
    shown = home.command("run", "--help").out + home.command("copernicus", "download", "--help").out

    assert re.findall(r"--[a-z-]*(?:password|secret|token|totp)\b", shown) == []

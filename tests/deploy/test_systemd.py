"""The unit file is accepted by systemd, says when it is ready, and gives the daemon little to break."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest

from orchestrator.faces.cli.main import cli

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "deploy" / "systemd"
UNIT = FOLDER / "orchestrator.service"
KEY = FOLDER / "orchestrator.service.d" / "key.conf"
FAILED = FOLDER / "orchestrator-failed@.service"
NOTIFY = FOLDER / "notify.conf"
WORKER = FOLDER / "orchestrator-worker@.service"
SEVERAL = FOLDER / "several.conf"
USERS = FOLDER / "sysusers.conf"
LARGEST_EXPOSURE = "15"  # tenths; a service without any protection has 96
needs_systemd = pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="no systemd-analyze here")


def keys(path: Path) -> list[tuple[str, str]]:
    return re.findall(r"^(\w+)=(.*)$", path.read_text(encoding="utf-8"), re.MULTILINE)


@pytest.fixture
def installed(tmp_path):
    """The unit with its drop-in, as systemd would find them, its program replaced by one that exists."""
    target = tmp_path / UNIT.name
    target.write_text(
        re.sub(r"^(ExecStart=)\S+", rf"\g<1>{shutil.which('true')}", UNIT.read_text(), flags=re.MULTILINE)
    )
    (tmp_path / f"{UNIT.name}.d").mkdir()
    shutil.copy(KEY, tmp_path / f"{UNIT.name}.d" / KEY.name)
    told = re.sub(r"^(ExecStart=)\S+", rf"\g<1>{shutil.which('true')}", FAILED.read_text(), flags=re.MULTILINE)
    (tmp_path / FAILED.name).write_text(told)
    work = re.sub(r"^(ExecStart=)\S+", rf"\g<1>{shutil.which('true')}", WORKER.read_text(), flags=re.MULTILINE)
    (tmp_path / WORKER.name).write_text(work)
    for name in (UNIT.name, FAILED.name, WORKER.name):
        (tmp_path / f"{name}.d").mkdir(exist_ok=True)
        shutil.copy(NOTIFY, tmp_path / f"{name}.d" / NOTIFY.name)
    for name in (UNIT.name, WORKER.name):
        shutil.copy(SEVERAL, tmp_path / f"{name}.d" / SEVERAL.name)
    return target


def analyze(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["systemd-analyze", *arguments], capture_output=True, text=True, check=False, timeout=60)


@needs_systemd
@pytest.mark.parametrize("unit", [UNIT.name, WORKER.name])
def test_systemd_knows_every_key(installed, unit):
    """Nothing is misspelt: systemd warns of keys it does not know and says nothing here."""
    done = analyze("verify", str(installed.with_name(unit)))

    assert (done.returncode, done.stderr) == (0, "")


@needs_systemd
@pytest.mark.parametrize("unit", [UNIT.name, FAILED.name, WORKER.name])
def test_little_is_exposed(installed, unit):
    """systemd's own measure of exposure stays low."""
    path = str(installed.with_name(unit))
    done = analyze("security", "--offline=true", "--no-pager", f"--threshold={LARGEST_EXPOSURE}", path)

    assert done.returncode == 0, done.stdout[-500:]


@pytest.mark.parametrize("unit", [UNIT, WORKER], ids=["daemon", "worker"])
def test_a_unit_tells_when_it_is_ready(unit):
    """`serve` and `worker` send READY=1, so the unit waits for it."""
    assert {("Type", "notify"), ("NotifyAccess", "main")} <= set(keys(unit))


@pytest.mark.parametrize("unit", [UNIT, WORKER], ids=["daemon", "worker"])
def test_the_watchdog_is_as_patient_as_the_loop(unit):
    """The loop says that it goes round more often than systemd wants to hear it, also when a look takes its longest."""
    from orchestrator.app.heartbeat import BEAT_SECONDS  # noqa: PLC0415
    from orchestrator.engine.trouble import LONGEST_WAIT_SECONDS  # noqa: PLC0415

    minutes = int(re.fullmatch(r"(\d+)min", dict(keys(unit))["WatchdogSec"])[1])

    assert minutes * 60 > 2 * (BEAT_SECONDS + LONGEST_WAIT_SECONDS + 30)


@pytest.mark.parametrize("unit", [UNIT, WORKER], ids=["daemon", "worker"])
def test_what_fails_is_always_begun_again(unit):
    """A disk that is full for a night does not use up the number of starts."""
    assert {("Restart", "on-failure"), ("StartLimitIntervalSec", "0")} <= set(keys(unit))


def test_a_key_is_shown_to_the_service_alone():
    """The key comes as a credential and is named where systemd puts it, never in an argument."""
    found = keys(KEY)

    name = dict(found)["LoadCredential"].split(":")[0]
    assert ("Environment", f"ORCHESTRATOR_CREDENTIALS__GOOGLE__KEY_FILE=%d/{name}") in found


@pytest.mark.parametrize("unit", [UNIT, WORKER], ids=["daemon", "worker"])
def test_a_unit_that_fails_for_good_is_told(unit):
    """By a unit that is there, with a command that is there, which needs neither the state nor the daemon."""
    assert ("OnFailure", f"{FAILED.name.replace('@', '@%n')}") in keys(unit)
    command = shlex.split(dict(keys(FAILED))["ExecStart"].replace("%i", UNIT.name).replace("%H", "here"))
    group = cli.commands[command[1]]

    options = {option for one in group.commands[command[2]].params for option in one.opts}
    assert {word for word in command if word.startswith("--")} <= options


def test_addresses_of_messages_are_shown_to_the_service_alone():
    """They come as a credential and are named where systemd puts it."""
    found = keys(NOTIFY)

    name = dict(found)["LoadCredential"].split(":")[0]
    assert ("Environment", f"ORCHESTRATOR_NOTIFY__URLS_FILE=%d/{name}") in found


def test_a_worker_has_time_to_drain():
    """systemd kills it later than it ends by itself."""
    from orchestrator.config import Settings  # noqa: PLC0415

    seconds = int(re.fullmatch(r"(\d+)s", dict(keys(WORKER))["TimeoutStopSec"])[1])

    assert seconds > Settings().worker.drain


def test_a_worker_is_as_confined_as_the_daemon():
    """Each protection of the daemon's unit is one of the worker's; only memory differs."""
    unlike = {"MemoryMax"}
    text = UNIT.read_text(encoding="utf-8").partition("\nNoNewPrivileges=")[2]
    protections = set(keys(UNIT)) & {line for line in keys(UNIT) if f"{line[0]}={line[1]}" in text}

    assert {line for line in protections if line[0] not in unlike} <= set(keys(WORKER))
    assert len(protections) > 25


def test_the_password_is_shown_to_the_service_alone():
    """It comes as a credential and is named where systemd puts it; the folder may be written, and must be there."""
    found = keys(SEVERAL)

    name = dict(found)["LoadCredential"].split(":")[0]
    assert ("Environment", f"ORCHESTRATOR_STORE__PASSWORD_FILE=%d/{name}") in found
    assert dict(found)["ReadWritePaths"] == dict(found)["RequiresMountsFor"]


def test_all_machines_know_the_user_by_one_number():
    """That of the image, and the name that the units ask for."""
    (line,) = [line for line in USERS.read_text(encoding="utf-8").splitlines() if not line.startswith("#")]
    kind, name, number, *_ = shlex.split(line)

    assert (kind, name) == ("u", dict(keys(WORKER))["User"]) == ("u", dict(keys(UNIT))["User"])
    assert f"USER {number}:{number}" in (ROOT / "Dockerfile").read_text(encoding="utf-8")


def test_every_variable_is_a_setting():
    """A name that sets nothing would be ignored in silence."""
    from orchestrator.config import unknown_variables  # noqa: PLC0415

    names = dict(
        value.split("=", 1)
        for path in (UNIT, KEY, FAILED, NOTIFY, WORKER, SEVERAL)
        for key, value in keys(path)
        if key == "Environment"
    )

    assert unknown_variables(names) == []

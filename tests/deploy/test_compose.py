"""The Compose file keeps its promises as far as they can be read; no container is begun here."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
import yaml

from orchestrator.config import Settings, load, unknown_variables
from orchestrator.faces.cli.main import cli

FOLDER = Path(__file__).resolve().parents[2] / "deploy"
FILE = FOLDER / "compose.yaml"
ALL = yaml.safe_load(FILE.read_text(encoding="utf-8"))
SERVICES = ALL["services"]
OURS = [name for name in SERVICES if name != "database"]
# Of the Compose specification; a misspelt one is refused by some versions and ignored by others.
KNOWN = """
build cap_drop command configs depends_on deploy environment healthcheck image logging mem_limit networks pids_limit
ports read_only restart secrets security_opt stop_grace_period tmpfs user volumes
"""


@pytest.fixture(scope="module")
def settings():
    return load(FOLDER / "compose" / "config.toml", environment={}).settings


def seconds(text: str) -> int:
    number, unit = re.fullmatch(r"(\d+)([sm])", text).groups()
    return int(number) * {"s": 1, "m": 60}[unit]


def test_there_are_database_daemon_workers_and_page():
    """A daemon that leads and one that stands by, and two workers to begin with."""
    assert SERVICES.keys() == {"database", "daemon", "worker", "page"}
    assert SERVICES["daemon"]["deploy"]["replicas"] == 2
    assert SERVICES["daemon"]["command"] == ["serve", "--standby"]
    assert SERVICES["daemon"]["healthcheck"]["test"][-2:] == ["health", "--here"]
    assert SERVICES["worker"]["deploy"]["replicas"] == 2


@pytest.mark.parametrize("name", SERVICES)
def test_every_key_of_a_service_is_one_of_compose(name):
    """And what it names at the end of the file is there."""
    service = SERVICES[name]

    assert service.keys() <= set(KNOWN.split())
    assert set(service["networks"]) <= ALL["networks"].keys()
    assert set(service["secrets"]) <= ALL["secrets"].keys()
    assert {volume.split(":")[0] for volume in service["volumes"]} <= ALL["volumes"].keys()


@pytest.mark.parametrize("name", SERVICES)
def test_a_container_can_do_little(name):
    """It is not root, writes only to its volumes, has no capability and gets none, and cannot take all memory."""
    service = SERVICES[name]

    assert int(service["user"].split(":")[0]) > 0
    assert (service["read_only"], service["cap_drop"]) == (True, ["ALL"])
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert service["mem_limit"]
    assert service["pids_limit"]


@pytest.mark.parametrize("name", OURS)
def test_the_program_s_user_is_the_image_s(name):
    """Whoever else would own the folder of the results."""
    assert f"USER {SERVICES[name]['user']}\n" in (FOLDER.parent / "Dockerfile").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", OURS)
def test_its_commands_exist(name):
    """Each is a command of the program with options that it has, and so is what tells its health."""
    words = [SERVICES[name]["command"]]
    test = SERVICES[name]["healthcheck"].get("test", [])
    words += [test[2:]] if test[1:2] == ["orchestrator"] else []

    for said in words:
        command = cli.commands[next(word for word in said if not word.startswith("-"))]
        known = {option for one in [*cli.params, *command.params] for option in one.opts}
        assert {word for word in said if word.startswith("-")} <= known


@pytest.mark.parametrize("name", SERVICES)
def test_who_can_be_asked_is(name):
    """All have a check of their health, which ends before the next one begins."""
    check = SERVICES[name]["healthcheck"]

    assert check["test"][0] == "CMD"
    assert seconds(check["timeout"]) <= seconds(check["interval"])


def test_the_page_s_check_can_be_compiled():
    """It is a sentence of Python, which asks where the page listens."""
    *command, program = SERVICES["page"]["healthcheck"]["test"]

    compile(program, "healthcheck", "exec")
    assert command == ["CMD", "python", "-c"]
    assert str(Settings().web.port) in program


def test_only_the_page_is_published_and_only_here(settings):
    """On loopback; the page in its container listens everywhere, so it has a certificate and asks for a token."""
    published = {name: one["ports"] for name, one in SERVICES.items() if "ports" in one}

    assert published == {"page": [f"127.0.0.1:{settings.web.port}:{settings.web.port}"]}
    assert settings.web.cert_file
    assert "localhost" in settings.web.names.split(",")


def test_the_database_is_called_by_the_program_alone():
    """Its network leads nowhere else."""
    assert SERVICES["database"]["networks"] == ["database"]
    assert ALL["networks"]["database"]["internal"] is True
    assert all("database" in SERVICES[name]["networks"] for name in OURS)


def test_all_work_in_one_folder_under_one_path(settings):
    """State, results and the folders of runs: the same volume, at the same path, with the same variables."""
    assert len({tuple(SERVICES[name]["volumes"]) for name in OURS}) == 1
    assert len({tuple(SERVICES[name]["environment"].items()) for name in OURS}) == 1
    (volume,) = SERVICES["daemon"]["volumes"]
    folder = volume.split(":")[1]
    state = SERVICES["daemon"]["environment"]["ORCHESTRATOR_LOCAL__STATE_DIR"]
    assert all(path.startswith(f"{folder}/") for path in (state, *(job.output for job in settings.jobs.values())))


def test_secrets_are_files_outside_of_the_repository(settings):
    """None stands in the file or the settings, and each setting names a secret that its container has."""
    given = {f"/run/secrets/{name}" for name in SERVICES["page"]["secrets"]}
    named = {settings.store.password_file, settings.credentials.google.key_file}
    of_the_page = {settings.web.cert_file, settings.web.key_file}

    assert all(Path(one["file"]).is_absolute() for one in ALL["secrets"].values())
    assert named | of_the_page == given
    assert all(named == {f"/run/secrets/{name}" for name in SERVICES[one]["secrets"]} for one in ("daemon", "worker"))
    assert "@" in (url := settings.store.url.get_secret_value())
    assert ":" not in url.partition("://")[2].partition("@")[0]


def test_a_password_is_no_variable():
    """Variables of a container are shown by `docker inspect`."""
    variables = {key: value for one in SERVICES.values() for key, value in one["environment"].items()}

    assert all(key.endswith("_FILE") for key in variables if re.search("PASSWORD|TOKEN|SECRET|KEY", key))
    ours = {key: value for key, value in variables.items() if key.startswith("ORCHESTRATOR_")}
    assert unknown_variables(ours) == []


def test_the_database_s_name_and_role_are_those_of_the_address(settings):
    """The address leads to the service, as the role that the image makes."""
    made, url = SERVICES["database"]["environment"], settings.store.url.get_secret_value()

    assert url == f"postgresql://{made['POSTGRES_USER']}@database/{made['POSTGRES_DB']}"


def test_a_worker_has_time_to_drain():
    """It is killed later than it ends by itself; and the database, of which all others wait, is not hurried."""
    assert seconds(SERVICES["worker"]["stop_grace_period"]) > Settings().worker.drain
    assert all(seconds(one["stop_grace_period"]) >= 30 for one in SERVICES.values())


def test_the_command_of_the_first_line_names_this_file():
    """Whoever copies it begins this."""
    (said,) = re.findall(r"`(docker compose [^`]*)`", FILE.read_text(encoding="utf-8").partition("\nname:")[0])
    words = shlex.split(said)

    assert FOLDER.parent / words[words.index("-f") + 1] == FILE

"""Connections: closed when their work is done, and not waited for where nobody is."""

from __future__ import annotations

import gc
import socket
import threading
from pathlib import Path
from types import SimpleNamespace

import pytest
import requests
from google.auth.credentials import AnonymousCredentials

from orchestrator.app.application import Application
from orchestrator.clients import probe as probing
from orchestrator.clients.connections import make_session
from orchestrator.clients.drive import connect_drive
from orchestrator.clients.earthengine import EarthEngine
from orchestrator.clients.gcs import connect_gcs
from orchestrator.clients.probe import probe
from orchestrator.config.sections import DriveSettings, EarthEngineSettings, GcsSettings, LocalSettings, Settings
from orchestrator.core.errors import Stopped, TransientError, UnreachableError


@pytest.fixture
def application(cloud, tmp_path):
    """An application whose services are all the sandbox."""
    settings = Settings(
        ee=EarthEngineSettings(url=cloud.url, project="ee-sandbox"),
        gcs=GcsSettings(url=cloud.url, bucket=cloud.bucket),
        drive=DriveSettings(url=cloud.url, folder=cloud.folder),
        local=LocalSettings(state_dir=str(tmp_path / "state")),
    )
    return Application(settings, stop=threading.Event())


@pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="counts what Linux shows of a process's handles")
@pytest.mark.parametrize("route", ["gcs", "drive"])
def test_thirty_runs_leave_no_socket_behind(application, sandbox, route):
    """What a run was lent is closed when it gives it back; garbage collection is not waited for."""

    def cycle():
        with application.lent_clients(SimpleNamespace(route=route, product="mosaic", deliver="")) as clients:
            clients.list_operations()
            clients.route.objects.find("")

    cycle()
    gc.collect()
    gc.disable()
    try:
        before = ours(sandbox)
        for _ in range(30):
            cycle()
        after = ours(sandbox)
    finally:
        gc.enable()
    assert after <= before


@pytest.mark.parametrize("url", ["https://storage.googleapis.com/b/o?x=1", "https://internal.example/b"])
def test_the_environment_is_looked_through_once_for_each_host(url, monkeypatch):
    """Proxies, exceptions and certificates are those that requests finds itself, for every further call, too."""
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy:3128")
    monkeypatch.setenv("NO_PROXY", "internal.example")
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", "/certificates.pem")
    expected = requests.Session().merge_environment_settings(url, {}, None, None, None)
    session = make_session()
    for place in ("https://storage.googleapis.com/", "https://internal.example/"):
        session.merge_environment_settings(place, {}, None, None, None)
    monkeypatch.setattr(requests.sessions, "get_environ_proxies", lambda *_, **__: pytest.fail("looked again"))

    found = session.merge_environment_settings(url, {}, None, None, None)

    assert found == expected
    assert bool(found["proxies"]) == ("googleapis" in url)


def ours(sandbox):
    """Count the connections of this process to the sandbox, which runs in it too, from the client's side."""
    port = sandbox.url.rpartition(":")[2]
    wanted = f"0100007F:{int(port):04X}"
    inodes = set()
    for handle in Path("/proc/self/fd").iterdir():
        try:
            link = str(handle.readlink())
        except FileNotFoundError:  # the listing's own handle
            continue
        inodes.add(link.removeprefix("socket:[").removesuffix("]"))
    rows = [line.split() for line in Path("/proc/self/net/tcp").read_text(encoding="ascii").splitlines()[1:]]
    return sum(row[2] == wanted and row[9] in inodes for row in rows)


@pytest.fixture
def nobody_there():
    """An address on which nobody listens."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{taken.getsockname()[1]}"


def meet_earth_engine(url):
    EarthEngine(project="ee-nobody", credentials=AnonymousCredentials(), url=url, stop=threading.Event())


def meet_storage(url):
    connect_gcs(url, "ee-nobody", AnonymousCredentials(), "bucket").find("")


def meet_drive(url):
    connect_drive(url, AnonymousCredentials(), "folder").find("")


@pytest.mark.parametrize(
    ("meet", "name"),
    [
        pytest.param(meet_earth_engine, "Earth Engine", id="Earth Engine"),
        pytest.param(meet_storage, "Cloud Storage", id="Cloud Storage"),
        pytest.param(meet_drive, "Drive", id="Drive"),
    ],
)
def test_where_nobody_is_the_first_call_says_so_with_the_address(nobody_there, meet, name):
    """Not tried eight times in silence: refused once is told once."""
    with pytest.raises(UnreachableError, match=rf"{name} cannot be reached at {nobody_there}.*connection refused"):
        meet(nobody_there)


def test_an_unknown_name_is_said_to_be_unknown(monkeypatch):
    """A typing error in the address is told as what it is."""

    def unknown(*_arguments, **_options):
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)

    with pytest.raises(UnreachableError, match=r"no-such-host\.example.*name is not known"):
        probe("https://no-such-host.example", "Earth Engine", None)


def test_an_address_that_swallows_everything_is_given_up_within_seconds(monkeypatch):
    """A firewall that drops packets says nothing; the probe does not wait for it."""
    never = threading.Event()
    monkeypatch.setattr(probing, "PROBE_SECONDS", 0.1)
    monkeypatch.setattr(probing, "_connect", lambda _place: never.wait(60))

    with pytest.raises(UnreachableError, match="no answer within"):
        probe("http://192.0.2.1", "Earth Engine", None)

    never.set()


def test_a_stop_ends_a_probe(monkeypatch):
    """Nobody waits for an address after a stop."""
    stop, never = threading.Event(), threading.Event()
    stop.set()
    monkeypatch.setattr(probing, "_connect", lambda _place: never.wait(60))

    with pytest.raises(Stopped):
        probe("http://192.0.2.1", "Earth Engine", stop)

    never.set()


def test_a_way_through_a_proxy_is_probed_at_the_proxy(nobody_there, monkeypatch):
    """The service's own name may not even be known on this side."""
    monkeypatch.setenv("https_proxy", nobody_there.replace("http://", "http://me:hunter2@"))

    with pytest.raises(UnreachableError, match="through the proxy") as caught:
        probe("https://earthengine.googleapis.com", "Earth Engine", None)

    assert "hunter2" not in str(caught.value)


def test_a_service_that_went_away_later_is_tried_again(cloud, monkeypatch):
    """Only the first contact is cut short: a night's outage is waited out."""
    gcs = connect_gcs(cloud.url, "ee-sandbox", AnonymousCredentials(), cloud.bucket)
    gcs.find("")
    monkeypatch.setattr(gcs, "_url", "http://127.0.0.1:9")
    cloud.order(api="objects.list", action="reset")

    with pytest.raises(TransientError) as caught:
        gcs.find("")

    gcs.close()
    assert not isinstance(caught.value, UnreachableError)

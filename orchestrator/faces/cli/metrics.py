"""`metrics`: how everything stands, in numbers, once."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import rich_click as click

from orchestrator.app.heartbeat import health_here
from orchestrator.app.records import Records
from orchestrator.config.sections import MetricsSettings
from orchestrator.core.errors import OrchestratorError
from orchestrator.core.files import write_whole
from orchestrator.faces.cli.session import Context, looking
from orchestrator.faces.listening import Listening, listening, parse_address, read_token
from orchestrator.faces.metrics import CONTENT_TYPE, EventCounter, Page

LOOPBACK = "127.0.0.1:9464"


@click.command()
@click.option(
    "--output",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Write it there, whole or not at all, as node_exporter's textfile collector wants it.",
)
@click.pass_obj
def metrics(context: Context, /, output: Path | None) -> int:
    """
    Print how everything stands, as Prometheus reads it: runs, parts, limits, disks, schedules, the daemon.

    `serve --metrics` serves the same page. docs/howto/monitor.md lists what is on it.
    """
    text = Page(looking(context)).text()
    if output is not None:
        write_whole(output, text.encode())
        return 0
    shown = context.output()
    shown.message("metrics", {"text": text})
    shown.say(text.rstrip("\n"))
    return 0


@contextmanager
def page_of(
    app: Records, heard: EventCounter, address: str | None = None, *, behind_proxy: bool = False
) -> Iterator[str]:
    """
    Serve the page of a daemon for the time of the block, and yield its address; empty where none is set or given.

    Raises:
        ConfigError: It cannot be served there.
        ExtraError: The extra is not installed.
    """
    settings = app.settings.metrics
    address = address or settings.listen
    if not address:
        yield ""
        return
    where = listening_at(address, settings, behind_proxy=behind_proxy or settings.behind_proxy)
    page = Page(app, heard)
    with listening(where, {"/metrics": lambda: (CONTENT_TYPE, page.text())}, lambda: _is_alive(app)) as url:
        yield f"{url}/metrics"


def listening_at(address: str, settings: MetricsSettings, *, behind_proxy: bool) -> Listening:
    """Return where the page is and who may read it, as it is set."""
    host, port = parse_address(address)
    return Listening(
        host,
        port,
        token=read_token(settings.token_file),
        certificate=settings.cert_file and str(Path(settings.cert_file).expanduser()),
        key=settings.key_file and str(Path(settings.key_file).expanduser()),
        behind_proxy=behind_proxy,
    )


def _is_alive(app: Records) -> bool:
    try:
        return health_here(app.store, app.clock).alive
    except OrchestratorError:
        return False

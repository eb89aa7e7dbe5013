"""`web`: the page, beside a daemon or without one, on the same state."""

from __future__ import annotations

import os
import secrets
import sys
import threading
import webbrowser
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import rich_click as click

from orchestrator.app.heartbeat import find_daemon
from orchestrator.app.sandbox_process import service_at
from orchestrator.config import Loaded
from orchestrator.config.sections import WebSettings
from orchestrator.core import guard, log
from orchestrator.core.errors import ConfigError, OrchestratorError, UserError
from orchestrator.core.process import process_id
from orchestrator.faces.cli.session import Context, application, loaded_for, looking
from orchestrator.faces.cli.web_child import check_extra
from orchestrator.faces.cli.web_running import find_page, forget_page, note_page, page_line
from orchestrator.faces.listening import Listening, read_token

if TYPE_CHECKING:
    from orchestrator.app.records import Records
    from orchestrator.faces.web.gate import Options

# The page gives way to a run: whatever is shown can wait a moment.
NICENESS = 5


@click.command()
@click.option("--host", metavar="ADDRESS", help="Listen there.  [default: as set, 127.0.0.1]")
@click.option("--port", type=click.IntRange(0, 65535), help="Listen there; 0 lets the system choose.  [default: 8765]")
@click.option("--name", "names", multiple=True, metavar="NAME", help="What people call it by, behind a proxy.")
@click.option("--behind-proxy", is_flag=True, help="A proxy before it has TLS.")
@click.option("--open", "open_", is_flag=True, help="Open it in the browser.")
@click.option("--link", is_flag=True, help="Print the address of the page that runs on this state, and end.")
@click.option("--new-token", is_flag=True, help="Make another token: whoever had the last one must ask anew.")
@click.option("--sandbox-url", metavar="URL", help="Use a sandbox that runs already.  [default: as the daemon does]")
@click.option("--bucket", metavar="NAME", help="Bucket for the part files.")
@click.option("--die-with-parent", is_flag=True, help="End when its input ends, for the daemon that starts it.")
@click.pass_obj
def web(context: Context, /, **given: Any) -> int:
    """
    Open the page: what runs, what needs a person, results on a map, new jobs, the schedule.

    It works beside `orchestrator serve`, on the same state folder; `serve --web` starts it, too. The address that is
    printed holds a token, which the browser keeps as a cookie; nobody else's page can act here.
    """
    output = context.output()
    if given["link"]:
        url, link = _link(context)
        output.message("web", {"url": url, "link": link})
        output.say(link)
        return 0
    check_extra()
    from orchestrator.faces.web import serving  # noqa: PLC0415  needs the extra
    from orchestrator.faces.web.site import make_site  # noqa: PLC0415

    guard.seal()
    loaded = _loaded(context, given)
    app = application(context, loaded, output)
    log.configure("debug" if context.verbose else app.settings.log.level, app.settings.log.style)
    options = replace(_options(app, given), words=_words(context, loaded))
    _check_port(app, options.where)
    if given["die_with_parent"]:
        _die_with_parent(context.stop)

    def ready(url: str) -> None:
        if given["new_token"]:
            _keep_token(app, options.where.token)  # not before: without this page the last one stays good
        link = f"{url}/?token={options.where.token}"
        note_page(app.folder(), url, options.where.token)
        output.message("web", {"url": url, "link": link})
        output.say(page_line(url, link))
        if given["open_"]:
            webbrowser.open(link)

    try:
        serving.serve_page(make_site(app, options, lambda: _loaded(context, given)), context.stop, ready)
    finally:
        forget_page(app.settings.state_dir)
    return 0


def _loaded(context: Context, given: Mapping[str, Any]) -> Loaded:
    """Return the settings; who names no service has that of the daemon that works on this state."""
    loaded = loaded_for(context, given)
    if given["sandbox_url"] or loaded.settings.ee.url:
        return loaded
    with suppress(OrchestratorError):
        app = looking(context)
        row = find_daemon(app.store, app.clock)[0] if app.has_state() else None
        url = (row.facts.get("addresses") or {}).get("ee") if row else ""
        if url:
            overrides = service_at(url)
            return context.load(overrides)
    return loaded


def _words(context: Context, loaded: Loaded) -> tuple[str, ...]:
    """Return the options with which a command means the state and the settings of this page, from any folder."""
    config = ("--config", str(loaded.path.resolve())) if loaded.path else ()
    profile = ("--profile", context.profile) if context.profile else ()
    return (*config, *profile, "--state-dir", str(loaded.settings.state_dir))


def _options(app: Records, given: Mapping[str, Any]) -> Options:
    from orchestrator.faces.web.gate import Options  # noqa: PLC0415  needs the extra

    settings: WebSettings = app.settings.web
    behind_proxy = given["behind_proxy"] or settings.behind_proxy
    names = frozenset(name.strip() for name in (*given["names"], *settings.names.split(",")) if name.strip())
    where = Listening(
        given["host"] or settings.host,
        settings.port if given["port"] is None else given["port"],
        token=_token(app, new=given["new_token"]),
        certificate=settings.cert_file and str(Path(settings.cert_file).expanduser()),
        key=settings.key_file and str(Path(settings.key_file).expanduser()),
        behind_proxy=behind_proxy,
        section="web",
    )
    if behind_proxy and not names:
        raise ConfigError(
            "a page behind a proxy answers to the proxy's name alone: give it with --name, or [web] names"
        )
    basemap = Path(settings.basemap).expanduser() if settings.basemap else None
    if basemap is not None and not basemap.is_file():
        raise ConfigError(f"basemap {basemap} under [web] is no file; name a PMTiles file, or leave it empty")
    options = Options(where, names, basemap)
    if not options.hosts:
        raise ConfigError(f"web at {where.host} has no name: say with --name, or [web] names, what people call it by")
    return options


def _token(app: Records, *, new: bool = False) -> str:
    """Return the owner's token, or the one of the state folder, which is made when it is first wanted; or a new one."""
    if app.settings.web.token_file:
        if new:
            raise UserError("--new-token makes the token of the state folder; yours is in token_file under [web]")
        return read_token(app.settings.web.token_file)
    if new:
        return secrets.token_urlsafe(32)
    file = app.folder() / "web.token"
    if not file.exists():
        _keep_token(app, secrets.token_urlsafe(32))
    return read_token(str(file))


def _keep_token(app: Records, token: str) -> None:
    """Make a token the one of the state folder, which only its owner may read."""
    file = app.folder() / "web.token"
    part = file.with_name(f"web.token.{os.getpid()}")
    guard.make_private(part)
    part.write_text(token, encoding="ascii")
    part.replace(file)


def _check_port(app: Records, where: Listening) -> None:
    """
    Say where this state's page is, where it has the place already.

    Raises:
        ConfigError: It has.
    """
    there = find_page(app.settings.state_dir)
    if there is not None and where.port and urlsplit(there.url).port == where.port:
        raise ConfigError(
            f"the page of {app.settings.state_dir} runs at {there.url} already: `orchestrator web --link` prints its "
            "address with the token; for a second one name another port with --port"
        )


def _link(context: Context) -> tuple[str, str]:
    """Return the address of the page that runs on this state, without and with the token."""
    app = looking(context)
    there = find_page(app.settings.state_dir)
    begin = "start `orchestrator web`, or `orchestrator serve --web`"
    if there is None:
        raise UserError(f"no page runs on {app.settings.state_dir}; {begin}")
    token = _token(app)
    if not there.knows(token):
        raise UserError(
            f"the page at {there.url} was begun with another token than the one of {app.settings.state_dir} now, and "
            f"refuses it: end that page (process {process_id(there.process)}), and {begin}"
        )
    return there.url, f"{there.url}/?token={token}"


def _die_with_parent(stop: threading.Event) -> None:
    """End when the process that started this one is gone: it holds the other end of the input."""
    with suppress(AttributeError, OSError):
        os.nice(NICENESS)

    def wait() -> None:
        with suppress(OSError):
            while os.read(sys.stdin.fileno(), 1):  # no buffer, whose lock Python wants at its end
                pass
        stop.set()

    threading.Thread(target=wait, name="parent", daemon=True).start()

"""How `serve --web` starts the page, and what it says of it."""

from __future__ import annotations

import webbrowser
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from typing import Any

from orchestrator.app.records import Records
from orchestrator.core.errors import UserError
from orchestrator.core.optional import required
from orchestrator.faces.cli.session import Context
from orchestrator.faces.cli.web_running import page_line
from orchestrator.faces.web.child import page_beside

NEEDED = ("starlette", "uvicorn", "jinja2", "rio_tiler")


def check_extra() -> None:
    """
    Make sure that what the page needs is installed, without loading it.

    Raises:
        ExtraError: It is not.
    """
    for name in NEEDED:
        if find_spec(name) is None:
            required(name, "web", "the page")


@contextmanager
def page_process(context: Context, app: Records, logger: Any, *, wanted: bool, open_: bool) -> Iterator[None]:
    """
    Keep the page beside a daemon for the time of the block, on the same settings, state and services.

    Raises:
        ExtraError: What the page needs is not installed.
    """
    if not wanted:
        if open_:
            raise UserError("--open opens the page; add --web")
        yield
        return
    opened, output = not open_, context.output()
    check_extra()
    words = [*context.words(), "web"]
    if app.settings.ee.url:
        words += ["--sandbox-url", app.settings.ee.url]
    if app.settings.gcs.bucket:
        words += ["--bucket", app.settings.gcs.bucket]

    def tell(name: str, facts: dict[str, str | float]) -> None:
        nonlocal opened
        link = str(facts.pop("link", ""))
        if name == "web.started":
            # Neither into the log nor into a file or a journal, which are kept and read by others: it is for a person.
            output.say(page_line(str(facts["address"]), link))
            logger.info(name, **facts, open="`orchestrator web --link` prints its address with the token")
        else:
            logger.warning(name, **facts)
        if link and not opened:
            opened = webbrowser.open(link)

    with page_beside(words, tell):
        yield

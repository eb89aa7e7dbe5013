"""What a browser shows, asked in words: what a page breaks, how it is laid out, what a keyboard reaches."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import axe_playwright_python
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Dialog, Page, Playwright, Request

NAMED = os.environ.get("ORCHESTRATOR_TEST_CHROMIUM", "")
# Maps need WebGL, which a machine without a graphics card computes; nobody but this machine can be asked.
FLAGS = ["--no-sandbox", "--use-angle=swiftshader", "--enable-unsafe-swiftshader"]
# Without a graphics card, the page itself is drawn at half the cost by the processor's own means.
FLAGS += ["--disable-gpu-compositing"]
FLAGS += ["--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1", "--disable-background-networking"]
AXE = (Path(axe_playwright_python.__file__).parent / "axe.min.js").read_text(encoding="utf-8")
# Chromium tells of each software renderer that it is slow, and lets go of contexts when a page is left.
NOISE = ("GPU stall due to ReadPixels", "WebGL-", "swiftshader", "net::ERR_ABORTED")
LOOKS = Path(__file__).with_name("looks.js").read_text(encoding="utf-8")


def find_chromium() -> str:
    """Return the path of the system's browser; empty where there is none."""
    found = (shutil.which(name) for name in (NAMED, "chromium", "chromium-browser", "google-chrome") if name)
    return next(filter(None, found), "")


def launch(playwright: Playwright) -> Browser:
    """Start the system's browser without a window."""
    return playwright.chromium.launch(executable_path=find_chromium(), args=FLAGS)


class Watch:
    """Hears what a browser would rather not say: errors, requests to strangers, breaches of the policy, dialogs."""

    def __init__(self, context: BrowserContext, origin: str) -> None:
        """Listen from the first page on; `origin` is whom pages may ask."""
        self.heard: list[str] = []
        self._origin = origin
        context.add_init_script(LOOKS)
        context.on("console", self._console)
        context.on("weberror", lambda error: self.heard.append(f"error: {error.error}"))
        context.on("request", self._request)
        context.on("dialog", self._dialog)

    def of(self, page: Page) -> list[str]:
        """Return what was heard so far, and what the page's policy had to refuse."""
        return [*self.heard, *(f"policy: {each}" for each in page.evaluate("window.breaches || []"))]

    def _console(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning") and not any(noise in message.text for noise in NOISE):
            self.heard.append(f"console {message.type}: {message.text} {message.location.get('url', '')}")

    def _request(self, request: Request) -> None:
        parts = urlsplit(request.url)
        if parts.scheme not in ("data", "blob") and f"{parts.scheme}://{parts.netloc}" != self._origin:
            self.heard.append(f"asks a stranger: {request.url}")

    def _dialog(self, dialog: Dialog) -> None:
        self.heard.append(f"dialog: {dialog.message}")
        dialog.dismiss()


@contextmanager
def visit(browser: Browser, login: str, **how: Any) -> Iterator[tuple[Page, Watch]]:
    """Open a browser's page of its own, logged in by the address that the program printed."""
    parts = urlsplit(login)
    context = browser.new_context(base_url=f"{parts.scheme}://{parts.netloc}", **how)
    context.set_default_timeout(30_000)
    watch = Watch(context, f"{parts.scheme}://{parts.netloc}")
    try:
        context.request.get(login)  # its cookie is the context's, too; no page is drawn for it
        yield context.new_page(), watch
    finally:
        context.close()


def axe(page: Page, *rules: str) -> list[str]:
    """Return what rules of accessibility (all, or those named) say against a page, a sentence for each element."""
    if not page.evaluate("!!window.axe"):
        page.evaluate(AXE)
    how = {"resultTypes": ["violations"], "iframes": False} | ({"runOnly": rules} if rules else {})
    found = page.evaluate("how => axe.run(document, how)", how)
    return [
        f"{rule['id']} ({rule['impact']}): {rule['help']}: {node['html'][:160]} {node['failureSummary'][:300]}"
        for rule in found["violations"]
        for node in rule["nodes"]
    ]


def misfits(page: Page) -> list[str]:
    """Return what sticks out of the window, and which controls lie on each other."""
    return [*page.evaluate("looks.sticksOut()"), *page.evaluate("looks.overlaps()")]


def tab_through(page: Page, limit: int = 400) -> tuple[list[str], list[str], list[str]]:
    """
    Press Tab from the top of a page until it begins anew.

    Returns:
        What was reached, in order; what of it does not show that it has the focus; what should be reached.
    """
    page.evaluate("looks.rewind()")
    reached, unseen = [], []
    for _ in range(limit):
        page.keyboard.press("Tab")
        found = page.evaluate("looks.focused()")
        if found is None:
            break
        reached += found[:1]
        if found and not found[1]:
            unseen.append(found[0])
    return reached, unseen, page.evaluate("looks.reachable()")

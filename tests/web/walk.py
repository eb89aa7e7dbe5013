"""One walk through a view: it is opened once, and looked at in each width and light."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, field

import browsing
from playwright.sync_api import Error, Page
from views import View

# Phone; a usual window; 2160p.
PHONE, WINDOW, LARGE = (400, 800), (1600, 1000), (3840, 2160)
SETTLED_MS = 15_000  # of a busy machine
LOOK_MS = 50
# What another light and another width can break.
OF_LAYOUT = ("color-contrast", "scrollable-region-focusable", "target-size", "link-in-text-block")


@dataclass
class Walk:
    """
    What a view showed.

    Attributes:
        status: Of HTTP.
        outline: Title, headings, landmarks, text, maps.
        reached: Controls that Tab reaches, in order; `unseen` do not show it; `controls` is what there is.
        axe: By light: what is wrong for those who do not see, or see little.
        misfits: By width: what sticks out or lies on something else.
        heard: Errors, requests to strangers, breaches of the policy.
    """

    status: int
    outline: dict
    reached: list[str]
    unseen: list[str]
    controls: list[str]
    axe: dict[str, list[str]] = field(default_factory=dict)
    misfits: dict[int, list[str]] = field(default_factory=dict)
    heard: list[str] = field(default_factory=list)


def settle(page: Page) -> None:
    """Wait until a page has loaded what it shows."""
    for _ in range(SETTLED_MS // LOOK_MS):  # what is wrong at the end, the looks show
        if page.evaluate("looks.settled()"):
            return
        page.wait_for_timeout(LOOK_MS)


def draw(page: Page) -> None:
    """Wait until a map has drawn all it has; one that never does is told by what it lacks."""
    with suppress(Error):
        page.wait_for_selector(".map[data-idle=yes]", timeout=SETTLED_MS)


def resize(page: Page, size: tuple[int, int]) -> None:
    """Give the window another size, and let the page be drawn in it."""
    page.set_viewport_size({"width": size[0], "height": size[1]})
    page.evaluate("() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")


def walk(page: Page, watch: browsing.Watch, view: View, runs: dict[str, str]) -> Walk:
    """Open a view and look at it from all sides."""
    resize(page, WINDOW)
    answer = page.goto(view.path.format(**runs))
    settle(page)
    if view.has_map:
        draw(page)
    found = Walk(answer.status, page.evaluate("looks.outline()"), *browsing.tab_through(page))
    found.misfits[WINDOW[0]] = browsing.misfits(page)
    found.axe["light"] = browsing.axe(page)
    page.emulate_media(color_scheme="dark")
    resize(page, PHONE)
    found.misfits[PHONE[0]] = browsing.misfits(page)
    found.axe["dark"] = browsing.axe(page, *OF_LAYOUT)
    resize(page, LARGE)
    found.misfits[LARGE[0]] = browsing.misfits(page)
    found.heard = watch.of(page)
    return found

"""
What a run of 40,000 parts costs the browser: first paint, an update, and memory while the page is left open.

    python benchmarks/page_browser.py [--minutes 30] [--parts 40000] [--opened 5]

Makes the state of such a run, serves it by `orchestrator web`, and opens its page in the system's Chromium, whose
graphics are computed by the processor. Then every two seconds some parts are placed and an event is written, as by a
run under way.

Beside wall time, which grows with whatever else the machine does, stands the processor time of all of the browser's
processes, graphics included. Reported are:

first paint   from the beginning of the navigation to the first contentful paint, and to the map drawn with all parts
update        from the message of the stream to the frame in which map and legend show it, and its longest task
memory        of the page's scripts after garbage was collected (JSHeapUsedSize), its document's nodes and listeners,
              and of the page's process on the server (RSS): a line each tenth of the time, and the slope over the last
              two thirds
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import cast

HERE = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(HERE), str(HERE / "tests" / "web"), str(HERE / "tests" / "journey")]

import browsing  # noqa: E402  after the lines that find them
import journey_kit as kit  # noqa: E402
import large  # noqa: E402
import page_kit  # noqa: E402
from playwright.sync_api import Browser, CDPSession, Page, sync_playwright  # noqa: E402

TURN_SECONDS = 2.0
# Marks each message of the stream, and the first frame after which map and legend are as it says.
MARKS = """
window.updates = []; window.tasks = [];
new PerformanceObserver((list) => { for (const e of list.getEntries()) window.tasks.push([e.startTime, e.duration]); })
  .observe({type: "longtask", buffered: true});
document.addEventListener("DOMContentLoaded", () => {
  let heard = 0;
  document.body.addEventListener("live", () => { heard = performance.now(); });
  document.addEventListener("parts", () => requestAnimationFrame(() => {
    if (!heard) return;
    window.updates.push([heard, performance.now()]);
    heard = 0;
  }));
});
"""


def main() -> None:
    """Measure, and print a table of each."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=2.0, help="how long the page is left open")
    parser.add_argument("--parts", type=int, default=large.SIDE**2, help="parts of the run; a square number")
    parser.add_argument("--opened", type=int, default=5, help="how often the page is opened anew for the first paint")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as made, kit.Program() as program, sync_playwright() as playwright:
        folder, browser = Path(made), browsing.launch(playwright)
        run_id = large.make(folder, round(asked.parts**0.5))
        home = kit.Home(folder, program, None)  # type: ignore[arg-type]  no sandbox is needed to look
        window = {"width": 1600, "height": 1000}
        with page_kit.serving(home) as served, browsing.visit(browser, served.login, viewport=window) as (page, _):
            page.add_init_script(MARKS)
            first_paints(page, f"/runs/{run_id}", asked.opened)
            stay(page, served.running.pid, large.Worker(folder, run_id), asked.minutes)
        browser.close()


def first_paints(page: Page, path: str, count: int) -> None:
    """Open the page several times; print when something, and when the map, was there."""
    print("| opened | first contentful paint, ms | map with all parts, ms | processor, ms | bytes |")
    print("|---|---|---|---|---|")
    for number in range(1, count + 1):
        before = processor_seconds(page)
        page.goto(path)
        drawn = until_drawn(page)
        spent = processor_seconds(page) - before
        paint, size = page.evaluate(
            """() => [performance.getEntriesByName("first-contentful-paint")[0]?.startTime ?? NaN,
              performance.getEntriesByType("resource").reduce((sum, e) => sum + e.transferSize, 0)]"""
        )
        print(f"| {number} | {paint:.0f} | {drawn:.0f} | {1000 * spent:.0f} | {size:,} |", flush=True)


def processor_seconds(page: Page) -> float:
    """Return what all processes of the browser have used so far."""
    session = cast("Browser", page.context.browser).new_browser_cdp_session()
    told = session.send("SystemInfo.getProcessInfo")["processInfo"]
    session.detach()
    return float(sum(each["cpuTime"] for each in told))


def until_drawn(page: Page) -> float:
    """Return when the map had drawn all parts, milliseconds after the navigation began."""
    while not page.evaluate("document.querySelector('.map')?.dataset.idle === 'yes'"):
        page.wait_for_timeout(10)
    return float(page.evaluate("performance.now()"))


def stay(page: Page, pid: int, worker: large.Worker, minutes: float) -> None:
    """Leave the page open while the run goes on; print what updates took, and memory."""
    cdp, begun, looks = page.context.new_cdp_session(page), time.monotonic(), []
    end, step = begun + 60 * minutes, 60 * minutes / 10
    heads = ("minute", "heap MB", "nodes", "listeners", "server RSS MB", "updates", "update ms, median", "most")
    print("", "| " + " | ".join((*heads, "longest task", "processor ms each")) + " |", sep="\n")
    print("|" + "---|" * 10)
    while time.monotonic() < end:
        upto = time.monotonic() + step
        page.evaluate("window.updates = []; window.tasks = []; performance.clearResourceTimings()")
        spent = processor_seconds(page)
        while time.monotonic() < upto:
            worker.turn(2, events=5)
            page.wait_for_timeout(1000 * TURN_SECONDS)
        seconds, spent = time.monotonic() - begun, processor_seconds(page) - spent
        looks.append((seconds, *look(page, cdp, pid, seconds, spent)))
    worker.close()
    late = looks[len(looks) // 3 :]
    for name, column in (("heap", 1), ("server", 2)):
        slope = statistics.linear_regression([each[0] / 60 for each in late], [each[column] for each in late]).slope
        print(f"{name}: {slope:+.3f} MB a minute over the last {(late[-1][0] - late[0][0]) / 60:.1f} minutes")


def look(page: Page, cdp: CDPSession, pid: int, seconds: float, spent: float) -> tuple[float, float]:
    """Print a line of what the page holds now; return the heap of its scripts and its server's memory, MB."""
    cdp.send("HeapProfiler.collectGarbage")
    heap = cdp.send("Runtime.getHeapUsage")["usedSize"] / 1e6
    held = cdp.send("Memory.getDOMCounters")
    status = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    server = int(status.partition("VmRSS:")[2].split()[0]) / 1e3
    updates = [shown - heard for heard, shown in page.evaluate("window.updates")]
    longest = max((each[1] for each in page.evaluate("window.tasks")), default=0.0)
    middle, most = (statistics.median(updates), max(updates)) if updates else (float("nan"), float("nan"))
    each = 1000 * spent / max(1, len(updates))
    numbers = f"{heap:.1f} | {held['nodes']} | {held['jsEventListeners']} | {server:.0f} | {len(updates)}"
    print(f"| {seconds / 60:.1f} | {numbers} | {middle:.0f} | {most:.0f} | {longest:.0f} | {each:.0f} |", flush=True)
    return heap, server


if __name__ == "__main__":
    main()

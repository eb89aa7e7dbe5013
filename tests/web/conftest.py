"""A page of the program as a process, and the system's browser before it."""

from __future__ import annotations

import asyncio
import fcntl
import json
import os
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "journey"))
sys.path.insert(0, str(Path(__file__).parent))

import browsing
import journey_kit as kit
import service_fixtures
import stage as staging
from page_kit import serving

service = service_fixtures.service


@pytest.fixture(scope="package")
def stage(tmp_path_factory, program, worker_id):
    """One state for all tests, of every process of tests: to make it costs seconds."""
    root = tmp_path_factory.getbasetemp() if worker_id == "master" else tmp_path_factory.getbasetemp().parent
    folder = root / "stage"
    with (root / "stage.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        known = folder / "runs.json"
        if known.exists():
            return staging.Stage(kit.Home(folder, program, None), json.loads(known.read_text()))
        folder.mkdir()
        with kit.Service(program, root / "stage-sandbox") as made_with:
            made = staging.make(folder, program, made_with)
        known.write_text(json.dumps(made.runs))
        return made


@pytest.fixture(scope="package")
def served(stage):
    """The page over the state of `stage`."""
    stage.beat(seconds_ago=-50)
    # Nobody is asked who this machine is: what the doctor asks for does not leave it.
    nobody = {f"ORCHESTRATOR_{name}__URL": "http://127.0.0.1:9" for name in ("EE", "GCS", "DRIVE")}
    with serving(stage.home, NO_GCE_CHECK="true", **nobody) as page:
        yield page


@pytest.fixture(scope="package")
def chromium():
    """The system's browser; whoever has none may leave these tests out, but `.ci/run` may not."""
    if not browsing.find_chromium():
        reason = "no chromium: install it (Debian: apt-get install chromium), or name it: ORCHESTRATOR_TEST_CHROMIUM"
        if os.environ.get("ORCHESTRATOR_TEST_BROWSER") == "needed":
            pytest.fail(reason)
        pytest.skip(reason)
    from playwright.sync_api import sync_playwright  # noqa: PLC0415  where there is no browser, nor need this be

    with sync_playwright() as playwright:
        browser = browsing.launch(playwright)
        yield browser
        browser.close()


@pytest.fixture(autouse=True)
def _loops_of_their_own(request):
    """Playwright's loop runs as long as the browser does; a test without a browser may run its own."""
    running = asyncio._get_running_loop()
    if running is None or "chromium" in request.fixturenames:
        yield
        return
    asyncio._set_running_loop(None)
    yield
    asyncio._set_running_loop(running)


@pytest.fixture
def page(chromium, served):
    """A page of the browser, logged in; after the test it has broken nothing and asked nobody else."""
    with browsing.visit(chromium, served.login) as (page, watch):
        yield page
        heard = watch.of(page)
    assert heard == []

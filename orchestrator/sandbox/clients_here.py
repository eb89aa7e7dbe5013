"""Google's real clients of this process, pointed at a sandbox for a while."""

from __future__ import annotations

import inspect
import os
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from typing import Any
from unittest.mock import patch

from orchestrator.sandbox.server import Sandbox


@contextmanager
def clients_at(sandbox: Sandbox) -> Iterator[None]:
    """
    Initialize `ee` against a sandbox, and let everything else that signs in find it, too, until the end.

    The program's own `ee.Initialize(...)` leads to the sandbox, whatever credentials, address and project it names
    (the project is kept), also where it was imported by its name; `ee.Authenticate()` is content. google-cloud-storage
    and gcsfs find the sandbox by STORAGE_EMULATOR_HOST. Nothing is asked of Google: the client's list of deprecated
    data sets, which it fetches from there, stays empty. At the end `ee` is signed in to nothing.
    """
    import ee  # noqa: PLC0415  slow, and only for whoever asks
    from google.auth.credentials import AnonymousCredentials  # noqa: PLC0415

    project = sandbox.options.project

    class Nobody(AnonymousCredentials):
        """Credentials that `ee.Initialize()` without a project takes one from."""

        quota_project_id = project

    here = {
        "credentials": AnonymousCredentials(),  # type: ignore[no-untyped-call]
        "api_base_url": f"{sandbox.url}/api",
        "tile_base_url": sandbox.url,
        "cloud_api_base_url": sandbox.url,
        "cloud_api_key": None,
        "http_transport": None,
    }
    environment = {"STORAGE_EMULATOR_HOST": sandbox.url, "GOOGLE_CLOUD_PROJECT": project}
    with ExitStack() as until_the_end:
        enter = until_the_end.enter_context
        enter(patch.object(ee.data, "initialize", _led(ee.data.initialize, here)))
        enter(patch.object(ee.data, "get_persistent_credentials", Nobody))
        enter(patch.object(ee.oauth, "authenticate", lambda *_, **__: True))
        enter(patch.object(ee.deprecation, "InitializeDeprecatedAssets", lambda: None))
        enter(patch.dict(os.environ, environment))
        # The functions that `ee` has learnt stay: they are the same in every sandbox, and take a quarter of a second.
        until_the_end.callback(ee.data.reset)
        ee.data.reset()
        ee.Initialize(project=project)
        yield


def _led(initialize: Callable[..., None], here: Mapping[str, Any]) -> Callable[..., None]:
    """Wrap the client's way of signing in: whatever it is given, it goes where `here` says."""
    signature = inspect.signature(initialize)
    known = {name: value for name, value in here.items() if name in signature.parameters}

    def led(*given: Any, **named: Any) -> None:
        asked = signature.bind(*given, **named).arguments
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # anonymous credentials name no project for quotas
            initialize(**{**asked, **known})

    return led


def forget_functions() -> None:
    """Let `ee` be what it was before its first use."""
    import ee  # noqa: PLC0415  it is loaded by now

    ee.Reset()

"""A sandbox for folders whose tests go through the command line; their conftest imports them."""

from __future__ import annotations

import journey_kit as kit
import pytest


@pytest.fixture(scope="module")
def service(tmp_path_factory, program):
    """One sandbox for the tests of a file, with whatever scenes it likes: synthetic ones."""
    with kit.Service(program, tmp_path_factory.mktemp("sandbox")) as service:
        yield service

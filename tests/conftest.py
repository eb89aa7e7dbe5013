"""What every test leaves as it found it."""

from __future__ import annotations

import pytest
import structlog


@pytest.fixture(autouse=True)
def _log_goes_nowhere_later():
    """Whoever sets up the log of the process does so with a stream that ends with the test."""
    yield
    structlog.reset_defaults()

"""`python -m orchestrator.sandbox.safe`."""

from __future__ import annotations

import sys

from orchestrator.sandbox.safe.main import main

if __name__ == "__main__":
    sys.exit(main())

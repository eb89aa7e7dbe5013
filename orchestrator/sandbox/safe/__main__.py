"""`python -m orchestrator.sandbox.safe`."""

from __future__ import annotations

from orchestrator.sandbox.safe.main import main

raise SystemExit(main())

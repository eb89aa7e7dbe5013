"""`python -m orchestrator.sandbox`."""

from __future__ import annotations

from orchestrator.sandbox.main import main

raise SystemExit(main())

"""`python -m orchestrator.sandbox`."""

from __future__ import annotations

import sys

try:
    from orchestrator.sandbox.main import main
except ModuleNotFoundError as missing:
    if missing.name is None or missing.name.startswith("orchestrator"):
        raise
    sys.stderr.write(f"sandbox: it needs the extra `sandbox` ({missing.name} is missing): `pip install scipy`\n")
    raise SystemExit(2) from None

raise SystemExit(main())

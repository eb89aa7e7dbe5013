"""`python -m orchestrator.faces.web.api > docs/reference/openapi.json`."""

from __future__ import annotations

import json
import sys

from orchestrator.faces.web.api.document import document

if __name__ == "__main__":
    sys.stdout.write(json.dumps(document(), indent=2, ensure_ascii=False) + "\n")

"""What is wrong in a folder of scenes, a line each."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from orchestrator.faces.cli.output import Output
    from orchestrator.products.scenes.checking import FolderFault

_MOST_LISTED = 20


def show_faults(faults: Sequence[FolderFault], output: Output) -> Counter[str]:
    """Say each, the first of many to whoever reads; return how many there are of each kind."""
    for fault in faults:
        output.message("fault", {"kind": fault.kind, "path": fault.path, "what": fault.what})
    for fault in faults[:_MOST_LISTED]:
        output.say(f"{fault.kind:<11}{fault.path}: {fault.what}")
    if (rest := len(faults) - _MOST_LISTED) > 0:
        output.say(f"... and {rest:,} more; --json lists them all")
    return Counter(fault.kind for fault in faults)

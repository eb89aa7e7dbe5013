"""Check every documented example and print the table; the exit status is 1 if one is wrong."""

from __future__ import annotations

import argparse
import sys

from orchestrator.sandbox.documented.examples import Verdict, checked, read_all
from orchestrator.sandbox.documented.table import page, read_sources, rows, written
from orchestrator.sandbox.earthengine.evaluate import Evaluator, registry
from orchestrator.sandbox.scenes.world import WorldCatalogue


def main() -> int:
    """Print what was asked for."""
    parser = argparse.ArgumentParser(
        prog="python -m orchestrator.sandbox.documented",
        description="Check the sandbox against the examples of Earth Engine's documentation.",
    )
    parser.add_argument("--wrong", action="store_true", help="show each example that is wrong")
    parser.add_argument("--refused", action="store_true", help="show each example that is refused, and by which name")
    parser.add_argument(
        "--functions", action="store_true", help="show for each function its source, or that it is refused"
    )
    parser.add_argument("--page", action="store_true", help="write FUNCTIONS.md")
    asked = parser.parse_args()
    if asked.page:
        sys.stdout.write(page(read_sources()))
        return 0
    if asked.functions:
        _print_functions()
        return 0
    evaluator = Evaluator(WorldCatalogue())
    outcomes = [(example, checked(example, evaluator)) for example in read_all()]
    shown = {Verdict.WRONG: asked.wrong, Verdict.REFUSED: asked.refused}
    for example, outcome in outcomes:
        if shown.get(outcome.verdict):
            sys.stdout.write(f"{outcome.verdict.value}: {example}: {outcome.found}; stated: {example.says}\n")
    sys.stdout.write(written(rows(outcomes)) + "\n")
    return int(any(outcome.verdict is Verdict.WRONG for _, outcome in outcomes))


def _print_functions() -> None:
    sources, imitated = read_sources(), registry.imitated()
    for name in sorted(registry.declared()):
        source = sources.get(name)
        told = (
            "refused"
            if name not in imitated
            else "no source"
            if source is None
            else f"{source.pages}\t{source.refused}"
        )
        sys.stdout.write(f"{name}\t{told}".rstrip() + "\n")


if __name__ == "__main__":
    sys.exit(main())

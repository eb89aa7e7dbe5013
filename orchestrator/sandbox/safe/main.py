"""`python -m orchestrator.sandbox.safe`: writes products to a folder."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path

from orchestrator.sandbox.safe.bands import LEVELS, NAMES
from orchestrator.sandbox.safe.product import COARSEST, Cut, Options, Product, SafeError
from orchestrator.sandbox.safe.source import Source
from orchestrator.sandbox.safe.tree import write

_EXAMPLE = "example: %(prog)s out --tile 33TWL --start 2024-06-01 --end 2024-06-10 --cut 300,400,180,180"


def main(argv: Sequence[str] | None = None) -> int:
    """Write the products that the command line asks for; return the exit code."""
    asked = _parser().parse_args(argv)
    try:
        products = list(_products(asked))
        for product in products:
            _write(product, asked.out)
    except SafeError as error:
        sys.stderr.write(f"safe: {error}\n")
        return 2
    if not products:
        sys.stderr.write(f"safe: nothing passes over {asked.tile} from {asked.start} to {asked.end}\n")
        return 1
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m orchestrator.sandbox.safe", description="Write invented Sentinel-2 products.", epilog=_EXAMPLE
    )
    add = parser.add_argument
    add("out", type=Path, help="folder that gets the products")
    add("--tile", required=True, help="such as 33TWL")
    add("--start", required=True, help="first day, 2024-06-01")
    add("--end", required=True, help="day after the last")
    add("--levels", default=",".join(LEVELS), help="default: %(default)s")
    add("--baseline", default="", help="such as 02.06 or 05.10 (default: that of the day)")
    add("--reprocessed", default="", metavar="BASELINE", help="each sensing once more with this baseline, made later")
    add("--spacecraft", default="", help="S2A to S2D in the names (default: the one that flew)")
    add("--cut", default="", metavar="ROW,COL,ROWS,COLS", help="a part of the tile, in pixels of 60 m")
    add("--pixels", type=int, metavar="N", help="the first N × N pixels of 10 m; a multiple of 6")
    add("--bands", default="", help=f"some of {','.join(NAMES)} (default: all but TCI)")
    add("--scenes", type=int, metavar="N", help="the first N only")
    add("--seed", type=int, default=0, help="of the invented Earth (default: %(default)s)")
    return parser


def _products(asked: argparse.Namespace) -> Iterator[Product]:
    bands = tuple(asked.bands.split(",")) if asked.bands else ()
    options = Options(_cut(asked), asked.baseline, asked.spacecraft, bands)
    source = Source(asked.seed)
    for level in asked.levels.split(","):
        if level not in LEVELS:
            raise SafeError(f"a level is L1C or L2A, not {level!r}")
        for product in islice(source.of_tile(level, asked.tile, asked.start, asked.end, options), asked.scenes):
            yield product
            if asked.reprocessed:
                yield Product(product.scene, level, options.reprocessed(asked.reprocessed))


def _cut(asked: argparse.Namespace) -> Cut:
    if asked.pixels is not None:
        side, rest = divmod(asked.pixels, COARSEST // 10)
        if rest or asked.cut:
            raise SafeError("--pixels is a multiple of 6, and not given together with --cut")
        return Cut(0, 0, side, side)
    if not asked.cut:
        return Cut()
    return Cut.of(asked.cut)


def _write(product: Product, folder: Path) -> None:
    begun, count = time.monotonic(), len(product.images)
    sys.stdout.write(f"{product.name}: {count} images\n")
    write(product, folder, lambda image: _tell(f"  {image.name} {image.metres} m {time.monotonic() - begun:.1f} s"))


def _tell(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()

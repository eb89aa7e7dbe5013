"""One sensing of the invented Earth, cut where the swath ends in broken clouds."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from dataclasses import dataclass
from pathlib import Path

from orchestrator.sandbox.safe.product import Cut, Product

CUT = Cut(670, 1686, 36, 36)  # pixels of 60 m; half is seen, under clouds of all kinds, and squares of ground end in it
TILE, START, END = "33TWL", "2024-06-13", "2024-06-14"


@dataclass(frozen=True)
class Written:
    """A product, where it was written, and Earth Engine's scene of the same sensing."""

    product: Product
    folder: Path
    scene: object

    def image(self, name, metres):
        """The path of one of its images."""
        (found,) = [each for each in self.product.images if (each.name, each.metres) == (name, metres)]
        return self.folder / self.product.path(found)

    @property
    def tile_metadata(self):
        return self.folder / "GRANULE" / self.product.granule / "MTD_TL.xml"

    @property
    def metadata(self):
        return self.folder / f"MTD_MSI{self.product.level}.xml"


def sensing(source, level, options):
    """The one product of the day."""
    (found,) = source.of_tile(level, TILE, START, END, options)
    return found


def parsed(document):
    """Read a file, or a text, with a plain parser."""
    text = document.read_text(encoding="utf-8") if isinstance(document, Path) else document
    return ET.fromstring(text.encode())  # noqa: S314 - made by us

"""A whole product as the service sends it: one zip, made when it is asked for."""

from __future__ import annotations

import tempfile
import zipfile

from orchestrator.sandbox.cdse.products import Product, Products, files_of
from orchestrator.sandbox.streams import FileBody


def zipped(products: Products, product: Product) -> FileBody:
    """Write every file of a product, uncompressed, into a temporary file that ends with the answer."""
    target = tempfile.TemporaryFile()  # noqa: SIM115  the body closes it
    with zipfile.ZipFile(target, "w") as archive:
        for path in files_of(products.tree(product)):
            archive.write(products.open(product, path), f"{product.name}/{path}")
    size = target.tell()
    target.seek(0)
    return FileBody(target, 0, size)

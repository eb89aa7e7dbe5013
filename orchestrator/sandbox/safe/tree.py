"""Writes whole products: images, metadata, the small files around them, and the manifest of all."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

from orchestrator.sandbox.safe.bands import L1C, Image
from orchestrator.sandbox.safe.manifest import NAME, manifest_xml
from orchestrator.sandbox.safe.product import Product, moment
from orchestrator.sandbox.safe.product_xml import product_xml
from orchestrator.sandbox.safe.render import class_counts, render
from orchestrator.sandbox.safe.tile_xml import shares_of, tile_xml
from orchestrator.sandbox.safe.xml_text import HEAD, root, tag

_REPORTS = ("FORMAT_CORRECTNESS", "GENERAL_QUALITY", "GEOMETRIC_QUALITY", "SENSOR_QUALITY")
_STRIP_REPORTS = (*_REPORTS[:3], "RADIOMETRIC_QUALITY", _REPORTS[3])
_REPORT_SPACE = "http://gs2.esa.int/DATA_STRUCTURE/olqcReport"


def write(product: Product, folder: Path, done: Callable[[Image], None] = lambda _: None) -> Path:
    """
    Write a product below `folder`, whole or not at all, and return where it stands.

    A product of that name that is there already is returned as it is. `done` hears of each image.
    """
    final = folder / product.name
    if final.is_dir():
        return final
    folder.mkdir(parents=True, exist_ok=True)
    scratch = folder / f".{product.name}.part"
    shutil.rmtree(scratch, ignore_errors=True)
    scratch.mkdir()
    _fill(product, scratch, done)
    scratch.rename(final)
    return final


def metadata_name(product: Product) -> str:
    """`MTD_MSIL1C.xml`."""
    return f"MTD_MSI{product.level}.xml"


def _fill(product: Product, folder: Path, done: Callable[[Image], None]) -> None:
    render(product, folder, done)
    shares = {} if product.level == L1C else shares_of(product, class_counts(product))
    documents = {
        metadata_name(product): product_xml(product, shares),
        "INSPIRE.xml": f"{HEAD}{tag('INSPIRE', product.name)}\n",
        "HTML/UserProduct_index.html": f"<html><body>{product.name}</body></html>\n",
        f"DATASTRIP/{product.datastrip}/MTD_DS.xml": _datastrip_xml(product),
        **{f"DATASTRIP/{product.datastrip}/QI_DATA/{name}.xml": _report(product, name) for name in _STRIP_REPORTS},
        f"GRANULE/{product.granule}/MTD_TL.xml": tile_xml(product, shares),
        **{f"GRANULE/{product.granule}/QI_DATA/{name}.xml": _report(product, name) for name in _REPORTS},
    }
    for path, text in documents.items():
        _put(folder / path, text)
    listed = [*documents, *(product.path(image) for image in product.images)]
    _put(folder / NAME, manifest_xml(product, folder, sorted(listed)))
    # As in real products: folders without a file, and a schema that the manifest does not list.
    (folder / "AUX_DATA").mkdir()
    (folder / "GRANULE" / product.granule / "AUX_DATA").mkdir()
    _put(folder / "rep_info" / "S2_User_Product_Metadata.xsd", f"{HEAD}{tag('schema')}\n")


def _put(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text.encode("utf-8"))


def _report(product: Product, name: str) -> str:
    report = tag("report", tag("name", name), date=moment(product.made), globalStatus="PASSED")
    return f"{HEAD}{tag('Earth_Explorer_File', tag('Data_Block', report, type='xml'), xmlns=_REPORT_SPACE)}\n"


def _datastrip_xml(product: Product) -> str:
    level = product.level[1:]
    space = f"https://psd-14.sentinel2.eo.esa.int/PSD/S2_PDI_Level-{level}_Datastrip_Metadata.xsd"
    identifier = tag("DATASTRIP_ID", product.datastrip_id)
    return root(f"n1:Level-{level}_DataStrip_ID", {"n1": space}, tag("n1:General_Info", identifier))

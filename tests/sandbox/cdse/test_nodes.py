"""A product's files as nodes: listed for everybody, on the download host."""

from __future__ import annotations

import pytest
import requests

from orchestrator.sandbox.cdse.folder import FolderError, FolderProducts
from orchestrator.sandbox.cdse.products import Bounds


def listing(address):
    return requests.get(address, timeout=20).json()["result"]


def walk(address):
    """Every path below a listing with its size, by the addresses that the listings give."""
    found = {}
    for each in listing(address):
        below = walk(each["Nodes"]["uri"]) if each["ChildrenNumber"] else {}
        found |= {f"{each['Name']}/{path}": size for path, size in below.items()} or {
            each["Name"]: each["ContentLength"]
        }
    return found


def test_a_product_is_one_folder_of_its_name(space, product):
    """With the fields of the service's page, and no token asked for."""
    (folder,) = listing(f"{space.urls['download']}/Products({product['Id']})/Nodes")

    assert folder == {
        "Id": product["Name"],
        "Name": product["Name"],
        "ContentLength": 0,
        "ChildrenNumber": 4,
        "Nodes": {"uri": space.node(product, end="/Nodes")},
    }


def test_the_addresses_of_listings_lead_to_every_file(space, product, safe):
    """Sizes as on disk; the empty folder and the empty file look alike."""
    found = walk(f"{space.urls['download']}/Products({product['Id']})/Nodes")

    files = {str(each.relative_to(safe.parent)): each.stat().st_size for each in safe.rglob("*") if each.is_file()}
    empty = f"{safe.name}/GRANULE/L1C_T32TQM_A044600_null"
    assert found == {**files, empty: 0}
    assert files[f"{safe.name}/AUX_DATA/ECMWFT"] == 0


def test_a_file_has_no_nodes(space, product):
    """Its listing is empty, as the service's page says."""
    assert listing(space.node(product, "manifest.safe", "/Nodes")) == []


def test_the_catalogues_host_sends_listings_to_the_download_host(space, product):
    """Clients that follow redirects find the same."""
    answer = requests.get(space.node(product, end="/Nodes", host="catalogue"), timeout=20)

    assert [each.status_code for each in answer.history] == [301]
    assert answer.json()["result"] == listing(space.node(product, end="/Nodes"))


@pytest.mark.parametrize(
    ("number", "steps", "status"),
    [
        pytest.param("'{id}'", "", 400, id="an Id in quotes"),
        pytest.param("1", "", 400, id="an Id that is none"),
        pytest.param("{id}", "/Nodes('{name}')", 400, id="a name in quotes"),
        pytest.param("00000000-0000-4000-8000-000000000000", "", 404, id="nobody's Id"),
        pytest.param("{id}", "/Nodes({name})/Nodes(nothing)", 404, id="nobody's name"),
        pytest.param("{id}", "/Nodes({name})/Nodes(..)", 404, id="a way out"),
        pytest.param("{id}", "/Nodes({name})/Nodes(AUX_DATA%2FECMWFT)", 400, id="a slash in a name"),
    ],
)
def test_what_is_no_node_is_refused(space, product, number, steps, status):
    """Quotes are malformed (DAT-ZIP-104); what does not exist is 404."""
    told = {"id": product["Id"], "name": product["Name"]}
    address = f"{space.urls['download']}/Products({number.format(**told)}){steps.format(**told)}/Nodes"

    answer = requests.get(address, timeout=20)

    assert answer.status_code == status
    assert (answer.json().get("code") == "DAT-ZIP-104") is (status == 400)


@pytest.mark.real
def test_a_record_beside_the_tree_is_told_as_it_is(spaces, real_data):
    """Id, footprint, sizes and attributes of the real scene's file, to the last digit."""
    import json  # noqa: PLC0415

    folder = real_data / "cdse_scene_T31TDH_20180101"
    own = spaces(folder=folder)

    (found,) = own.find(expand="Attributes").json()["value"]

    assert found == json.loads((folder / "product.odata.json").read_text())


@pytest.mark.real
def test_a_record_is_made_from_the_metadata(spaces, real_data):
    """Start, cloud, orbit and outline stand in MTD_MSIL1C.xml; tile, level and baseline in the name."""
    own = spaces(folder=real_data / "l1c_T56JMM_20180629_decimated")

    (found,) = own.find(expand="Attributes").json()["value"]

    told = {each["Name"]: each["Value"] for each in found["Attributes"]}
    assert found["ContentDate"] == {"Start": "2018-06-29T00:02:41.024000Z", "End": "2018-06-29T00:02:41.024000Z"}
    assert found["S3Path"] == f"/eodata/Sentinel-2/MSI/L1C/2018/06/29/{found['Name']}"
    assert (told["tileId"], told["productType"], told["processorVersion"]) == ("56JMM", "S2MSI1C", "02.06")
    assert (told["relativeOrbitNumber"], told["orbitDirection"]) == (30, "DESCENDING")
    assert found["Footprint"].startswith("geography'SRID=4326;POLYGON ((152.91582530574115 -29.82977371763171")
    assert found["GeoFootprint"]["coordinates"][0][0] == pytest.approx([152.91582530574115, -29.82977371763171])


def test_a_folder_may_hold_trees_at_any_depth_and_of_any_age(tmp_path, write):
    """Old names and trees without metadata have records, too; their Ids are the same every time."""
    names = ["deep/er/S2B_MSIL2A_20240105T101411_N0510_R022_T32TQM_20240105T121000.SAFE", "S2A_OPER_PRD_MSIL1C_X.SAFE"]
    for name in names:
        write(tmp_path / name, {"manifest.safe": b"x"})

    found = {each.name: each for each in FolderProducts(tmp_path).all(Bounds())}

    assert set(found) == {name.rpartition("/")[2] for name in names}
    assert {each.id for each in FolderProducts(tmp_path).all(Bounds())} == {each.id for each in found.values()}
    assert found["S2A_OPER_PRD_MSIL1C_X.SAFE"].attributes.get(("String", "tileId")) is None


METADATA = b"""<n1:Level-1C_User_Product xmlns:n1='n'>
  <PRODUCT_START_TIME>2024-01-05T10:14:12.024Z</PRODUCT_START_TIME>
  <PRODUCT_STOP_TIME>2024-01-05T10:14:22.024Z</PRODUCT_STOP_TIME>
  <SENSING_ORBIT_DIRECTION>DESCENDING</SENSING_ORBIT_DIRECTION>
  <EXT_POS_LIST>46 11 46 12 45 12 45 11 46 11 </EXT_POS_LIST>
  <Cloud_Coverage_Assessment>12.5</Cloud_Coverage_Assessment>
</n1:Level-1C_User_Product>"""


def test_metadata_tell_more_than_the_name(tmp_path, write):
    """Times of the sensing, the outline (latitudes come first there), clouds and the orbit's direction."""
    name = "S2B_MSIL1C_20240105T101411_N0510_R022_T32TQM_20240105T121000.SAFE"
    write(tmp_path / name, {"MTD_MSIL1C.xml": METADATA, "x/y": b"123"})

    (found,) = FolderProducts(tmp_path).all(Bounds())

    assert found.record["ContentDate"] == {"Start": "2024-01-05T10:14:12.024000Z", "End": "2024-01-05T10:14:22.024000Z"}
    assert found.footprint.bounds == (11, 45, 12, 46)
    assert found.attributes["Double", "cloudCover"] == 12.5
    assert found.attributes["String", "orbitDirection"] == "DESCENDING"
    assert found.record["ContentLength"] == len(METADATA) + 3


@pytest.mark.parametrize(
    ("files", "told"),
    [
        pytest.param({"x.txt": b""}, "holds no folder whose name ends in .SAFE", id="nothing to serve"),
        pytest.param({"a.SAFE/m": b"", "a.odata.json": b"{}"}, "a.odata.json is no record", id="an empty record"),
        pytest.param({"a.SAFE/MTD_MSIL1C.xml": b"<a>"}, "MTD_MSIL1C.xml cannot be read", id="broken metadata"),
    ],
)
def test_a_folder_that_cannot_be_served_is_said_in_one_sentence(tmp_path, write, files, told):
    """With the path."""
    write(tmp_path, files)

    with pytest.raises(FolderError, match=told):
        FolderProducts(tmp_path)

"""A manifest says every file once, with its size and checksum; nothing in it leads out of the product."""

from __future__ import annotations

import hashlib

import pytest
from safe_kit import DATA, L1C, needs_real, real

from orchestrator.core.errors import UserError
from orchestrator.safe.manifest import read_manifest

MD5 = "d41d8cd98f00b204e9800998ecf8427e"


def entry(href="./MTD_MSIL1C.xml", size="0", algorithm="MD5", value=MD5):
    place = f'<fileLocation locatorType="URL" href="{href}"/>'
    checksum = f'<checksum checksumName="{algorithm}">{value}</checksum>'
    return (
        f'<dataObject ID="x"><byteStream mimeType="text/xml" size="{size}">{place}{checksum}</byteStream></dataObject>'
    )


def manifest(*entries):
    return f'<x:XFDU xmlns:x="urn:x"><dataObjectSection>{"".join(entries)}</dataObjectSection></x:XFDU>'.encode()


def test_hex_digits_are_read_in_either_case():
    sha3 = hashlib.sha3_256(b"").hexdigest()

    (file,) = read_manifest(manifest(entry(algorithm="SHA3-256", value=sha3.upper())))

    assert (file.path, file.size, file.algorithm, file.checksum) == ("MTD_MSIL1C.xml", 0, "SHA3-256", sha3)


@pytest.mark.parametrize("href", ["../../etc/passwd", "/etc/passwd", "./a/../../b", "", "..\\b", "C:/b"])
def test_no_path_leads_out_of_the_product(href):
    with pytest.raises(UserError, match="expected a path inside the product"):
        read_manifest(manifest(entry(href)))


@pytest.mark.parametrize(
    ("entries", "said"),
    [
        pytest.param([entry(value=MD5[:-1])], "expected 32 hex digits", id="short checksum"),
        pytest.param([entry(value="g" * 32)], "expected 32 hex digits", id="no hex"),
        pytest.param([entry(algorithm="CRC32")], "a checksum CRC32, expected MD5 or SHA3-256", id="algorithm"),
        pytest.param([entry(size="")], "attribute size of byteStream is ''", id="no size"),
        pytest.param([entry(size="-1")], "-1 bytes", id="negative size"),
        pytest.param([entry(), entry()], "lists MTD_MSIL1C.xml twice", id="twice"),
    ],
)
def test_a_file_that_cannot_be_verified_is_refused_by_name(entries, said):
    with pytest.raises(UserError) as refused:
        read_manifest(manifest(*entries))

    assert said in str(refused.value)


@needs_real
@pytest.mark.real
def test_files_of_a_real_product_are_what_its_manifest_says():
    files = read_manifest(*real(f"{L1C}/manifest.safe"))

    content = {file: (DATA / L1C / file.path).read_bytes() for file in files}
    assert {file.path.rpartition("_")[2] for file in files} == {"MSIL1C.xml", "TL.xml", "B01.jp2"}
    assert all(len(content[file]) == file.size for file in files)
    assert all(hashlib.md5(content[file]).hexdigest() == file.checksum for file in files)  # noqa: S324  what was published


@needs_real
@pytest.mark.real
@pytest.mark.parametrize(
    ("path", "count", "algorithm"),
    [
        ("safe_metadata/L2A_N0509_T01KAB/manifest.safe", 86, "SHA3-256"),
        ("safe_metadata/L1C_N0301_T46RER/manifest.safe", 97, "SHA3-256"),
        ("cdse_responses/cdsetool_s2_l1c_N0511_manifest.safe", 59, "SHA3-256"),
    ],
)
def test_every_file_of_real_manifests_is_read(path, count, algorithm):
    content, where = real(path)

    files = read_manifest(content, where)

    assert len(files) == content.count(b"<byteStream") == count
    assert {file.algorithm for file in files} == {algorithm}

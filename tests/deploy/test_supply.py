"""The bill of materials is the lock, and an audit without data is no audit."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
_SPEC = importlib.util.spec_from_file_location("supply", ROOT / ".ci" / "supply.py")
supply = importlib.util.module_from_spec(_SPEC)
_SPEC.loader.exec_module(supply)

ONE, OTHER = "1" * 64, "2" * 64
LOCK = f"""numpy==2.4.6 ; python_full_version < '3.12' \\
    --hash=sha256:{ONE} \\
    --hash=sha256:{OTHER}
numpy==2.5.5 ; python_full_version >= '3.12' \\
    --hash=sha256:{ONE}
Ruamel.Yaml[jinja2]==0.1 \\
    --hash=sha256:{OTHER}
"""


def part(name, version, *hashes):
    """Return a component as cyclonedx-py writes it of a line of a lock file."""
    told = [{"alg": "SHA-256", "content": each} for each in hashes]
    return {"name": name, "version": version, "externalReferences": [{"type": "distribution", "hashes": told}]}


ALL = [part("numpy", "2.4.6", ONE, OTHER), part("numpy", "2.5.5", ONE), part("ruamel-yaml", "0.1", OTHER)]


def test_a_bill_that_says_what_is_locked_differs_in_nothing():
    """Two versions of one name for two Pythons are two; names are compared as indexes compare them."""
    assert supply.differences(supply.locked(LOCK), supply.billed({"components": ALL})) == []


@pytest.mark.parametrize(
    ("parts", "said"),
    [
        pytest.param(ALL[:2], "ruamel-yaml 0.1 is locked and not in the bill", id="one is missing"),
        pytest.param([*ALL, part("more", "1", ONE)], "more 1 is in the bill and not locked", id="one too many"),
        pytest.param([*ALL[:2], part("ruamel-yaml", "0.2", OTHER)], "ruamel-yaml 0.2 is in", id="another version"),
        pytest.param([*ALL[:2], part("ruamel-yaml", "0.1", ONE)], "ruamel-yaml 0.1 has other files", id="other bytes"),
    ],
)
def test_a_bill_that_says_something_else_is_told(parts, said):
    """Each difference is a sentence, and the check fails."""
    told = supply.differences(supply.locked(LOCK), supply.billed({"components": parts}))

    assert any(sentence.startswith(said) for sentence in told)


def test_what_is_locked_without_a_checksum_is_told():
    """Its bytes could be anybody's."""
    assert supply.differences({("a", "1"): frozenset()}, {("a", "1"): frozenset()}) == [
        "a 1 is locked without a checksum"
    ]


def test_the_lock_of_the_program_is_read_whole():
    """As many as lines that pin a version, each with a checksum."""
    text = (ROOT / "requirements.txt").read_text()

    found = supply.locked(text)

    assert len(found) == sum("==" in line and not line.startswith(" ") for line in text.splitlines()) > 100
    assert all(found.values())


# As pip-audit 2.10 writes them; the last is its answer, with exit code 0, where nobody knows the version.
CLEAN = {"name": "a", "version": "1", "vulns": []}
FAULTY = {"name": "b", "version": "2", "vulns": [{"id": "PYSEC-1", "fix_versions": ["3"], "aliases": []}]}
UNKNOWN = {"name": "c", "skip_reason": "Dependency not found on PyPI and could not be audited: c (4)"}


def test_no_data_about_a_version_is_not_taken_for_no_fault():
    """pip-audit passes over it and ends with success."""
    assert supply.verdict({"dependencies": [CLEAN, UNKNOWN]}) == ([], ["c"])
    assert supply.verdict({"dependencies": [CLEAN, FAULTY]}) == (["b 2: PYSEC-1, mended in 3"], [])


@pytest.mark.parametrize(("demanded", "code"), [("demanded", 1), ("", 0)])
def test_an_audit_without_data_fails_where_it_is_demanded(tmp_path, monkeypatch, capsys, demanded, code):
    """Elsewhere it is said in a sentence. Nobody answers here: the address of the way out is a closed port."""
    (tmp_path / "lock.txt").write_text(f"orchestrator-of-nobody==0.0.1 --hash=sha256:{ONE}\n")
    monkeypatch.setenv("ORCHESTRATOR_AUDIT", demanded)
    for name in ("HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")

    assert supply._audit(tmp_path / "lock.txt") == code
    assert "no data for 1 of 1 parts" in capsys.readouterr().out

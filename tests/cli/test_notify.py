"""`notify`: what it says of addresses that are wrong or secret, and what was sent."""

from __future__ import annotations

import pytest

from orchestrator.config import load
from orchestrator.core.errors import ConfigError
from orchestrator.engine.stores.contract_watch import Draft

SECRET = "hunter2hunter2"  # noqa: S105  nobody's
ADDRESS = f"jsons://user:{SECRET}@hook.example/{SECRET}"


def test_nobody_to_tell_is_a_setting(call):
    """With the names of the settings; nothing is sent."""
    called = call("notify", "test")

    assert (called.code, "ORCHESTRATOR_NOTIFY__URLS" in called.err) == (4, True)


@pytest.mark.parametrize(
    ("address", "word"),
    [(f"json://user:{SECRET}@hook.example/{SECRET}", "jsons://"), (f"hook.example/{SECRET}", "scheme")],
)
def test_an_address_that_is_wrong_is_named_by_its_place(call, monkeypatch, address, word):
    """First, second: never by what it holds."""
    monkeypatch.setenv(
        "ORCHESTRATOR_NOTIFY__URLS", f"jsons://good.example/a {address}" if "://" in address else address
    )

    called = call("notify", "send", "text")

    assert called.code == 4
    assert word in called.err
    assert SECRET not in called.out + called.err


@pytest.mark.parametrize(
    "words", [["doctor", "--offline"], ["doctor", "--offline", "--json"], ["notify", "list"]], ids=" ".join
)
def test_addresses_are_shown_nowhere(kept, call, monkeypatch, words):
    """Who is told is called by a scheme and a hash."""
    monkeypatch.setenv("ORCHESTRATOR_NOTIFY__URLS", ADDRESS)
    kept.store.outbox.write([Draft(1, "failed", "r", "2024-06-01T00:00:00", "jsons-1", '{"title": "east: failed"}')])

    called = call(*words)

    assert "jsons-" in called.out
    assert SECRET not in called.out + called.err


def test_a_wrong_kind_of_address_is_masked(tmp_path):
    """A number in its place, as any value that is refused."""
    path = tmp_path / "config.toml"
    path.write_text(f"[notify]\nurls = ['{ADDRESS}']\n")

    with pytest.raises(ConfigError) as refused:
        load(path, environment={})

    assert "notify.urls" in str(refused.value)
    assert SECRET not in str(refused.value)


@pytest.mark.parametrize(
    ("setting", "value", "words"),
    [
        ("events", "faild", "did you mean 'failed'"),
        ("title", "{jobs}", "'jobs' is no field"),
        ("title", "{job.__class__}", "is no field"),
        ("text", "{job", "braces do not match"),
        ("text", "{job:5000000d}", "format"),
        ("keep", "a day", "keep"),
    ],
)
def test_a_setting_that_is_wrong_says_what_is_known(setting, value, words):
    with pytest.raises(ConfigError, match=words):
        load(None, environment={f"ORCHESTRATOR_NOTIFY__{setting.upper()}": value})


def test_a_file_that_everybody_may_read_is_refused(call, tmp_path, monkeypatch):
    """What is in it is a secret; and it is not read."""
    path = tmp_path / "urls"
    path.write_text(ADDRESS)
    path.chmod(0o644)
    monkeypatch.setenv("ORCHESTRATOR_NOTIFY__URLS_FILE", str(path))

    called = call("notify", "test")

    assert (called.code, "chmod 0400" in called.err, SECRET in called.err) == (4, True, False)


def test_the_list_says_what_became_of_each(kept, call):
    """Sent, to be sent, tried in vain with the reason; newest first."""
    box, words = kept.store.outbox, '{"title": "east: failed"}'
    box.write([Draft(n, "failed", "r", "2024-06-01T00:00:00", "jsons-1", words) for n in (1, 2, 3)])
    box.end(1, "sent")
    box.again(2, 4e9, "error=500")

    lines = call("notify", "list").out.splitlines()

    assert [line.split("failed: ")[1][:20] for line in lines] == ["to be sent", "again at 07:06:40 UT", "sent"]
    assert "after 1 in vain: error=500" in lines[1]

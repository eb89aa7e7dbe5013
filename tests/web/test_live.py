"""One look for all streams: what is written into them, and when."""

from __future__ import annotations

import asyncio
import json

import pytest

from orchestrator.app.records import Records
from orchestrator.config import Settings
from orchestrator.engine.stores.sql import SqlStore
from orchestrator.faces.web import live
from orchestrator.faces.web.live import Hub


@pytest.fixture
def records(tmp_path):
    """A state in which nothing has happened yet."""
    found = Records(Settings.model_validate({"local": {"state_dir": str(tmp_path / "state")}}))
    found.store.lessons.learn("it", "is there", 1.0)
    yield found
    found.store.close()


async def message_of(stream):
    """Return the next message of a stream."""
    async for text in stream:
        if text.startswith(b"data: "):
            return json.loads(text.removeprefix(b"data: "))
    return None


def test_every_stream_hears_of_what_another_process_wrote(records, monkeypatch):
    """Fifty open pages, and a change through a store of its own; that time passes is not told here."""
    monkeypatch.setattr(live, "LONGEST_SILENCE_SECONDS", 3600.0)

    async def story():
        hub = Hub(records)
        hub.start()
        streams = [hub.stream() for _ in range(50)]
        first = await asyncio.gather(*map(message_of, streams))
        other = SqlStore(f"sqlite:///{records.database}", records.clock)
        other.lessons.learn("a subject", "a name", 1.0)
        other.close()
        second = await asyncio.gather(*map(message_of, streams))
        hub.stop()
        return {one["revision"] for one in first}, {one["revision"] for one in second}

    before, after = asyncio.run(story())

    assert (len(before), len(after), before & after) == (1, 1, set())


def test_streams_end_when_the_page_ends(records):
    """None is waited for: whoever reads one is at its end."""

    async def story():
        hub = Hub(records)
        hub.start()
        stream = hub.stream()
        await message_of(stream)
        hub.stop()
        return await message_of(stream), hub.streams

    assert asyncio.run(story()) == (None, 0)


def test_an_action_of_this_process_is_seen_at_once(records):
    """Who retried a run does not see the page of before."""
    hub = Hub(records)
    hub.now()
    before = hub.revision

    records.store.lessons.learn("a subject", "a name", 1.0)
    hub.now()

    assert hub.revision != before


def test_a_state_that_cannot_be_read_is_said_and_stops_nothing(records, tmp_path):
    """The page is what shows that."""
    hub = Hub(records)
    records.store.close()
    (tmp_path / "state" / "state.db").write_bytes(b"no database" * 1000)

    hub.now()

    assert "the state cannot be read" in hub.look.says

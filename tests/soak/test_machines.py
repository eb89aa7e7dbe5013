"""The short form of `machines.py`: each blow once, while a run has units under way."""

from __future__ import annotations

import pytest

pytest.importorskip("distributed", reason="the extra `dask` is not installed")
pytest.importorskip("psycopg", reason="the extra `postgres` is not installed")

from machines import KINDS, LEADER_LEASE_SECONDS, machines_in, torment


@pytest.mark.long
@pytest.mark.timeout(900)  # of a busy machine; it takes a minute
@pytest.mark.usefixtures("postgres")  # which says so where there is none
def test_nothing_is_lost_doubled_or_left_whoever_dies(tmp_path, program):
    """Workers, the leader, Dask and the database, each once; the result has the bytes of a quiet run."""
    with machines_in(tmp_path, program, 3) as machines:
        wrong = torment(machines, ["pixels"], machines.strike_each)

        assert wrong == []
        assert set(machines.blows) == set(KINDS)
        assert max(machines.back["killed"]) < LEADER_LEASE_SECONDS + 5  # a look, on a busy machine
        assert max(machines.back["ended"]) < LEADER_LEASE_SECONDS

"""How many processors and how much memory there are, seen from a container."""

from __future__ import annotations

import os

import pytest

from orchestrator.core.machine import memory, processors

ALLOWED = len(os.sched_getaffinity(0))


@pytest.fixture
def root(tmp_path, monkeypatch):
    """A machine of 64 processors whose control groups a test writes."""
    monkeypatch.setattr(os, "sched_getaffinity", lambda _pid: set(range(64)))

    def write(files):
        for name, text in files.items():
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        return tmp_path

    return write


@pytest.mark.parametrize(
    ("files", "found"),
    [
        pytest.param({}, 64, id="no control groups"),
        pytest.param({"proc/self/cgroup": "0::/\n", "sys/fs/cgroup/cpu.max": "max 100000\n"}, 64, id="no limit"),
        pytest.param({"proc/self/cgroup": "0::/\n", "sys/fs/cgroup/cpu.max": "150000 100000\n"}, 2, id="v2: 1.5"),
        pytest.param({"proc/self/cgroup": "0::/\n", "sys/fs/cgroup/cpu.max": "20000 100000\n"}, 1, id="v2: a fifth"),
        pytest.param(
            {"proc/self/cgroup": "0::/a.slice/b.service\n", "sys/fs/cgroup/a.slice/cpu.max": "400000 100000\n"},
            4,
            id="v2: the limit of a group around it",
        ),
        pytest.param(
            {
                "proc/self/cgroup": "5:cpu,cpuacct:/docker/abc\n2:memory:/docker/abc\n",
                "sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us": "300000\n",
                "sys/fs/cgroup/cpu,cpuacct/cpu.cfs_period_us": "100000\n",
            },
            3,
            id="v1: mounted at its own group",
        ),
        pytest.param(
            {
                "proc/self/cgroup": "5:cpu,cpuacct:/\n",
                "sys/fs/cgroup/cpu/cpu.cfs_quota_us": "-1\n",
                "sys/fs/cgroup/cpu/cpu.cfs_period_us": "100000\n",
            },
            64,
            id="v1: no limit",
        ),
        pytest.param(
            {"proc/self/cgroup": "0::/../other\n", "sys/fs/cgroup/cpu.max": "200000 100000\n"}, 2, id="outside"
        ),
    ],
)
def test_a_container_has_its_share(root, files, found):
    """The quota of a container, rounded up, not the machine's processors (kernel: cgroup-v2, sched-bwc)."""
    assert processors(root(files)) == found


def test_a_process_that_is_bound_has_what_it_is_bound_to(monkeypatch, tmp_path):
    """As `taskset` binds it."""
    monkeypatch.setattr(os, "sched_getaffinity", lambda _pid: {3})

    assert processors(tmp_path) == 1


def test_here_there_is_at_least_one():
    """On the machine that runs this."""
    assert 1 <= processors() <= ALLOWED


@pytest.mark.parametrize(
    ("files", "limit"),
    [
        pytest.param({"proc/self/cgroup": "0::/\n", "sys/fs/cgroup/memory.max": "max\n"}, None, id="no limit"),
        pytest.param({"proc/self/cgroup": "0::/\n", "sys/fs/cgroup/memory.max": "1048576\n"}, 1048576, id="v2"),
        pytest.param(
            {"proc/self/cgroup": "4:memory:/a\n", "sys/fs/cgroup/memory/a/memory.limit_in_bytes": "4096\n"},
            4096,
            id="v1",
        ),
    ],
)
def test_a_container_has_its_memory(root, files, limit):
    """What the control group allows, where that is less than the machine has (kernel: cgroup-v2, memory)."""
    whole = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")

    assert memory(root(files)) == (limit or whole)

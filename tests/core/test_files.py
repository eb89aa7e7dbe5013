"""Files that appear whole, and locks that tell who holds them."""

from __future__ import annotations

import hashlib
import os
import signal
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from orchestrator.core import files, system
from orchestrator.core.errors import Stopped
from orchestrator.core.files import (
    CHUNK_BYTES,
    make_folder,
    remove_if_empty,
    remove_tree,
    sha256_of,
    write_once,
    write_whole,
)
from orchestrator.core.locks import LockedError, LockFile, exclusive


def all_at_once(work, count):
    """Call `work` with each number below `count`, in eight threads; whatever one raises is raised."""
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(work, range(count)))


def killed_while_writing(path):
    """Write `path` in a process that dies when the content is to become durable."""
    child = os.fork()
    if child == 0:
        files.os.fsync = lambda _fd: os.kill(os.getpid(), signal.SIGKILL)
        write_whole(path, b"half")
        os._exit(1)
    _pid, status = os.waitpid(child, 0)
    assert os.WTERMSIG(status) == signal.SIGKILL


def test_a_file_is_replaced_whole_and_leaves_nothing_beside(tmp_path):
    """After writing there is the new content and no trace of the way there."""
    path = tmp_path / "a.json"
    write_whole(path, b"old")

    write_whole(path, b"new")

    assert path.read_bytes() == b"new"
    assert list(tmp_path.iterdir()) == [path]


def test_threads_that_write_one_file_do_not_meet(tmp_path):
    """Each of them writes it whole; one is the last, and nothing lies beside."""
    path = tmp_path / "a.json"

    all_at_once(lambda number: write_whole(path, b"%05d" % number * 1000), 200)

    content = path.read_bytes()
    assert content == content[:5] * 1000
    assert list(tmp_path.iterdir()) == [path]


def test_what_a_kill_left_of_a_file_is_swept_when_it_is_written_again(tmp_path):
    """The next writing takes away what a dead process began."""
    path = tmp_path / "a.json"
    killed_while_writing(path)
    left = list(tmp_path.iterdir())

    write_whole(path, b"whole")

    assert len(left) == 1
    assert list(tmp_path.iterdir()) == [path]


def test_a_file_that_is_being_written_is_not_swept(tmp_path, monkeypatch):
    """A second writer leaves the first one's unfinished file alone."""
    path, publish = tmp_path / "a.json", files.publish

    def interrupted(unfinished, final):
        monkeypatch.setattr(files, "publish", publish)
        write_whole(path, b"second")
        publish(unfinished, final)

    monkeypatch.setattr(files, "publish", interrupted)

    write_whole(path, b"first")

    assert path.read_bytes() == b"first"
    assert list(tmp_path.iterdir()) == [path]


def test_an_unfinished_file_lies_where_it_is_told_to(tmp_path):
    """With a folder of its own for what is unfinished, a kill leaves nothing beside the result."""
    work, out = tmp_path / "work", tmp_path / "out"
    work.mkdir()
    out.mkdir()

    write_whole(out / "a.json", b"whole", within=work)

    assert (out / "a.json").read_bytes() == b"whole"
    assert list(work.iterdir()) == []


def test_a_folder_is_made_while_others_remove_the_one_above(tmp_path):
    """Of many that make and remove folders below a common one, none is in another's way."""

    def work(number):
        own = tmp_path / "common" / str(number) / "inside"
        make_folder(own)
        remove_tree(own.parent)
        remove_if_empty(own.parent.parent)

    all_at_once(work, 600)

    assert list(tmp_path.iterdir()) == []


def test_the_checksum_of_a_file_is_that_of_its_bytes(tmp_path):
    """Read piece by piece, it is what the whole gives."""
    path = tmp_path / "a"
    content = bytes(range(256)) * (CHUNK_BYTES // 256) + b"rest"
    path.write_bytes(content)

    assert sha256_of(path) == hashlib.sha256(content).hexdigest()


def test_the_reading_of_a_large_file_ends_when_asked_to(tmp_path):
    """A file of a terabyte is not read to its end by a process that is told to stop."""
    path = tmp_path / "large"
    with path.open("wb") as file:
        file.truncate(1 << 40)
    asked = iter([False, False, True])

    class Soon:
        def is_set(self):
            return next(asked)

    with pytest.raises(Stopped, match="same command"):
        sha256_of(path, Soon())


def test_a_lock_excludes_and_names_its_holder(tmp_path):
    """The second one learns which process to look at."""
    path = tmp_path / "locks" / "run"

    with (
        exclusive(path, "run 7"),
        pytest.raises(LockedError, match=f"run 7 .* process {os.getpid()}"),
        exclusive(path, "run 7"),
    ):
        pass

    with exclusive(path, "run 7"):
        assert path.read_text().strip() == str(os.getpid())


def test_removing_a_tree_does_not_follow_links(tmp_path):
    """A link in a work folder never leads the clean-up out of it."""
    outside = tmp_path / "precious"
    outside.mkdir()
    (outside / "file").write_text("keep")
    work = tmp_path / "work"
    (work / "sub").mkdir(parents=True)
    (work / "sub" / "link").symlink_to(outside)

    remove_tree(work)

    assert not work.exists()
    assert (outside / "file").read_text() == "keep"


def test_two_that_write_once_at_once_have_the_same(tmp_path, monkeypatch):
    """One is overtaken between finding nothing and giving its file a name: it reads the other's, and leaves nothing."""
    begun, overtaken, fsync = threading.Event(), threading.Event(), os.fsync

    def slow_in_the_second(fd):
        fsync(fd)
        if threading.current_thread() is not threading.main_thread():
            begun.set()
            overtaken.wait(30)

    monkeypatch.setattr(os, "fsync", slow_in_the_second)
    with ThreadPoolExecutor(1) as pool:
        slow = pool.submit(write_once, tmp_path / "owner", b"slow")
        begun.wait(30)
        fast = write_once(tmp_path / "owner", b"fast")
        overtaken.set()

        assert (fast, slow.result()) == (b"fast", b"fast")
    assert [path.name for path in tmp_path.iterdir()] == ["owner"]


def test_what_is_there_stays_when_something_is_written_once(tmp_path):
    """The name of an installation is drawn once."""
    (tmp_path / "owner").write_bytes(b"first")

    assert write_once(tmp_path / "owner", b"second") == b"first"


@pytest.mark.parametrize("named", [False, True], ids=["before it had its name", "after"])
def test_what_a_kill_left_of_writing_once_is_taken_away_by_the_next(tmp_path, named):
    """The unfinished file of a process that is gone, whether or not the name was given."""
    left = tmp_path / ".owner.0123456789ab.tmp"
    left.write_bytes(b"dead")
    if named:
        (tmp_path / "owner").hardlink_to(left)

    write_once(tmp_path / "owner", b"alive")

    assert [path.name for path in tmp_path.iterdir()] == ["owner"]


def test_a_lock_is_taken_over_from_a_process_that_has_lost_what_it_stands_for(tmp_path):
    """The other keeps a file without a name; its end, in whatever way, leaves the new holder's file and lock alone."""
    path = tmp_path / "lock"
    stopped, ours, third = LockFile(path), LockFile(path), LockFile(path)
    stopped.acquire(lambda _said: "held")
    with pytest.raises(LockedError, match="held"):
        ours.acquire(lambda _said: "held")

    ours.take_over(lambda _said: "held")
    ours.write(b"ours")
    stopped.remove()

    assert path.read_bytes() == b"ours"
    with pytest.raises(LockedError, match="ours"):
        third.acquire(bytes.decode)
    ours.release()


def test_a_lock_is_had_although_its_folder_goes_just_now(tmp_path, monkeypatch):
    """Whoever lets go of the last lock of a folder removes that, between our making it and our opening a file in it."""
    really, calls = system.open_descriptor, []

    def open_descriptor(path, *given, **more):
        calls.append(path)
        if len(calls) == 1:
            path.parent.rmdir()
        return really(path, *given, **more)

    monkeypatch.setattr(system, "open_descriptor", open_descriptor)
    lock = LockFile(tmp_path / "locks" / "one")

    lock.acquire(lambda said: f"taken: {said!r}")

    assert lock.held
    assert len(calls) == 2
    lock.remove()

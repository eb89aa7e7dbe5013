"""Bytes that are no part, a way that spoils them, and a folder that is taken away."""

from __future__ import annotations

from model_product import FileSink
from model_world import TASKS
from story_kit import exports, finish, go_on

from orchestrator.core.errors import DamagedObjectError, IntegrityError, WayError
from orchestrator.core.files import remove_tree
from orchestrator.model.states import PartState, RunState


def test_a_whole_object_that_is_no_part_is_exported_once_more(story, monkeypatch):
    """Its checksum is right, and it cannot be read: another copy of it would be the same."""
    place, left = FileSink.place, [1]

    def picky(self, parts, on_placed):
        for part in parts:
            if left[0]:
                left[0] -= 1
                raise IntegrityError("no readable GeoTIFF")
            place(self, [part], on_placed)

    monkeypatch.setattr(FileSink, "place", picky)
    finish(story)

    assert exports(story) == len(TASKS) + 1


def test_what_is_no_part_again_ends_the_run(story, monkeypatch):
    """Twice is no accident: what Earth Engine writes is another thing than was planned."""

    def refuse(_self, parts, _on_placed):
        for _ in parts:
            raise IntegrityError("no readable GeoTIFF")

    monkeypatch.setattr(FileSink, "place", refuse)
    for _ in range(80):
        go_on(story, working=True)
        if story._state() is RunState.FAILED:
            break

    assert "no readable GeoTIFF" in story.store.runs.get(story.run_id).reason
    assert all(task.attempt <= 2 for task in story.store.tasks.of(story.run_id))


def test_a_folder_taken_away_in_the_middle_is_made_again(story):
    """The same process goes on; nothing is exported again."""
    while not any(part.state is PartState.MERGED for part in story.store.parts.of(story.run_id)):
        go_on(story, working=True)
    remove_tree(story.folder / ".orchestrator")

    finish(story)

    assert exports(story) == len(TASKS)


def wrong(story, error, times):
    """Let the reading of every object fail so often."""
    left = [times]
    read = story.world.read

    def spoilt(source):
        if left[0] > 0:
            left[0] -= 1
            raise error(f"{source.name}: wrong bytes")
        return read(source)

    story.world.read = spoilt
    return left


def test_bytes_that_arrive_wrong_are_brought_again_not_exported_again(story):
    """The object is sound: the way is waited for, however often it fails."""
    left = wrong(story, WayError, 40)
    for _ in range(400):
        go_on(story, working=True)
        if not left[0]:
            break
    finish(story)

    assert exports(story) == len(TASKS)


def test_a_way_that_stays_bad_holds_the_run(story):
    """Nobody is asked; it is tried again later."""
    wrong(story, WayError, 10**9)
    for _ in range(60):
        go_on(story, working=True)
        if story._state() is RunState.HELD:
            break

    held = story.store.runs.get(story.run_id)
    assert (held.state, held.needs_person) == (RunState.HELD, False)
    assert held.next_at > 0


def test_an_object_that_is_damaged_itself_is_exported_again(story):
    """Proved bad by its own checksum, it never becomes right."""
    wrong(story, DamagedObjectError, 1)

    finish(story)

    assert exports(story) == len(TASKS) + 1

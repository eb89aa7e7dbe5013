"""Plays in which more happens than one command that goes well: faults, people, a daemon, a second time."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import plays
from chips_kit import ChipsHome
from folder_kit import two_parts

# isort: split  the line above finds what follows
from pixels_stage import ONE_AT_A_TIME
from plays import Play, kit, of_stage
from test_chip_contract import ChipStage
from test_mosaic_contract import MosaicStage
from test_patches_contract import PatchStage
from test_pixels import SMALL
from test_recover import lose_state, recover
from test_scene_contract import SceneStage
from test_serve import configure, serve
from test_valid import EMPTY_IMAGE

ASKED_WRONGLY = 2
MEMORY, INTERNAL = "User memory limit exceeded.", "An internal server error has occurred."


def _home(folder: Path, program: kit.Program, service: kit.Service, **environment: str) -> kit.Home:
    return kit.Home(folder, program, service, environment)


def _there(home: kit.Home) -> list[str]:
    return ["--sandbox-url", home.service.url, "--bucket", kit.BUCKET]


def _play(home: kit.Home, *steps: Callable[[], Any]) -> Play:
    return Play(home.folder, steps, lambda: [home.final], home.service)


def _met(*faults: Mapping[str, Any], words: tuple[str, ...] = (), **environment: str) -> plays.Make:
    """A mosaic by export that meets faults."""

    def make(folder: Path, program: kit.Program, service: kit.Service) -> Play:
        home = _home(folder, program, service, **environment)
        service.order(*faults)
        return _play(home, lambda: home.run(*words))

    return make


def masked(folder: Path, program: kit.Program, service: kit.Service) -> Play:
    home = _home(folder, program, service)
    (folder / "image.py").write_text(EMPTY_IMAGE)
    service.order({"action": "task_fail", "message": "No valid (un-masked) pixels in export region.", "count": 4})
    return _play(home, home.run)


def cancelled(folder: Path, program: kit.Program, service: kit.Service) -> Play:
    """Killed when one task was posted; cancelled, cleaned, taken up again."""
    home = _home(folder, program, service)
    service.order({"action": "task_hold", "after": 0.5})
    assert home.run(**{kit.CRASH_AT: "SqlTasks.identify.committed"}).code == kit.KILLED
    run = home.runs()[0]["run"]

    def retry() -> Any:
        ended = home.command("retry", run)
        # Given again after it was done, there is nothing to be retried: that is said.
        return kit.Outcome(0, ended.out, ended.err) if ended.code == ASKED_WRONGLY else ended

    cancel = lambda: home.command("cancel", run, *_there(home))  # noqa: E731
    clean = lambda: home.command("clean", run, *_there(home))  # noqa: E731
    return _play(home, cancel, clean, retry, home.run)


def served(folder: Path, program: kit.Program, service: kit.Service) -> Play:
    home = _home(folder, program, service)
    configure(home)
    return _play(home, lambda: serve(home, "--until-idle").wait())


def audited(folder: Path, program: kit.Program, service: kit.Service) -> Play:
    home = _home(folder, program, service)
    return _play(home, home.run, lambda: home.command("audit", "small", *_there(home)))


def more_patiently(folder: Path, program: kit.Program, service: kit.Service) -> Play:
    """Held for its few valid pixels, then begun again by the same command, which asks for fewer."""
    home = _home(folder, program, service)
    assert home.run("--min-valid", "0.99").code == 3
    return _play(home, lambda: home.run("--min-valid", "0.5"))


def chips_patiently(folder: Path, program: kit.Program, service: kit.Service) -> Play:
    """Killed in its work, then begun again by a command that tries each chip more often."""
    stage = ChipStage(ChipsHome(folder, program, service, ONE_AT_A_TIME))
    assert stage.run(kill_at="unit.placed").code == kit.KILLED
    play = of_stage(stage, folder, service)
    play.steps = [lambda: stage.home.download("--attempts", "20")]
    return play


def lost_output(folder: Path, program: kit.Program, service: kit.Service) -> Play:
    """What was placed of a mosaic by requests is gone when it is to be finished."""
    stage = MosaicStage(_home(folder, program, service, **ONE_AT_A_TIME), "pixels")
    assert stage.run(kill_at="run.assembling").code == kit.KILLED
    for gone in (folder / "out").rglob(".orchestrator/*/mosaic"):
        shutil.rmtree(gone)
    return of_stage(stage, folder, service)


def assembled(folder: Path, program: kit.Program, _service: kit.Service) -> Play:
    two_parts(folder / "parts")
    words = ["assemble", "parts", "--output", "out", "--base-name", "whole", "--json"]
    final = folder / "out" / "whole_clipped.tif"

    def assemble() -> Any:
        ended = program.start(words, folder).wait()
        # Given again after it was done, it says that the result is there.
        done = ended.code == ASKED_WRONGLY and str(final.name) in ended.err and final.exists()
        return kit.Outcome(0, ended.out, ended.err) if done else ended

    return Play(folder, [assemble], lambda: [final])


def scenes_anew(folder: Path, program: kit.Program, service: kit.Service) -> Play:
    """A scene of one processing baseline is there when another has come."""
    stage = SceneStage(folder, program, service)
    assert stage.home.command(*stage.words("--baseline", "05.11")).code == 0
    return of_stage(stage, folder, service, lambda: [folder / "out" / "raw"])


def recovered(folder: Path, program: kit.Program, service: kit.Service) -> Play:
    """The database is lost in the middle of the work, and rebuilt."""
    home = _home(folder, program, service)
    assert home.run(**{kit.CRASH_AT: "part.placed"}).code == kit.KILLED
    lose_state(home)
    return _play(home, lambda: recover(home), home.run)


def brought_up_to_date(folder: Path, program: kit.Program, service: kit.Service) -> Play:
    """A copy of the state of before the first export is put back."""
    home = _home(folder, program, service)
    assert home.run(**{kit.CRASH_AT: "manifest.owned"}).code == kit.KILLED
    kept = folder.parent / "kept"
    shutil.rmtree(kept, ignore_errors=True)
    shutil.copytree(folder / "state", kept)
    assert home.run(**{kit.CRASH_AT: "part.placed"}).code == kit.KILLED
    shutil.rmtree(folder / "state")
    shutil.copytree(kept, folder / "state")
    return _play(home, lambda: recover(home), home.run)


def recognised(folder: Path, program: kit.Program, service: kit.Service) -> Play:
    """The database of a run that was done is lost; its proof tells of it."""
    home = _home(folder, program, service)
    assert home.run().code == 0
    lose_state(home)
    return _play(home, lambda: recover(home, "--results", "out"), home.run)


def busy(folder: Path, program: kit.Program, service: kit.Service) -> Play:
    """Requests that are refused for a while, and one that is refused for good until it is cut."""
    home = _home(folder, program, service, **ONE_AT_A_TIME)
    service.order(*({"action": "http", "api": "image.computePixels", "status": status} for status in (429, 503)))
    service.post("/sandbox/quotas", {"bytes": SMALL})  # until the play is over: no other has this sandbox
    return _play(home, lambda: home.run("--route", "pixels"))


def _again(stage: Any, folder: Path, service: kit.Service | None) -> Play:
    """A result is there, and is made once more."""
    ended = stage.run()
    assert ended.code == 0, ended
    play = of_stage(stage, folder, service)
    play.steps = [lambda: stage.run(again=True)]
    return play


def chips_again(folder: Path, program: kit.Program, service: kit.Service) -> Play:
    return _again(ChipStage(ChipsHome(folder, program, service, ONE_AT_A_TIME)), folder, service)


def patches_again(folder: Path, program: kit.Program, _service: kit.Service) -> Play:
    return _again(PatchStage(folder, program), folder, None)


def chips_more(folder: Path, program: kit.Program, service: kit.Service) -> Play:
    """Two chips are there, and are taken over into a folder of four."""
    stage = ChipStage(ChipsHome(folder, program, service, ONE_AT_A_TIME))
    assert stage.home.download("--first", "2").code == 0
    return of_stage(stage, folder, service)


def parts_missing(folder: Path, program: kit.Program, _service: kit.Service) -> Play:
    """What was measured of a scene is gone when patches are cut: it is measured once more."""
    stage = PatchStage(folder, program)
    assert stage.run(kill_at="unit.placed").code == kit.KILLED
    for path in folder.rglob("*.npz"):
        path.unlink()
    return of_stage(stage, folder, None)


TROUBLES: Mapping[str, plays.Make] = {
    "held": _met({"action": "http", "status": 503, "api": "objects.list", "count": 8}),
    "failed once": _met({"action": "task_fail", "message": INTERNAL, "after": 0.5}),
    "too heavy": _met({"action": "task_fail", "message": MEMORY, "code": 8, "count": 3}, words=("--max-size-mb", "16")),
    "lighter than feared": _met(words=("--scale", "5", "--max-size-mb", "2.4")),
    "a file lost": _met({"action": "task_lose_file"}),
    "a file damaged": _met({"action": "task_damage_file"}),
    "masked": masked,
    "superseded": _met(
        {"action": "commit_then_fail", "api": "image.export", "then": 503},
        {"action": "operation_unlisted", "seconds": 4},
        {"action": "task_hold", "after": 0.5, "seconds": 8},
    ),
    "cancelled": cancelled,
    "served": served,
    "audited": audited,
    "more patiently": more_patiently,
    "recovered": recovered,
    "brought up to date": brought_up_to_date,
    "recognised": recognised,
    "busy": busy,
    "lost output": lost_output,
    "assembled": assembled,
    "scenes anew": scenes_anew,
    "chips patiently": chips_patiently,
    "chips again": chips_again,
    "chips more": chips_more,
    "patches again": patches_again,
    "patches measured again": parts_missing,
}

"""The sandbox as a command: starts, tells its address in one line of JSON, serves until it is told to end."""

from __future__ import annotations

import argparse
import errno
import json
import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

from orchestrator.sandbox import port
from orchestrator.sandbox.behaviour import CHOICES, Behaviour, BehaviourError
from orchestrator.sandbox.cdse.folder import FolderError
from orchestrator.sandbox.cdse.settings import ACCOUNT, Copernicus, CopernicusError
from orchestrator.sandbox.quotas import Quotas
from orchestrator.sandbox.safe.product import SafeError
from orchestrator.sandbox.scenes.stac import ScenesError
from orchestrator.sandbox.server import DEFAULT_BUCKET, DEFAULT_PROJECT, Options, PortError, Sandbox
from orchestrator.sandbox.sources import catalogue

PARENT_STEP_SECONDS = 1.0
GRACE_SECONDS = 15.0  # longer than the sandbox takes to close its books


def main(arguments: list[str] | None = None) -> int:
    """Run the command; return its exit code."""
    asked = _parser().parse_args(arguments)
    # GDAL would keep 5 % of the machine's memory in blocks; what the sandbox writes it rarely reads again.
    os.environ.setdefault("GDAL_CACHEMAX", "64")  # MB
    parent = os.getppid()
    end = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: end.set())
    if asked.die_with_parent:
        threading.Thread(target=_wait_for_parent, args=(end, parent), daemon=True).start()
    if not asked.beyond_loopback and not port.is_loopback(asked.host):
        return _refuse(
            f"--host {asked.host} can be reached from elsewhere, and a sandbox lets everybody do everything; "
            "add --beyond-loopback where that is meant"
        )
    if asked.port and (who := port.sandbox_at(asked.host, asked.port)):
        return _refuse(_in_use(asked, who, asked.port))  # at once, instead of waiting for a folder that it may hold
    try:
        with Sandbox(catalogue(asked.scenes, asked.seed, tell=True), _options(asked)) as sandbox:
            _announce(sandbox, asked.ready_file)
            end.wait()
    except (ScenesError, BehaviourError, CopernicusError, FolderError, SafeError, OSError) as error:
        if isinstance(error, PortError) and error.errno == errno.EADDRINUSE:
            return _refuse(_in_use(asked, port.occupant(asked.host, error.port), error.port))
        return _refuse(str(error))
    return 0


def _refuse(reason: str) -> int:
    _say(reason)
    return 2


def _say(sentence: str) -> None:
    sys.stderr.write(f"sandbox: {sentence}\n")
    sys.stderr.flush()


def _in_use(asked: argparse.Namespace, who: str, number: int) -> str:
    option = "--port" if number == asked.port else "--copernicus-port"
    return f"port {number} of {asked.host} is in use by {who}; choose another {option}, or end what runs there"


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m orchestrator.sandbox",
        description="Earth Engine, Cloud Storage, Drive and the Copernicus Data Space on loopback.",
    )
    add = parser.add_argument
    add("--host", default="127.0.0.1", help="address to listen on (default: %(default)s)")
    add(
        "--beyond-loopback", action="store_true", help="let others use it: it knows no passwords, and runs what is sent"
    )
    add("--port", type=int, default=0, help="port to listen on; 0 lets the system choose")
    add(
        "--scenes",
        type=Path,
        help="folder of STAC items with rasters, or of Sentinel-2 products; default: synthetic scenes",
    )
    add("--seed", type=int, default=0, help="seed of the synthetic scenes (default: %(default)s)")
    _add_copernicus(parser.add_argument_group("Copernicus Data Space"))
    add("--data-dir", type=Path, help="folder that keeps objects and operations; default: a temporary one")
    add("--slots", type=int, default=2, help="tasks that run at a time (default: %(default)s)")
    add("--queue-limit", type=int, default=3000, help="tasks that may wait (default: %(default)s)")
    add("--pixels-at-once", type=_positive, default=40, help="requests for pixels under way (default: %(default)s)")
    add("--pixels-per-second", type=_positive, default=100, help="requests for pixels (default: %(default)s)")
    add("--project", default=DEFAULT_PROJECT, help="Google Cloud project (default: %(default)s)")
    add("--bucket", action="append", help=f"bucket to have, repeatable (default: {DEFAULT_BUCKET})")
    add("--drive-folder", action="append", default=[], help="Drive folder to have, repeatable")
    _add_behaviour(parser.add_argument_group("behaviour, where reports differ or nobody has told"))
    add("--ready-file", type=Path, help="file that gets the line of JSON, whole, when the sandbox answers")
    add("--die-with-parent", action="store_true", help="end when standard input is closed or the parent dies")
    return parser


def _add_copernicus(group: argparse._ArgumentGroup) -> None:
    add = group.add_argument
    shown = "the part of their tile that invented products show, in pixels of 60 m, or `whole` (default: 10.8 km)"
    add("--copernicus", type=Path, metavar="FOLDER", help="SAFE trees that are served; default: invented products")
    add("--copernicus-port", type=int, default=0, metavar="PORT", help="of the download host; 0 lets the system choose")
    add("--copernicus-cut", default="", metavar="ROW,COL,ROWS,COLS", help=shown)
    add(
        "--copernicus-account",
        action="append",
        type=_account,
        metavar="USER:PASSWORD",
        help="who may log in, repeatable (default: user:password)",
    )
    told = "base32 of every account's second factor (default: there is none)"
    add("--copernicus-second-factor", default="", metavar="SECRET", help=told)


def _account(text: str) -> tuple[str, str]:
    user, colon, password = text.partition(":")
    if not (user and colon):
        raise argparse.ArgumentTypeError(f"{text!r} is no USER:PASSWORD")
    return user, password


def _copernicus(asked: argparse.Namespace) -> Copernicus:
    return Copernicus(
        folder=asked.copernicus,
        seed=asked.seed,
        cut=asked.copernicus_cut,
        port=asked.copernicus_port,
        accounts=dict(asked.copernicus_account or ACCOUNT),
        totp_secret=asked.copernicus_second_factor,
    )


def _add_behaviour(group: argparse._ArgumentGroup) -> None:
    """Each attribute of `Behaviour` is an option; what is not given is left to the file, then to the default."""
    add, usual = group.add_argument, Behaviour()
    add("--behaviour", type=Path, metavar="FILE", help="JSON that `orchestrator calibrate` wrote; options go before it")

    def one(name: str, told: str, **more: Any) -> None:
        shown = getattr(usual, name)
        add(f"--{name.replace('_', '-')}", help=f"{told} (default: {shown})", choices=CHOICES.get(name), **more)

    one("bucket_part_names", "`prefixROW-COL.tif` or `prefix-ROW-COL.tif` in Cloud Storage")
    one("drive_part_names", "the same in Drive")
    one("repeated_request_id", "an export sent again, or answered by the same operation")
    one("compression", "of exported files")
    one("predictor", "of exported files", type=int)
    one("interleave", "of exported files")
    one("float_fill", "masked floating-point pixels without noData", type=float)
    one("integer_fill", "masked integer pixels without noData", type=int)
    one("export_no_data", "the tag of an export without noData", type=float)
    one("pixels_fill", "masked pixels in answers of pixels", type=float)
    one("pixels_no_data", "what a TIFF of computed pixels names as the value without data", type=float)


def _behaviour(asked: argparse.Namespace) -> Behaviour:
    told = Behaviour() if asked.behaviour is None else Behaviour.read(asked.behaviour)
    given = {each.name: getattr(asked, each.name, None) for each in fields(Behaviour)}
    return replace(told, **{name: value for name, value in given.items() if value is not None})


def _options(asked: argparse.Namespace) -> Options:
    return Options(
        host=asked.host,
        port=asked.port,
        data_dir=asked.data_dir,
        project=asked.project,
        buckets=tuple(asked.bucket or (DEFAULT_BUCKET,)),
        drive_folders=tuple(asked.drive_folder),
        slots=asked.slots,
        queue_limit=asked.queue_limit,
        quotas=Quotas(at_once=asked.pixels_at_once, per_second=asked.pixels_per_second),
        behaviour=_behaviour(asked),
        copernicus=_copernicus(asked),
        worker=_worker(asked),
        tell=_say,
    )


def _positive(text: str) -> int:
    if (number := int(text)) < 1:
        raise argparse.ArgumentTypeError(f"{number} is not positive")
    return number


def _worker(asked: argparse.Namespace) -> tuple[str, ...]:
    """The command that starts a process with the same scenes."""
    scenes = () if asked.scenes is None else ("--scenes", str(asked.scenes))
    return (sys.executable, "-m", "orchestrator.sandbox.worker", "--seed", str(asked.seed), *scenes)


def _announce(sandbox: Sandbox, ready_file: Path | None) -> None:
    told = {"url": sandbox.url, **sandbox.about()}
    line = json.dumps(told) + "\n"
    sys.stdout.write(line)
    sys.stdout.flush()
    if ready_file is not None:
        scratch = ready_file.with_name(ready_file.name + ".part")
        scratch.write_text(line, encoding="utf-8")
        scratch.replace(ready_file)


def _wait_for_parent(
    end: threading.Event,
    parent: int,
    sleep: Callable[[float], None] = time.sleep,
    leave: Callable[[int], object] = os._exit,
) -> None:
    """
    Wait until the parent is gone: it holds the other end of standard input, and so may what it has forked.

    Then ask for the end, and see to it that it comes: `leave` is called after `sleep`, whatever still runs.
    """
    closed = threading.Event()
    threading.Thread(target=_wait_for_input, args=(closed,), daemon=True).start()
    while os.getppid() == parent and not closed.wait(PARENT_STEP_SECONDS):
        pass
    end.set()
    sleep(GRACE_SECONDS)
    leave(1)


def _wait_for_input(closed: threading.Event) -> None:
    with suppress(OSError):  # there is none
        while os.read(0, 4096):
            pass
    closed.set()

"""
A process that computes windows of images for a sandbox: `python -m orchestrator.sandbox.worker`, started by `workers`.

It takes errands from standard input, answers to standard output, and ends as soon as the sandbox is gone.
"""

from __future__ import annotations

import argparse
import os
import queue
import sys
import threading
import time
from collections import OrderedDict
from contextlib import suppress
from pathlib import Path

from orchestrator.sandbox.earthengine.evaluate import Evaluator, RequestedImage
from orchestrator.sandbox.errands import READY, Computed, Wanted, receive, send
from orchestrator.sandbox.sources import catalogue

_KEPT_IMAGES = 4


def main() -> None:
    """Compute until nobody asks any more."""
    parser = argparse.ArgumentParser(prog="python -m orchestrator.sandbox.worker")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--scenes", type=Path)
    asked = parser.parse_args()
    # What a library prints must not get between the answers.
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    evaluator = Evaluator(catalogue(asked.scenes, asked.seed))
    waiting: queue.SimpleQueue[Wanted] = queue.SimpleQueue()
    threading.Thread(target=_listen, args=(waiting,), daemon=True).start()
    images: OrderedDict[int, RequestedImage] = OrderedDict()
    with suppress(OSError):  # nobody is there to take the answer
        send(answers, READY)
        while True:
            send(answers, _compute(evaluator, images, waiting.get()))
    os._exit(0)


def _listen(waiting: queue.SimpleQueue[Wanted]) -> None:
    """Take requests; the end of the input is the end of the sandbox, in the middle of a window too."""
    try:
        while True:
            waiting.put(receive(sys.stdin.buffer))
    except (EOFError, OSError):
        os._exit(0)


def _compute(evaluator: Evaluator, images: OrderedDict[int, RequestedImage], wanted: Wanted) -> Computed:
    began = time.process_time()
    try:
        if wanted.number not in images:
            images[wanted.number] = evaluator.image(wanted.expression, grid=wanted.grid)
        images.move_to_end(wanted.number)
        if len(images) > _KEPT_IMAGES:
            images.popitem(last=False)
        pixels = images[wanted.number].read(*wanted.window)
    except Exception:  # noqa: BLE001  the sandbox computes the window itself, and so meets the same error in its place
        return Computed(None, time.process_time() - began)
    return Computed(pixels, time.process_time() - began)


if __name__ == "__main__":
    main()

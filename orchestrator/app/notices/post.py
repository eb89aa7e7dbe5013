"""
Events become messages in the outbox, and these are sent, by one thread that no run waits for.

A message is written in one transaction, once for each event and target; it is sent at least once, with the same id
where it is sent twice. What cannot be sent is tried again, ever more seldom, for as long as `keep` says, then given up.
"""

from __future__ import annotations

import json
import random
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext, suppress
from datetime import timedelta
from itertools import chain

from orchestrator.app.notices.kinds import EVENTS, HELD
from orchestrator.app.notices.late import Lateness
from orchestrator.app.notices.targets import targets
from orchestrator.app.notices.wording import Wording, bundled, letter_of, tell
from orchestrator.app.records import Records
from orchestrator.clients.messages import Addressee, Delivery, Letter, deliver
from orchestrator.config.notify import names_in
from orchestrator.core import crash, log
from orchestrator.core.errors import ConfigError, OrchestratorError
from orchestrator.engine.stores.contract_watch import Draft, Happening, Message
from orchestrator.engine.stores.records import Head

LOOK_SECONDS = 5.0
# Taken from the outbox at once; sent by one process.
BATCH = 200
FIRST_WAIT_SECONDS, LONGEST_WAIT_SECONDS = 30.0, 3600.0
# What waits to be sent, and what is remembered of what was: nobody reads thousands.
MOST_PENDING, MOST_ENDED = 1000, 1000
REMEMBERED = timedelta(days=7)
# Of so many runs a process knows what was told last without asking.
_REMEMBERED_RUNS = 1000
# At the end of the process, so long for what is still to be sent; the rest is sent by the next one.
LAST_SECONDS = 10.0

Deliver = Callable[[Sequence[Letter], float, threading.Event | None], Iterator[Delivery]]


class Notices:
    """
    Tells people what happens to the runs and jobs of a state.

    Args:
        app: Whose state and settings.
        installation: Makes ids of messages unique.
        send: Sends messages; `clients.messages.deliver`.
        chance: For the time between two tries.
    """

    def __init__(
        self, app: Records, installation: str, send: Deliver = deliver, chance: random.Random | None = None
    ) -> None:
        self._app = app
        self._settings = app.settings.notify
        self._installation = installation
        self._deliver = send
        self._chance = chance or random.Random()  # noqa: S311  when to try again is no secret
        self._targets: Mapping[str, Addressee] = {target.name: target for target in targets(self._settings)}
        self._events = frozenset(names_in(self._settings.events))
        self._quiet = frozenset(names_in(self._settings.quiet))
        self._heard: int | None = None
        self._late = Lateness(app)
        self._last: dict[str, tuple[str, str]] = {}  # run to the kind and reason that were told of it last
        self._log = log.get("notify")
        self._trouble = ""  # what went wrong last, which is said once

    @property
    def is_set(self) -> bool:
        """Whether anybody is to be told anything."""
        return bool(self._targets)

    # --------------------------------------------------------------- writing

    def begin(self) -> None:
        """Say that what happened before is told to nobody, where nobody was ever told anything."""
        self._app.store.outbox.begin()

    def look(self) -> int:
        """Write messages of what happened since the last look; return how many are new."""
        box = self._app.store.outbox
        self._late.look()
        written = 0
        heard = box.heard() if self._heard is None else self._heard
        while True:
            last = box.last()
            found = box.happened(heard, EVENTS)
            written += box.write([*chain.from_iterable(map(self._drafts, found))])
            heard = found[-1].sequence if found else max(heard, last)
            self._heard = heard
            if not found:
                break
        if written:
            self._bound()
        return written

    def _drafts(self, event: Happening) -> Iterator[Draft]:
        """Yield a message for each target; none of what is old news, or that nobody wants to hear."""
        run = self._run(event.run_id)
        told = tell(event, run, self._settings, self._installation)
        if told.kind not in self._events or told.job in self._quiet or event.at < self._since(self._settings.keep):
            return
        if event.run_id and not self._is_news(event.run_id, told):
            return
        for name in self._targets:
            yield Draft(event.sequence, told.kind, event.run_id, event.at, name, told.content)

    def _is_news(self, run_id: str, told: Wording) -> bool:
        """Tell whether something else was told of a run last: one that waits for the same for days says so once."""
        if run_id not in self._last:
            if len(self._last) >= _REMEMBERED_RUNS:
                self._last.clear()  # what is in the outbox is looked up again
            latest = self._app.store.outbox.latest(1, run_id=run_id)
            self._last[run_id] = (latest[0].event, json.loads(latest[0].content)["reason"]) if latest else ("", "")
        now = told.kind, told.reason
        is_news = self._last[run_id] != now or told.kind not in HELD
        self._last[run_id] = now
        return is_news

    def _run(self, run_id: str) -> Head | None:
        with suppress(OrchestratorError):  # it was pruned, or the event is no run's
            return self._app.store.runs.head(run_id) if run_id else None
        return None

    def _since(self, seconds: float) -> str:
        return (self._app.clock.now() - timedelta(seconds=seconds)).isoformat(timespec="milliseconds")

    def _bound(self) -> None:
        since = self._since(REMEMBERED.total_seconds())
        if given_up := self._app.store.outbox.bound(MOST_PENDING, MOST_ENDED, since):
            self._log.warning("notify.given_up", messages=given_up, reason="too many wait to be sent")

    # --------------------------------------------------------------- sending

    def send(self, seconds: float | None = None, stop: threading.Event | None = None) -> int:
        """Send what is due, for at most so many seconds; return how many were taken."""
        deadline = min(self._settings.deadline, seconds or self._settings.deadline)
        until = self._now() + 3 * deadline  # a process that dies meanwhile does not keep them for long
        due = self._app.store.outbox.claim(BATCH, until)
        for message in due:
            if message.target not in self._targets:
                self._app.store.outbox.end(message.id, "given up: its target is not set any more")
        bundles = {one[0].id: one for one in bundled([message for message in due if message.target in self._targets])}
        letters = [letter_of(self._targets[bundle[0].target], bundle) for bundle in bundles.values()]
        taken = 0
        for receipt in self._deliver(letters, deadline, stop):
            crash.point("outbox.sent")
            for message in bundles[receipt.id]:
                if not receipt.answered and stop is not None and stop.is_set():
                    self._app.store.outbox.again(message.id, self._now(), receipt.why)  # nobody waited for its answer
                else:
                    self._settle(message, receipt)
                taken += receipt.ok
        return taken

    def _settle(self, message: Message, receipt: Delivery) -> None:
        box, facts = self._app.store.outbox, {"target": message.target, "kind": message.event, "of_run": message.run_id}
        if receipt.ok:
            box.end(message.id, "sent")
            self._log.info("notify.sent", **facts)
        elif message.at < self._since(self._settings.keep):
            box.end(message.id, f"given up: {receipt.why}")
            self._log.warning("notify.given_up", **facts, reason=receipt.why)
        else:
            wait = min(LONGEST_WAIT_SECONDS, FIRST_WAIT_SECONDS * 2**message.tries) * self._chance.uniform(0.8, 1.2)
            box.again(message.id, self._now() + wait, receipt.why)
            if not message.tries:  # said once; the outbox has the rest
                self._log.warning("notify.again", **facts, reason=receipt.why)

    def _now(self) -> float:
        return self._app.clock.now().timestamp()

    # --------------------------------------------------------------- working

    @contextmanager
    def working(self) -> Iterator[None]:
        """Tell people what happens for the time of the block, in a thread of its own; at its end, the rest of it."""
        if not self.is_set:
            yield
            return
        self._carefully(self.begin)
        end = threading.Event()
        thread = threading.Thread(target=self._go_round, args=(end,), name="notices", daemon=True)
        thread.start()
        try:
            yield
        finally:
            end.set()
            thread.join(2 * LAST_SECONDS)  # it has its own deadline; nobody waits for longer

    def _go_round(self, end: threading.Event) -> None:
        while not end.is_set():
            self._carefully(lambda: self._once(end))
            end.wait(LOOK_SECONDS)
        self._carefully(self._last_words)

    def _once(self, stop: threading.Event) -> None:
        self.look()
        while self.send(None, stop) and not stop.is_set():
            pass  # whatever is due

    def _last_words(self) -> None:
        give_up_at = self._app.clock.monotonic() + LAST_SECONDS
        self.look()
        while (left := give_up_at - self._app.clock.monotonic()) > 0 and self.send(left):
            pass

    def _carefully(self, act: Callable[[], object]) -> None:
        """The edge of a thread: whatever goes wrong with messages, the runs go on, and the next look tries again."""
        try:
            act()
        except OrchestratorError as error:
            self._say_once("notify.trouble", error)
        except Exception as error:  # noqa: BLE001
            self._say_once("notify.fault", error)
        else:
            self._trouble = ""

    def _say_once(self, name: str, error: Exception) -> None:
        if self._trouble != (sentence := f"{type(error).__name__}: {error}"):
            self._trouble = sentence
            self._log.warning(name, error=sentence)


@contextmanager
def telling(app: Records, installation: Callable[[], str]) -> Iterator[None]:
    """
    Tell people what happens for the time of the block, where somebody is to be told; no run waits for it.

    What is wrong with the addresses is said in the log, and by `doctor`: runs are not kept from working by it.
    """
    notify = app.settings.notify
    try:
        notices = Notices(app, installation()) if notify.urls.get_secret_value() or notify.urls_file else None
    except ConfigError as error:
        log.get("notify").warning("notify.refused", error=str(error))
        notices = None
    with nullcontext() if notices is None else notices.working():
        yield

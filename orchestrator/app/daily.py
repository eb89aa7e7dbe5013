"""What the daemon does once a day beside its runs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from orchestrator.core.errors import OrchestratorError

if TYPE_CHECKING:
    from orchestrator.app.application import Application

_DAY_SECONDS = 86_400.0
_AGAIN_SECONDS = 3_600.0
_AT = "at"


class Daily:
    """Does something once a day, when somebody looks; what goes wrong is told, and tried again in an hour."""

    def __init__(
        self,
        app: Application,
        subject: str,
        name: str,
        act: Callable[[], Mapping[str, Any]],
        is_wanted: Callable[[], bool] = lambda: True,
    ) -> None:
        """
        Take what is done.

        Args:
            app: Whose daemon it is.
            subject: What the day of the last time is remembered by.
            name: Of the events that tell of it, `NAME.done` and `NAME.trouble`.
            act: Does it, and returns what is told.
            is_wanted: Whether it is to be done at all.
        """
        self._app = app
        self._subject = subject
        self._name = name
        self._act = act
        self._is_wanted = is_wanted
        self._not_before = float("-inf")

    def look(self) -> None:
        """Do it where the last time is a day ago; at the first look ever, a day is counted from then on."""
        app, now = self._app, self._app.clock.now().timestamp()
        if not self._is_wanted() or app.stop.is_set() or app.clock.monotonic() < self._not_before:
            return
        try:
            last = app.store.lessons.get(self._subject, _AT)
            if last is not None and now - last < _DAY_SECONDS:
                return
            if last is not None:
                app.notify(f"{self._name}.done", "", self._act())
            app.store.lessons.learn(self._subject, _AT, now)
        except OrchestratorError as error:
            self._not_before = app.clock.monotonic() + _AGAIN_SECONDS
            app.notify(f"{self._name}.trouble", "", {"error": str(error)})

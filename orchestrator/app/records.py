"""What is stored about runs, for those who only look: no cloud, no raster, no area is needed for that."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager
from functools import cached_property
from pathlib import Path
from types import MappingProxyType

from orchestrator.config import Settings
from orchestrator.core.clock import SystemClock
from orchestrator.core.files import exclusive, holder_of
from orchestrator.core.guard import make_private
from orchestrator.engine.standing import Standing, standing
from orchestrator.engine.stores.contract import Store
from orchestrator.engine.stores.sql import SqlStore


class Records:
    """The state folder of some settings, opened when first needed."""

    def __init__(
        self,
        settings: Settings,
        *,
        refused_jobs: Mapping[str, str] = MappingProxyType({}),
        config_dir: Path | None = None,
    ) -> None:
        self.settings = settings
        self.refused_jobs = refused_jobs  # of config.toml: name and what is wrong
        self.config_dir = config_dir or Path.cwd()  # what relative paths of jobs in config.toml count from
        self.clock = SystemClock()

    def has_state(self) -> bool:
        """Tell whether anything was ever stored here; asking makes nothing."""
        return (self.settings.state_dir / "state.db").is_file()

    @cached_property
    def store(self) -> Store:
        self.settings.state_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
        make_private(self.settings.state_dir / "state.db")  # and what SQLite puts beside it has the same mode
        return SqlStore(f"sqlite:///{self.settings.state_dir / 'state.db'}", self.clock)

    def standing(self) -> Standing:
        """Return how the limits of the project stand, as every process of this state has written them down."""
        now = self.clock.now().timestamp()
        return standing(self.store.limits, self.store.tasks.live(), self.settings.ee.live_tasks, now, self.scopes)

    @property
    def scopes(self) -> Mapping[str, str]:
        """What the names of limits end with, by the word that they begin with: a sandbox has limits of its own."""
        google = "@sandbox" if self.settings.ee.url else ""
        copernicus = "@sandbox" if self.settings.copernicus.url else ""
        return {"ee": google, "gcs": google, "downloads": google, "copernicus": copernicus}

    def lock(self, run_id: str) -> AbstractContextManager[None]:
        """Hold a run for this process."""
        return exclusive(self._lock_of(run_id), f"run {run_id}")

    def worker(self, run_id: str) -> str:
        """Return the id of the process that works on a run; empty where none does."""
        return holder_of(self._lock_of(run_id))

    def _lock_of(self, run_id: str) -> Path:
        return self.settings.state_dir / "locks" / run_id

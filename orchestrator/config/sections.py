"""The sections of config.toml: every setting with its type and default."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BaseModel, BeforeValidator, Field, PositiveInt, SecretStr, model_validator

from orchestrator.config.jobs import JobTable, Section
from orchestrator.config.notify import NotifySettings
from orchestrator.core.units import parse_bytes, parse_resources, parse_seconds
from orchestrator.model.eecu import MOST_HOURS

Size = Annotated[int, BeforeValidator(parse_bytes)]
Seconds = Annotated[float, BeforeValidator(parse_seconds)]


class EarthEngineSettings(Section):
    project: str = ""
    url: str = ""
    live_tasks: int = Field(default=0, ge=0, le=3000)
    poll_min: Seconds = 2.0
    poll_max: Seconds = 30.0
    priority: int = Field(default=-1, ge=-1, le=9999)
    cloud_optimized: bool = True


class GcsSettings(Section):
    bucket: str = ""
    prefix: str = "orchestrator"
    max_bytes: Size = 20 * 2**30
    url: str = ""


class PixelSettings(Section):
    at_once: int = Field(default=8, ge=1, le=40)
    per_second: float = Field(default=20.0, gt=0, le=100)
    high_volume: bool = False


class DriveSettings(Section):
    folder: str = "orchestrator"
    url: str = ""


class CopernicusSettings(Section):
    url: str = ""
    catalogue_url: str = "https://catalogue.dataspace.copernicus.eu/odata/v1"
    download_url: str = "https://download.dataspace.copernicus.eu/odata/v1"
    identity_url: str = "https://identity.dataspace.copernicus.eu/auth/realms/CDSE/protocol/openid-connect/token"
    s3_url: str = "https://eodata.dataspace.copernicus.eu"
    hosts: str = "catalogue.dataspace.copernicus.eu, download.dataspace.copernicus.eu"
    sessions: int = Field(default=4, ge=1, le=4)
    per_minute: int = Field(default=1000, ge=1, le=2000)


class GoogleCredentials(Section):
    key_file: str = ""
    impersonate: str = ""


class CdseCredentials(Section):
    user: str = ""
    password: SecretStr = SecretStr("")
    totp: SecretStr = SecretStr("")
    client_id: str = ""
    client_secret: SecretStr = SecretStr("")
    access_key: str = ""
    secret_key: SecretStr = SecretStr("")
    key_file: str = ""


class CredentialSettings(Section):
    """Who the program is, a table for each service: another is one class here."""

    google: GoogleCredentials = GoogleCredentials()
    cdse: CdseCredentials = CdseCredentials()


class LocalSettings(Section):
    state_dir: str = "~/.local/state/orchestrator"
    work_dir: str = ""
    keep_parts: bool = True


class StoreSettings(Section):
    url: SecretStr = SecretStr("")
    password_file: str = ""


class TransferSettings(Section):
    downloads: PositiveInt = 4


class AssembleSettings(Section):
    threads: int = Field(default=0, ge=0)
    strips: Literal["auto"] | Annotated[int, Field(ge=0, le=1000)] = 0


def _resources(text: str) -> str:
    for name, amount in parse_resources(text).items():
        if not amount > 0:
            raise ValueError(f"{name} is {amount}; give a number above 0")
    return text


class DaskSettings(Section):
    scheduler: str = ""
    scheduler_file: str = ""
    local: int = Field(default=0, ge=0, le=1024)
    threads: PositiveInt = 1
    in_flight: PositiveInt = 2
    resources: Annotated[str, AfterValidator(_resources)] = ""
    ca_file: str = ""
    cert_file: str = ""
    key_file: str = ""

    @model_validator(mode="after")
    def _is_one_cluster(self) -> Self:
        said = [name for name in ("scheduler", "scheduler_file", "local") if getattr(self, name)]
        if len(said) > 1:
            raise ValueError(f"{' and '.join(f'`{name}`' for name in said)} name different clusters; keep one")
        if self.scheduler and "://" not in self.scheduler:
            raise ValueError(f"`scheduler` is {self.scheduler!r}; write tcp://HOST:8786, or tls://HOST:8786")
        return self


class RetrySettings(Section):
    attempts: PositiveInt = 8
    first_wait: Seconds = 1.0
    max_wait: Seconds = 60.0
    task_attempts: PositiveInt = 4
    cool_down: Seconds = 10.0
    repost: Seconds = 5.0
    burnt: Seconds = 900.0
    collect: Seconds = 20.0
    hold: Seconds = 300.0
    lag: Seconds = 600.0


class LimitSettings(Section):
    disk_stop: Size = 512 * 2**20
    disk_resume: Size = 2**30
    bucket_resume: float = Field(default=0.8, gt=0, le=1)


class ServeSettings(Section):
    slots: PositiveInt = 2
    patience: Seconds = 900.0
    sweep: bool = True
    share: bool = False
    standby: bool = False
    lease: Seconds = Field(default=60.0, ge=1.0)
    allow_code: bool = False


class EngineSettings(Section):
    executor: Literal["threads", "workers", "processes", "dask"] = "threads"
    lease: Seconds = 60.0
    processes: int = Field(default=0, ge=0, le=1024)


class WorkerSettings(Section):
    at_once: PositiveInt = 4
    drain: Seconds = 60.0


class MetricsSettings(Section):
    listen: str = ""
    token_file: str = ""
    cert_file: str = ""
    key_file: str = ""
    behind_proxy: bool = False


class WebSettings(Section):
    enabled: bool = False
    host: str = "127.0.0.1"
    port: int = Field(default=8765, ge=0, le=65535)
    names: str = ""
    token_file: str = ""
    cert_file: str = ""
    key_file: str = ""
    behind_proxy: bool = False
    basemap: str = ""


class RetentionSettings(Section):
    runs: Seconds = 0.0
    details: Seconds = 0.0
    events: Seconds = 0.0
    keep: int = Field(default=100, ge=0)


class BudgetSettings(Section):
    tier_eecu_hours: float = Field(default=0.0, ge=0, le=MOST_HOURS)
    eecu_hours: float = Field(default=0.0, ge=0, le=MOST_HOURS)
    month_eecu_hours: float = Field(default=0.0, ge=0, le=MOST_HOURS)
    task_factor: float = Field(default=0.0, ge=0, le=1000)


class LogSettings(Section):
    level: Literal["debug", "info", "warning", "error"] = "info"
    style: Literal["auto", "console", "json"] = "auto"


class Settings(Section):
    """Everything that can be set, frozen."""

    ee: EarthEngineSettings = EarthEngineSettings()
    gcs: GcsSettings = GcsSettings()
    pixels: PixelSettings = PixelSettings()
    drive: DriveSettings = DriveSettings()
    copernicus: CopernicusSettings = CopernicusSettings()
    credentials: CredentialSettings = CredentialSettings()
    local: LocalSettings = LocalSettings()
    store: StoreSettings = StoreSettings()
    transfer: TransferSettings = TransferSettings()
    assemble: AssembleSettings = AssembleSettings()
    retry: RetrySettings = RetrySettings()
    limits: LimitSettings = LimitSettings()
    serve: ServeSettings = ServeSettings()
    engine: EngineSettings = EngineSettings()
    worker: WorkerSettings = WorkerSettings()
    dask: DaskSettings = DaskSettings()
    notify: NotifySettings = NotifySettings()
    metrics: MetricsSettings = MetricsSettings()
    web: WebSettings = WebSettings()
    retention: RetentionSettings = RetentionSettings()
    budget: BudgetSettings = BudgetSettings()
    log: LogSettings = LogSettings()
    jobs: dict[str, JobTable] = Field(default_factory=dict)

    @property
    def state_dir(self) -> Path:
        return Path(self.local.state_dir).expanduser().resolve()

    @property
    def service(self) -> str:
        """Which Earth Engine is meant, for telling runs apart."""
        return "sandbox" if self.ee.url else "google"

    @property
    def services(self) -> Mapping[str, str]:
        """Which service each kind of product asks, for telling runs apart."""
        copernicus = "sandbox" if self.copernicus.url else "copernicus"
        return {"earthengine": self.service, "copernicus": copernicus, "here": "here"}


def setting_names() -> list[tuple[str, str]]:
    """Return (section, key) of every setting, jobs excepted; a table in a section is `section.table`."""
    return [(section, key) for section, key, _kind in _fields("", Settings)]


def flag_names() -> frozenset[tuple[str, str]]:
    """Return (section, key) of the settings that are true or false."""
    return frozenset((section, key) for section, key, kind in _fields("", Settings) if kind is bool)


def _fields(section: str, model: type[BaseModel]) -> Iterator[tuple[str, str, object]]:
    for key, info in model.model_fields.items():
        inner = info.annotation
        if isinstance(inner, type) and issubclass(inner, BaseModel):
            yield from _fields(f"{section}.{key}".lstrip("."), inner)
        elif section:
            yield section, key, inner

"""The shape of a job file, ``feedbridge.yaml``. Reading it: jobfile.py; its checks: job_checks.py."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

__all__ = ["TODO", "Alerts", "EmailAlert", "Guards", "JobFileSpec", "JobSpec", "TargetSpec"]

TODO = "TODO"
"""Stands where ``feedbridge init`` does not know what belongs there. A file that holds one is refused."""


class Spec(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


Share = Annotated[float, Field(ge=0, le=1)]
Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$")]


class Guards(Spec):
    """When a run is held (status 4) until a person releases it: ``feedbridge apply JOB --release``."""

    empty_source: bool = True
    """A source without a single product, when there was one before."""
    max_shrink: Share = 0.3
    """Largest share of products by which the source may be smaller than at the last complete run."""
    max_deletes: Annotated[int, Field(ge=0)] = 1000
    """Most items deleted in one run."""
    max_delete_share: Share = 0.1
    """Largest share of the items a target has that is deleted in one run; up to ``few_deletes`` are always let through."""
    few_deletes: Annotated[int, Field(ge=0)] = 3
    """So many deletions never hold a run by their share alone: of ten products, two are a fifth."""
    max_held_share: Share = 0.5
    """Largest share of the products read that may be held back."""
    max_changed_share: Share = 1.0
    """Largest share of the items a target has that may change in one run."""
    max_renamed_share: Share = 0.2
    """Largest share of the items a target has that may be gone while as many new ones come: SKUs written in another way."""
    max_lost_share: Share = 0.3
    """Largest share of the items a target has that may lose one and the same field (a price, a picture); a sale that ends
    for more of them at once is held, too."""
    lost_columns: bool = True
    """A column that the mapping used at the last complete run is gone."""
    lost_files: bool = True
    """Fewer files match ``source`` than at the last complete run, or one of several holds no products."""
    grace_runs: Annotated[int, Field(ge=0, le=100)] = 0
    """Runs for which an item gone from the feed is kept before it is deleted."""


class EmailAlert(Spec):
    """Mail by SMTP. The password comes from FEEDBRIDGE_SMTP_PASSWORD."""

    to: Annotated[list[str], Field(min_length=1)]
    """Who gets the mail."""
    sender: str
    """Whom it is from."""
    host: str = "localhost"
    """The mail server."""
    port: Annotated[int, Field(ge=1, le=65535)] = 25
    """Its port."""
    security: Literal["none", "starttls", "tls"] = "none"
    """How the connection is protected; a login is never sent unprotected to another machine."""
    user: str | None = None
    """Login at the mail server; None: no login."""


class Alerts(Spec):
    """Whom to tell: once when a problem begins, once when it is over, however many runs lie between."""

    email: EmailAlert | None = None
    webhook: str | None = None
    """Address that gets a JSON object by POST; https, or http to loopback. FEEDBRIDGE_ALERT_WEBHOOK overrides it."""
    on: list[Literal["held", "failed", "products", "source"]] = ["held", "failed", "source"]
    """``held``: a guard held the run; ``failed``: delivery failed; ``source``: a source, mapping or job cannot be used;
    ``products``: products were held back or refused."""


class TargetSpec(Spec):
    """A target. Its further keys are those of the platform's delivery settings, checked by job_checks.py."""

    platform: str
    settings: dict[str, Any] = Field(default_factory=dict)
    """The platform's settings, as in a mapping's ``platforms.<name>.settings``."""
    delivery: dict[str, Any] = Field(default_factory=dict)
    """Filled by job_checks.py with the platform's delivery settings (endpoint, rate …)."""


class JobSpec(Spec):
    """One job: sources through a mapping to targets."""

    source: str | Annotated[list[str], Field(min_length=1)]
    """File, glob, or several. Relative paths start in the job file's folder."""
    mapping: str = "auto"
    """Preset, mapping file (relative to the job file's folder), or auto."""
    set: dict[str, str] = Field(default_factory=dict)
    """As ``--set`` of convert: what the file cannot say."""
    reconcile: Literal["full", "partial"] = "full"
    """Whether the source is the whole catalogue (what it lacks is gone) or a part (what it lacks is left alone)."""
    targets: Annotated[dict[Name, TargetSpec], Field(min_length=1)]
    guards: Guards = Guards()
    alerts: Alerts | None = None
    workers: Annotated[int, Field(ge=1)] | None = None
    """Processes that large files are read by; None: the cores."""
    strict: bool = False
    """Check every product against the pydantic model, too."""
    download: bool = False
    """Fetch content named by URL (FlickRocket)."""
    keep_runs: Annotated[int, Field(ge=1, le=10_000)] = 30
    """Run folders (plan, findings, quarantine) that are kept."""


class JobFileSpec(Spec):
    """``feedbridge.yaml``."""

    feedbridge: Literal[1]
    state: str | None = None
    """SQLAlchemy URL of the ledger; a relative SQLite path starts in the job file's folder. FEEDBRIDGE_STATE_URL
    overrides it; without either, an SQLite file in the user's state folder."""
    jobs: Annotated[dict[Name, JobSpec], Field(min_length=1)]

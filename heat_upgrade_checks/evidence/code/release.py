"""A Heat release, as its own interpreter describes it."""

from dataclasses import dataclass
from typing import Annotated

from pydantic import Field

from heat_upgrade_checks.errors import Unobserved, UsageError
from heat_upgrade_checks.evidence.facts import Facts
from heat_upgrade_checks.evidence.site import Site
from heat_upgrade_checks.heat import releases
from heat_upgrade_checks.phases import SideName


@dataclass(frozen=True)
class Release(Facts):
    """What is installed for one side of the upgrade.

    Only `version` and `series` are known of a release that is not installed yet. `schema_heads`
    are alembic's; `migrate_head` is sqlalchemy-migrate's last number (Zed and 2023.1).
    """

    version: str
    series: str
    interpreter: str
    python: str
    schema_heads: tuple[str, ...]
    migrate_head: int | None
    engine_rpc: str
    worker_rpc: str

    @property
    def extent(self) -> str:
        """What was read."""
        where = f"Python {self.python} at {self.interpreter}" if self.interpreter else "the plan"
        return f"Heat {self.version} ({self.series}), by {where}"


def observe_current(site: Site) -> Release:
    """The current release."""
    return _observe(site, "current")


def observe_target(site: Site) -> Release:
    """The target release."""
    return _observe(site, "target")


_Text = Annotated[str, Field(min_length=1)]


@dataclass(frozen=True)
class _Heads:
    """Of the one tool or of the other, whose migrations the release has."""

    alembic: tuple[_Text, ...] = ()
    migrate: int | None = None


@dataclass(frozen=True)
class _Answer:
    """What asked/release.py answers."""

    version: str
    python: str
    heads: _Heads
    engine_rpc: _Text
    worker_rpc: _Text


def _observe(site: Site, side: SideName) -> Release:
    plan = site.plan.side(side)
    if plan.python is None:
        release = releases.parse(plan.version or "")
        return Release(str(release.version), release.series, "", "", (), None, "", "")
    interpreter = site.interpreter(side)
    answer = interpreter.ask(_Answer, "release.py")
    heads = answer.heads
    if not heads.alembic and heads.migrate is None:
        raise interpreter.left_out("the head of its migrations")
    try:
        release = releases.parse(answer.version)
    except UsageError as error:
        raise Unobserved(f"interpreter {plan.python}: {error}") from None
    if plan.version is not None and releases.parse(plan.version) != release:
        raise Unobserved(
            f"the plan says {side}.version {plan.version}, but {plan.python} has {release}; "
            f"correct {side}.version or {side}.python"
        )
    return Release(
        version=str(release.version),
        series=release.series,
        interpreter=str(plan.python),
        python=answer.python,
        schema_heads=heads.alembic,
        migrate_head=heads.migrate,
        engine_rpc=answer.engine_rpc,
        worker_rpc=answer.worker_rpc,
    )

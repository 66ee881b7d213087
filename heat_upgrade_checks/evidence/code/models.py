"""The tables that a release's code works with, as its own interpreter describes them."""

from dataclasses import dataclass

from heat_upgrade_checks.errors import NotConfigured, Unobserved
from heat_upgrade_checks.evidence.database.session import url_of
from heat_upgrade_checks.evidence.facts import Facts
from heat_upgrade_checks.evidence.site import Site
from heat_upgrade_checks.phases import SideName
from heat_upgrade_checks.schema.description import Table
from heat_upgrade_checks.wording import counted


@dataclass(frozen=True)
class Models(Facts):
    """A release's models, with types as the database's dialect spells them."""

    interpreter: str
    tables: tuple[Table, ...]

    @property
    def extent(self) -> str:
        """What was read."""
        columns = sum(len(table.columns) for table in self.tables)
        return (
            f"models of {counted(len(self.tables), 'table')} with {columns} columns, by "
            f"{self.interpreter}"
        )


def observe_current(site: Site) -> Models:
    """The current release's models.

    :raises NotConfigured: it is not to work on a schema that is not its own.
    """
    if site.plan.mode == "cold":
        raise NotConfigured("in a cold upgrade the current release never runs on the new schema")
    return _observe(site, "current")


def observe_target(site: Site) -> Models:
    """The target release's models."""
    return _observe(site, "target")


@dataclass(frozen=True)
class _Tables:
    tables: tuple[Table, ...]


def _observe(site: Site, side: SideName) -> Models:
    python = site.plan.side(side).python
    if python is None:
        raise Unobserved(
            f"the {side} release's models are known only to its own code; "
            f"add {side}.python to the plan"
        )
    dialect = url_of(site).get_backend_name()
    interpreter = site.interpreter(side)
    answer = interpreter.ask(_Tables, "models.py", dialect)
    if not answer.tables:
        raise interpreter.left_out("the tables of its models")
    return Models(str(python), answer.tables)

"""The tables that a release's code works with, as its own interpreter describes them."""

from dataclasses import dataclass

from pydantic import TypeAdapter

from heat_upgrade_checks.errors import NotConfigured, Unobserved
from heat_upgrade_checks.evidence.database.session import url_of
from heat_upgrade_checks.evidence.facts import Facts
from heat_upgrade_checks.evidence.site import Site
from heat_upgrade_checks.phases import SideName
from heat_upgrade_checks.schema.description import Table

_TABLES = TypeAdapter(tuple[Table, ...])


@dataclass(frozen=True)
class Models(Facts):
    """A release's models, with types as the database's dialect spells them."""

    interpreter: str
    tables: tuple[Table, ...]

    @property
    def extent(self) -> str:
        """What was read."""
        columns = sum(len(table.columns) for table in self.tables)
        return f"models of {len(self.tables)} tables with {columns} columns, by {self.interpreter}"


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


def _observe(site: Site, side: SideName) -> Models:
    python = site.plan.side(side).python
    if python is None:
        raise Unobserved(
            f"the {side} release's models are known only to its own code; "
            f"add {side}.python to the plan"
        )
    dialect = url_of(site).get_backend_name()
    answer = site.interpreter(side).ask("models.py", dialect)
    return Models(str(python), _TABLES.validate_python(answer["tables"]))

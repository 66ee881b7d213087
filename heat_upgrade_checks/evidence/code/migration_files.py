"""The target release's migrations, read from its own files."""

from dataclasses import dataclass

from heat_upgrade_checks.errors import Unobserved
from heat_upgrade_checks.evidence.facts import Facts
from heat_upgrade_checks.evidence.site import Site
from heat_upgrade_checks.schema.migrations import Migration
from heat_upgrade_checks.schema.source.revision_file import read
from heat_upgrade_checks.wording import counted


@dataclass(frozen=True)
class Migrations(Facts):
    """Every migration that a release has; none where the plan names no interpreter for it."""

    interpreter: str
    migrations: tuple[Migration, ...]

    @property
    def extent(self) -> str:
        """What was read."""
        if not self.interpreter:
            return "nothing: the plan lacks target.python"
        operations = sum(len(migration.operations) for migration in self.migrations)
        return (
            f"the source of {counted(len(self.migrations), 'migration')} with "
            f"{operations} operations, "
            f"by {self.interpreter}"
        )


@dataclass(frozen=True)
class _Files:
    """The text of each file, by its name."""

    files: dict[str, str]


def observe(site: Site) -> Migrations:
    """What the target's migrations do."""
    python = site.plan.target.python
    if python is None:
        return Migrations("", ())
    interpreter = site.interpreter("target")
    answer = interpreter.ask(_Files, "migration_files.py")
    if not answer.files:
        raise interpreter.left_out("its migrations")
    found = []
    for name, source in answer.files.items():
        try:
            found.append(read(name, source))
        except (SyntaxError, ValueError):
            raise Unobserved(
                f"{name} of Heat at {python} cannot be read as a migration; "
                "read what it does to the schema yourself, and waive this check"
            ) from None
    return Migrations(str(python), tuple(found))

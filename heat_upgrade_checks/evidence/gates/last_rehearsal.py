"""What the last rehearsal of this upgrade showed."""

from dataclasses import dataclass

from heat_upgrade_checks.evidence.facts import Facts
from heat_upgrade_checks.evidence.site import Site
from heat_upgrade_checks.records import rehearsal as record
from heat_upgrade_checks.records.rehearsal import Rehearsal


@dataclass(frozen=True)
class LastRehearsal(Facts):
    """The record in the upgrade's folder; `record` is None where there was no rehearsal."""

    folder: str
    record: Rehearsal | None

    @property
    def extent(self) -> str:
        """What was read."""
        if self.record is None:
            return f"no {record.FILE} in {self.folder}"
        took = self.record
        return (
            f"the rehearsal of {took.started_at:%Y-%m-%d %H:%M} UTC with {took.backup.path}, "
            f"Heat {took.target_version} and {took.server}"
        )


def observe(site: Site) -> LastRehearsal:
    """The record that `rehearse` left."""
    return LastRehearsal(str(site.upgrade_folder), record.read(site.upgrade_folder))

"""`list`: the checks, with the phases in which they are judged."""

from collections.abc import Iterator

from heat_upgrade_checks.gates import catalogue
from heat_upgrade_checks.phases import PHASES


def lines() -> Iterator[str]:
    """Two lines a check: its id and the state it requires, then its phases in their order."""
    phases: dict[str, set[str]] = {}
    titles: dict[str, str] = {}
    for check in catalogue.load():
        phases.setdefault(check.id, set()).update(check.phases)
        titles.setdefault(check.id, check.title)
    for id, title in titles.items():
        yield f"{id:28} {title}"
        yield f"{'':28} {','.join(phase for phase in PHASES if phase in phases[id])}"

"""What is installed for the target release, read from the metadata of its distributions."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from heat_upgrade_checks.evidence.facts import Facts
from heat_upgrade_checks.evidence.site import Site
from heat_upgrade_checks.heat.series_libraries import LIBRARIES


@dataclass(frozen=True)
class Unmet:
    """A requirement of Heat's tree: distribution `by` wants `name`; `installed` is "" for none."""

    by: str
    name: str
    wanted: str
    installed: str


@dataclass(frozen=True)
class Installation(Facts):
    """The target's distributions.

    `version` is "" where openstack-heat is unknown to the interpreter, `package` tells whether
    its package `heat` is there, and `lost` are files of it that are gone. `requires_python` is its
    own Requires-Python. `incomplete` says why the requirements could not be compared.
    """

    interpreter: str
    python: str
    version: str
    package: bool
    requires_python: str
    unmet: tuple[Unmet, ...]
    lost: tuple[str, ...]
    incomplete: tuple[str, ...] = ()

    @property
    def extent(self) -> str:
        """What was read."""
        heat = f"openstack-heat {self.version}" if self.version else "no openstack-heat"
        return f"{heat} in Python {self.python} at {self.interpreter}"


def observe(site: Site) -> Installation:
    """The target release's distributions."""
    answer = site.interpreter("target").ask("installation.py", *LIBRARIES)
    interpreter = str(site.plan.target.python or Path())
    return Installation(
        interpreter=interpreter,
        python=answer["python"],
        version=answer["version"],
        package=answer["package"],
        requires_python=answer["requires_python"],
        unmet=tuple(Unmet(*each) for each in answer["unmet"]),
        lost=tuple(answer["lost"]),
        incomplete=tuple(_uncompared(interpreter, answer["unchecked"])),
    )


def _uncompared(interpreter: str, reason: str) -> Iterator[str]:
    if reason:
        yield (
            f"requirements of {interpreter} cannot be compared: {reason}; install packaging there"
        )

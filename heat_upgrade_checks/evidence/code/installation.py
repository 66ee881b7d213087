"""What is installed for the target release, read from the metadata of its distributions."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from heat_upgrade_checks.evidence.code.interpreter import Interpreter
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


@dataclass(frozen=True)
class Distributions:
    """What asked/installation.py answers; a library that is not there has the version ""."""

    python: str
    version: str
    package: bool
    requires_python: str
    unmet: tuple[tuple[str, str, str, str], ...]
    unchecked: str
    lost: tuple[str, ...]
    libraries: dict[str, str]


def distributions(interpreter: Interpreter) -> Distributions:
    """What an interpreter has, and which versions of the oslo libraries.

    :raises Unobserved: it does not tell all of that.
    """
    found = interpreter.ask(Distributions, "installation.py", *LIBRARIES)
    if found.libraries.keys() != set(LIBRARIES):
        raise interpreter.left_out("the versions of its libraries")
    return found


def observe(site: Site) -> Installation:
    """The target release's distributions."""
    found = distributions(site.interpreter("target"))
    interpreter = str(site.plan.target.python or Path())
    return Installation(
        interpreter=interpreter,
        python=found.python,
        version=found.version,
        package=found.package,
        requires_python=found.requires_python,
        unmet=tuple(Unmet(*each) for each in found.unmet),
        lost=found.lost,
        incomplete=tuple(_uncompared(interpreter, found.unchecked)),
    )


def _uncompared(interpreter: str, reason: str) -> Iterator[str]:
    if reason:
        yield (
            f"requirements of {interpreter} cannot be compared: {reason}; install packaging there"
        )

from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.version import Version

from heat_upgrade_checks.evidence.code.installation import Installation
from heat_upgrade_checks.gates.judgement import Judgement
from heat_upgrade_checks.gates.registry import check
from heat_upgrade_checks.heat import releases
from heat_upgrade_checks.heat.pythons import oldest_python
from heat_upgrade_checks.heat.series_libraries import SERIES


@check("code.python", phases=["installed"], guide="cold 2-4, rolling 1")
def check_python_is_supported(target_installation: Installation, gate: Judgement) -> None:
    """The interpreter's Python is one that the target release supports."""
    facts = target_installation
    gate.looked_at(facts.extent)
    if not facts.version:
        gate.cannot_tell(f"{facts.interpreter} has no openstack-heat; install the target release")
        return
    python, major = Version(facts.python), releases.parse(facts.version).major
    # A package may come without its Requires-Python.
    required = facts.requires_python or f">={oldest_python(major)}"
    try:
        supported = SpecifierSet(required).contains(python)
    except InvalidSpecifier:
        gate.cannot_tell(f"Requires-Python of openstack-heat is {required!r}; install it anew")
        return
    name = f"Python {facts.python}"
    if not supported:
        gate.block(
            name,
            f"Heat {facts.version} needs Python {required}",
            hint="Make the target's virtualenv anew with such a Python.",
        )
    elif major + 1 in SERIES and python < Version(oldest_python(major + 1)):
        gate.note(name, f"the series after this one needs Python >={oldest_python(major + 1)}")

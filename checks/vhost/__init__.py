from heat_upgrade_checks.evidence.configuration.addresses import Configuration
from heat_upgrade_checks.gates.judgement import Judgement
from heat_upgrade_checks.reading.isolation import Isolation, isolation_of


def isolation_in_its_phase(
    current: Configuration, target: Configuration, gate: Judgement
) -> Isolation:
    """How far the releases are apart, where the target's vhost has to be ready by now.

    In a cold upgrade a vhost of one name on other brokers is no trouble: nothing runs on either.
    """
    isolation = isolation_of(gate.plan, current, target)
    if gate.mode == "cold":
        return isolation
    if gate.phase != "vhost":
        gate.not_applicable("in a rolling upgrade the vhost is made later; see phase vhost")
    return isolation.settled()

"""What checks of several families say."""

from heat_upgrade_checks.evidence.broker.connections import VhostClients
from heat_upgrade_checks.gates.judgement import Judgement
from heat_upgrade_checks.reading.clients import Role, programs


def tell_of_others(side: VhostClients, gate: Judgement, hint: str) -> None:
    """Warn of each program that may be Heat's or not; one note is enough for other services."""
    for program in programs(side, Role.UNKNOWN):
        gate.warn(
            str(program),
            f"{program.extent} to vhost {side.vhost}; it is not known as Heat's",
            hint=hint,
            data=program.data,
        )
    others = {each.name: len(each.clients) for each in programs(side, Role.OTHER)}
    if others:
        named = ", ".join(f"{name} ({number})" for name, number in others.items())
        gate.note(
            f"vhost {side.vhost}", f"other services use it too: {named}", data={"processes": others}
        )

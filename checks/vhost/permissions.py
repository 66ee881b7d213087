from heat_upgrade_checks.evidence.broker.access import Access
from heat_upgrade_checks.evidence.broker.new_vhost import NewVhost
from heat_upgrade_checks.evidence.configuration.addresses import Configuration
from heat_upgrade_checks.gates.judgement import Judgement
from heat_upgrade_checks.gates.registry import check
from heat_upgrade_checks.heat.permissions import RIGHTS, names_needed, refused
from heat_upgrade_checks.wording import some

from . import isolation_in_its_phase

_NAMED = 3


@check("vhost.permissions", phases=["installed", "synced", "vhost"], guide="cold 2-5, rolling 4")
def check_heat_may_use_the_new_vhost(
    new_vhost: NewVhost,
    current_configuration: Configuration,
    target_configuration: Configuration,
    gate: Judgement,
) -> None:
    """Heat's account may use the vhost of the target release."""
    isolation_in_its_phase(current_configuration, target_configuration, gate)
    new_vhost.must_exist()
    accounts = ", ".join(access.account for access in new_vhost.access)
    gate.looked_at(f"account {accounts} on vhost {new_vhost.name} at {new_vhost.management}")
    for access in new_vhost.access:
        if access.permissions or access.permissions_unknown:
            _judge_login(access, new_vhost, gate)
        _judge_permissions(access, new_vhost, gate)


def _judge_permissions(access: Access, new_vhost: NewVhost, gate: Judgement) -> None:
    grant = ["rabbitmqctl", "set_permissions", "-p", new_vhost.name, access.account]
    commands = [[*grant, ".*", ".*", ".*"]]
    if access.permissions_unknown and access.in_use:
        gate.note(
            f"account {access.account}",
            f"is shown with its permissions on vhost {new_vhost.name} to administrators alone; "
            "that they are enough is concluded from the current release, which works there with it",
        )
        return
    if access.permissions_unknown:
        gate.cannot_tell(access.permissions_unknown)
        return
    if access.permissions is None:
        gate.block(
            f"account {access.account}",
            f"has no permission on vhost {new_vhost.name}, or does not exist",
            hint="Make the account if it is missing, then grant it.",
            commands=commands,
        )
        return
    for right in RIGHTS:
        pattern = access.permissions.pattern(right)
        names = names_needed(right, new_vhost.options, new_vhost.engine_host)
        try:
            lacking = refused(pattern, names)
        except ValueError as error:
            gate.cannot_tell(
                f"the {right} pattern of account {access.account} on vhost {new_vhost.name} cannot "
                f"be read here ({error}); write it without extensions of PCRE"
            )
            continue
        if lacking:
            gate.block(
                f"account {access.account}",
                f"may not {right} {some(lacking, _NAMED)} on vhost {new_vhost.name}; its pattern "
                f"is {pattern!r}",
                hint="Widen the pattern, so that it matches each name.",
                commands=commands,
                data={"right": right, "pattern": pattern, "names": lacking},
            )


def _judge_login(access: Access, new_vhost: NewVhost, gate: Judgement) -> None:
    if access.login_unknown:
        gate.cannot_tell(access.login_unknown)
    elif access.refusal:
        gate.block(
            f"account {access.account}",
            f"is refused by {access.broker} on vhost {new_vhost.name}: {access.refusal}",
            hint="Correct transport_url of the target, or grant the account the vhost.",
            commands=[
                ["rabbitmqctl", "authenticate_user", access.account],
                ["rabbitmqctl", "list_user_permissions", access.account],
            ],
        )

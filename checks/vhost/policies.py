from heat_upgrade_checks.evidence.broker.new_vhost import NewVhost, VhostSettings
from heat_upgrade_checks.evidence.broker.policies import Policy
from heat_upgrade_checks.evidence.configuration.addresses import Configuration
from heat_upgrade_checks.evidence.database.state import Database
from heat_upgrade_checks.gates.judgement import Judgement
from heat_upgrade_checks.gates.registry import check
from heat_upgrade_checks.heat.queues import QUEUES_OF_A_WORKER

from . import isolation_in_its_phase


@check("vhost.policies", phases=["installed", "synced", "vhost"], guide="cold 2-5, rolling 4")
def check_the_new_vhost_is_set_up_like_the_old(
    new_vhost: NewVhost,
    database: Database,
    current_configuration: Configuration,
    target_configuration: Configuration,
    gate: Judgement,
) -> None:
    """Policies, limits and default queue type of the new vhost are those of the old one."""
    if isolation_in_its_phase(current_configuration, target_configuration, gate).shared:
        gate.not_applicable(f"both releases use vhost {new_vhost.name}, which stays as it is")
    new_vhost.must_exist()
    new, old = new_vhost.settings, new_vhost.old_settings
    gate.looked_at(
        f"policies, limits and default queue type of vhosts {new_vhost.name} and "
        f"{new_vhost.old_name} at {new_vhost.management}"
    )
    if new is None:
        gate.cannot_tell(new_vhost.settings_unknown)
        return
    workers = sum(row.alive for row in database.services)
    _judge_max_queues(new.limits.get("max-queues", -1), max(workers, 1), new_vhost.name, gate)
    if old is None:
        gate.cannot_tell(new_vhost.old_settings_unknown)
        return
    _compare(_policies(new), _policies(old), new_vhost, gate)
    for settings, name in ((new, new_vhost.name), (old, new_vhost.old_name)):
        if settings.operator_policies is None:
            gate.note(
                f"vhost {name}", "its operator policies are hidden from this account and not judged"
            )
    limits = {f"limit {name}": str(value) for name, value in old.limits.items()}
    _compare({f"limit {n}": str(v) for n, v in new.limits.items()}, limits, new_vhost, gate)
    if new.default_queue_type != old.default_queue_type:
        _differs(
            "default queue type", new.default_queue_type, old.default_queue_type, new_vhost, gate
        )


def _judge_max_queues(limit: int, workers: int, name: str, gate: Judgement) -> None:
    needed = QUEUES_OF_A_WORKER * workers
    if 0 <= limit < needed:
        gate.block(
            "limit max-queues",
            f"is {limit} on vhost {name}; {workers} live engine workers make up to {needed} queues",
            hint="Raise or clear the limit.",
            commands=[["rabbitmqctl", "clear_vhost_limits", "-p", name]],
            data={"limit": limit, "needed": needed, "workers": workers},
        )


def _policies(settings: VhostSettings) -> dict[str, str]:
    found = {f"policy {each.name}": _spell(each) for each in settings.policies}
    return found | {
        f"operator policy {each.name}": _spell(each) for each in settings.operator_policies or ()
    }


def _spell(policy: Policy) -> str:
    definition = ", ".join(f"{key}={policy.definition[key]}" for key in sorted(policy.definition))
    return (
        f"{definition} for {policy.apply_to} that match {policy.pattern}, "
        f"priority {policy.priority}"
    )


def _compare(new: dict[str, str], old: dict[str, str], vhost: NewVhost, gate: Judgement) -> None:
    for name in sorted(new.keys() | old.keys()):
        if new.get(name) != old.get(name):
            _differs(name, new.get(name), old.get(name), vhost, gate)


def _differs(what: str, new: str | None, old: str | None, vhost: NewVhost, gate: Judgement) -> None:
    gate.warn(
        what,
        f"is {new or 'not set'} on vhost {vhost.name}, and {old or 'not set'} on {vhost.old_name}",
        hint="Set up the new vhost like the old one, unless the difference is meant.",
        data={"new": new, "old": old},
    )

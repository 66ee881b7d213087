from heat_upgrade_checks.evidence.configuration.policies import Policies
from heat_upgrade_checks.evidence.stacks.cfn_signals import CfnSignals
from heat_upgrade_checks.gates.judgement import Judgement
from heat_upgrade_checks.gates.registry import check
from heat_upgrade_checks.wording import counted, some

_NAMED = 5


@check("config.policy", phases=["installed"], guide="cold 2-4, rolling 1")
def check_policies_are_read(policies: Policies, cfn_signals: CfnSignals, gate: Judgement) -> None:
    """The target release reads the site's policies, and each has an effect."""
    gate.looked_at(f"{policies.extent}, as the target's enforcer reads them; {cfn_signals.extent}")
    if policies.unread:
        gate.block(
            f"file {policies.unread}",
            "is not read by the target release, so all of its rules are lost",
            hint="Convert it to YAML; the new file goes beside it.",
            commands=[_convert(policies.unread)],
        )
    if policies.unreadable:
        gate.block(
            f"file {policies.path}",
            f"cannot be read ({policies.unreadable}); the target release refuses every request",
            hint="Correct the file.",
        )
    elif policies.is_json:
        gate.warn(
            f"file {policies.path}",
            "is JSON, which oslo.policy has deprecated; heat-status upgrade check fails on it",
            hint="Convert it to YAML, and name that in [oslo_policy] policy_file.",
            commands=[_convert(policies.path)],
        )
    _judge_rules(policies, gate)
    _judge_enforcement(policies, cfn_signals, gate)


def _convert(path: str) -> list[str]:
    yaml = path.removesuffix(".json") + ".yaml"
    return [
        "oslopolicy-convert-json-to-yaml",
        *("--namespace", "heat", "--policy-file", path, "--output-file", yaml),
    ]


def _judge_rules(policies: Policies, gate: Judgement) -> None:
    subject = f"file {policies.path}"
    if policies.broken:
        gate.block(
            subject,
            f"{_rules(policies.broken)} cannot be parsed, so the target release refuses what they "
            "are to allow",
            hint="Correct the rules.",
            data={"rules": list(policies.broken)},
        )
    if policies.undefined:
        gate.block(
            subject,
            f"refers to {_rules(policies.undefined)}, defined nowhere, so what needs them is "
            "refused",
            hint="Define them, or correct the names.",
            data={"rules": list(policies.undefined)},
        )
    if policies.lost:
        gate.warn(
            subject,
            f"{_rules(policies.lost)} are unknown to the target release and lose their effect",
            hint="Read in the release notes which rules take their place.",
            data={"rules": list(policies.lost)},
        )
    if policies.left_out:
        gate.warn(
            subject if policies.path else "policy files",
            f"{_rules(policies.left_out)} are overridden by the current release's policy files "
            "only, so the target release goes by its own defaults",
            hint="Bring them over to the target's policy file, unless the defaults are meant.",
            data={"rules": list(policies.left_out)},
        )
    strange = [name for name in policies.unknown if name not in policies.lost]
    if strange:
        gate.warn(
            subject,
            f"{_rules(strange)} are rules of no release and used by no other rule",
            hint="Correct the names, or remove the rules.",
            data={"rules": strange},
        )
    if policies.redundant:
        gate.note(
            subject,
            f"{_rules(policies.redundant)} say what the target release says by itself",
            hint="Remove them, so that later defaults reach you.",
            data={"rules": list(policies.redundant)},
        )


def _rules(names: list[str] | tuple[str, ...]) -> str:
    return f"{counted(len(names), 'rule')} ({some(names, _NAMED, ', ...')})"


def _judge_enforcement(policies: Policies, cfn_signals: CfnSignals, gate: Judgement) -> None:
    before, after = policies.current, policies.target
    if after.new_defaults and not (before and before.new_defaults):
        change = "is on for the target" + (" and off for the current release" if before else "")
        gate.warn(
            "[oslo_policy] enforce_new_defaults",
            f"{change}: users need the roles member or reader, and stack actions through "
            "heat-api-cfn are refused; "
            + (
                f"{counted(cfn_signals.stacks, 'live stack')} use heat-api-cfn, at least for "
                "signals, which go on"
                if cfn_signals.stacks
                else "whether users call heat-api-cfn is not known here"
            ),
            hint="Give users these roles; where stacks are managed through heat-api-cfn, set it to "
            "False.",
            commands=[["openstack", "role", "list"]],
        )
    if before and after.scope and not before.scope:
        gate.warn(
            "[oslo_policy] enforce_scope",
            "is on for the target and off for the current release: tokens that are not of a "
            "project are refused",
            hint="Let scripts and services use tokens of a project.",
        )

from heat_upgrade_checks.evidence.configuration.options import Options
from heat_upgrade_checks.evidence.stacks.cfn_signals import CfnSignals
from heat_upgrade_checks.gates.judgement import Judgement
from heat_upgrade_checks.gates.registry import check
from heat_upgrade_checks.wording import counted

# What a section needs besides auth_type; a plugin may take one of several.
_NEEDED = (
    ("auth_type",),
    ("auth_url",),
    ("username", "user_id", "application_credential_id", "application_credential_name"),
)


@check("config.ec2-token", phases=["installed"], guide="cold 2-4, rolling 1")
def check_signals_are_authenticated(
    options: Options, cfn_signals: CfnSignals, gate: Judgement
) -> None:
    """The target's heat-api-cfn can ask Keystone who signed a request."""
    token = options.ec2_token
    lacking = {section: _lacking(options, section) for section in token.sections}
    lacking = {section: names for section, names in lacking.items() if names}
    configured = any(each.place.group.startswith("ec2authtoken") for each in options.options)
    if lacking and not configured and not cfn_signals.stacks:
        gate.not_applicable(
            "no live stack holds a key pair for heat-api-cfn, and the target's configuration has "
            "no [ec2authtoken]; whether heat-api-cfn is deployed for other users is not known here"
        )
    gate.looked_at(
        f"{', '.join(f'[{section}]' for section in token.sections)} of the target's configuration; "
        f"{cfn_signals.extent}"
    )
    if not token.knows_credentials:
        return
    used = (
        f"used by {counted(cfn_signals.stacks, 'live stack')}, such as "
        f"{', '.join(cfn_signals.named)}"
        if cfn_signals.stacks
        else "used by no live stack; whether by others is not known here"
    )
    for section, names in lacking.items():
        say = gate.warn if token.knows_auth_uri or not cfn_signals.stacks else gate.block
        effect = (
            "Keystone with the fix of OSSA-2025-002 refuses its requests"
            if token.knows_auth_uri
            else "heat-api-cfn of the target release has no credentials and does not work"
        )
        say(
            f"[{section}]",
            f"lacks {', '.join(names)}: {effect}; heat-api-cfn is {used}",
            hint="Set auth_type, auth_url, username, password, user_domain_name, project_name and "
            "project_domain_name there, as in [keystone_authtoken].",
        )


def _lacking(options: Options, section: str) -> list[str]:
    given = {
        each.target.name
        for each in options.options
        if each.target is not None and section.lower() in {each.place.group, each.target.group}
    }
    return [" or ".join(names[:2]) for names in _NEEDED if not given.intersection(names)]

from heat_upgrade_checks.evidence.code.upgrade_check import UpgradeCheck
from heat_upgrade_checks.gates.judgement import Judgement
from heat_upgrade_checks.gates.registry import check

_SUCCESS, _WARNING, _FAILURE = 0, 1, 2


@check("code.upgrade-check", phases=["pre"], guide="prerequisites")
def check_current_upgrade_check(current_upgrade_check: UpgradeCheck, gate: Judgement) -> None:
    """Heat's own upgrade checks succeed."""
    gate.looked_at(current_upgrade_check.extent)
    if current_upgrade_check.exit_code is None:
        gate.not_applicable("only the current release's heat-status can tell; add current.python")
    _own_verdict(current_upgrade_check, gate)


@check("code.upgrade-check", phases=["installed"], guide="cold 2-4, rolling 1")
def check_upgrade_checks(
    current_upgrade_check: UpgradeCheck, target_upgrade_check: UpgradeCheck, gate: Judgement
) -> None:
    """Heat's own upgrade checks succeed."""
    gate.looked_at(f"{current_upgrade_check.extent}; {target_upgrade_check.extent}")
    if target_upgrade_check.exit_code is None:
        gate.cannot_tell("the target's heat-status was not run; add target.python to the plan")
    # The current release may have been replaced by the target by now.
    for facts in (current_upgrade_check, target_upgrade_check):
        _own_verdict(facts, gate)


def _own_verdict(facts: UpgradeCheck, gate: Judgement) -> None:
    if facts.exit_code in {_SUCCESS, None}:
        return
    if facts.exit_code not in {_WARNING, _FAILURE}:
        gate.cannot_tell(
            f"heat-status upgrade check by {facts.interpreter} broke with code "
            f"{facts.exit_code}; run it by hand to read why"
        )
        return
    say = gate.block if facts.exit_code == _FAILURE else gate.warn
    say(
        f"heat-status of {facts.interpreter}",
        "; ".join(facts.results) or f"ended with code {facts.exit_code}",
        hint="Do what it says; its text is kept with this finding.",
        data={"exit_code": facts.exit_code, "text": facts.text},
    )

"""What became of one check, from what it said and how it ended."""

from collections.abc import Iterable

import pytest

from heat_upgrade_checks.errors import NotConfigured, Unobserved
from heat_upgrade_checks.gates.catalogue import Check
from heat_upgrade_checks.gates.judgement import Judgement
from heat_upgrade_checks.records.findings import CheckResult, Finding, Level, Outcome, outcome_of
from heat_upgrade_checks.secrets import Secrets


def conclude(
    check: Check,
    judgement: Judgement | None,
    ended_by: BaseException | None,
    seconds: float,
    required: Iterable[str],
    secrets: Secrets,
) -> CheckResult:
    """The record of a check that ended, by itself or by an exception, without any secret.

    `judgement` is None where it ended before it could say anything; `required` are the ids that the
    plan requires.
    """
    outcome, reason, findings = _outcome(check, judgement, ended_by, required)
    return CheckResult(
        id=check.id,
        family=check.family,
        title=check.title,
        guide=check.guide,
        outcome=outcome,
        reason=secrets.redact(reason),
        seconds=round(seconds, 3),
        looked_at=secrets.redact(judgement.extent if judgement else ""),
        findings=tuple(_redacted(finding, secrets) for finding in findings),
    )


def _outcome(
    check: Check,
    judgement: Judgement | None,
    ended_by: BaseException | None,
    required: Iterable[str],
) -> tuple[Outcome, str, list[Finding]]:
    findings = list(judgement.findings) if judgement else []
    unknowns = list(judgement.unknowns) if judgement else []
    match ended_by:
        case None:
            if judgement is None or not judgement.extent:
                unknowns.append("the check did not state what it looked at; report it as a bug")
        case NotConfigured() if not findings and not unknowns:
            if check.id not in required:
                return Outcome.NOT_APPLICABLE, str(ended_by), []
            unknowns.append(f"the plan requires it: {ended_by}")
        case Unobserved():
            unknowns.append(str(ended_by))
        case AssertionError():
            text = str(ended_by).strip().partition("\n")[0] or "its assertion does not hold"
            findings.append(Finding(Level.BLOCKER, check.id, text))
        case pytest.skip.Exception():
            unknowns.append("the check was skipped, so nothing was judged")
        case _:
            unknowns.append(
                f"the check itself broke ({type(ended_by).__name__}); report it as a bug"
            )
    outcome = outcome_of(findings)
    if unknowns and outcome is not Outcome.FAILED:
        outcome = Outcome.ERROR
    return outcome, " ".join(unknowns), findings


def _redacted(finding: Finding, secrets: Secrets) -> Finding:
    redact = secrets.redact
    return Finding(
        level=finding.level,
        object=redact(finding.object),
        summary=redact(finding.summary),
        hint=redact(finding.hint),
        commands=tuple(tuple(map(redact, command)) for command in finding.commands),
        data=secrets.redact_within(finding.data),
    )


def retell(report: pytest.TestReport, result: CheckResult) -> None:
    """Let pytest and pytest-html show what was judged, never a traceback that may quote a value."""
    lines = [result.reason] if result.reason else []
    lines += [
        f"{finding.level}: {finding.object}: {finding.summary}" for finding in result.findings
    ]
    report.sections = []
    report.longrepr = "\n".join(lines) or None
    match result.outcome:
        case Outcome.FAILED | Outcome.ERROR:
            report.outcome = "failed"
        case Outcome.NOT_APPLICABLE:
            report.outcome = "skipped"
            report.longrepr = (report.fspath, 0, result.reason)
        case _:
            report.outcome = "passed"

"""The gate as JUnit XML (xunit1), for CI systems that show test results."""

from xml.etree.ElementTree import Element, SubElement, indent, tostring

from heat_upgrade_checks.records.findings import CheckResult, Finding, Level, Outcome
from heat_upgrade_checks.records.gate import Gate
from heat_upgrade_checks.report import sections
from heat_upgrade_checks.report.words import CAP, VERDICT_WORDS, more, remedies, waiver
from heat_upgrade_checks.wording import moment, visible

_TAGS = {
    Outcome.FAILED: "failure",
    Outcome.ERROR: "error",
    Outcome.WAIVED: "skipped",
    Outcome.NOT_APPLICABLE: "skipped",
}


def render(gate: Gate) -> bytes:
    """The document. Where the gate is closed it always holds a failure or an error."""
    suites = Element("testsuites")
    suite = SubElement(suites, "testsuite")
    replayed = {"replayed_at": moment(gate.replayed_at)} if gate.replayed_at else {}
    _properties(
        suite,
        upgrade=gate.upgrade.name,
        phase=gate.phase,
        host=gate.host,
        verdict=gate.verdict.value,
        **replayed,
    )
    for check in gate.checks:
        _case(suite, check)
    if not gate.verdict.opens and suite.find("*/failure") is None and suite.find("*/error") is None:
        case = SubElement(suite, "testcase", classname="gate", name="gate.verdict", time="0.000")
        message = visible(sections.headline(gate))
        SubElement(case, "error", message=message, type=VERDICT_WORDS[gate.verdict])
    name = f"heat-upgrade-check {gate.phase}"
    suite.attrib = {
        "name": visible("; ".join(filter(None, (sections.no_answer(gate), name)))),
        "tests": str(len(suite.findall("testcase"))),
        "failures": str(len(suite.findall("*/failure"))),
        "errors": str(len(suite.findall("*/error"))),
        "skipped": str(len(suite.findall("*/skipped"))),
        "time": f"{gate.seconds:.3f}",
        "timestamp": moment(gate.started_at).replace(" ", "T"),
    }
    indent(suites)
    document: bytes = tostring(suites, encoding="utf-8", xml_declaration=True)
    return document + b"\n"


def _case(suite: Element, check: CheckResult) -> None:
    case = SubElement(
        suite,
        "testcase",
        classname=visible(check.family),
        name=visible(check.id),
        time=f"{check.seconds:.3f}",
    )
    _properties(case, outcome=check.outcome.value)
    text = visible("\n".join(_lines(check)))
    if tag := _TAGS.get(check.outcome):
        message = visible(_first_word(check))
        SubElement(case, tag, message=message, type=check.outcome.value).text = text
    elif text:
        SubElement(case, "system-out").text = text


def _properties(parent: Element, **values: str) -> None:
    properties = SubElement(parent, "properties")
    for name, value in values.items():
        SubElement(properties, "property", name=name, value=visible(value))


def _first_word(check: CheckResult) -> str:
    """What stands for the whole check in a list of failures and skipped ones."""
    if check.outcome is Outcome.WAIVED:
        return waiver(check.waivers[0])
    if check.reason:
        return check.reason
    findings = _heaviest_first(check)
    return _sentence(findings[0]) if findings else check.title


def _heaviest_first(check: CheckResult) -> list[Finding]:
    return sorted(check.findings, key=lambda finding: list(Level).index(finding.level))


def _sentence(finding: Finding) -> str:
    return f"{finding.object}: {finding.summary}"


def _lines(check: CheckResult) -> list[str]:
    lines = [f"Required: {check.title}"]
    if check.looked_at:
        lines.append(f"Looked at: {check.looked_at}")
    lines += [waiver(each) for each in check.waivers]
    for remedy in remedies(_heaviest_first(check)[:CAP]):
        lines += [f"{finding.level}: {_sentence(finding)}" for finding in remedy.findings]
        if remedy.hint:
            lines.append(f"  To do: {remedy.hint}")
        lines += [f"  $ {command}" for command in remedy.commands]
    if left := more(check.findings, CAP):
        lines.append(left)
    return lines

"""The gate as Markdown for the comment field of a ticket."""

import re

from heat_upgrade_checks.records.gate import Gate
from heat_upgrade_checks.report import release_notes, sections
from heat_upgrade_checks.report.release_notes import NoteRow
from heat_upgrade_checks.report.sections import Section
from heat_upgrade_checks.report.words import more, release, remedies, waiver
from heat_upgrade_checks.wording import clipped, duration, moment, visible

SIZE_LIMIT = 4000

# How many blockers, and how many things of every other kind: the blockers keep their place longest.
_CAPS = ((20, 20), (20, 5), (20, 2), (10, 2), (5, 2), (5, 1), (2, 1), (1, 1), (1, 0), (0, 0))

_LONGEST_NAME = 80
_LONGEST_SENTENCE = 240
# Enough to recognise a digest by; gate.html and gate.json have the whole one.
_DIGEST = 12


def render(gate: Gate) -> str:
    """The comment, below `SIZE_LIMIT` bytes: lists are cut shorter where it would be larger."""
    for blockers, others in _CAPS:
        parts = [_head(gate), _section(sections.waived(gate), others)]
        parts.append(_section(sections.blockers(gate), blockers))
        parts += [
            _section(section(gate), others)
            for section in (
                sections.errors,
                sections.warnings,
                sections.not_looked_at,
            )
        ]
        comment = "\n\n".join(part for part in parts if part) + "\n"
        if len(comment.encode()) < SIZE_LIMIT:
            break
    return comment + _release_notes(gate, SIZE_LIMIT - len(comment.encode()))


def _head(gate: Gate) -> str:
    upgrade = gate.upgrade
    releases = f"{release(upgrade.current)} to {release(upgrade.target)}"
    times = f"{moment(gate.started_at)} to {moment(gate.finished_at)}, {duration(gate.seconds)}"
    host = f", host {_code(gate.host)}" if gate.host else ""
    lines = [
        f"## {_prose(sections.headline(gate))}",
        "",
        *([f"**{sections.replay(gate)}**", ""] if gate.replayed_at else []),
        f"{_prose(sections.question(gate))} **{sections.answer(gate)}**",
        "",
        f"- Upgrade: {_code(upgrade.name)}, {upgrade.mode}, {_prose(releases)}",
        f"- Gate: phase {_code(gate.phase)}{host}, exit code {gate.exit_code}",
        f"- Time (UTC): {times}",
        f"- Outcomes: {sections.tally(gate)}",
    ]
    if gate.partial:
        lines.append("- **Partial gate**: it never counts as a passed gate")
    return "\n".join(lines)


def _section(section: Section, cap: int) -> str:
    if not section.entries:
        return ""
    lines = [f"### {section.title}", ""]
    for entry in section.entries[:cap]:
        check = entry.check
        lines.append(f"- {_code(check.id)} requires: {_prose(check.title)}")
        if check.reason:
            lines.append(f"  - {_prose(check.reason)}")
        lines += [f"  - {_prose(waiver(each))}" for each in check.waivers]
        for remedy in remedies(entry.findings[:cap]):
            for finding in remedy.findings:
                lines.append(f"  - {_code(finding.object)}: {_prose(finding.summary)}")
            if remedy.hint or remedy.commands:
                commands = [_verbatim(command) for command in remedy.commands]
                lines.append(f"  - To do: {' '.join([_prose(remedy.hint), *commands]).strip()}")
        if left := more(entry.findings, cap):
            lines.append(f"  - {left}")
    if left := more(section.entries, cap):
        lines.append(f"- {left}")
    return "\n".join(lines)


def _release_notes(gate: Gate, room: int) -> str:
    """As many release notes as there is room for, in bytes, with who acknowledged them."""
    rows = release_notes.rows(gate)
    for shown in range(len(rows), -1, -1) if rows else ():
        lines = ["", "### Release notes", "", *map(_release_note, rows[:shown])]
        if left := more(rows, shown):
            lines.append(f"- {left}")
        text = "\n".join(lines) + "\n"
        if len(text.encode()) < room:
            return text
    return ""


def _release_note(row: NoteRow) -> str:
    who = f" by {row.by} at {row.at}" if row.by else ""
    remark = f": {row.remark}" if row.remark else ""
    touches = f"; touches this deployment: {row.touches}" if row.touches else ""
    told = f"{row.state}{who}{remark} ({row.sections}){touches}"
    return f"- {_code(row.name)} {_prose(told)}, SHA-256 {_code(row.sha256[:_DIGEST])}"


def _prose(text: str) -> str:
    """Text that means nothing to Markdown or HTML, in one line."""
    text = clipped(" ".join(visible(text).split()), _LONGEST_SENTENCE)
    text = re.sub(r"&(?=#?\w+;)", "&amp;", text).replace("<", "&lt;")
    # An underscore inside a word is no emphasis; names stay readable where nothing renders them.
    return re.sub(r"[\\`*\[\]|~]|(?<![^\W_])_|_(?![^\W_])", r"\\\g<0>", text)


def _code(text: str) -> str:
    """A name as a code span, where markup, links and mentions are inert."""
    return _verbatim(clipped(visible(text), _LONGEST_NAME))


def _verbatim(text: str) -> str:
    text = visible(text).replace("\n", r"\n") or "(none)"
    longest = max((len(run) for run in re.findall("`+", text)), default=0)
    fence = "`" * (longest + 1)
    edge = " " if text.strip("` ") != text else ""
    return f"{fence}{edge}{text}{edge}{fence}"

"""Disasters brought about in labs of their own, judged, and told in `docs/disasters.md`."""

import re
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from tests.lab import venvs
from tests.lab.deployment import Lab
from tests.lab.disaster import Disaster, judge
from tests.lab.disasters import DISASTERS
from tests.lab.rolling import CURRENT_VHOST
from tests.lab.whole_upgrade import Judged, WholeUpgrade
from tests.services.processes import interrupted_by_sigterm

OPEN = {"go", "go-with-warnings"}
PAGE = Path(__file__).parents[2] / "docs" / "disasters.md"
COLUMNS = (
    "No.",
    "Disaster",
    "Wrong step",
    "Heat",
    "Gates before, all open",
    "Gate",
    "Expected",
    "Given",
    "Red",
    "After the remedy",
    "Seconds",
    "Run",
)
_ROW = re.compile(r"\| \d+ \|")


@dataclass(frozen=True)
class Told:
    """How one disaster ended; `wrong` says in what the tool was wrong, if in anything."""

    disaster: Disaster
    before: tuple[Judged, ...]
    judged: Judged
    remedied: Judged | None
    wrong: tuple[str, ...]
    seconds: float
    servers: str


@contextmanager
def _heat(disaster: Disaster, folder: Path) -> Iterator[WholeUpgrade]:
    gates = folder / "gates"
    gates.mkdir()
    with (
        interrupted_by_sigterm(),
        Lab(folder / "lab", CURRENT_VHOST, charset=disaster.charset) as lab,
        closing(WholeUpgrade(lab, *disaster.pair, gates, disaster.mode)) as upgrade,
    ):
        yield upgrade


def run(disaster: Disaster, folder: Path) -> Told:
    """Bring it about in an empty folder, and hear what the gate says."""
    began = time.monotonic()
    with _heat(disaster, folder) as upgrade:
        course = disaster.course(upgrade)
        words = next(course)
        before = tuple(upgrade.record)
        judge(upgrade, disaster.gate, opens=False)
        judged = upgrade.record[-1]
        wrong = [
            *_before(before),
            *_otherwise(disaster, judged),
            *_unnamed(upgrade, disaster, words),
        ]
        remedied = None
        for _ in course:
            judge(upgrade, disaster.gate)
            remedied = upgrade.record[-1]
            if remedied.verdict not in OPEN:
                wrong.append(f"after the remedy: {remedied}")
        seconds = time.monotonic() - began
        return Told(
            disaster, before, judged, remedied, tuple(wrong), seconds, _servers(upgrade.lab)
        )


def _before(gates: tuple[Judged, ...]) -> Iterator[str]:
    yield from (f"before the wrong step: {gate}" for gate in gates if gate.verdict not in OPEN)


def _otherwise(disaster: Disaster, judged: Judged) -> Iterator[str]:
    if judged.verdict != disaster.expected:
        yield f"{judged.gate} is {judged.verdict}, not {disaster.expected}"
    red = set(judged.red)
    yield from (f"{id} is not red" for id in sorted(disaster.ids - red))
    yield from (
        f"{id} is red, for no known reason" for id in sorted(red - disaster.ids - {*disaster.also})
    )


def _unnamed(upgrade: WholeUpgrade, disaster: Disaster, words: tuple[str, ...]) -> Iterator[str]:
    """What an operator needs and the findings do not say."""
    findings = [
        finding
        for id in disaster.ids
        for finding in upgrade.last.check(id)["findings"]
        if finding["level"] == "blocker"
    ]
    said = "\n".join(f"{each['object']}: {each['summary']} {each['hint']}" for each in findings)
    yield from (f"{word!r} is not in: {said}" for word in words if word not in said)
    yield from (f"no remedy in: {each['object']}" for each in findings if not each["hint"])


def _servers(lab: Lab) -> str:
    ((mariadb,),) = lab.mariadb.execute("SELECT VERSION()")
    rabbitmq = lab.rabbitmq.call("GET", "overview")["rabbitmq_version"]
    python = ".".join(map(str, sys.version_info[:3]))
    return f"MariaDB {mariadb.partition('-')[0]}, RabbitMQ {rabbitmq} and Python {python}"


def row(told: Told) -> str:
    """One line of the table."""
    disaster = told.disaster
    pair = " to ".join(map(venvs.version, disaster.pair))
    also = [
        f"{id} ({disaster.also.get(id, '')})" for id in told.judged.red if id not in disaster.ids
    ]
    cells = (
        str(disaster.number),
        disaster.title,
        disaster.wrong_step,
        pair,
        ", ".join(gate.gate for gate in told.before) or "none comes before",
        told.judged.gate,
        disaster.expected,
        told.judged.verdict if not told.wrong else f"{told.judged.verdict}: WRONG",
        "; ".join([*(id for id in told.judged.red if id in disaster.ids), *also]),
        told.remedied.verdict if told.remedied else "not tried",
        f"{told.seconds:.0f}",
        f"{datetime.now(UTC):%Y-%m-%d}",
    )
    return _line(cells)


def _line(cells: tuple[str, ...]) -> str:
    return f"| {' | '.join(cell.replace('|', '/') for cell in cells)} |"


def lines(page: str) -> list[str]:
    """The table's lines, without its head."""
    return [line for line in page.splitlines() if _ROW.match(line)]


def enter(told: Told) -> None:
    """Enter a run in the page; rows that were made on other servers go."""
    page = PAGE.read_text("utf-8") if PAGE.exists() else ""
    rows = {int(line.split()[1]): line for line in lines(page) if told.servers in page}
    rows[told.disaster.number] = row(told)
    known = [each.number for each in DISASTERS if each.number in rows]
    PAGE.write_text(_page([rows[number] for number in known], told.servers), "utf-8")


def strike(disaster: Disaster) -> None:
    """Take out the row of one that could not be run to its end."""
    page = PAGE.read_text("utf-8").splitlines(keepends=True)
    own = f"| {disaster.number} |"
    PAGE.write_text("".join(line for line in page if not line.startswith(own)), "utf-8")


def _page(table: list[str], servers: str) -> str:
    wrong = sum(": WRONG |" in line for line in table)
    return f"""\
# Disasters

{len(table)} wrong steps, each taken on a real Heat between the gates of an upgrade in the guide's
order, with {servers}. The last run was on {datetime.now(UTC):%Y-%m-%d}.
**Wrong verdicts: {wrong}.**

The gates before the wrong step must all open, and the one after it must say no-go and name the
host, stack, vhost or file at fault. The remedy is what its findings advise; after it the same gate
must open. An id with a reason in brackets is red besides those that must be.
`python -m tests.lab disasters` makes this table.

{_line(COLUMNS)}
|{"---|" * len(COLUMNS)}
{chr(10).join(table)}
"""

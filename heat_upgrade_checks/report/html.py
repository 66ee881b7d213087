"""The gate as one page that needs no JavaScript, no network and no style sheet."""

from heat_upgrade_checks.phases import PHASES
from heat_upgrade_checks.records.gate import Gate
from heat_upgrade_checks.report import drain
from heat_upgrade_checks.report.pages import environment
from heat_upgrade_checks.report.words import CAP

SIZE_LIMIT = 1_000_000


def render(gate: Gate) -> str:
    """The page, below `SIZE_LIMIT` bytes: lists are cut shorter where it would be larger."""
    template = environment().get_template("gate.html.j2")
    for cap in (CAP, CAP // 4, 1, 0):
        page = template.render(
            gate=gate,
            phase=PHASES.get(gate.phase),
            cap=cap,
            drain=drain.draw(gate.drain),
            width=drain.WIDTH,
            height=drain.HEIGHT,
            left=drain.LEFT,
            top=drain.TOP,
        )
        if len(page.encode()) < SIZE_LIMIT:
            break
    return page

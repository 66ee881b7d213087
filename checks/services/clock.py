from heat_upgrade_checks.evidence.database.state import Database
from heat_upgrade_checks.gates.judgement import Judgement
from heat_upgrade_checks.gates.registry import check

# Seconds. Heat compares its engines' reports with the clock of whoever asks.
_CLOCKS_DIFFER, _CLOCKS_ARE_WRONG = 2, 30


@check("services.clock", phases=["pre"], guide="prerequisites")
def check_clocks_agree(database: Database, gate: Judgement) -> None:
    """The clocks of the database's server, of the engines and of this machine agree."""
    gate.looked_at(
        f"the clocks of {database.server}, of this machine and of {len(database.services)} "
        "engine workers by their last report"
    )
    skew = (database.clock - database.local_clock).total_seconds()
    _judge_clock("this machine", -skew, gate)
    for row in database.services:
        # A report from the future tells how far that clock is ahead, one from the past nothing.
        _judge_clock(f"engine {row.host} ({row.engine_id})", -row.reported_seconds_ago, gate, False)


def _judge_clock(whose: str, ahead: float, gate: Judgement, behind_counts: bool = True) -> None:
    off = abs(ahead) if behind_counts else ahead
    if off < _CLOCKS_DIFFER:
        return
    say = gate.block if off >= _CLOCKS_ARE_WRONG else gate.warn
    say(
        f"clock of {whose}",
        f"is {off:.0f} s {'ahead of' if ahead > 0 else 'behind'} that of the database's server",
        hint="Synchronize both with NTP: who is alive and what has timed out is told by them.",
        data={"seconds_ahead": round(ahead, 3)},
    )

"""The points of a cold upgrade, in the guide's order, and the ways to have left it."""

from heat_upgrade_checks.reading.work import State
from heat_upgrade_checks.where.both_modes import ALL_NEW, ASTRAY, SCHEMA_UNKNOWN, UNOBSERVED
from heat_upgrade_checks.where.position import Position
from heat_upgrade_checks.where.prohibitions import (
    ANYTHING,
    DB_SYNC_WHILE_RUNNING,
    NEW_DB_SYNC,
    NEW_ENGINE,
    OLD_DB_SYNC,
    OLD_SERVICES,
)
from heat_upgrade_checks.where.rules import Kind, MustNot, PhaseGate, Rule, always
from heat_upgrade_checks.where.schema import At
from heat_upgrade_checks.where.words import in_state


def _not_begun(position: Position) -> bool:
    return bool(position.old or (position.runs and position.schema.at is At.CURRENT))


COLD = (
    UNOBSERVED,
    ASTRAY,
    SCHEMA_UNKNOWN,
    Rule(
        "the schema is migrated half-way, and Heat runs",
        Kind.REPAIR,
        lambda p: p.runs and p.schema.at is At.HALF_WAY,
        lambda w: (
            f"Stop every API and every engine ({w.running}), then bring {w.new}'s db_sync to its "
            f"end: {w.why}"
        ),
        must_not=(DB_SYNC_WHILE_RUNNING, OLD_DB_SYNC),
    ),
    Rule(
        lambda w: f"an engine of {w.new} runs before its db_sync",
        Kind.REPAIR,
        lambda p: p.new and p.schema.at is At.CURRENT,
        lambda w: (
            f"Stop every API and every engine ({w.running}), for {w.new} fails the stacks that it "
            "is given on this schema, then run its db_sync when the gates have opened"
        ),
        (PhaseGate("stopped"), PhaseGate("installed")),
        (DB_SYNC_WHILE_RUNNING,),
    ),
    # On N's own schema whatever runs is to be stopped, of whichever release it is.
    Rule(
        "which release runs is not known",
        Kind.UNKNOWN,
        lambda p: p.untold and p.schema.at is not At.CURRENT,
        lambda w: (
            f"the release of the engine {w.untold} is not known, for the vhost does not tell it: "
            f"see on each host that it is {w.new}, then let phase post judge; or list the "
            "[DEFAULT] hosts as current.engines and target.engines in the plan, if they differ, "
            "and ask again"
        ),
    ),
    Rule(
        lambda w: f"an engine of {w.old} runs after the db_sync of {w.new}, or beside its engines",
        Kind.REPAIR,
        lambda p: p.old and (p.new or p.schema.at is At.TARGET),
        lambda w: (
            f"Stop engine {w.old_engines} of {w.old}, for in a cold upgrade the two releases never "
            "run at the same time"
        ),
        must_not=(
            MustNot(
                lambda w: (
                    f"Do not start an engine or API of {w.new} before: they would run together."
                )
            ),
            OLD_DB_SYNC,
        ),
    ),
    Rule(
        "not begun, Heat runs and has work (before cold 1)",
        Kind.SAFE,
        lambda p: _not_begun(p) and in_state(p.live_work, State.WORKED_ON, State.WAITING),
        lambda w: f"Stop every API, wait until {w.in_flight} has ended, then stop every engine",
        (PhaseGate("pre"),),
        (
            MustNot(
                "Do not stop the engines while a stack is in flight: nobody takes it up again, and "
                "it stays IN_PROGRESS for ever."
            ),
            DB_SYNC_WHILE_RUNNING,
        ),
    ),
    Rule(
        "not begun, Heat runs (before cold 1)",
        Kind.SAFE,
        _not_begun,
        lambda w: f"Stop every API and then every engine: {w.running}",
        (PhaseGate("pre"),),
        (DB_SYNC_WHILE_RUNNING,),
    ),
    Rule(
        "an API runs, and no engine",
        Kind.REPAIR,
        lambda p: p.apis and not p.engines,
        lambda w: f"Stop {w.apis}, which no engine answers; engines of {w.new} are started first",
        must_not=(
            MustNot(
                lambda w: (
                    f"Do not leave an API of {w.old} running: it is asked for what only {w.new} "
                    "does."
                )
            ),
            OLD_DB_SYNC,
        ),
    ),
    *ALL_NEW,
    # Nothing runs.
    Rule(
        "everything is stopped, and a step of db_sync was cut off",
        Kind.REPAIR,
        lambda p: p.schema.unrecorded,
        lambda w: (
            f"Restore the backup, or remove {w.unrecorded}, before {w.new}'s db_sync is run again, "
            f"which would stumble over it: {w.why}"
        ),
        must_not=(ANYTHING,),
    ),
    Rule(
        "everything is stopped, the schema is migrated half-way",
        Kind.REPAIR,
        lambda p: p.schema.at is At.HALF_WAY,
        lambda w: (
            f"Find in its log why {w.new}'s db_sync stopped, remove the reason, and run it again: "
            f"{w.why}"
        ),
        must_not=(ANYTHING, OLD_DB_SYNC),
    ),
    Rule(
        "everything is stopped, and work that waits was cut off",
        Kind.REPAIR,
        lambda p: p.live_work and p.messages and p.schema.at is At.CURRENT,
        lambda w: (
            f"Start an engine of {w.old} on vhost {w.old_vhost} again, so that it ends what was "
            f"cut off: {w.left}"
        ),
        must_not=(NEW_DB_SYNC, NEW_ENGINE),
    ),
    Rule(
        "everything is stopped, and work was cut off",
        Kind.REPAIR,
        lambda p: p.live_work,
        lambda w: (
            f"Mark what was cut off FAILED with heat-manage reset_stack_status {w.cut_off_id}, "
            f"while every engine is down and nobody works on it: {w.cut_off}"
        ),
        must_not=(
            MustNot(
                "Do not start an engine before: reset_stack_status damages what engines work on."
            ),
        ),
    ),
    Rule(
        lambda w: f"everything is stopped, {w.new} is not installed (cold 1)",
        Kind.SAFE,
        lambda p: not p.installed,
        lambda w: f"Put {w.new}'s code and configuration in place: {w.absent}",
        (PhaseGate("stopped"),),
        (NEW_DB_SYNC, ANYTHING),
    ),
    Rule(
        lambda w: f"everything is stopped, the db_sync of {w.new} was not run (cold 2-4)",
        Kind.SAFE,
        lambda p: p.schema.at is At.CURRENT,
        lambda w: f"Run {w.new}'s db_sync",
        (PhaseGate("stopped"), PhaseGate("installed")),
        (ANYTHING,),
    ),
    Rule(
        lambda w: f"everything is stopped, the schema is {w.new}'s (cold 5)",
        Kind.SAFE,
        always,
        lambda w: f"Start every engine and then every API of {w.new}",
        (PhaseGate("synced"),),
        (OLD_SERVICES, OLD_DB_SYNC),
    ),
)

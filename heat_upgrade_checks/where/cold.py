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
from heat_upgrade_checks.where.rules import Kind, MustNot, Rule, always
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
        "Stop every API and every engine ({running}), then bring {new}'s db_sync to its end: {why}",
        must_not=(DB_SYNC_WHILE_RUNNING, OLD_DB_SYNC),
    ),
    Rule(
        "an engine of {new} runs before its db_sync",
        Kind.REPAIR,
        lambda p: p.new and p.schema.at is At.CURRENT,
        "Stop every API and every engine ({running}), for {new} fails the stacks that it is given "
        "on this schema, then run its db_sync when the gates have opened",
        (("stopped",), ("installed",)),
        (DB_SYNC_WHILE_RUNNING,),
    ),
    # On N's own schema whatever runs is to be stopped, of whichever release it is.
    Rule(
        "which release runs is not known",
        Kind.UNKNOWN,
        lambda p: p.untold and p.schema.at is not At.CURRENT,
        "the release of the engine {untold} is not known, for the vhost does not tell it: see on "
        "each host that it is {new}, then let phase post judge; or list the [DEFAULT] hosts as "
        "current.engines and target.engines in the plan, if they differ, and ask again",
    ),
    Rule(
        "an engine of {old} runs after the db_sync of {new}, or beside its engines",
        Kind.REPAIR,
        lambda p: p.old and (p.new or p.schema.at is At.TARGET),
        "Stop engine {old_engines} of {old}, for in a cold upgrade the two releases never run "
        "at the same time",
        must_not=(
            MustNot("Do not start an engine or API of {new} before: they would run together."),
            OLD_DB_SYNC,
        ),
    ),
    Rule(
        "not begun, Heat runs and has work (before cold 1)",
        Kind.SAFE,
        lambda p: _not_begun(p) and in_state(p.live_work, State.WORKED_ON, State.WAITING),
        "Stop every API, wait until {in_flight} has ended, then stop every engine",
        (("pre",),),
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
        "Stop every API and then every engine: {running}",
        (("pre",),),
        (DB_SYNC_WHILE_RUNNING,),
    ),
    Rule(
        "an API runs, and no engine",
        Kind.REPAIR,
        lambda p: p.apis and not p.engines,
        "Stop {apis}, which no engine answers; engines of {new} are started first",
        must_not=(
            MustNot("Do not leave an API of {old} running: it is asked for what only {new} does."),
            OLD_DB_SYNC,
        ),
    ),
    *ALL_NEW,
    # Nothing runs.
    Rule(
        "everything is stopped, and a step of db_sync was cut off",
        Kind.REPAIR,
        lambda p: p.schema.unrecorded,
        "Restore the backup, or remove {unrecorded}, before {new}'s db_sync is run again, which "
        "would stumble over it: {why}",
        must_not=(ANYTHING,),
    ),
    Rule(
        "everything is stopped, the schema is migrated half-way",
        Kind.REPAIR,
        lambda p: p.schema.at is At.HALF_WAY,
        "Find in its log why {new}'s db_sync stopped, remove the reason, and run it again: {why}",
        must_not=(ANYTHING, OLD_DB_SYNC),
    ),
    Rule(
        "everything is stopped, and work that waits was cut off",
        Kind.REPAIR,
        lambda p: p.live_work and p.messages and p.schema.at is At.CURRENT,
        "Start an engine of {old} on vhost {old_vhost} again, so that it ends what was cut off: "
        "{left}",
        must_not=(NEW_DB_SYNC, NEW_ENGINE),
    ),
    Rule(
        "everything is stopped, and work was cut off",
        Kind.REPAIR,
        lambda p: p.live_work,
        "Mark what was cut off FAILED with heat-manage reset_stack_status {cut_off_id}, while "
        "every engine is down and nobody works on it: {cut_off}",
        must_not=(
            MustNot(
                "Do not start an engine before: reset_stack_status damages what engines work on."
            ),
        ),
    ),
    Rule(
        "everything is stopped, {new} is not installed (cold 1)",
        Kind.SAFE,
        lambda p: not p.installed,
        "Put {new}'s code and configuration in place: {absent}",
        (("stopped",),),
        (NEW_DB_SYNC, ANYTHING),
    ),
    Rule(
        "everything is stopped, the db_sync of {new} was not run (cold 2-4)",
        Kind.SAFE,
        lambda p: p.schema.at is At.CURRENT,
        "Run {new}'s db_sync",
        (("stopped",), ("installed",)),
        (ANYTHING,),
    ),
    Rule(
        "everything is stopped, the schema is {new}'s (cold 5)",
        Kind.SAFE,
        always,
        "Start every engine and then every API of {new}",
        (("synced",),),
        (OLD_SERVICES, OLD_DB_SYNC),
    ),
)

"""The points of a rolling upgrade, in the guide's order; the ways to have left it come first."""

from heat_upgrade_checks.reading.work import State
from heat_upgrade_checks.where.both_modes import ALL_NEW
from heat_upgrade_checks.where.position import Position
from heat_upgrade_checks.where.prohibitions import (
    ALL_OLD_ENGINES,
    API_AHEAD,
    BUSY_ENGINES,
    IDLE_API,
    KEEP_OLD,
    KILL,
    LAST_ENGINE_WITH_API,
    LAST_ENGINE_WITH_WORK,
    NEW_DB_SYNC,
    NEW_ENGINE,
    NEW_ON_OLD_VHOST,
    OLD_DB_SYNC,
    OLD_VHOST,
)
from heat_upgrade_checks.where.rolling_detours import DETOURS, no_count
from heat_upgrade_checks.where.rules import Kind, MustNot, PhaseGate, Rule, always
from heat_upgrade_checks.where.schema import At
from heat_upgrade_checks.where.words import Words, hosts, in_state


def _last_host(position: Position) -> bool:
    return len(hosts(position.old)) == 1


def _has_work(position: Position) -> bool:
    """Whether the old engines have work before them, or in hand."""
    working = in_state(position.old_work, State.WORKED_ON, State.WAITING)
    return bool(position.messages or working or any(group.holds for group in position.old))


ROLLING = (
    *DETOURS,
    *ALL_NEW,
    # From here on an engine of N runs.
    Rule(
        "an API is on the new vhost before any engine",
        Kind.REPAIR,
        lambda p: p.apart and not p.new and p.apis_on(p.target.vhost),
        lambda w: (
            f"Point {w.new_apis} back at vhost {w.old_vhost}, for no engine works on {w.new_vhost} "
            "yet and its requests time out"
        ),
        must_not=(API_AHEAD, KEEP_OLD),
    ),
    Rule(
        lambda w: f"not begun, {w.new} is not installed (before rolling 1)",
        Kind.SAFE,
        lambda p: not p.installed,
        lambda w: f"Put {w.new}'s code and configuration in place beside {w.old}: {w.absent}",
        (PhaseGate("pre"),),
        (NEW_DB_SYNC, KEEP_OLD),
    ),
    Rule(
        lambda w: f"{w.new} is installed, its db_sync was not run (rolling 1)",
        Kind.SAFE,
        lambda p: p.schema.at is At.CURRENT,
        lambda w: f"Run {w.new}'s db_sync while {w.old} goes on",
        (PhaseGate("pre"), PhaseGate("installed")),
        (NEW_ENGINE, KEEP_OLD),
    ),
    Rule(
        lambda w: f"the schema is {w.new}'s, its vhost is not made (rolling 3)",
        Kind.SAFE,
        lambda p: not p.new and p.apart and not p.target.vhost_exists,
        lambda w: (
            f"Make vhost {w.new_vhost}, with Heat's permissions and the policies and limits of "
            f"{w.old_vhost}"
        ),
        (PhaseGate("synced"),),
        (NEW_ON_OLD_VHOST, KEEP_OLD, OLD_DB_SYNC),
    ),
    Rule(
        lambda w: f"the schema is {w.new}'s, and a legacy stack is in flight (rolling 4)",
        Kind.SAFE,
        lambda p: not p.new and p.apart and p.legacy_work,
        lambda w: (
            f"Wait until {w.legacy} has ended, then start the first engine of {w.new} on vhost "
            f"{w.new_vhost}"
        ),
        (PhaseGate("synced"), PhaseGate("vhost")),
        (
            MustNot(
                lambda w: (
                    f"Do not start an engine of {w.new} while a legacy stack or a locked one is in "
                    "flight: from another vhost the engine that works on it seems dead, so the "
                    "stack is marked FAILED."
                )
            ),
            NEW_ON_OLD_VHOST,
            API_AHEAD,
            KEEP_OLD,
            OLD_DB_SYNC,
        ),
    ),
    Rule(
        lambda w: f"the schema is {w.new}'s, no engine of it runs (rolling 4)",
        Kind.SAFE,
        lambda p: not p.new,
        lambda w: f"Start the first engine of {w.new} on vhost {w.new_vhost}",
        (PhaseGate("synced"), PhaseGate("vhost")),
        (NEW_ON_OLD_VHOST, API_AHEAD, KEEP_OLD, OLD_DB_SYNC),
    ),
    # From here on engines of both run.
    Rule(
        lambda w: f"engines of both releases run, and each of {w.old} holds work (rolling 5)",
        Kind.SAFE,
        lambda p: not _last_host(p) and Words(p).next_holds,
        lambda w: (
            f"Wait until engine {w.next_host} holds nothing ({w.next_holds}), then stop it "
            f"gracefully and start one of {w.new} on vhost {w.new_vhost} for it"
        ),
        (PhaseGate("engine", lambda w: w.next_host),),
        (BUSY_ENGINES, ALL_OLD_ENGINES, NEW_ON_OLD_VHOST, OLD_DB_SYNC),
    ),
    Rule(
        "engines of both releases run (rolling 5)",
        Kind.SAFE,
        lambda p: not _last_host(p),
        lambda w: (
            f"Stop engine {w.next_host} of {w.old} gracefully, and start one of {w.new} on vhost "
            f"{w.new_vhost} for it"
        ),
        (PhaseGate("engine", lambda w: w.next_host),),
        (BUSY_ENGINES, ALL_OLD_ENGINES, NEW_ON_OLD_VHOST, OLD_DB_SYNC),
    ),
    Rule(
        lambda w: f"one engine of {w.old} is left, and an API on its vhost (rolling 6)",
        Kind.SAFE,
        lambda p: p.apart and p.apis_on(p.current.vhost),
        lambda w: (
            f"Take {w.next_api} out of the load balancer and move it onto vhost {w.new_vhost}, by "
            f"upgrading it to {w.new} or by its transport_url first"
        ),
        (PhaseGate("engine", lambda w: w.next_api_host),),
        (LAST_ENGINE_WITH_API, NEW_ON_OLD_VHOST, OLD_DB_SYNC),
    ),
    Rule(
        lambda w: f"one engine of {w.old} is left, and no API is seen",
        Kind.UNKNOWN,
        lambda p: p.apart and not p.apis,
        lambda w: (
            f"no API is connected to vhost {w.old_vhost} or {w.new_vhost}, and the broker shows "
            "one only once it has asked an engine something; send each API a request, such as "
            "openstack stack list, then ask again"
        ),
    ),
    Rule(
        lambda w: f"one engine of {w.old} is left, and what waits for it is not known",
        Kind.UNKNOWN,
        lambda p: p.messages is None,
        no_count,
    ),
    Rule(
        lambda w: f"one engine of {w.old} is left, and has work (rolling 7)",
        Kind.SAFE,
        _has_work,
        lambda w: (
            f"Wait until engine {w.old_engines}, the last of {w.old}, has done what is left, then "
            f"stop it gracefully: {w.left}"
        ),
        (PhaseGate("last-engine"),),
        (LAST_ENGINE_WITH_WORK, OLD_VHOST, OLD_DB_SYNC),
    ),
    Rule(
        lambda w: f"one engine of {w.old} is left, and work was lost",
        Kind.REPAIR,
        lambda p: in_state(p.old_work, State.LOST),
        lambda w: f"Help what nobody works on any more, {w.lost}",
        must_not=(LAST_ENGINE_WITH_WORK, OLD_VHOST),
    ),
    Rule(
        lambda w: f"one engine of {w.old} is left, and whether it has work is not known",
        Kind.UNKNOWN,
        lambda p: in_state(p.old_work, State.UNCERTAIN),
        lambda w: f"whether somebody works on it is not known: {w.uncertain}; ask again",
    ),
    Rule(
        lambda w: f"one engine of {w.old} is left, and has no work (rolling 7)",
        Kind.SAFE,
        always,
        lambda w: f"Stop engine {w.old_engines}, the last of {w.old}, gracefully",
        (PhaseGate("last-engine"),),
        (KILL, IDLE_API, OLD_VHOST, OLD_DB_SYNC),
    ),
)

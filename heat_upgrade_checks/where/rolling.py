"""The points of a rolling upgrade, in the guide's order, and the ways to have left it."""

from heat_upgrade_checks.reading.work import State
from heat_upgrade_checks.where.both_modes import (
    ALL_NEW,
    ASTRAY,
    SCHEMA_UNKNOWN,
    UNOBSERVED,
    only_new,
)
from heat_upgrade_checks.where.position import Position
from heat_upgrade_checks.where.prohibitions import (
    ALL_OLD_ENGINES,
    API_AHEAD,
    BUSY_ENGINES,
    DB_SYNC_BESIDE_NEW,
    IDLE_API,
    KEEP_OLD,
    KILL,
    LAST_ENGINE_WITH_API,
    LAST_ENGINE_WITH_WORK,
    NEW_DB_SYNC,
    NEW_ENGINE,
    NEW_ON_OLD_VHOST,
    NEW_ON_SHARED_VHOST,
    OLD_DB_SYNC,
    OLD_VHOST,
)
from heat_upgrade_checks.where.rules import Kind, MustNot, Rule, always
from heat_upgrade_checks.where.schema import At
from heat_upgrade_checks.where.words import Words, hosts, in_state

_NO_COUNT = (
    "the broker does not say how many messages the queues of vhost {old_vhost} hold; find out why "
    "a queue is not running, or enable its statistics"
)


def _last_host(position: Position) -> bool:
    return len(hosts(position.old)) == 1


def _has_work(position: Position) -> bool:
    """Whether the old engines have work before them, or in hand."""
    working = in_state(position.old_work, State.WORKED_ON, State.WAITING)
    return bool(position.messages or working or any(group.holds for group in position.old))


ROLLING = (
    UNOBSERVED,
    Rule(
        "both configurations name one vhost",
        Kind.REPAIR,
        lambda p: p.installed and p.contradicted and p.shared,
        "Name a vhost of its own in the transport_url of {new}'s configuration, for both name "
        "{old_vhost}, or set broker.isolation: shared in the plan",
        (("installed",),),
        (
            MustNot(
                "Do not start an engine of {new}: it would share the queues of {old}, which the "
                "plan rules out."
            ),
        ),
    ),
    Rule(
        "the configurations name two vhosts, the plan says that they share one",
        Kind.REPAIR,
        lambda p: p.installed and p.contradicted and not p.shared,
        "Set broker.isolation: vhost in the plan, for {old} is configured for vhost {old_vhost} "
        "and {new} for {new_vhost}, or name {old_vhost} in the transport_url of {new}",
        must_not=(
            MustNot(
                "Do not start an engine of {new} before: nobody can tell on which vhost it belongs."
            ),
        ),
    ),
    Rule(
        "whether {old} and {new} may share a vhost is not known",
        Kind.UNKNOWN,
        lambda p: p.shared and p.installed and not all(p.worker_rpc),
        "the worker RPC version of one release is not known, so neither is whether they understand "
        "each other on vhost {old_vhost}; give current.python and target.python in the plan",
    ),
    ASTRAY,
    Rule(
        "which release runs is not known",
        Kind.UNKNOWN,
        lambda p: p.untold and not p.installed,
        "the release of the engine {untold} is not known, for the configuration of {new} is not "
        "there to name its vhost ({absent}): put it there, or correct target.config in the plan",
    ),
    Rule(
        "which release runs is not known",
        Kind.UNKNOWN,
        lambda p: p.untold,
        "the release of the engine {untold} is not known, for both releases use that vhost; list "
        "the [DEFAULT] host of each engine as current.engines or target.engines in the plan, other "
        "hosts for either release",
    ),
    Rule(
        "engines of {old} and {new} share a vhost, which they cannot",
        Kind.REPAIR,
        lambda p: p.shared and p.new and p.installed and len({*p.worker_rpc}) > 1,
        "Stop engine {new_engines} of {new}, for {rpc}, so that each loses messages of the "
        "other on vhost {old_vhost}; then give {new} a vhost of its own",
        must_not=(NEW_ON_SHARED_VHOST,),
    ),
    Rule(
        "{old} and {new} cannot share a vhost",
        Kind.REPAIR,
        lambda p: p.shared and p.installed and len({*p.worker_rpc}) > 1,
        "Give {new} a vhost of its own and set broker.isolation: vhost in the plan, or upgrade "
        "cold, for {rpc}",
        must_not=(NEW_ON_SHARED_VHOST, KEEP_OLD),
    ),
    SCHEMA_UNKNOWN,
    Rule(
        "an engine of {new} runs before its db_sync",
        Kind.REPAIR,
        lambda p: p.new and p.schema.at is At.CURRENT,
        "Stop engine {new_engines} of {new}, which fails the stacks that it is given on this "
        "schema, then run {new}'s db_sync when the gate has opened",
        (("installed",),),
        (DB_SYNC_BESIDE_NEW, API_AHEAD, KEEP_OLD),
    ),
    Rule(
        "an engine of {new} runs while the schema is migrated half-way",
        Kind.REPAIR,
        lambda p: p.new and p.schema.at is At.HALF_WAY,
        "Stop engine {new_engines} of {new}, which fails the stacks that it is given on this "
        "schema, then bring {new}'s db_sync to its end: {why}",
        must_not=(DB_SYNC_BESIDE_NEW, API_AHEAD, KEEP_OLD, OLD_DB_SYNC),
    ),
    Rule(
        "an engine of {new} works on the old vhost",
        Kind.REPAIR,
        lambda p: p.misplaced("target", p.current.vhost),
        "Stop engine {misplaced} of {new}, which works on vhost {old_vhost} of {old}, name "
        "{new_vhost} in its transport_url, and start it when the gate has opened",
        (("vhost",),),
        (
            MustNot(
                "Do not begin or update stacks until it is stopped: {old} loses its messages, and "
                "the stack is stuck without a trace in any queue."
            ),
            KEEP_OLD,
        ),
    ),
    Rule(
        "an engine of {old} works on the new vhost",
        Kind.REPAIR,
        lambda p: p.misplaced("current", p.target.vhost),
        "Stop engine {misplaced} of {old}, which works on vhost {new_vhost} of {new}, and "
        "start it on {old_vhost} again, unless it is upgraded now",
        must_not=(
            MustNot(
                "Do not start an engine of {new} on vhost {new_vhost} before: the releases would "
                "take messages from each other that they cannot read, and lose stacks."
            ),
        ),
    ),
    Rule(
        "the schema is migrated half-way, and a step was cut off",
        Kind.REPAIR,
        lambda p: p.schema.unrecorded,
        "Restore the backup, or remove {unrecorded}, before {new}'s db_sync is run again, which "
        "would stumble over it: {why}",
        must_not=(NEW_ENGINE, KEEP_OLD),
    ),
    Rule(
        "the schema is migrated half-way",
        Kind.REPAIR,
        lambda p: p.schema.at is At.HALF_WAY,
        "Find in its log why {new}'s db_sync stopped, remove the reason, and run it again: {why}",
        must_not=(NEW_ENGINE, KEEP_OLD, OLD_DB_SYNC),
    ),
    # Of what a rolling upgrade needs, nothing runs.
    Rule(
        "no engine runs, and nothing waits for {old}",
        Kind.REPAIR,
        lambda p: (
            not p.engines
            and p.apart
            and p.target.vhost_exists
            and p.schema.at is At.TARGET
            and p.messages == 0
            and not p.apis_on(p.current.vhost)
            and not p.live_work
        ),
        "Start an engine of {new} on vhost {new_vhost}, for no engine runs and nobody answers any "
        "API",
        (("vhost",),),
        (NEW_ON_OLD_VHOST, OLD_VHOST, OLD_DB_SYNC),
    ),
    Rule(
        "no engine runs, and work is left",
        Kind.REPAIR,
        lambda p: not p.engines and Words(p).left,
        "Start an engine of {old} on vhost {old_vhost} again, for nobody works any more on what is "
        "left there: {left}",
        must_not=(OLD_VHOST, NEW_ON_OLD_VHOST, OLD_DB_SYNC),
    ),
    Rule(
        "no engine runs",
        Kind.REPAIR,
        lambda p: not p.engines,
        "Start an engine of {old} on vhost {old_vhost} again, for nobody answers any API",
        must_not=(OLD_VHOST, NEW_ON_OLD_VHOST, OLD_DB_SYNC),
    ),
    # Without an engine of N the end has come, or came too early.
    Rule(
        "the engines of {old} are gone, and what they left is not known",
        Kind.UNKNOWN,
        lambda p: only_new(p) and p.apart and p.messages is None,
        _NO_COUNT,
    ),
    Rule(
        "the last engine of {old} is gone, and left work that waits",
        Kind.REPAIR,
        lambda p: only_new(p) and p.apart and p.messages,
        "Start an engine of {old} on vhost {old_vhost} again, so that it does what was left there "
        "and nobody else reads: {left}",
        must_not=(
            OLD_VHOST,
            MustNot(
                "Do not update or delete these stacks through an API of {new} until that engine is "
                "done: it would be taken for dead, and its work done twice."
            ),
            OLD_DB_SYNC,
        ),
    ),
    *ALL_NEW,
    # From here on an engine of N runs.
    Rule(
        "an API is on the new vhost before any engine",
        Kind.REPAIR,
        lambda p: p.apart and not p.new and p.apis_on(p.target.vhost),
        "Point {new_apis} back at vhost {old_vhost}, for no engine works on {new_vhost} yet and "
        "its requests time out",
        must_not=(API_AHEAD, KEEP_OLD),
    ),
    Rule(
        "not begun, {new} is not installed (before rolling 1)",
        Kind.SAFE,
        lambda p: not p.installed,
        "Put {new}'s code and configuration in place beside {old}: {absent}",
        (("pre",),),
        (NEW_DB_SYNC, KEEP_OLD),
    ),
    Rule(
        "{new} is installed, its db_sync was not run (rolling 1)",
        Kind.SAFE,
        lambda p: p.schema.at is At.CURRENT,
        "Run {new}'s db_sync while {old} goes on",
        (("pre",), ("installed",)),
        (NEW_ENGINE, KEEP_OLD),
    ),
    Rule(
        "the schema is {new}'s, its vhost is not made (rolling 3)",
        Kind.SAFE,
        lambda p: not p.new and p.apart and not p.target.vhost_exists,
        "Make vhost {new_vhost}, with Heat's permissions and the policies and limits of "
        "{old_vhost}",
        (("synced",),),
        (NEW_ON_OLD_VHOST, KEEP_OLD, OLD_DB_SYNC),
    ),
    Rule(
        "the schema is {new}'s, and a legacy stack is in flight (rolling 4)",
        Kind.SAFE,
        lambda p: not p.new and p.apart and p.legacy_work,
        "Wait until {legacy} has ended, then start the first engine of {new} on vhost {new_vhost}",
        (("synced",), ("vhost",)),
        (
            MustNot(
                "Do not start an engine of {new} while a legacy stack or a locked one is in "
                "flight: from another vhost the engine that works on it seems dead, so the stack "
                "is marked FAILED."
            ),
            NEW_ON_OLD_VHOST,
            API_AHEAD,
            KEEP_OLD,
            OLD_DB_SYNC,
        ),
    ),
    Rule(
        "the schema is {new}'s, no engine of it runs (rolling 4)",
        Kind.SAFE,
        lambda p: not p.new,
        "Start the first engine of {new} on vhost {new_vhost}",
        (("synced",), ("vhost",)),
        (NEW_ON_OLD_VHOST, API_AHEAD, KEEP_OLD, OLD_DB_SYNC),
    ),
    # From here on engines of both run.
    Rule(
        "engines of both releases run, and each of {old} holds work (rolling 5)",
        Kind.SAFE,
        lambda p: not _last_host(p) and Words(p).next_holds,
        "Wait until engine {next_host} holds nothing ({next_holds}), then stop it gracefully and "
        "start one of {new} on vhost {new_vhost} for it",
        (("engine", "next_host"),),
        (BUSY_ENGINES, ALL_OLD_ENGINES, NEW_ON_OLD_VHOST, OLD_DB_SYNC),
    ),
    Rule(
        "engines of both releases run (rolling 5)",
        Kind.SAFE,
        lambda p: not _last_host(p),
        "Stop engine {next_host} of {old} gracefully, and start one of {new} on vhost {new_vhost} "
        "for it",
        (("engine", "next_host"),),
        (BUSY_ENGINES, ALL_OLD_ENGINES, NEW_ON_OLD_VHOST, OLD_DB_SYNC),
    ),
    Rule(
        "one engine of {old} is left, and an API on its vhost (rolling 6)",
        Kind.SAFE,
        lambda p: p.apart and p.apis_on(p.current.vhost),
        "Take {next_api} out of the load balancer and move it onto vhost {new_vhost}, by upgrading "
        "it to {new} or by its transport_url first",
        (("engine", "next_api_host"),),
        (LAST_ENGINE_WITH_API, NEW_ON_OLD_VHOST, OLD_DB_SYNC),
    ),
    Rule(
        "one engine of {old} is left, and no API is seen",
        Kind.UNKNOWN,
        lambda p: p.apart and not p.apis,
        "no API is connected to vhost {old_vhost} or {new_vhost}, and the broker shows one only "
        "once it has asked an engine something; send each API a request, such as openstack stack "
        "list, then ask again",
    ),
    Rule(
        "one engine of {old} is left, and what waits for it is not known",
        Kind.UNKNOWN,
        lambda p: p.messages is None,
        _NO_COUNT,
    ),
    Rule(
        "one engine of {old} is left, and has work (rolling 7)",
        Kind.SAFE,
        _has_work,
        "Wait until engine {old_engines}, the last of {old}, has done what is left, then stop it "
        "gracefully: {left}",
        (("last-engine",),),
        (LAST_ENGINE_WITH_WORK, OLD_VHOST, OLD_DB_SYNC),
    ),
    Rule(
        "one engine of {old} is left, and work was lost",
        Kind.REPAIR,
        lambda p: in_state(p.old_work, State.LOST),
        "Help what nobody works on any more, {lost}",
        must_not=(LAST_ENGINE_WITH_WORK, OLD_VHOST),
    ),
    Rule(
        "one engine of {old} is left, and whether it has work is not known",
        Kind.UNKNOWN,
        lambda p: in_state(p.old_work, State.UNCERTAIN),
        "whether somebody works on it is not known: {uncertain}; ask again",
    ),
    Rule(
        "one engine of {old} is left, and has no work (rolling 7)",
        Kind.SAFE,
        always,
        "Stop engine {old_engines}, the last of {old}, gracefully",
        (("last-engine",),),
        (KILL, IDLE_API, OLD_VHOST, OLD_DB_SYNC),
    ),
)
